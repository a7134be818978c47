//! What `.ci/run timing` counts the instructions of: `count_instructions WITNESS`, with a number from 0.
//!
//! The witnesses are as different as they can be: first and last place of the tree, bounds whose bits are all zeros or all ones,
//! other secrets, other siblings. Whatever does not depend on them takes as many instructions for each. The counter begins in
//! `measured_nouns` and in `measured_prove`; it leaves out the inner-product argument, which works on a vector behind a
//! one-time mask.

use std::hint::black_box;

use personhood::identity::{Assurance, Credential, IdentityCommitment, IdentitySecret, Leaf};
use personhood::membership::{MembershipProof, Parameters, ProveError, Statement, Witness};
use personhood::nullifier::{ExternalNullifier, Nullifier, Scope};
use personhood::signal::Signal;
use personhood::tree::{LeafIndex, MerklePath};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const LAST_TIME: u64 = (1 << 40) - 1;

#[inline(never)]
fn measured_nouns(secret: &IdentitySecret, scope: &ExternalNullifier) -> (IdentityCommitment, Nullifier) {
    (secret.commitment(), Nullifier::new(secret, scope, 3))
}

#[inline(never)]
fn measured_prove(
    parameters: &Parameters,
    statement: &Statement,
    witness: &Witness<'_>,
) -> Result<MembershipProof, ProveError> {
    parameters.prove(statement, witness, &mut ChaCha20Rng::seed_from_u64(7))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number: u64 = std::env::args().nth(1).ok_or("which witness?")?.parse()?;
    let rng = &mut ChaCha20Rng::seed_from_u64(number);
    let secret = IdentitySecret::generate(rng);
    let (index, issued, expires, assurance) = match number {
        0 => (0, 0, LAST_TIME, 255),
        1 => ((1 << 30) - 1, LAST_TIME, LAST_TIME, 0),
        2 => (0o7_0707_0707, 0, 1, 128),
        _ => (rng.next_u32() >> 2, u64::from(rng.next_u32()), LAST_TIME - u64::from(rng.next_u32()), 7),
    };
    let credential = Credential::new(issued, expires, Assurance::new(assurance))?;
    let mut path = vec![0; MerklePath::BYTES];
    path[0] = MerklePath::FORMAT_VERSION;
    path[1..5].copy_from_slice(&LeafIndex::new(index)?.as_u32().to_le_bytes());
    // Siblings of 31 random bytes, or zeros.
    if number != 1 {
        path[5..].chunks_mut(32).for_each(|sibling| rng.fill_bytes(&mut sibling[..31]));
    }
    let path = MerklePath::from_bytes(&path)?;
    let scope = Scope::new("timing.example", "count")?.external_nullifier();
    let (commitment, nullifier) = black_box(measured_nouns(&secret, &scope));
    let statement = Statement {
        root: path.root(&Leaf::new(&commitment, &credential)),
        external_nullifier: scope,
        use_index: 3,
        nullifier,
        signal: Signal::new(b"count"),
        nonce: [0; 32],
        issued_no_later_than: Some(LAST_TIME),
        expires_no_earlier_than: Some(0),
        assurance_at_least: Assurance::NONE,
    };
    let parameters = Parameters::new();
    let witness = Witness { secret: &secret, credential: &credential, path: &path };
    parameters.verify(&statement, &measured_prove(&parameters, &statement, &witness)?)?;
    Ok(())
}
