//! What a proof takes of memory: a phone that proves and a small server that verifies have little.
//!
//! The allocator of this binary counts what is held at once. It has a binary of its own because a program has one allocator.

#![allow(unsafe_code, clippy::unwrap_used)] // an allocator cannot be written without

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
use personhood::membership::{MembershipProof, Parameters, Statement, Witness};
use personhood::nullifier::{Nullifier, Scope};
use personhood::signal::Signal;
use personhood::tree::Tree;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

struct Counter;

#[global_allocator]
static COUNTER: Counter = Counter;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn took(bytes: usize) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller's promise about `layout` is this call's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `block` came from `alloc` with this layout, that is from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }
}

/// The most bytes held at once while `work` runs, beyond those held before.
fn most_during<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let result = work();
    (result, MOST.load(Ordering::Relaxed) - before)
}

/// One test, because the counter counts for all threads. The limits are twice what was measured, and a small part of the 32 MB that the
/// whole may take; the stack of a thread comes on top.
#[test]
fn setting_up_proving_and_verifying_take_little_memory() {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let secret = IdentitySecret::generate(rng);
    let credential = Credential::new(1_700_000_000, 1_900_000_000, Assurance::BOTH_EYES).unwrap();
    let mut tree = Tree::new();
    let index = tree.push(Leaf::new(&secret.commitment(), &credential)).unwrap();
    let scope = Scope::new("memory.example", "memory").unwrap().external_nullifier();
    let statement = Statement {
        root: tree.root(),
        external_nullifier: scope,
        use_index: 0,
        nullifier: Nullifier::new(&secret, &scope, 0),
        signal: Signal::new(b"memory"),
        nonce: [7; 32],
        issued_no_later_than: Some(1_750_000_000),
        expires_no_earlier_than: Some(1_800_000_000),
        assurance_at_least: Assurance::ONE_EYE,
    };
    let path = tree.path(index).unwrap();
    let witness = Witness { secret: &secret, credential: &credential, path: &path };

    let (parameters, set_up) = most_during(Parameters::new);
    let (proof, prove) = most_during(|| parameters.prove(&statement, &witness, rng).unwrap());
    let bytes = proof.to_bytes();
    let (_, verify) =
        most_during(|| parameters.verify(&statement, &MembershipProof::from_bytes(&bytes).unwrap()).unwrap());
    let (_, batch) = most_during(|| {
        let batch: Vec<_> = (0..64).map(|_| (&statement, MembershipProof::from_bytes(&bytes).unwrap())).collect();
        parameters.verify_batch(&batch).unwrap();
    });
    println!("bytes of the heap at once: set-up {set_up}, prove {prove}, verify {verify}, batch of 64 {batch}");
    assert!(set_up < 200_000, "{set_up}");
    assert!(prove < 3_000_000, "{prove}");
    assert!(verify < 600_000, "{verify}");
    assert!(batch < 6_000_000, "{batch}");
}
