//! A second prover, plain and slow, that lets a cheat meddle with every message before it is committed.
//!
//! It commits vectors over all 256 positions, which the real prover cannot do. Without a cheat it is an
//! independent prover whose proofs must be accepted.

use alloc::vec;
use alloc::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{accepts, shared};
use crate::membership::argument::{Challenges, combine, gate_positions, powers, slot_positions};
use crate::membership::commitment::{Point, commit};
use crate::membership::inner_product::{LENGTH, prove_vartime};
use crate::membership::proof::{GATE_ROUNDS, MembershipProof, SLOT_ROUNDS};
use crate::membership::relation::tests::Sample;
use crate::membership::relation::{Assignment, COLUMNS, COMMITTED_SLOTS, Evaluations, LinearClaim, PublicInputs};
use crate::membership::sumcheck::ProductSum;
use crate::membership::transcript::{Transcript, label};
use crate::membership::workers::OneThread;
use crate::scalar::Scalar;

/// What a cheat may change, and what it knows by then.
pub(super) trait Cheat {
    /// The vector of a slot, before it is committed.
    fn columns(&mut self, _slot: usize, _vector: &mut [Scalar]) {}
    /// The vector of a gate round, before it is committed. `next` is the challenge that follows, if the transcript is so
    /// broken that it does not depend on the commitment.
    fn gate_round(&mut self, _round: usize, _tau: &[Scalar], _next: &Scalar, _vector: &mut [Scalar]) {}
    /// The challenge of a gate round.
    fn point(&mut self, _round: usize, _point: &Scalar) {}
    /// The evaluations, and the challenge that follows under the same condition.
    fn evaluations(&mut self, _gamma: &Scalar, _evaluations: &mut Evaluations) {}
    /// The vector of a slot round, the sum that the round must have, and the challenge that follows under the same condition.
    fn slot_round(&mut self, _round: usize, _sum: &Scalar, _next: &Scalar, _vector: &mut [Scalar]) {}
    /// The vectors of all slots once more, after the second sumcheck: only a transcript without them leaves the choice.
    /// `form` is f(r'), `weights` are eq(r', ·), and `value` is what ⟨f(r'), w(r')⟩ must be.
    fn columns_again(&mut self, _form: &[Scalar], _weights: &[Scalar], _value: &Scalar, _vectors: &mut [Vec<Scalar>]) {}
    /// The claimed form of the mask, and by how much the form of the combined vector misses what it should be.
    fn mask_value(&mut self, _chi: &Scalar, _excess: &Scalar, _value: &mut Scalar) {}
}

/// Changes nothing.
struct Honest;
impl Cheat for Honest {}

/// A proof, and whether it would have been accepted if vectors were combined without powers of ρ.
pub(super) struct Attempt {
    pub(super) proof: MembershipProof,
    pub(super) passes_without_rho: bool,
}

/// The challenge that the transcript would give next.
fn peek(transcript: &Transcript, label: &'static [u8]) -> Scalar {
    transcript.clone().challenge(label)
}

pub(super) fn prove(
    transcript: &mut Transcript,
    public: &PublicInputs,
    assignment: &Assignment,
    cheat: &mut dyn Cheat,
) -> Attempt {
    let rng = &mut ChaCha20Rng::seed_from_u64(1234);
    let parameters = shared();
    let interpolation = &parameters.interpolation;
    let generators = &parameters.generators;
    let mut commit_vector = |vector: &[Scalar]| -> (Point, Scalar) {
        let blinding = Scalar::random(rng);
        let point = commit(&generators.vector, vector.iter().copied(), &generators.blinding, &blinding);
        (point.into(), blinding)
    };

    let mut vectors: Vec<Vec<Scalar>> = Vec::new();
    let mut blindings = Vec::new();
    let mut columns: [Point; COMMITTED_SLOTS] = core::array::from_fn(|slot| {
        let mut vector = assignment.slot(slot).to_vec();
        vector.resize(LENGTH, Scalar::ZERO);
        cheat.columns(slot, &mut vector);
        let (point, blinding) = commit_vector(&vector);
        vectors.push(vector);
        blindings.push(blinding);
        point
    });
    columns.iter().for_each(|point| transcript.append_point(label::COLUMNS, point));
    let tau: [Scalar; GATE_ROUNDS] = transcript.challenges(label::TAU);

    let mut rounds: Vec<Vec<Scalar>> = Vec::new();
    let mut round_blindings = Vec::new();
    let mut gates = assignment.gates(&OneThread);
    let mut point = [Scalar::ZERO; GATE_ROUNDS];
    let gate_rounds: [Point; GATE_ROUNDS] = core::array::from_fn(|round| {
        let mut vector = vec![Scalar::ZERO; LENGTH];
        let later = interpolation.equality_table(&tau[round + 1..]);
        vector[gate_positions(round)].copy_from_slice(&gates.round(&later, &OneThread));
        cheat.gate_round(round, &tau, &peek(transcript, label::GATE_POINT), &mut vector);
        let (commitment, blinding) = commit_vector(&vector);
        rounds.push(vector);
        round_blindings.push(blinding);
        transcript.append_point(label::GATE_ROUND, &commitment);
        point[round] = transcript.challenge(label::GATE_POINT);
        cheat.point(round, &point[round]);
        gates.bind(interpolation, &point[round], &OneThread);
        commitment
    });
    let mut evaluations = Evaluations { a: gates.a[0], b: gates.b[0], e: gates.e[0], d: gates.d[0] };
    cheat.evaluations(&peek(transcript, label::GAMMA), &mut evaluations);
    evaluations.append_to(transcript);
    let gamma = transcript.challenge(label::GAMMA);

    let claim = LinearClaim::new(interpolation, public, &point, &evaluations, &gamma);
    let mut products = ProductSum { f: claim.table(&OneThread), w: assignment.table() };
    let mut slot_point = [Scalar::ZERO; SLOT_ROUNDS];
    let mut sum = claim.target;
    let slot_rounds: [Point; SLOT_ROUNDS] = core::array::from_fn(|round| {
        let mut vector = vec![Scalar::ZERO; LENGTH];
        vector[slot_positions(round)].copy_from_slice(&products.round());
        cheat.slot_round(round, &sum, &peek(transcript, label::SLOT_POINT), &mut vector);
        let (commitment, blinding) = commit_vector(&vector);
        rounds.push(vector);
        round_blindings.push(blinding);
        transcript.append_point(label::SLOT_ROUND, &commitment);
        slot_point[round] = transcript.challenge(label::SLOT_POINT);
        let basis = interpolation.product.basis(&slot_point[round]);
        sum = Scalar::inner_product(&basis, &rounds[round + GATE_ROUNDS][slot_positions(round)]);
        products.bind(interpolation, &slot_point[round]);
        commitment
    });

    let mut challenges = Challenges {
        tau,
        point,
        evaluations,
        slot_point,
        xi: transcript.challenge(label::XI),
        rho: transcript.challenge(label::RHO),
    };
    let weights = interpolation.equality_table(&slot_point);
    cheat.columns_again(&claim.combine(&weights), &weights, &sum, &mut vectors);
    for (slot, vector) in vectors.iter().enumerate() {
        let point = commit(&generators.vector, vector.iter().copied(), &generators.blinding, &blindings[slot]);
        columns[slot] = point.into();
    }

    // The combination by its definition: Σ eq(r', ℓ)·w_ℓ + Σ ρʲ·vⱼ.
    let combination = |rho: &Scalar| {
        let rho: [Scalar; 9] = powers(rho);
        let mut sum = vec![Scalar::ZERO; LENGTH];
        let vectors = vectors.iter().zip(&weights).chain(rounds.iter().zip(&rho[1..]));
        for (vector, weight) in vectors {
            sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += *weight * *value);
        }
        sum
    };
    let form_at = |challenges: &Challenges| combine(interpolation, challenges, &claim.combine(&weights), &claim.target);
    let (form, value) = form_at(&challenges);
    let combined = combination(&challenges.rho);
    let rho: [Scalar; 9] = powers(&challenges.rho);
    let blinding = Scalar::inner_product(&weights, &blindings) + Scalar::inner_product(&rho[1..], &round_blindings);
    challenges.rho = Scalar::ONE;
    let (plain_form, plain_value) = form_at(&challenges);
    let passes_without_rho = Scalar::inner_product(&combination(&Scalar::ONE), &plain_form) == plain_value;

    let rng = &mut ChaCha20Rng::seed_from_u64(5678);
    let masks: Vec<Scalar> = (0..LENGTH).map(|_| Scalar::random(rng)).collect();
    let mask_blinding = Scalar::random(rng);
    let mask: Point = commit(&generators.vector, masks.iter().copied(), &generators.blinding, &mask_blinding).into();
    let mut mask_value = Scalar::inner_product(&masks, &form);
    transcript.append_point(label::MASK, &mask);
    let excess = Scalar::inner_product(&combined, &form) - value;
    cheat.mask_value(&peek(transcript, label::CHI), &excess, &mut mask_value);
    transcript.append_scalar(label::MASK_VALUE, &mask_value);
    let chi = transcript.challenge(label::CHI);
    let masked = masks.iter().zip(&combined).map(|(mask, value)| *mask + chi * *value).collect();
    let zeta = mask_blinding + chi * blinding;
    transcript.append_scalar(label::ZETA, &zeta);
    let y = transcript.challenge(label::Y);
    let inner_product =
        prove_vartime(&OneThread, transcript, &generators.vector, &(generators.form * y.to_dalek()), masked, form);
    let proof =
        MembershipProof { columns, gate_rounds, evaluations, slot_rounds, mask, mask_value, zeta, inner_product };
    Attempt { proof, passes_without_rho }
}

fn attempt(sample: &Sample, cheat: &mut dyn Cheat) -> (bool, Attempt) {
    let public = sample.public();
    let attempt = prove(&mut Transcript::new(label::PROTOCOL), &public, &sample.assignment(), cheat);
    (accepts(&public, &attempt.proof), attempt)
}

#[test]
fn without_a_cheat_it_is_a_prover() {
    let (accepted, attempt) = attempt(&Sample::new(1), &mut Honest);
    assert!(accepted && attempt.passes_without_rho);
}

/// Values that change Σ_k eq(τ₁, k)·t₁(k) by `change` and t₁(r₁) not at all.
fn repair(tau: &Scalar, point: &Scalar, change: &Scalar) -> [Scalar; 2] {
    let interpolation = &shared().interpolation;
    let at_zero = *change * interpolation.digit.basis(tau)[0].invert();
    let basis = interpolation.gate.basis(point);
    [at_zero, -(at_zero * basis[0] * basis[5].invert())]
}

/// The first equation of the first sumcheck fails by a value that becomes known with τ. The cheat makes up for it in
/// the commitment of the second round, at the positions of the first.
struct MakeUpElsewhere {
    missing: Scalar,
    first_point: Option<Scalar>,
    into_slot_round: bool,
    repair: Option<[Scalar; 2]>,
}

impl Cheat for MakeUpElsewhere {
    fn gate_round(&mut self, round: usize, tau: &[Scalar], _next: &Scalar, vector: &mut [Scalar]) {
        let positions = gate_positions(0);
        if round == 0 {
            let basis = shared().interpolation.digit.basis(&tau[0]);
            self.missing = -Scalar::inner_product(&basis, &vector[positions]);
        } else if round == 1 {
            let point = self.first_point.expect("the challenge of the first round is known by now");
            let values = repair(&tau[0], &point, &self.missing);
            if self.into_slot_round {
                self.repair = Some(values);
            } else {
                vector[positions.start] += values[0];
                vector[positions.start + 5] += values[1];
            }
        }
    }

    fn point(&mut self, round: usize, point: &Scalar) {
        if round == 0 {
            self.first_point = Some(*point);
        }
    }

    fn slot_round(&mut self, round: usize, _sum: &Scalar, _next: &Scalar, vector: &mut [Scalar]) {
        if let (1, Some(values)) = (round, self.repair) {
            vector[gate_positions(0).start] += values[0];
            vector[gate_positions(0).start + 5] += values[1];
        }
    }
}

#[test]
fn values_in_the_range_of_another_vector_are_without_effect() {
    for into_slot_round in [false, true] {
        let mut sample = Sample::new(2);
        sample.bend_sbox(5, 60);
        let (accepted, attempt_without) = attempt(&sample, &mut Honest);
        assert!(!accepted && !attempt_without.passes_without_rho);

        let mut cheat = MakeUpElsewhere { missing: Scalar::ZERO, first_point: None, into_slot_round, repair: None };
        let (accepted, attempt) = attempt(&sample, &mut cheat);
        assert!(attempt.passes_without_rho, "the cheat is a good one");
        assert!(!accepted, "but powers of ρ stop it");
    }
}

/// Values at positions of other vectors, in every commitment to columns.
struct Litter;
impl Cheat for Litter {
    fn columns(&mut self, slot: usize, vector: &mut [Scalar]) {
        vector[COLUMNS + slot] += Scalar::ONE;
    }
}

#[test]
fn values_outside_the_columns_are_rejected() {
    let (accepted, _) = attempt(&Sample::new(3), &mut Litter);
    assert!(!accepted);
}

/// Another value in the columns than in the gates.
struct Swap(usize, usize);
impl Cheat for Swap {
    fn columns(&mut self, slot: usize, vector: &mut [Scalar]) {
        if slot == self.0 {
            vector[self.1] += Scalar::ONE;
        }
    }
}

#[test]
fn sumcheck_over_other_columns_than_the_committed_ones_is_rejected() {
    for (slot, column) in [(0, 0), (2, 1), (3, 7), (12, 139), (13, 12), (9, 145)] {
        let (accepted, _) = attempt(&Sample::new(4), &mut Swap(slot, column));
        assert!(!accepted, "slot {slot} column {column}");
    }
}
