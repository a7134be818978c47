//! Inner-product argument: a short proof of ⟨z, b⟩ for a committed z and a public b.
//!
//! The relation is X = Σ zᵢ·Gᵢ + ⟨z, b⟩·U, with X, G, U and b known to both sides. Every round halves
//! all three vectors. This is the folding of Attema and Cramer, *Compressed Σ-protocol theory and
//! practical application to plug & play secure algorithmics* (CRYPTO 2020, eprint 2020/152), section 4.3:
//!
//! ```text
//! L = ⟨z_low, G_high⟩ + ⟨z_low, b_high⟩·U        z' = z_low + x·z_high
//! R = ⟨z_high, G_low⟩ + ⟨z_high, b_low⟩·U        G' = x·G_low + G_high,  b' = x·b_low + b_high
//!                                                X' = L + x·X + x²·R
//! ```
//!
//! It is Bulletproofs' argument (eprint 2017/1066, protocol 2) for one secret vector, without inverses;
//! each round is 3-special-sound. It stops at [`FINAL_LENGTH`] values, which are sent: two more rounds
//! would send four points instead.
//!
//! It hides nothing. Its input is a vector that a one-time mask has already made uniform, which is why
//! variable-time arithmetic is harmless here and only here in the prover.

use alloc::vec::Vec;

use curve25519_dalek::Scalar as DalekScalar;
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::traits::VartimeMultiscalarMul;

use super::commitment::Point;
use super::transcript::{Transcript, label};
use super::workers::Workers;
use crate::scalar::Scalar;

/// Length of the vectors.
pub(super) const LENGTH: usize = 256;
/// Length at which the vector is sent instead of folded.
pub(super) const FINAL_LENGTH: usize = 4;
/// Halvings from [`LENGTH`] to [`FINAL_LENGTH`].
pub(super) const ROUNDS: usize = (LENGTH / FINAL_LENGTH).ilog2() as usize;

/// Rounds after which the generators are folded into new points.
///
/// Until then the products are taken over the older, longer vector: computing a new generator costs a
/// multiplication by a full scalar for each old one, which pays only when several rounds use it. Two was
/// measured best among 1, 2 and 3.
const ROUNDS_PER_FOLD: usize = 2;

/// What the prover sends.
#[derive(Clone)]
pub(super) struct InnerProductProof {
    /// (L, R) of every round.
    pub(super) folds: [(Point, Point); ROUNDS],
    /// z after the last round.
    pub(super) last: [Scalar; FINAL_LENGTH],
}

/// Proves ⟨z, b⟩ with respect to `generators` and `form` (U), in time that depends on z.
///
/// # Panics
///
/// Unless all vectors have [`LENGTH`] elements.
#[inline(never)] // so that a count of instructions can leave it out: see .ci/run timing
pub(super) fn prove_vartime(
    workers: &impl Workers,
    transcript: &mut Transcript,
    generators: &[RistrettoPoint],
    form: &RistrettoPoint,
    mut z: Vec<Scalar>,
    mut b: Vec<Scalar>,
) -> InnerProductProof {
    assert!([generators.len(), z.len(), b.len()] == [LENGTH; 3], "vectors of the length of the protocol");
    let mut bases = generators.to_vec();
    // The current generator i is Σ_t weights[t]·bases[i + t·current length].
    let mut weights = alloc::vec![Scalar::ONE];

    let folds = core::array::from_fn(|_| {
        let half = z.len() / 2;
        let cross = |secret: &[Scalar], public: &[Scalar], offset: usize| {
            let mut scalars: Vec<DalekScalar> = Vec::with_capacity(half * weights.len() + 1);
            let mut points = Vec::with_capacity(half * weights.len() + 1);
            for (block, weight) in weights.iter().enumerate() {
                let start = block * 2 * half + offset;
                points.extend_from_slice(&bases[start..start + half]);
                scalars.extend(secret.iter().map(|value| (*value * *weight).to_dalek()));
            }
            scalars.push(Scalar::inner_product(secret, public).to_dalek());
            points.push(*form);
            Point::from(RistrettoPoint::vartime_multiscalar_mul(&scalars, &points))
        };
        let (z_low, z_high) = z.split_at(half);
        let (b_low, b_high) = b.split_at(half);
        let fold = workers.both(|| cross(z_low, b_high, half), || cross(z_high, b_low, 0));
        transcript.append_point(label::FOLD_LOW, &fold.0);
        transcript.append_point(label::FOLD_HIGH, &fold.1);
        let x = transcript.challenge(label::FOLD_POINT);

        z = z_low.iter().zip(z_high).map(|(low, high)| *low + x * *high).collect();
        b = b_low.iter().zip(b_high).map(|(low, high)| x * *low + *high).collect();
        weights = weights.iter().flat_map(|weight| [*weight * x, *weight]).collect();
        if weights.len() == 1 << ROUNDS_PER_FOLD && half > FINAL_LENGTH {
            let scalars: Vec<DalekScalar> = weights.iter().map(Scalar::to_dalek).collect();
            bases = workers
                .map(half, |i| RistrettoPoint::vartime_multiscalar_mul(&scalars, bases.iter().skip(i).step_by(half)));
            weights = alloc::vec![Scalar::ONE];
        }
        fold
    });

    let last = core::array::from_fn(|i| z[i]);
    InnerProductProof { folds, last }
}

/// The check of the verifier, times a weight, as one linear combination of points that must be the identity.
pub(super) struct Reduction {
    /// Factor of X: the product of the weight and all challenges.
    pub(super) claim: Scalar,
    /// Factors of (L, R) of every round.
    pub(super) folds: [(Scalar, Scalar); ROUNDS],
    /// Factor of every generator, already negated.
    pub(super) generators: Vec<Scalar>,
    /// Factor of U: minus the folded inner product.
    pub(super) form: Scalar,
}

/// Replays the challenges of `proof` and reduces the claim X = Σ zᵢ·Gᵢ + ⟨z, b⟩·U to `weight` times a combination
/// claim·X + Σ folds·(L, R) + Σ generators·G + form·U = 0.
pub(super) fn reduce(
    transcript: &mut Transcript,
    proof: &InnerProductProof,
    b: &[Scalar],
    weight: &Scalar,
) -> Reduction {
    let challenges: [Scalar; ROUNDS] = core::array::from_fn(|round| {
        let (low, high) = &proof.folds[round];
        transcript.append_point(label::FOLD_LOW, low);
        transcript.append_point(label::FOLD_HIGH, high);
        transcript.challenge(label::FOLD_POINT)
    });

    // X' = L + x·X + x²·R, so the L of a round is multiplied by all later challenges.
    let mut later = *weight;
    let mut folds = [(Scalar::ZERO, Scalar::ZERO); ROUNDS];
    for (fold, x) in folds.iter_mut().zip(&challenges).rev() {
        *fold = (later, later * x.square());
        later *= *x;
    }

    // G' = x·G_low + G_high: the first challenge decides on the most significant bit of the position.
    let mut weights = alloc::vec![-*weight];
    for x in &challenges {
        weights = weights.iter().flat_map(|weight| [*weight * *x, *weight]).collect();
    }
    let generators: Vec<Scalar> = weights.iter().flat_map(|weight| proof.last.map(|value| *weight * value)).collect();
    let form = Scalar::inner_product(&generators, b);
    Reduction { claim: later, folds, generators, form }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::super::workers::OneThread;
    use super::*;
    use crate::membership::generators::Generators;

    const PROTOCOL: &[u8] = b"inner product test";

    /// Whether the combination is the identity for the claim that `value` = ⟨z, b⟩.
    fn accepts(generators: &Generators, proof: &InnerProductProof, z: &[Scalar], b: &[Scalar], value: Scalar) -> bool {
        let reduction = reduce(&mut Transcript::new(PROTOCOL), proof, b, &Scalar::from(3));
        let naive = |scalars: &[Scalar]| -> RistrettoPoint {
            scalars.iter().zip(&generators.vector).map(|(scalar, point)| point * scalar.to_dalek()).sum()
        };
        let claim = naive(z) + generators.form * value.to_dalek();
        let folds: RistrettoPoint = proof
            .folds
            .iter()
            .zip(&reduction.folds)
            .map(|((low, high), (by_low, by_high))| low.point() * by_low.to_dalek() + high.point() * by_high.to_dalek())
            .sum();
        let sum = claim * reduction.claim.to_dalek()
            + folds
            + naive(&reduction.generators)
            + generators.form * reduction.form.to_dalek();
        sum == curve25519_dalek::traits::Identity::identity()
    }

    #[test]
    fn agrees_with_the_naive_inner_product_and_with_nothing_else() {
        let rng = &mut ChaCha20Rng::seed_from_u64(5);
        let generators = Generators::new(LENGTH);
        let mut random = || (0..LENGTH).map(|_| Scalar::random(rng)).collect::<Vec<_>>();
        let (z, b) = (random(), random());
        let value = z.iter().zip(&b).map(|(z, b)| *z * *b).sum::<Scalar>();
        let proof = prove_vartime(
            &OneThread,
            &mut Transcript::new(PROTOCOL),
            &generators.vector,
            &generators.form,
            z.clone(),
            b.clone(),
        );
        assert!(accepts(&generators, &proof, &z, &b, value));
        assert!(!accepts(&generators, &proof, &z, &b, value + Scalar::ONE));
        let mut other = z.clone();
        other[200] += Scalar::ONE;
        assert!(!accepts(&generators, &proof, &other, &b, value));
        let mut other = b.clone();
        other[3] += Scalar::ONE;
        assert!(!accepts(&generators, &proof, &z, &other, value));
        let mut swapped = proof.clone();
        swapped.folds.swap(2, 3);
        assert!(!accepts(&generators, &swapped, &z, &b, value));
        let mut changed = proof;
        changed.last[1] += Scalar::ONE;
        assert!(!accepts(&generators, &changed, &z, &b, value));
    }
}
