//! From many checks to one: every check of both sumchecks is linear in committed vectors, so one random
//! combination of them is one linear form of one vector.
//!
//! The committed vectors v₀ = w(r'), v₁..v₆ (gate rounds) and v₇, v₈ (slot rounds) live at disjoint
//! positions, one after the other:
//!
//! ```text
//! 0            146        242     256
//! ├─ w(r') ─────┼─ 6 × 16 ──┼─ 2 × 7 ─┤
//! ```
//!
//! The combined vector is V = Σ ρʲ·vⱼ and the combined form is b = Σ ρ^(8−j)·bⱼ with bⱼ at the positions of
//! vⱼ only. Then ⟨V, b⟩ = ρ⁸·Σ⟨vⱼ, bⱼ⟩ for an honest prover; what a dishonest one commits at positions of
//! another vector appears under another power of ρ and cannot help (soundness, step 3, in the document).

use alloc::vec;
use alloc::vec::Vec;

use super::inner_product::LENGTH;
use super::proof::{GATE_ROUNDS, SLOT_ROUNDS};
use super::relation::{COLUMNS, Evaluations};
use super::sumcheck::{BASE, GATE_NODES, Interpolation, PRODUCT_NODES};
use crate::scalar::Scalar;

/// Vectors that are combined besides w(r').
pub(super) const COMBINED: usize = GATE_ROUNDS + SLOT_ROUNDS;

const _: () = assert!(
    COLUMNS + GATE_ROUNDS * GATE_NODES + SLOT_ROUNDS * PRODUCT_NODES == LENGTH,
    "the vectors fill the positions, and no two share one"
);

/// The positions of the polynomial of a gate round.
pub(super) fn gate_positions(round: usize) -> core::ops::Range<usize> {
    let start = COLUMNS + round * GATE_NODES;
    start..start + GATE_NODES
}

/// The positions of the polynomial of a slot round.
pub(super) fn slot_positions(round: usize) -> core::ops::Range<usize> {
    let start = COLUMNS + GATE_ROUNDS * GATE_NODES + round * PRODUCT_NODES;
    start..start + PRODUCT_NODES
}

/// The challenges from the first commitment to the combination, and the evaluations among them.
pub(super) struct Challenges {
    /// Where the table of all gates is evaluated.
    pub(super) tau: [Scalar; GATE_ROUNDS],
    /// Where the first sumcheck ends.
    pub(super) point: [Scalar; GATE_ROUNDS],
    /// The claimed evaluations there.
    pub(super) evaluations: Evaluations,
    /// Where the second sumcheck ends.
    pub(super) slot_point: [Scalar; SLOT_ROUNDS],
    /// Combines the checks.
    pub(super) xi: Scalar,
    /// Combines the vectors.
    pub(super) rho: Scalar,
}

/// 1, x, x², … x^(N−1)
pub(super) fn powers<const N: usize>(base: &Scalar) -> [Scalar; N] {
    let mut power = Scalar::ONE;
    core::array::from_fn(|_| {
        let current = power;
        power *= *base;
        current
    })
}

/// The combined form b and the value that it must have on V.
///
/// `form` is f(r') and `target` the claimed Σ ⟨f, w⟩ of the second sum.
pub(super) fn combine(
    interpolation: &Interpolation,
    challenges: &Challenges,
    form: &[Scalar],
    target: &Scalar,
) -> (Vec<Scalar>, Scalar) {
    let mut b = vec![Scalar::ZERO; LENGTH];
    let mut value = Scalar::ZERO;
    // Power of ξ of the equation at hand.
    let mut weight = Scalar::ONE;
    // Vector j is combined with ρʲ, so its part of the form with ρ^(8−j).
    let rho: [Scalar; COMBINED + 1] = powers(&challenges.rho);
    let gate_rho = |round: usize| rho[COMBINED - 1 - round];
    let slot_rho = |round: usize| rho[COMBINED - 1 - GATE_ROUNDS - round];
    let mut add = |range: core::ops::Range<usize>, coefficients: &[Scalar], factor: Scalar| {
        for (b, coefficient) in b[range].iter_mut().zip(coefficients) {
            *b += factor * *coefficient;
        }
    };

    // Gate round j: Σ_k eq(τⱼ, k)·tⱼ(k) = tⱼ₋₁(rⱼ₋₁), where t₀ is zero.
    for (round, tau) in challenges.tau.iter().enumerate() {
        add(gate_positions(round), &interpolation.digit.basis(tau), weight * gate_rho(round));
        if round > 0 {
            let earlier = interpolation.gate.basis(&challenges.point[round - 1]);
            add(gate_positions(round - 1), &earlier, -(weight * gate_rho(round - 1)));
        }
        weight *= challenges.xi;
    }
    // At the end: t₆(r₆) = a⁵ + e·d − b.
    let Evaluations { a, b: evaluation_b, e, d } = &challenges.evaluations;
    let last = GATE_ROUNDS - 1;
    add(gate_positions(last), &interpolation.gate.basis(&challenges.point[last]), weight * gate_rho(last));
    value += weight * (a.pow5() + *e * *d - *evaluation_b);
    weight *= challenges.xi;

    // Slot round j: Σ_k qⱼ(k) = qⱼ₋₁(r'ⱼ₋₁), where q₀ is the target.
    for round in 0..SLOT_ROUNDS {
        add(slot_positions(round), &[Scalar::ONE; BASE], weight * slot_rho(round));
        if round > 0 {
            let earlier = interpolation.product.basis(&challenges.slot_point[round - 1]);
            add(slot_positions(round - 1), &earlier, -(weight * slot_rho(round - 1)));
        } else {
            value += weight * *target;
        }
        weight *= challenges.xi;
    }
    // At the end: ⟨f(r'), w(r')⟩ = q₂(r'₂).
    add(0..COLUMNS, form, weight * rho[COMBINED]);
    let last = SLOT_ROUNDS - 1;
    add(slot_positions(last), &interpolation.product.basis(&challenges.slot_point[last]), -(weight * slot_rho(last)));
    (b, value * rho[COMBINED])
}
