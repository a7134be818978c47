//! Frozen heart: what happens when a value is left out of the transcript.
//!
//! Fiat-Shamir is sound only if everything that the verifier uses is absorbed before the challenges that depend on it. Each
//! test here breaks the transcript in one place, forges a proof that the broken verifier accepts, and shows that the
//! real one rejects the same bytes. What has no forgery: the assurance, a small integer that nobody can solve an equation for (the
//! use index is one too, and is forged as the field element that the equations take it for); ζ, because a change of it is a multiple
//! of H, which nothing else of a proof can make up for; and the constants of the header. That they too change every challenge
//! after them is tested on its own.

use alloc::vec::Vec;

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::traits::MultiscalarMul;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::adversary::{Cheat, prove};
use super::{prove_assignment, shared};
use crate::identity::Assurance;
use crate::membership::argument::{Challenges, combine, gate_positions, powers, slot_positions};
use crate::membership::commitment::Point;
use crate::membership::inner_product::{LENGTH, prove_vartime};
use crate::membership::proof::{GATE_ROUNDS, MembershipProof};
use crate::membership::relation::linear_tests::tie_errors;
use crate::membership::relation::tests::Sample;
use crate::membership::relation::{COMMITTED_SLOTS, Evaluations, LinearClaim, PublicInputs};
use crate::membership::statement::Statement;
use crate::membership::sumcheck::{GATE_NODES, PRODUCT_NODES};
use crate::membership::transcript::{Transcript, label};
use crate::membership::verifier::Equation;
use crate::membership::workers::OneThread;
use crate::nullifier::{ExternalNullifier, Nullifier};
use crate::scalar::Scalar;
use crate::signal::Signal;
use crate::tree::MerkleRoot;

type Labels = &'static [&'static [u8]];

/// The statement of a sample with this seed.
fn statement(sample: &Sample, seed: u32) -> Statement {
    let public = sample.public();
    Statement {
        root: MerkleRoot::from_bytes(&public.root.to_bytes()).unwrap(),
        external_nullifier: ExternalNullifier::from_bytes(&public.external_nullifier.to_bytes()).unwrap(),
        use_index: seed,
        nullifier: Nullifier::from_bytes(&public.nullifier.to_bytes()).unwrap(),
        signal: Signal::new(b"honest"),
        nonce: [1; 32],
        issued_no_later_than: Some(public.issued_no_later_than),
        expires_no_earlier_than: Some(public.expires_no_earlier_than),
        assurance_at_least: Assurance::new(public.assurance_at_least),
    }
}

/// A transcript without the messages of `omitted`, after the statement.
fn transcript(omitted: Labels, statement: &Statement) -> Transcript {
    let mut transcript = Transcript::without(label::PROTOCOL, omitted);
    statement.absorb_into(&mut transcript, shared().digest());
    transcript
}

/// What a verifier says whose transcript lacks `omitted`.
fn accepts(omitted: Labels, statement: &Statement, proof: &MembershipProof) -> bool {
    accepts_public(omitted, statement, &statement.public_inputs().unwrap(), proof)
}

/// The same, for public values that need not be those of the statement.
fn accepts_public(omitted: Labels, statement: &Statement, public: &PublicInputs, proof: &MembershipProof) -> bool {
    let mut equation = Equation::new();
    equation.add(shared(), &mut transcript(omitted, statement), public, proof, &Scalar::ONE);
    equation.holds(shared())
}

/// The broken verifier accepts, the real one does not.
fn assert_forged(omitted: Labels, statement: &Statement, proof: &MembershipProof) {
    assert!(accepts(omitted, statement, proof), "the forgery works without {}", omitted[0].escape_ascii());
    assert!(!accepts(&[], statement, proof), "the real transcript stops it");
    assert!(shared().verify(statement, proof).is_err());
    // It is a proof in every other respect.
    assert!(MembershipProof::from_bytes(&proof.to_bytes()).is_ok());
}

/// γ of a proof.
fn gamma(omitted: Labels, statement: &Statement, proof: &MembershipProof) -> Scalar {
    let mut transcript = transcript(omitted, statement);
    proof.columns.iter().for_each(|point| transcript.append_point(label::COLUMNS, point));
    let _: [Scalar; GATE_ROUNDS] = transcript.challenges(label::TAU);
    for point in &proof.gate_rounds {
        transcript.append_point(label::GATE_ROUND, point);
        transcript.challenge(label::GATE_POINT);
    }
    proof.evaluations.append_to(&mut transcript);
    transcript.challenge(label::GAMMA)
}

/// An outsider without any leaf, who breaks the tie `broken` and chooses the value of the tie `free` after γ.
fn forge(omitted: Labels, seed: u32, broken: usize, free: usize) -> (Statement, MembershipProof) {
    let mut sample = Sample::new(u64::from(seed));
    sample.break_tie(broken);
    let statement = statement(&sample, seed);
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let public = statement.public_inputs().unwrap();
    let assignment = sample.assignment();
    let proof = prove_assignment(shared(), &mut transcript(omitted, &statement), &public, &assignment, false, rng);
    assert!(!accepts(omitted, &statement, &proof));

    // Σ γ^(4+i)·errorᵢ = 0 is one linear equation for the free value.
    let gamma = gamma(omitted, &statement, &proof);
    let powers: [Scalar; 28] = powers(&gamma);
    let sum = Scalar::inner_product(&powers[4..], &tie_errors(&assignment, &public));
    let change = sum * powers[4 + free].invert();
    let mut forged = statement.clone();
    match free {
        0 => {
            let value = public.external_nullifier + change;
            forged.external_nullifier = ExternalNullifier::from_bytes(&value.to_bytes()).unwrap();
        }
        7 => forged.nullifier = Nullifier::from_bytes(&(public.nullifier + change).to_bytes()).unwrap(),
        20 => forged.root = MerkleRoot::from_bytes(&(public.root + change).to_bytes()).unwrap(),
        _ => unreachable!("a value that is a whole scalar"),
    }
    assert_ne!(forged, statement);
    (forged, proof)
}

#[test]
fn without_the_nullifier_a_stranger_makes_one_up() {
    // The worst of the class: not a member of the tree of `root` (tie 20 is broken), and a nullifier nobody has seen,
    // so that no store of used nullifiers stops it.
    let (statement, proof) = forge(&[label::NULLIFIER], 5, 20, 7);
    assert_forged(&[label::NULLIFIER], &statement, &proof);
}

#[test]
fn without_the_external_nullifier_a_proof_moves_to_another_scope() {
    let (statement, proof) = forge(&[label::EXTERNAL_NULLIFIER], 6, 20, 0);
    assert_forged(&[label::EXTERNAL_NULLIFIER], &statement, &proof);
}

#[test]
fn without_the_root_a_stranger_makes_one_up() {
    let (statement, proof) = forge(&[label::ROOT], 7, 7, 20);
    assert_forged(&[label::ROOT], &statement, &proof);
}

#[test]
fn without_the_use_index_an_element_of_the_field_makes_up_for_anything() {
    let omitted: Labels = &[label::USE_INDEX];
    let mut sample = Sample::new(17);
    sample.break_tie(20); // a root nobody is under
    let statement = statement(&sample, 17);
    let mut public = statement.public_inputs().unwrap();
    let assignment = sample.assignment();
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let proof = prove_assignment(shared(), &mut transcript(omitted, &statement), &public, &assignment, false, rng);
    let powers: [Scalar; 28] = powers(&gamma(omitted, &statement, &proof));
    let sum = Scalar::inner_product(&powers[4..], &tie_errors(&assignment, &public));
    assert!(!accepts_public(omitted, &statement, &public, &proof));
    public.use_index += sum * powers[4 + 1].invert();
    assert!(accepts_public(omitted, &statement, &public, &proof));
    assert!(!accepts_public(&[], &statement, &public, &proof));
    assert!(public.use_index.to_bytes()[4..] != [0; 28], "no such use index can be written into a statement");
}

/// A proof of an honest sample over a transcript without `omitted`, shown for what `change` makes of its statement.
fn replay(omitted: Labels, change: impl Fn(&mut Statement)) {
    let seed = 8;
    let mut sample = Sample::new(u64::from(seed));
    let mut statement = statement(&sample, seed);
    // Neutral bounds, so that asking and not asking differ in the transcript alone.
    if omitted == [label::ISSUED] {
        sample.set_issued_limit(Statement::TIME_LIMIT - 1);
        statement.issued_no_later_than = Some(Statement::TIME_LIMIT - 1);
        statement.root = MerkleRoot::from_bytes(&sample.public().root.to_bytes()).unwrap();
    }
    if omitted == [label::EXPIRES] {
        sample.set_expires_limit(0);
        statement.expires_no_earlier_than = Some(0);
        statement.root = MerkleRoot::from_bytes(&sample.public().root.to_bytes()).unwrap();
    }
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let public = statement.public_inputs().unwrap();
    let proof =
        prove_assignment(shared(), &mut transcript(omitted, &statement), &public, &sample.assignment(), true, rng);
    assert!(accepts(omitted, &statement, &proof));
    change(&mut statement);
    assert_forged(omitted, &statement, &proof);
}

#[test]
fn without_signal_nonce_or_bounds_a_proof_says_something_else() {
    replay(&[label::SIGNAL], |statement| statement.signal = Signal::new(b"stolen"));
    replay(&[label::NONCE], |statement| statement.nonce = [2; 32]);
    replay(&[label::ISSUED], |statement| statement.issued_no_later_than = None);
    replay(&[label::EXPIRES], |statement| statement.expires_no_earlier_than = None);
}

/// With the round commitment outside the transcript, r₁ is known before t₁ is chosen.
struct ChooseRound;
impl Cheat for ChooseRound {
    fn gate_round(&mut self, round: usize, tau: &[Scalar], next: &Scalar, vector: &mut [Scalar]) {
        if round == 0 {
            let interpolation = &shared().interpolation;
            let positions = gate_positions(0);
            let weights = interpolation.digit.basis(&tau[0]);
            let missing = -Scalar::inner_product(&weights, &vector[positions.clone()]);
            let basis = interpolation.gate.basis(next);
            let change = missing * weights[0].invert();
            vector[positions.start] += change;
            vector[positions.start + GATE_NODES - 1] -= change * basis[0] * basis[GATE_NODES - 1].invert();
        }
    }
}

#[test]
fn without_the_rounds_every_gate_can_be_broken() {
    let omitted: Labels = &[label::GATE_ROUND];
    let mut sample = Sample::new(9);
    sample.orphan(0);
    let statement = statement(&sample, 9);
    let public = statement.public_inputs().unwrap();
    let attempt = prove(&mut transcript(omitted, &statement), &public, &sample.assignment(), &mut ChooseRound);
    assert_forged(omitted, &statement, &attempt.proof);
}

/// With the evaluations outside the transcript, γ is known before they are chosen.
struct ChooseEvaluations {
    /// The value that the last round claims, from polynomials that begin with a lie.
    rounds: Vec<Scalar>,
    claim: Scalar,
}
impl Cheat for ChooseEvaluations {
    fn gate_round(&mut self, round: usize, tau: &[Scalar], _next: &Scalar, vector: &mut [Scalar]) {
        // A polynomial whose weighted sum is the value claimed so far, by changing its value at 0.
        let interpolation = &shared().interpolation;
        let positions = gate_positions(round);
        let weights = interpolation.digit.basis(&tau[round]);
        let missing = self.claim - Scalar::inner_product(&weights, &vector[positions.clone()]);
        vector[positions.start] += missing * weights[0].invert();
        self.rounds = vector[positions].to_vec();
    }

    fn point(&mut self, _round: usize, point: &Scalar) {
        let basis = shared().interpolation.gate.basis(point);
        self.claim = Scalar::inner_product(&basis, &self.rounds);
    }

    fn evaluations(&mut self, gamma: &Scalar, evaluations: &mut Evaluations) {
        // Keep a and e; move b and d so that γ·b + γ³·d stays and a⁵ + e·d − b is the claim:
        // Δb = −γ²·Δd and e·Δd − Δb = claim − (a⁵ + e·d − b).
        let Evaluations { a, b, e, d } = *evaluations;
        let missing = self.claim - (a.pow5() + e * d - b);
        let change = missing * (e + gamma.square()).invert();
        evaluations.d += change;
        evaluations.b -= gamma.square() * change;
    }
}

#[test]
fn without_the_evaluations_every_gate_can_be_broken() {
    let omitted: Labels = &[label::EVALUATIONS];
    let mut sample = Sample::new(10);
    sample.orphan(3);
    let statement = statement(&sample, 10);
    let public = statement.public_inputs().unwrap();
    let mut cheat = ChooseEvaluations { rounds: Vec::new(), claim: Scalar::ZERO };
    let attempt = prove(&mut transcript(omitted, &statement), &public, &sample.assignment(), &mut cheat);
    assert_forged(omitted, &statement, &attempt.proof);
}

/// Makes the sum over 0..3 of a slot round what it must be, by its value at 0.
fn mend_slot_round(round: usize, sum: &Scalar, vector: &mut [Scalar]) -> Scalar {
    let positions = slot_positions(round);
    let missing = *sum - vector[positions.clone()][..4].iter().sum::<Scalar>();
    vector[positions.start] += missing;
    missing
}

/// With the slot rounds outside the transcript, r'₁ is known before q₁ is chosen.
struct ChooseSlotRound;
impl Cheat for ChooseSlotRound {
    fn slot_round(&mut self, round: usize, sum: &Scalar, next: &Scalar, vector: &mut [Scalar]) {
        if round == 0 {
            let basis = shared().interpolation.product.basis(next);
            let missing = mend_slot_round(round, sum, vector);
            vector[slot_positions(round).end - 1] -= missing * basis[0] * basis[PRODUCT_NODES - 1].invert();
        }
    }
}

#[test]
fn without_the_slot_rounds_every_tie_can_be_broken() {
    let omitted: Labels = &[label::SLOT_ROUND];
    let mut sample = Sample::new(13);
    sample.break_tie(8); // another person's nullifier
    let statement = statement(&sample, 13);
    let public = statement.public_inputs().unwrap();
    let attempt = prove(&mut transcript(omitted, &statement), &public, &sample.assignment(), &mut ChooseSlotRound);
    assert_forged(omitted, &statement, &attempt.proof);
}

/// With the columns outside the transcript, they are chosen last, to fit a sumcheck about nothing.
struct ChooseColumns;
impl Cheat for ChooseColumns {
    fn slot_round(&mut self, round: usize, sum: &Scalar, _next: &Scalar, vector: &mut [Scalar]) {
        mend_slot_round(round, sum, vector);
    }

    fn columns_again(&mut self, form: &[Scalar], weights: &[Scalar], value: &Scalar, vectors: &mut [Vec<Scalar>]) {
        let now: Scalar =
            vectors.iter().zip(weights).map(|(vector, weight)| *weight * Scalar::inner_product(form, vector)).sum();
        vectors[0][0] += (*value - now) * (weights[0] * form[0]).invert();
    }
}

#[test]
fn without_the_columns_everything_can_be_broken() {
    let omitted: Labels = &[label::COLUMNS];
    let mut sample = Sample::new(14);
    sample.break_tie(20); // a root nobody is under
    let statement = statement(&sample, 14);
    let public = statement.public_inputs().unwrap();
    let attempt = prove(&mut transcript(omitted, &statement), &public, &sample.assignment(), &mut ChooseColumns);
    assert_forged(omitted, &statement, &attempt.proof);
}

/// X' = L + x·X + x²·R: with x known, one of them makes up for an X that is wrong. The columns commit to a broken tie.
fn mend_fold(omitted: Labels, round: usize, high: bool) {
    let mut sample = Sample::new(15);
    sample.break_tie(7);
    let statement = statement(&sample, 15);
    let public = statement.public_inputs().unwrap();
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let mut proof =
        prove_assignment(shared(), &mut transcript(omitted, &statement), &public, &sample.assignment(), false, rng);
    assert!(!accepts(omitted, &statement, &proof));
    // The verifier's sum is off by some point, in which L and R have known factors.
    let mut equation = Equation::new();
    equation.add(shared(), &mut transcript(omitted, &statement), &public, &proof, &Scalar::ONE);
    let fold = &mut proof.inner_product.folds[round];
    let sent = if high { &mut fold.1 } else { &mut fold.0 };
    let (factor, point) = equation.term(sent);
    *sent = Point::from(point - equation.sum(shared()) * factor.invert().to_dalek());
    assert_forged(omitted, &statement, &proof);
}

#[test]
fn without_either_half_of_a_fold_any_vector_has_any_inner_product() {
    for round in [0, 3, 5] {
        mend_fold(&[label::FOLD_LOW], round, false);
        mend_fold(&[label::FOLD_HIGH], round, true);
    }
}

/// With the form of the mask outside the transcript, χ is known before it is chosen: c + χ·T = ⟨m + χ·V, b⟩ for any V.
struct ChooseMaskValue;
impl Cheat for ChooseMaskValue {
    fn mask_value(&mut self, chi: &Scalar, excess: &Scalar, value: &mut Scalar) {
        *value += *chi * *excess;
    }
}

#[test]
fn without_the_value_of_the_mask_everything_can_be_broken() {
    let omitted: Labels = &[label::MASK_VALUE];
    let mut sample = Sample::new(18);
    sample.bend_bit(7); // a bound that is not met
    let statement = statement(&sample, 18);
    let public = statement.public_inputs().unwrap();
    let attempt = prove(&mut transcript(omitted, &statement), &public, &sample.assignment(), &mut ChooseMaskValue);
    assert_forged(omitted, &statement, &attempt.proof);
}

/// The weights of a batch that has absorbed its statements and, unless `omitted`, its proofs.
fn batch_weights(omitted: Labels, statement: &Statement, proofs: &[MembershipProof; 2]) -> [Scalar; 2] {
    let mut weights = Transcript::without(label::BATCH, omitted);
    for proof in proofs {
        statement.absorb_into(&mut weights, shared().digest());
        weights.append(label::BATCH_PROOF, &proof.to_bytes());
    }
    weights.challenges(label::BATCH_WEIGHT)
}

#[test]
fn without_the_proofs_in_the_weights_of_a_batch_two_bad_ones_cancel() {
    let sample = Sample::new(19);
    let statement = statement(&sample, 19);
    let public = statement.public_inputs().unwrap();
    let rng = &mut ChaCha20Rng::seed_from_u64(19);
    let good = prove_assignment(shared(), &mut transcript(&[], &statement), &public, &sample.assignment(), true, rng);
    let holds = |omitted: Labels, proofs: &[MembershipProof; 2]| {
        let batch = proofs.each_ref().map(|proof| (&statement, proof));
        shared().batch_holds(Transcript::without(label::BATCH, omitted), &batch)
    };

    // No challenge of a proof follows its last values: a change of one moves its equation by a multiple of one point, the same
    // for both copies, and with weights known beforehand the two changes can be chosen to cancel.
    let omitted: Labels = &[label::BATCH_PROOF];
    let [first, second] = batch_weights(omitted, &statement, &[good.clone(), good.clone()]);
    let mut forged = [good.clone(), good.clone()];
    forged[0].inner_product.last[0] += second;
    forged[1].inner_product.last[0] -= first;
    assert!(forged.iter().all(|proof| !accepts(&[], &statement, proof)), "both are bad");
    assert!(holds(omitted, &forged), "and their sum is good without the proofs in the weights");
    assert!(!holds(&[], &forged), "the real weights stop it");
    assert!(holds(&[], &[good.clone(), good]));
    assert_eq!(shared().verify_batch(&forged.each_ref().map(|proof| (&statement, proof))).unwrap_err().index, 0);
}

/// The simulator of theorem 2: it knows no witness, but chooses S and c after χ.
fn simulate(omitted: Labels, statement: &Statement, rng: &mut ChaCha20Rng) -> MembershipProof {
    let parameters = shared();
    let interpolation = &parameters.interpolation;
    let generators = &parameters.generators;
    let mut transcript = transcript(omitted, statement);
    let mut point = || {
        let mut uniform = [0; 64];
        rng.fill_bytes(&mut uniform);
        Point::from(RistrettoPoint::from_uniform_bytes(&uniform))
    };
    let columns: [Point; COMMITTED_SLOTS] = core::array::from_fn(|_| point());
    columns.iter().for_each(|point| transcript.append_point(label::COLUMNS, point));
    let tau = transcript.challenges(label::TAU);
    let gate_rounds: [Point; GATE_ROUNDS] = core::array::from_fn(|_| point());
    let place = gate_rounds.each_ref().map(|point| {
        transcript.append_point(label::GATE_ROUND, point);
        transcript.challenge(label::GATE_POINT)
    });
    let slot_rounds = [point(), point()];
    let mut scalar = || Scalar::random(rng);
    let evaluations = Evaluations { a: scalar(), b: scalar(), e: scalar(), d: scalar() };
    evaluations.append_to(&mut transcript);
    let gamma = transcript.challenge(label::GAMMA);
    let slot_point = slot_rounds.each_ref().map(|point| {
        transcript.append_point(label::SLOT_ROUND, point);
        transcript.challenge(label::SLOT_POINT)
    });
    let challenges = Challenges {
        tau,
        point: place,
        evaluations,
        slot_point,
        xi: transcript.challenge(label::XI),
        rho: transcript.challenge(label::RHO),
    };
    let public = statement.public_inputs().unwrap();
    let claim = LinearClaim::new(interpolation, &public, &place, &evaluations, &gamma);
    let weights = interpolation.equality_table(&slot_point);
    let (form, value) = combine(interpolation, &challenges, &claim.combine(&weights), &claim.target);

    let mut z: Vec<Scalar> = (0..LENGTH).map(|_| scalar()).collect();
    let zeta = scalar();
    // If only S is free, c is fixed before χ and z is bent to it.
    let fixed = scalar();
    let mut before = transcript.clone();
    before.append_scalar(label::MASK_VALUE, &fixed);
    let chi = before.challenge(label::CHI);
    if !omitted.contains(&label::MASK_VALUE) {
        let missing = fixed + chi * value - Scalar::inner_product(&z, &form);
        z[0] += missing * form[0].invert();
    }
    let rho: [Scalar; 9] = powers(&challenges.rho);
    let combined: RistrettoPoint = columns
        .iter()
        .zip(&weights)
        .chain(gate_rounds.iter().chain(&slot_rounds).zip(&rho[1..]))
        .map(|(point, factor)| point.point() * factor.to_dalek())
        .sum();
    let scalars: Vec<_> = z.iter().map(Scalar::to_dalek).collect();
    let mask = RistrettoPoint::multiscalar_mul(&scalars, &generators.vector) + generators.blinding * zeta.to_dalek()
        - combined * chi.to_dalek();
    let mask = Point::from(mask);
    let mask_value = Scalar::inner_product(&z, &form) - chi * value;
    transcript.append_point(label::MASK, &mask);
    transcript.append_scalar(label::MASK_VALUE, &mask_value);
    assert_eq!(transcript.challenge(label::CHI) == chi, omitted.contains(&label::MASK));
    transcript.append_scalar(label::ZETA, &zeta);
    let y = transcript.challenge(label::Y);
    let inner_product =
        prove_vartime(&OneThread, &mut transcript, &generators.vector, &(generators.form * y.to_dalek()), z, form);
    MembershipProof { columns, gate_rounds, evaluations, slot_rounds, mask, mask_value, zeta, inner_product }
}

#[test]
fn a_simulator_that_programs_one_challenge_needs_no_witness() {
    // Both sides of one coin. Zero knowledge: whoever may choose χ before S can make accepted proofs of anything out of
    // nothing, so real ones give nothing away. Soundness: the real transcript does not let anybody choose.
    let both: Labels = &[label::MASK, label::MASK_VALUE];
    for omitted in [both, &[label::MASK]] {
        let mut statement = statement(&Sample::new(11), 11);
        statement.root = MerkleRoot::from_bytes(&Scalar::from(4711).to_bytes()).unwrap();
        let proof = simulate(omitted, &statement, &mut ChaCha20Rng::seed_from_u64(3));
        assert_forged(omitted, &statement, &proof);
    }
}

#[test]
fn every_public_value_changes_the_first_challenge() {
    let base = statement(&Sample::new(12), 12);
    let one = Scalar::ONE.to_bytes();
    let changes: [&dyn Fn(&mut Statement); 11] = [
        &|statement| statement.root = MerkleRoot::from_bytes(&one).unwrap(),
        &|statement| statement.external_nullifier = ExternalNullifier::from_bytes(&one).unwrap(),
        &|statement| statement.use_index += 1,
        &|statement| statement.nullifier = Nullifier::from_bytes(&one).unwrap(),
        &|statement| statement.signal = Signal::new(b"other"),
        &|statement| statement.nonce[31] ^= 0x80,
        &|statement| statement.issued_no_later_than = None,
        &|statement| statement.issued_no_later_than = Some(0),
        &|statement| statement.expires_no_earlier_than = None,
        &|statement| statement.expires_no_earlier_than = Some(0),
        &|statement| statement.assurance_at_least = Assurance::NONE,
    ];
    let first = |statement: &Statement| transcript(&[], statement).challenge(label::TAU).to_bytes();
    let mut seen = Vec::from([first(&base)]);
    for change in changes {
        let mut statement = base.clone();
        change(&mut statement);
        seen.push(first(&statement));
    }
    let mut other_circuit = Transcript::new(label::PROTOCOL);
    base.absorb_into(&mut other_circuit, &[0; 32]);
    seen.push(other_circuit.challenge(label::TAU).to_bytes());
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all);
}

#[test]
fn prover_and_verifier_draw_the_same_challenges_and_every_message_changes_the_later_ones() {
    let (one, two) = (Sample::new(19), Sample::new(20));
    let statement = statement(&one, 19);
    let public = statement.public_inputs().unwrap();
    let prove = |sample: &Sample, seed| {
        let mut transcript = transcript(&[], &statement);
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        let proof = prove_assignment(shared(), &mut transcript, &public, &sample.assignment(), true, rng);
        (proof, transcript.trace().to_vec())
    };
    let trace = |proof: &MembershipProof| {
        let mut transcript = transcript(&[], &statement);
        Equation::new().add(shared(), &mut transcript, &public, proof, &Scalar::ONE);
        transcript.trace().to_vec()
    };
    let (proof, drawn) = prove(&one, 1);
    assert_eq!(drawn.len(), 25);
    assert_eq!(trace(&proof), drawn);

    // The challenges that come before each element of the encoding: section 4 of the document.
    let mut before = Vec::from([0; 14]);
    before.extend((0..6).map(|round| 6 + round)); // P, after τ and the rounds before
    before.extend([12; 4]); // a, b, e, d
    before.extend([13, 14]); // Q, after γ
    before.extend([17, 17, 18]); // S and c after r', ξ and ρ; ζ after χ
    before.extend((0..6).flat_map(|round| [19 + round; 2])); // L, R
    before.extend([25; 4]); // the last values: nothing follows
    let (bytes, other) = (proof.to_bytes(), prove(&two, 2).0.to_bytes());
    for (element, before) in before.into_iter().enumerate() {
        let place = 1 + 32 * element..33 + 32 * element;
        let mut changed = bytes;
        changed[place.clone()].copy_from_slice(&other[place]);
        let changed = trace(&MembershipProof::from_bytes(&changed).unwrap());
        let equal = changed.iter().zip(&drawn).map(|(changed, drawn)| changed == drawn);
        let expected = (0..25).map(|challenge| challenge < before);
        assert!(equal.eq(expected), "element {element}");
    }
}
