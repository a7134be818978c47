//! The face of the prover and the verifier for `measure.mjs`, and of the matcher for `kernels.mjs`: numbers in, numbers out.

mod kernels;

use std::cell::RefCell;

use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
use personhood::membership::{MembershipProof, Parameters, Statement, Witness};
use personhood::nullifier::{Nullifier, Scope};
use personhood::signal::Signal;
use personhood::tree::{MerklePath, Tree};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

struct World {
    parameters: Parameters,
    secret: IdentitySecret,
    credential: Credential,
    path: MerklePath,
    statement: Statement,
    proof: Vec<u8>,
}

thread_local!(static WORLD: RefCell<Option<World>> = const { RefCell::new(None) });

/// Derives the parameters and enrols somebody. The generator is seeded by the caller: this is a bench, not a wallet.
#[unsafe(no_mangle)]
pub extern "C" fn setup(seed: u32) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed.into());
    let secret = IdentitySecret::generate(&mut rng);
    let credential = Credential::new(1_700_000_000, 1_900_000_000, Assurance::BOTH_EYES).expect("times in order");
    let mut tree = Tree::new();
    let index = tree.push(Leaf::new(&secret.commitment(), &credential)).expect("an empty tree has a place");
    let scope = Scope::new("wasm.example", "bench").expect("a good name").external_nullifier();
    let statement = Statement {
        root: tree.root(),
        external_nullifier: scope,
        use_index: 0,
        nullifier: Nullifier::new(&secret, &scope, 0),
        signal: Signal::new(b"bench"),
        nonce: [0; 32],
        issued_no_later_than: Some(1_750_000_000),
        expires_no_earlier_than: Some(1_800_000_000),
        assurance_at_least: Assurance::ONE_EYE,
    };
    let path = tree.path(index).expect("the leaf is there");
    let world = World { parameters: Parameters::new(), secret, credential, path, statement, proof: Vec::new() };
    WORLD.set(Some(world));
}

/// Makes a proof and keeps it; its length.
#[unsafe(no_mangle)]
pub extern "C" fn prove(seed: u32) -> u32 {
    WORLD.with_borrow_mut(|world| {
        let world = world.as_mut().expect("setup comes first");
        let witness = Witness { secret: &world.secret, credential: &world.credential, path: &world.path };
        let mut rng = ChaCha20Rng::seed_from_u64(seed.into());
        let proof = world.parameters.prove(&world.statement, &witness, &mut rng).expect("the witness is right");
        world.proof = proof.to_bytes().to_vec();
        world.proof.len() as u32
    })
}

/// Verifies the last proof from its bytes, `count` times in one batch; 1 if it is accepted.
#[unsafe(no_mangle)]
pub extern "C" fn verify(count: u32) -> u32 {
    WORLD.with_borrow(|world| {
        let world = world.as_ref().expect("setup comes first");
        let batch: Vec<_> = (0..count)
            .filter_map(|_| MembershipProof::from_bytes(&world.proof).ok())
            .map(|proof| (&world.statement, proof))
            .collect();
        u32::from(batch.len() == count as usize && world.parameters.verify_batch(&batch).is_ok())
    })
}
