//! The proof system against dishonest provers: what no caller of the public interface can do.

#![allow(clippy::unwrap_used)]

extern crate std;

mod adversary;
mod forgery;

use alloc::vec::Vec;
use std::sync::OnceLock;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::parameters::Parameters;
use super::proof::MembershipProof;
use super::prover::prove_assignment;
use super::relation::PublicInputs;
use super::relation::tests::Sample;
use super::transcript::{Transcript, label};
use super::verifier::Equation;
use crate::scalar::Scalar;

/// One copy for all tests, also without `std`, where the library keeps none.
fn shared() -> &'static Parameters {
    static PARAMETERS: OnceLock<Parameters> = OnceLock::new();
    PARAMETERS.get_or_init(Parameters::new)
}

/// Proves the assignment of `sample`, right or wrong, with the code of the honest prover.
fn prove_unchecked(sample: &Sample) -> (PublicInputs, MembershipProof) {
    let public = sample.public();
    let transcript = &mut Transcript::new(label::PROTOCOL);
    let rng = &mut ChaCha20Rng::seed_from_u64(99);
    let proof = prove_assignment(shared(), transcript, &public, &sample.assignment(), false, rng);
    (public, proof)
}

/// Verifies without a statement: only the equations count.
fn accepts(public: &PublicInputs, proof: &MembershipProof) -> bool {
    let mut equation = Equation::new();
    equation.add(shared(), &mut Transcript::new(label::PROTOCOL), public, proof, &Scalar::ONE);
    equation.holds(shared())
}

#[test]
fn an_honest_assignment_is_accepted() {
    for seed in [1, 2] {
        let (public, proof) = prove_unchecked(&Sample::new(seed));
        assert!(accepts(&public, &proof));
    }
}

#[test]
fn committing_bits_by_selection_changes_nothing() {
    let sample = Sample::new(3);
    let public = sample.public();
    let proofs = [false, true].map(|selection| {
        let transcript = &mut Transcript::new(label::PROTOCOL);
        let rng = &mut ChaCha20Rng::seed_from_u64(7);
        prove_assignment(shared(), transcript, &public, &sample.assignment(), selection, rng)
    });
    assert_eq!(proofs[0], proofs[1]);
}

#[test]
fn no_single_broken_gate_is_accepted() {
    let mut samples = Vec::new();
    let mut add = |bend: &dyn Fn(&mut Sample)| {
        let mut sample = Sample::new(40 + samples.len() as u64);
        bend(&mut sample);
        assert_eq!(sample.breaches(&sample.assignment()).len(), 1);
        samples.push(sample);
    };
    // Nullifier, commitment, leaf, first and last level; first, partial and last S-boxes.
    for (slot, number) in [(0, 0), (0, 131), (1, 40), (2, 36), (3, 95), (7, 8), (12, 131), (12, 123)] {
        add(&|sample| sample.bend_sbox(slot, number));
    }
    for (slot, product) in [(3, 0), (8, 3), (12, 5)] {
        add(&|sample| sample.bend_product(slot, product));
    }
    for level in [0, 5, 9] {
        add(&|sample| sample.orphan(level));
    }
    for bit in [0, 39, 40, 79, 80, 87] {
        add(&|sample| sample.bend_bit(bit));
    }
    for column in [89, 92, 95] {
        add(&|sample| sample.bend_mask(column));
    }
    for sample in &samples {
        let (public, proof) = prove_unchecked(sample);
        assert!(!accepts(&public, &proof), "{:?}", sample.breaches(&sample.assignment()));
    }
}

#[test]
fn no_single_broken_tie_is_accepted() {
    for tie in 0..24 {
        let mut sample = Sample::new(70 + tie as u64);
        sample.break_tie(tie);
        assert_eq!(sample.breaches(&sample.assignment()).len(), 1);
        let (public, proof) = prove_unchecked(&sample);
        assert!(!accepts(&public, &proof), "tie {tie}");
    }
}

#[test]
fn two_proofs_of_one_statement_share_nothing() {
    let sample = Sample::new(4);
    let public = sample.public();
    let proofs = [1, 2].map(|seed| {
        let transcript = &mut Transcript::new(label::PROTOCOL);
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        prove_assignment(shared(), transcript, &public, &sample.assignment(), true, rng).to_bytes()
    });
    for (a, b) in proofs[0][1..].chunks(32).zip(proofs[1][1..].chunks(32)) {
        assert_ne!(a, b);
    }
}
