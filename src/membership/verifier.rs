//! The verifier: a proof becomes one linear combination of points that must be the identity.
//!
//! It needs no randomness, and everything it handles is public, so its time may depend on it.

use alloc::vec;
use alloc::vec::Vec;

use curve25519_dalek::Scalar as DalekScalar;
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};

use super::argument::{COMBINED, Challenges, combine, powers};
use super::inner_product::{LENGTH, reduce};
use super::parameters::Parameters;
use super::proof::{GATE_ROUNDS, MembershipProof, SLOT_ROUNDS};
use super::relation::{COMMITTED_SLOTS, LinearClaim, PublicInputs};
use super::transcript::{Transcript, label};
use crate::scalar::Scalar;

/// A linear combination of points that is the identity if, and but for a negligible chance only if, all
/// proofs in it are good.
pub(super) struct Equation {
    vector: Vec<Scalar>,
    blinding: Scalar,
    form: Scalar,
    points: Vec<(Scalar, RistrettoPoint)>,
}

impl Equation {
    /// The empty combination.
    pub(super) fn new() -> Self {
        Self { vector: vec![Scalar::ZERO; LENGTH], blinding: Scalar::ZERO, form: Scalar::ZERO, points: Vec::new() }
    }

    /// Adds `weight` times the equation of `proof`, after `transcript` has absorbed the statement.
    pub(super) fn add(
        &mut self,
        parameters: &Parameters,
        transcript: &mut Transcript,
        public: &PublicInputs,
        proof: &MembershipProof,
        weight: &Scalar,
    ) {
        let interpolation = &parameters.interpolation;

        // The same messages in the same order as the prover.
        proof.columns.iter().for_each(|point| transcript.append_point(label::COLUMNS, point));
        let tau: [Scalar; GATE_ROUNDS] = transcript.challenges(label::TAU);
        let point: [Scalar; GATE_ROUNDS] = core::array::from_fn(|round| {
            transcript.append_point(label::GATE_ROUND, &proof.gate_rounds[round]);
            transcript.challenge(label::GATE_POINT)
        });
        proof.evaluations.append_to(transcript);
        let gamma = transcript.challenge(label::GAMMA);
        let slot_point: [Scalar; SLOT_ROUNDS] = core::array::from_fn(|round| {
            transcript.append_point(label::SLOT_ROUND, &proof.slot_rounds[round]);
            transcript.challenge(label::SLOT_POINT)
        });
        let challenges = Challenges {
            tau,
            point,
            evaluations: proof.evaluations,
            slot_point,
            xi: transcript.challenge(label::XI),
            rho: transcript.challenge(label::RHO),
        };
        transcript.append_point(label::MASK, &proof.mask);
        transcript.append_scalar(label::MASK_VALUE, &proof.mask_value);
        let chi = transcript.challenge(label::CHI);
        transcript.append_scalar(label::ZETA, &proof.zeta);
        let y = transcript.challenge(label::Y);

        // What the combined vector must satisfy.
        let claim = LinearClaim::new(interpolation, public, &point, &proof.evaluations, &gamma);
        let slot_weights = interpolation.equality_table(&slot_point);
        let (form, value) = combine(interpolation, &challenges, &claim.combine(&slot_weights), &claim.target);
        let reduction = reduce(transcript, &proof.inner_product, &form, weight);

        // X = S + χ·(Σ eq(r', ℓ)·W_ℓ + Σ ρʲ·Pⱼ) − ζ·H + y·(c + χ·value)·U
        let by_mask = reduction.claim;
        let by_vector = by_mask * chi;
        let rho: [Scalar; COMBINED + 1] = powers(&challenges.rho);
        self.points.push((by_mask, *proof.mask.point()));
        for (point, factor) in proof.columns.iter().zip(&slot_weights[..COMMITTED_SLOTS]) {
            self.points.push((by_vector * *factor, *point.point()));
        }
        for (point, factor) in proof.gate_rounds.iter().chain(&proof.slot_rounds).zip(&rho[1..]) {
            self.points.push((by_vector * *factor, *point.point()));
        }
        self.blinding -= by_mask * proof.zeta;
        self.form += y * (by_mask * (proof.mask_value + chi * value) + reduction.form);

        for ((low, high), (by_low, by_high)) in proof.inner_product.folds.iter().zip(&reduction.folds) {
            self.points.push((*by_low, *low.point()));
            self.points.push((*by_high, *high.point()));
        }
        for (sum, factor) in self.vector.iter_mut().zip(&reduction.generators) {
            *sum += *factor;
        }
    }

    /// Whether the combination is the identity.
    pub(super) fn holds(&self, parameters: &Parameters) -> bool {
        self.sum(parameters).is_identity()
    }

    /// The combination.
    pub(super) fn sum(&self, parameters: &Parameters) -> RistrettoPoint {
        let generators = &parameters.generators;
        let fixed = self.vector.iter().chain([&self.blinding, &self.form]);
        let scalars: Vec<DalekScalar> =
            fixed.chain(self.points.iter().map(|(factor, _)| factor)).map(Scalar::to_dalek).collect();
        let fixed = generators.vector.iter().chain([&generators.blinding, &generators.form]);
        let points = fixed.chain(self.points.iter().map(|(_, point)| point));
        RistrettoPoint::vartime_multiscalar_mul(scalars, points)
    }

    /// The factor of a sent point, and the point.
    #[cfg(test)]
    pub(super) fn term(&self, sent: &super::commitment::Point) -> (Scalar, RistrettoPoint) {
        *self.points.iter().find(|(_, point)| point == sent.point()).expect("a point of the proof")
    }
}
