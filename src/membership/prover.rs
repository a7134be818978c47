//! The prover: from a satisfying assignment to a proof.
//!
//! Nothing here branches on, or indexes by, a value of the witness. Commitments to values of the
//! witness use constant-time multiplications; variable-time ones begin after the one-time mask.

use alloc::vec::Vec;

use curve25519_dalek::ristretto::RistrettoPoint;
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::argument::{COMBINED, Challenges, combine, gate_positions, powers, slot_positions};
use super::commitment::{Commitment, Point, select_sum};
use super::inner_product::{LENGTH, ROUNDS, prove_vartime};
use super::parameters::Parameters;
use super::progress::{Cancelled, Reporter};
use super::proof::{GATE_ROUNDS, MembershipProof, SLOT_ROUNDS};
use super::relation::{Assignment, COLUMNS, COMMITTED_SLOTS, Evaluations, LinearClaim, PublicInputs};
use super::sumcheck::ProductSum;
use super::transcript::{Transcript, label};
use super::workers::Workers;
use crate::scalar::Scalar;

/// Proves that `assignment` satisfies the equations of `public`, after `transcript` has absorbed the statement.
///
/// It does not look whether that is so: for an assignment that does not, the result is a proof that no
/// verifier accepts. The bits of the bounds must be bits unless `bits_are_bits` is false, in which case they
/// are committed like everything else; only tests need that.
///
/// # Errors
///
/// [`Cancelled`] if the reporter's observer asked for it; what was computed until then is wiped.
#[allow(clippy::too_many_arguments)] // three of them say how the work is done, the others what it is
pub(super) fn prove_assignment(
    parameters: &Parameters,
    transcript: &mut Transcript,
    public: &PublicInputs,
    assignment: &Assignment,
    bits_are_bits: bool,
    rng: &mut impl CryptoRngCore,
    workers: &impl Workers,
    reporter: &mut Reporter<'_>,
) -> Result<MembershipProof, Cancelled> {
    let interpolation = &parameters.interpolation;
    let generators = &parameters.generators;
    let vector = &generators.vector;

    // 1. Commitments to the columns of every slot.
    let column_blindings: Zeroizing<Vec<Scalar>> =
        Zeroizing::new((0..COMMITTED_SLOTS).map(|_| Scalar::random(rng)).collect());
    let commitment = |slot: usize| {
        let occupied = if bits_are_bits { Assignment::occupied(slot) } else { 0..COLUMNS };
        let values = assignment.slot(slot)[occupied.clone()].iter().copied();
        Commitment::new(&vector[occupied], values, &generators.blinding, &column_blindings[slot])
    };
    let mut columns: Vec<Point> = Vec::with_capacity(COMMITTED_SLOTS);
    while columns.len() < COMMITTED_SLOTS {
        let (done, share) = (columns.len(), workers.share(COMMITTED_SLOTS - columns.len()));
        let commitments: Vec<Commitment> = (done..done + share).map(commitment).collect();
        let mut points = compute(workers, &commitments);
        for (slot, point) in (done..).zip(&mut points) {
            if bits_are_bits && Assignment::has_bits(slot) {
                *point += select_sum(vector, assignment.bits());
            }
        }
        columns.extend(points.into_iter().map(Point::from));
        reporter.step(share as u32)?;
    }
    let columns: [Point; COMMITTED_SLOTS] = array(columns);
    for point in &columns {
        transcript.append_point(label::COLUMNS, point);
    }
    let tau: [Scalar; GATE_ROUNDS] = transcript.challenges(label::TAU);

    // 2. First sumcheck: every gate is zero.
    let commit_round = |positions: core::ops::Range<usize>, polynomial: &[Scalar], blinding: &Scalar| -> Point {
        let values = polynomial.iter().copied();
        compute(workers, &[Commitment::new(&vector[positions], values, &generators.blinding, blinding)])[0].into()
    };
    let mut combined = Zeroizing::new(alloc::vec![Scalar::ZERO; LENGTH]);
    let mut round_blindings = Zeroizing::new(Vec::with_capacity(COMBINED));
    let mut gates = assignment.gates(workers);
    let mut point = [Scalar::ZERO; GATE_ROUNDS];
    let mut gate_rounds = Vec::with_capacity(GATE_ROUNDS);
    for round in 0..GATE_ROUNDS {
        let later = interpolation.equality_table(&tau[round + 1..]);
        let polynomial = Zeroizing::new(gates.round(&later, workers));
        let positions = gate_positions(round);
        combined[positions.clone()].copy_from_slice(&*polynomial);
        let blinding = Scalar::random(rng);
        let commitment = commit_round(positions, &polynomial[..], &blinding);
        round_blindings.push(blinding);
        transcript.append_point(label::GATE_ROUND, &commitment);
        point[round] = transcript.challenge(label::GATE_POINT);
        gates.bind(interpolation, &point[round], workers);
        gate_rounds.push(commitment);
        reporter.step(1)?;
    }
    let gate_rounds: [Point; GATE_ROUNDS] = array(gate_rounds);
    let evaluations = Evaluations { a: gates.a[0], b: gates.b[0], e: gates.e[0], d: gates.d[0] };
    drop(gates);
    evaluations.append_to(transcript);
    let gamma = transcript.challenge(label::GAMMA);

    // 3. Second sumcheck: the evaluations and all ties are true of the committed columns.
    let claim = LinearClaim::new(interpolation, public, &point, &evaluations, &gamma);
    let mut products = ProductSum { f: claim.table(workers), w: assignment.table() };
    let mut slot_point = [Scalar::ZERO; SLOT_ROUNDS];
    let slot_rounds: [Point; SLOT_ROUNDS] = core::array::from_fn(|round| {
        let polynomial = Zeroizing::new(products.round());
        let positions = slot_positions(round);
        combined[positions.clone()].copy_from_slice(&*polynomial);
        let blinding = Scalar::random(rng);
        let commitment = commit_round(positions, &polynomial[..], &blinding);
        round_blindings.push(blinding);
        transcript.append_point(label::SLOT_ROUND, &commitment);
        slot_point[round] = transcript.challenge(label::SLOT_POINT);
        products.bind(interpolation, &slot_point[round]);
        commitment
    });

    reporter.step(1)?;

    // 4. One vector, one form.
    let challenges = Challenges {
        tau,
        point,
        evaluations,
        slot_point,
        xi: transcript.challenge(label::XI),
        rho: transcript.challenge(label::RHO),
    };
    let (form, _) = combine(interpolation, &challenges, &products.f, &claim.target);
    let rho: [Scalar; COMBINED + 1] = powers(&challenges.rho);
    combined[..COLUMNS].copy_from_slice(&products.w);
    drop(products);
    for round in 0..GATE_ROUNDS {
        combined[gate_positions(round)].iter_mut().for_each(|value| *value *= rho[1 + round]);
    }
    for round in 0..SLOT_ROUNDS {
        combined[slot_positions(round)].iter_mut().for_each(|value| *value *= rho[1 + GATE_ROUNDS + round]);
    }
    let slot_weights = interpolation.equality_table(&slot_point);
    let blinding =
        Scalar::inner_product(&slot_weights, &column_blindings) + Scalar::inner_product(&rho[1..], &round_blindings);

    // 5. A one-time mask, and from here on everything is public.
    let masks: Zeroizing<Vec<Scalar>> = Zeroizing::new((0..LENGTH).map(|_| Scalar::random(rng)).collect());
    let mask_blinding = Zeroizing::new(Scalar::random(rng));
    let mask = Commitment::new(vector, masks.iter().copied(), &generators.blinding, &mask_blinding);
    let mask: Point = compute(workers, &[mask])[0].into();
    reporter.step(2)?;
    let mask_value = Scalar::inner_product(&masks, &form);
    transcript.append_point(label::MASK, &mask);
    transcript.append_scalar(label::MASK_VALUE, &mask_value);
    let chi = transcript.challenge(label::CHI);
    let masked = masks.iter().zip(combined.iter()).map(|(mask, value)| *mask + chi * *value).collect();
    let zeta = *mask_blinding + chi * blinding;
    transcript.append_scalar(label::ZETA, &zeta);
    let y = transcript.challenge(label::Y);
    let form_point: RistrettoPoint = generators.form * y.to_dalek();
    let inner_product = prove_vartime(workers, transcript, vector, &form_point, masked, form);
    reporter.step(ROUNDS as u32)?;

    Ok(MembershipProof { columns, gate_rounds, evaluations, slot_rounds, mask, mask_value, zeta, inner_product })
}

/// The commitments, each in as many parts as suit the workers: equal small tasks keep all threads busy to the end.
fn compute<W: Workers>(workers: &W, commitments: &[Commitment]) -> Vec<RistrettoPoint> {
    let parts =
        workers.map(commitments.len() * W::PARTS, |task| commitments[task / W::PARTS].part(task % W::PARTS, W::PARTS));
    parts.chunks(W::PARTS).map(|parts| parts.iter().sum()).collect()
}

/// The elements of a vector of known length.
fn array<T, const N: usize>(elements: Vec<T>) -> [T; N] {
    elements.try_into().unwrap_or_else(|_| unreachable!("one element per round or slot was made"))
}
