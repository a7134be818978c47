//! What a proof takes of the heap, and what it leaves there: a phone that proves and a small server that verifies have little
//! memory, and freed memory is anybody's.
//!
//! The allocator of this binary counts what is held at once, and looks at every block that is freed for the holder's secrets. It
//! has a binary of its own because a program has one allocator.

#![allow(unsafe_code, clippy::unwrap_used)] // an allocator cannot be written without

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
use personhood::membership::{MembershipProof, Parameters, Statement, Witness};
use personhood::nullifier::{Nullifier, Scope};
use personhood::scalar::Scalar;
use personhood::signal::Signal;
use personhood::tree::{MerklePath, Tree};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

struct Watcher;

#[global_allocator]
static WATCHER: Watcher = Watcher;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
/// Blocks freed while armed, and how many of them held a secret.
static FREED: AtomicUsize = AtomicUsize::new(0);
static FOUND: AtomicUsize = AtomicUsize::new(0);
/// The size of the last one that did.
static SIZE: AtomicUsize = AtomicUsize::new(0);
/// What must not be left behind.
static SECRETS: OnceLock<Vec<[u8; 32]>> = OnceLock::new();
/// One test at a time: the counters are the process's.
static TURN: Mutex<()> = Mutex::new(());

thread_local! {
    /// Whether this thread's frees are looked at: those of the prover, not those of the test.
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: every call goes to the system's allocator as it came; blocks are read before they are freed, within their size.
unsafe impl GlobalAlloc for Watcher {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's conditions. Zeroed, because what is read later must not be
        // what somebody else left there.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        if ARMED.get() {
            // SAFETY: the block was allocated by `alloc` above, zeroed and of this size, and is still the caller's.
            inspect(unsafe { std::slice::from_raw_parts(block, layout.size()) });
        }
        // SAFETY: as for `alloc`.
        unsafe { System.dealloc(block, layout) }
    }
    // `realloc` is the trait's own: a new block, a copy, and `dealloc` of the old one, which is looked at.
}

/// Looks for the secrets at every byte of a block; must not allocate.
fn inspect(block: &[u8]) {
    FREED.fetch_add(1, Ordering::Relaxed);
    let Some(secrets) = SECRETS.get() else { return };
    if block.windows(32).any(|window| secrets.iter().any(|secret| window == secret)) {
        FOUND.fetch_add(1, Ordering::Relaxed);
        SIZE.store(block.len(), Ordering::Relaxed);
    }
}

/// A holder, and a statement that is true of them.
struct Holder {
    secret: IdentitySecret,
    credential: Credential,
    path: MerklePath,
    statement: Statement,
}

impl Holder {
    fn new() -> Self {
        let secret = IdentitySecret::generate(&mut ChaCha20Rng::seed_from_u64(1));
        let credential = Credential::new(1_700_000_000, 1_900_000_000, Assurance::BOTH_EYES).unwrap();
        let mut tree = Tree::new();
        let index = tree.push(Leaf::new(&secret.commitment(), &credential)).unwrap();
        let scope = Scope::new("heap.example", "heap").unwrap().external_nullifier();
        let statement = Statement {
            root: tree.root(),
            external_nullifier: scope,
            use_index: 0,
            nullifier: Nullifier::new(&secret, &scope, 0),
            signal: Signal::new(b"heap"),
            nonce: [7; 32],
            issued_no_later_than: Some(1_750_000_000),
            expires_no_earlier_than: Some(1_800_000_000),
            assurance_at_least: Assurance::ONE_EYE,
        };
        Self { path: tree.path(index).unwrap(), secret, credential, statement }
    }

    fn prove(&self, parameters: &Parameters) -> MembershipProof {
        let witness = Witness { secret: &self.secret, credential: &self.credential, path: &self.path };
        parameters.prove(&self.statement, &witness, &mut ChaCha20Rng::seed_from_u64(2)).unwrap()
    }
}

/// The most bytes held at once while `work` runs, beyond those held before.
fn most_during<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let result = work();
    (result, MOST.load(Ordering::Relaxed) - before)
}

/// The limits are about three times what was measured, and a small part of the 32 MB that the whole may take; the stack of a
/// thread comes on top.
#[test]
fn setting_up_proving_and_verifying_take_little_memory() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let holder = Holder::new();
    let statement = &holder.statement;
    let (parameters, set_up) = most_during(Parameters::new);
    let (proof, prove) = most_during(|| holder.prove(&parameters));
    let bytes = proof.to_bytes();
    let (_, verify) =
        most_during(|| parameters.verify(statement, &MembershipProof::from_bytes(&bytes).unwrap()).unwrap());
    let (_, batch) = most_during(|| {
        let batch: Vec<_> = (0..64).map(|_| (statement, MembershipProof::from_bytes(&bytes).unwrap())).collect();
        parameters.verify_batch(&batch).unwrap();
    });
    println!("bytes of the heap at once: set-up {set_up}, prove {prove}, verify {verify}, batch of 64 {batch}");
    assert!(set_up < 200_000, "{set_up}");
    assert!(prove < 2_000_000, "{prove}");
    assert!(verify < 600_000, "{verify}");
    assert!(batch < 8_000_000, "{batch}");
}

/// The table of the second sum was once a copy that grew by two empty slots: what it outgrew was freed with all columns in it.
#[test]
fn no_freed_block_holds_a_secret() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let holder = Holder::new();
    let parameters = Parameters::new();
    // Both scalars of the identity, and what tells which leaf it is; as bytes, and as the limbs of a scalar in memory, which
    // are the integer times 2^256.
    let shift = (0..256).fold(Scalar::ONE, |power, _| power.double());
    let identity = holder.secret.to_bytes();
    let scalars = [
        Scalar::from_bytes(identity[1..33].try_into().unwrap()).unwrap(),
        Scalar::from_bytes(identity[33..65].try_into().unwrap()).unwrap(),
        Scalar::from_bytes(&holder.secret.commitment().to_bytes()).unwrap(),
        Scalar::from_bytes(&Leaf::new(&holder.secret.commitment(), &holder.credential).to_bytes()).unwrap(),
    ];
    let secrets = scalars.iter().flat_map(|scalar| [scalar.to_bytes(), (*scalar * shift).to_bytes()]).collect();
    SECRETS.set(secrets).unwrap();

    ARMED.set(true);
    // The watcher sees what it is there for.
    drop(std::hint::black_box(scalars.to_vec()));
    drop(std::hint::black_box(scalars[1].to_bytes().to_vec()));
    let seen = FOUND.swap(0, Ordering::Relaxed);
    let proof = holder.prove(&parameters);
    ARMED.set(false);

    assert_eq!(seen, 2);
    assert!(FREED.load(Ordering::Relaxed) > 100, "the prover frees many blocks");
    let (found, size) = (FOUND.load(Ordering::Relaxed), SIZE.load(Ordering::Relaxed));
    assert_eq!(found, 0, "freed blocks with secrets in them, the last of {size} bytes");
    assert_eq!(parameters.verify(&holder.statement, &proof), Ok(()));
}
