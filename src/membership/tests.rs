//! The proof system against dishonest provers: what no caller of the public interface can do.

#![allow(clippy::unwrap_used)]

extern crate std;

mod adversary;
mod degenerate;
mod forgery;
mod oracle;
mod vectors;

use alloc::vec::Vec;
use core::ops::ControlFlow;
use std::sync::OnceLock;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::parameters::Parameters;
use super::progress::Reporter;
use super::proof::MembershipProof;
use super::prover;
use super::relation::SBOXES;
use super::relation::tests::{Breach, Sample, constraints, for_all};
use super::relation::{Assignment, PublicInputs};
use super::statement::Statement;
use super::transcript::{Transcript, label};
use super::verifier::Equation;
use super::workers::OneThread;
use crate::scalar::Scalar;

/// One copy for all tests, also without `std`, where the library keeps none.
fn shared() -> &'static Parameters {
    static PARAMETERS: OnceLock<Parameters> = OnceLock::new();
    PARAMETERS.get_or_init(Parameters::new)
}

/// The honest prover's code for an assignment that may be wrong.
fn prove_assignment(
    parameters: &Parameters,
    transcript: &mut Transcript,
    public: &PublicInputs,
    assignment: &Assignment,
    bits_are_bits: bool,
    rng: &mut ChaCha20Rng,
) -> MembershipProof {
    let mut observe = |_| ControlFlow::Continue(());
    let reporter = &mut Reporter::new(&mut observe);
    prover::prove_assignment(parameters, transcript, public, assignment, bits_are_bits, rng, &OneThread, reporter)
        .unwrap_or_else(|_| unreachable!("nobody cancels"))
}

/// The transcript of `statement`, before the first commitment.
fn transcript_of(statement: &Statement) -> Transcript {
    let mut transcript = Transcript::new(label::PROTOCOL);
    statement.absorb_into(&mut transcript, shared().digest());
    transcript
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

/// What the relation refuses, the verifier refuses: real proofs by the honest prover's code for witnesses that break one
/// constraint. A sample of the gates and all ties; all 1,901 with `PERSONHOOD_EXHAUSTIVE=1`, some minutes.
#[test]
fn no_single_broken_constraint_is_accepted() {
    let exhaustive = std::env::var_os("PERSONHOOD_EXHAUSTIVE").is_some();
    // Sampled sparsely where all rows are alike.
    let step = |constraint: &Breach| match constraint {
        Breach::Tie(_) => 1,
        Breach::Gate { slot: 13, .. } => 5,
        Breach::Gate { row, .. } if *row < SBOXES => 41,
        Breach::Gate { .. } => 5,
    };
    let all = constraints();
    let is_chosen = |(i, constraint): &(usize, &Breach)| exhaustive || i % step(constraint) == 0;
    let chosen: Vec<Breach> = all.iter().enumerate().filter(is_chosen).map(|(_, constraint)| *constraint).collect();
    assert!(chosen.len() > 90);
    for_all(&chosen, |constraint| {
        let (public, proof) = prove_unchecked(&Sample::violating(*constraint, 40));
        assert!(!accepts(&public, &proof), "{constraint:?}");
    });
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
