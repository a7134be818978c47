//! What is linear: the rows at a random point, the ties, and their combination.

use alloc::vec;
use alloc::vec::Vec;

use sha2::{Digest, Sha512};

use super::super::sumcheck::Interpolation;
use super::super::transcript::{Transcript, label};
use super::super::workers::Workers;
use super::{
    ARITY, ASSURANCE_BITS, BITS, BOUNDS, BOUNDS_COLUMNS, COLUMNS, COMMITMENT, COMMITTED_SLOTS, HASHES, LEAF,
    MASK_POWER, MASK_PRODUCTS, MEMBERSHIP_ROW, MEMBERSHIP_ROWS, NULLIFIER, PRODUCT_COLUMN, PRODUCTS, PublicInputs,
    ROW_DIGITS, ROWS, SBOX_COLUMN, SLOT_DIGITS, SLOTS, TIME_BITS, TREE, WIDTH, tag,
};
use crate::poseidon::{self, MDS, ROUND_CONSTANTS};
use crate::scalar::{Scalar, hash_to_scalar};
use crate::tree::DEPTH;

/// A secret value that a tie speaks of.
#[derive(Clone, Copy)]
enum Cell {
    /// A column.
    Column(usize),
    /// The output of a hash slot: row 1 of the matrix times the last nine S-box outputs.
    Output,
}

/// A linear equation Σ coefficient·cell = value.
struct Tie {
    terms: Vec<(usize, Cell, Scalar)>,
    value: Scalar,
}

/// All linear equations, in the order in which powers of γ combine them.
fn ties(public: &PublicInputs) -> Vec<Tie> {
    let one = Scalar::ONE;
    let pin = |slot, input: usize, value| Tie { terms: vec![(slot, Cell::Column(input), one)], value };
    let output = |slot, value| Tie { terms: vec![(slot, Cell::Output, one)], value };
    let mut ties = Vec::with_capacity(24);

    // P9(3; s, ext, k, 0, 0, 0, 0, 0) = nullifier
    ties.push(pin(NULLIFIER, 1, public.external_nullifier));
    ties.push(pin(NULLIFIER, 2, public.use_index));
    ties.extend((3..ARITY).map(|input| pin(NULLIFIER, input, Scalar::ZERO)));
    ties.push(output(NULLIFIER, public.nullifier));

    // P9(1; s, t, 0, 0, 0, 0, 0, 0), with the s of the nullifier
    ties.push(Tie {
        terms: vec![(COMMITMENT, Cell::Column(0), one), (NULLIFIER, Cell::Column(0), -one)],
        value: Scalar::ZERO,
    });
    ties.extend((2..ARITY).map(|input| pin(COMMITMENT, input, Scalar::ZERO)));

    // P9(4; commitment, issued, expires, assurance, 0, 0, 0, 0)
    ties.push(Tie { terms: vec![(LEAF, Cell::Column(0), one), (COMMITMENT, Cell::Output, -one)], value: Scalar::ZERO });
    ties.extend((4..ARITY).map(|input| pin(LEAF, input, Scalar::ZERO)));

    // The node of the last level is the root.
    ties.push(output(HASHES - 1, public.root));

    // T1 − issued, expires − T2, assurance − A are the numbers that the bits spell.
    let spell = |first: usize, count: usize| {
        let mut power = one;
        (first..first + count).map(move |column| {
            let term = (BOUNDS, Cell::Column(column), power);
            power = power.double();
            term
        })
    };
    let mut issued = vec![(LEAF, Cell::Column(1), one)];
    issued.extend(spell(0, TIME_BITS));
    ties.push(Tie { terms: issued, value: Scalar::from(public.issued_no_later_than) });
    let mut expires = vec![(LEAF, Cell::Column(2), -one)];
    expires.extend(spell(TIME_BITS, TIME_BITS));
    ties.push(Tie { terms: expires, value: -Scalar::from(public.expires_no_earlier_than) });
    let mut assurance = vec![(LEAF, Cell::Column(3), -one)];
    assurance.extend(spell(2 * TIME_BITS, ASSURANCE_BITS));
    ties.push(Tie { terms: assurance, value: -Scalar::from(u64::from(public.assurance_at_least)) });
    ties
}

/// The claimed values of A·z, B·z, E·z and D·z at the random point.
#[derive(Clone, Copy)]
pub(in super::super) struct Evaluations {
    pub(in super::super) a: Scalar,
    pub(in super::super) b: Scalar,
    pub(in super::super) e: Scalar,
    pub(in super::super) d: Scalar,
}

impl Evaluations {
    /// Absorbs the four values as one message.
    pub(in super::super) fn append_to(&self, transcript: &mut Transcript) {
        let mut message = [0; 4 * Scalar::BYTES];
        for (bytes, scalar) in message.chunks_exact_mut(Scalar::BYTES).zip([&self.a, &self.b, &self.e, &self.d]) {
            bytes.copy_from_slice(&scalar.to_bytes());
        }
        transcript.append(label::EVALUATIONS, &message);
    }
}

/// Everything linear: the four evaluations and all ties, combined by powers of γ into
/// Σ_slot ⟨f_slot, w_slot⟩ = target.
///
/// The rows of all hash slots are alike, so f_slot is a few vectors, each with a factor per slot.
pub(in super::super) struct LinearClaim {
    /// S-box rows, the same in every hash slot.
    hash: Vec<Scalar>,
    /// Membership rows, the same in every tree slot: what they say of their own slot.
    membership: Vec<Scalar>,
    /// Membership rows: the factor of the output of the slot before.
    previous: Scalar,
    /// Rows of the bounds slot.
    bounds: Vec<Scalar>,
    /// eq of the slot half of the random point.
    slots: Vec<Scalar>,
    /// Ties, each with its power of γ.
    ties: Vec<(Scalar, Tie)>,
    /// The value of the sum.
    pub(in super::super) target: Scalar,
}

impl LinearClaim {
    /// Combines the claims that the gates evaluate to `evaluations` at `point`, and the ties of `public`.
    pub(in super::super) fn new(
        interpolation: &Interpolation,
        public: &PublicInputs,
        point: &[Scalar; SLOT_DIGITS + ROW_DIGITS],
        evaluations: &Evaluations,
        gamma: &Scalar,
    ) -> Self {
        let (slot_point, row_point) = point.split_at(SLOT_DIGITS);
        let slots = interpolation.equality_table(slot_point);
        let rows = interpolation.equality_table(row_point);
        // A, B, E, D have the powers 0 to 3 of γ; ties the following ones.
        let [by_b, by_e, by_d] = [*gamma, gamma.square(), gamma.square() * *gamma];

        // A row of A is the input of an S-box, a row of B its output. The tag enters row 0 alone.
        let sboxes = rows.first_chunk().expect("more rows than S-boxes");
        let (inputs, outputs, constant) = poseidon::transposed(sboxes);
        let mut hash = vec![Scalar::ZERO; COLUMNS];
        hash[..ARITY].copy_from_slice(&inputs[1..]);
        for ((form, output), row) in hash[SBOX_COLUMN..].iter_mut().zip(&outputs).zip(sboxes) {
            *form = *output + by_b * *row;
        }
        let hash_slots: Scalar = slots[..HASHES].iter().sum();
        let tags: Scalar = slots[..HASHES].iter().enumerate().map(|(slot, weight)| *weight * tag(slot)).sum();
        let constants = hash_slots * constant + rows[0] * tags;

        let mut membership = vec![Scalar::ZERO; COLUMNS];
        let mut previous = -(by_e * rows[MEMBERSHIP_ROW]);
        for (i, row) in rows[MEMBERSHIP_ROW..MEMBERSHIP_ROW + MEMBERSHIP_ROWS].iter().enumerate() {
            let left = if i == 0 { 0 } else { PRODUCT_COLUMN + i - 1 };
            membership[left] += by_e * *row;
            membership[i + 1] += by_d * *row;
            previous -= by_d * *row;
            if i < PRODUCTS {
                membership[PRODUCT_COLUMN + i] += by_b * *row;
            }
        }

        let mut bounds = vec![Scalar::ZERO; COLUMNS];
        let by_all = by_b + by_e + by_d;
        for (column, row) in rows[..BITS].iter().enumerate() {
            bounds[column] = by_all * *row;
        }
        bounds[MASK_POWER] = rows[BITS];
        bounds[MASK_POWER + 1] = by_b * rows[BITS];
        for (column, row) in MASK_PRODUCTS.into_iter().zip(&rows[BITS + 1..]) {
            bounds[column] = by_e * *row;
            bounds[column + 1] = by_d * *row;
            bounds[column + 2] = by_b * *row;
        }

        let mut target = evaluations.a + by_b * evaluations.b + by_e * evaluations.e + by_d * evaluations.d - constants;
        let mut power = by_d;
        let ties = ties(public)
            .into_iter()
            .map(|tie| {
                power *= *gamma;
                target += power * tie.value;
                (power, tie)
            })
            .collect();
        Self { hash, membership, previous, bounds, slots, ties, target }
    }

    /// Σ_slot weights[slot]·f_slot.
    pub(in super::super) fn combine(&self, weights: &[Scalar]) -> Vec<Scalar> {
        let by_hash = Scalar::inner_product(&self.slots[..HASHES], &weights[..HASHES]);
        let by_tree = Scalar::inner_product(&self.slots[TREE..HASHES], &weights[TREE..HASHES]);
        let by_bounds = self.slots[BOUNDS] * weights[BOUNDS];
        let mut form: Vec<Scalar> = self.hash.iter().map(|coefficient| by_hash * *coefficient).collect();
        for (form, coefficient) in form.iter_mut().zip(&self.bounds[..BOUNDS_COLUMNS]) {
            *form += by_bounds * *coefficient;
        }
        for column in (0..ARITY).chain(PRODUCT_COLUMN..COLUMNS) {
            form[column] += by_tree * self.membership[column];
        }

        // A membership row of slot ℓ speaks of the output of slot ℓ − 1.
        let mut output =
            self.previous * Scalar::inner_product(&self.slots[TREE..HASHES], &weights[TREE - 1..HASHES - 1]);
        for (power, tie) in &self.ties {
            for (slot, cell, coefficient) in &tie.terms {
                let factor = *power * *coefficient * weights[*slot];
                match cell {
                    Cell::Column(column) => form[*column] += factor,
                    Cell::Output => output += factor,
                }
            }
        }
        for (form, coefficient) in form[PRODUCT_COLUMN - WIDTH..PRODUCT_COLUMN].iter_mut().zip(&MDS[1]) {
            *form += output * *coefficient;
        }
        form
    }

    /// f of every slot: the table of the second sum.
    pub(in super::super) fn table(&self, workers: &impl Workers) -> Vec<Scalar> {
        let forms = workers.map(SLOTS, |slot| {
            let mut unit = [Scalar::ZERO; SLOTS];
            unit[slot] = Scalar::ONE;
            self.combine(&unit)
        });
        forms.concat()
    }
}

/// Hashes the layout, the hash's constants and a fingerprint of the equations into `hash`.
///
/// The fingerprint is the combined linear form at a fixed point derived by hash: any change of a
/// coefficient, a constant or a tie of the circuit changes it, up to a chance of 2^-240, without listing
/// every matrix.
pub(in super::super) fn absorb_into(hash: &mut Sha512, interpolation: &Interpolation) {
    for number in [SLOTS, ROWS, COMMITTED_SLOTS, COLUMNS, DEPTH] {
        hash.update((number as u64).to_le_bytes());
    }
    for constant in ROUND_CONSTANTS.iter().chain(&MDS).flatten() {
        hash.update(constant.to_bytes());
    }
    let at = |name: &[u8]| hash_to_scalar(b"circuit fingerprint", &[name]);
    let public = PublicInputs {
        root: at(b"root"),
        external_nullifier: at(b"ext"),
        use_index: at(b"k"),
        nullifier: at(b"nf"),
        issued_no_later_than: 1 << 20,
        expires_no_earlier_than: 1 << 21,
        assurance_at_least: 1 << 4,
    };
    let evaluations = Evaluations { a: at(b"a"), b: at(b"b"), e: at(b"e"), d: at(b"d") };
    let point = core::array::from_fn(|digit| at(&[b'r', digit as u8]));
    let weights: [Scalar; SLOTS] = core::array::from_fn(|slot| at(&[b's', slot as u8]));
    let claim = LinearClaim::new(interpolation, &public, &point, &evaluations, &at(b"gamma"));
    hash.update(claim.target.to_bytes());
    for coefficient in claim.combine(&weights) {
        hash.update(coefficient.to_bytes());
    }
}

#[cfg(test)]
pub(in super::super) mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::super::super::workers::OneThread;
    use super::super::tests::{Breach, Sample};
    use super::super::{Assignment, output};
    use super::*;

    /// Every tie's left side minus its value, by reading the equations out.
    pub(in super::super::super) fn tie_errors(assignment: &Assignment, public: &PublicInputs) -> Vec<Scalar> {
        ties(public)
            .iter()
            .map(|tie| {
                let left: Scalar = tie
                    .terms
                    .iter()
                    .map(|(slot, cell, coefficient)| match cell {
                        Cell::Column(column) => assignment.slot(*slot)[*column] * *coefficient,
                        Cell::Output => output(assignment.slot(*slot)) * *coefficient,
                    })
                    .sum();
                left - tie.value
            })
            .collect()
    }

    #[test]
    fn forms_are_the_rows_and_ties_that_the_prover_fills() {
        let rng = &mut ChaCha20Rng::seed_from_u64(11);
        let interpolation = Interpolation::new();
        let mut random = || Scalar::random(rng);
        // Columns that satisfy nothing, so that no coefficient can hide behind a zero.
        let mut assignment = Sample::new(1).assignment();
        for slot in 0..COMMITTED_SLOTS {
            assignment.slot_mut(slot).fill_with(&mut random);
        }
        let public = PublicInputs {
            root: random(),
            external_nullifier: random(),
            use_index: random(),
            nullifier: random(),
            issued_no_later_than: 77,
            expires_no_earlier_than: 88,
            assurance_at_least: 99,
        };
        let point = core::array::from_fn(|_| random());
        let gamma = random();
        let weights: [Scalar; SLOTS] = core::array::from_fn(|_| random());

        let gates = assignment.gates(&OneThread);
        let equality = interpolation.equality_table(&point);
        let at = |table: &[Scalar]| Scalar::inner_product(&equality, table);
        let evaluations = Evaluations { a: at(&gates.a), b: at(&gates.b), e: at(&gates.e), d: at(&gates.d) };
        let claim = LinearClaim::new(&interpolation, &public, &point, &evaluations, &gamma);
        let table = claim.table(&OneThread);

        // With true evaluations, only the errors of the ties remain.
        let mut power = gamma.square() * gamma;
        let errors: Scalar = tie_errors(&assignment, &public)
            .into_iter()
            .map(|error| {
                assert_ne!(error, Scalar::ZERO);
                power *= gamma;
                power * error
            })
            .sum();
        assert_eq!(Scalar::inner_product(&table, &assignment.table()) - claim.target, errors);

        // The shortcut of the verifier is the table of the prover.
        let combined = claim.combine(&weights);
        for (column, value) in combined.into_iter().enumerate() {
            let slow: Scalar = (0..SLOTS).map(|slot| weights[slot] * table[slot * COLUMNS + column]).sum();
            assert_eq!(value, slow, "column {column}");
        }
    }

    #[test]
    fn an_honest_assignment_satisfies_everything() {
        for seed in 0..3 {
            let sample = Sample::new(seed);
            assert_eq!(sample.breaches(&sample.assignment()), []);
        }
    }

    #[test]
    fn each_tie_can_be_broken_alone() {
        // The ties in their order, so that a new one has to be named here.
        let names = [
            "ext",
            "k",
            "0",
            "0",
            "0",
            "0",
            "0",
            "nullifier",
            "s",
            "0",
            "0",
            "0",
            "0",
            "0",
            "0",
            "commitment",
            "0",
            "0",
            "0",
            "0",
            "root",
            "issued",
            "expires",
            "assurance",
        ];
        for (tie, name) in names.iter().enumerate() {
            let mut sample = Sample::new(20 + tie as u64);
            sample.break_tie(tie);
            assert_eq!(sample.breaches(&sample.assignment()), [Breach::Tie(tie)], "{name}");
        }
        assert_eq!(tie_errors(&Sample::new(1).assignment(), &Sample::new(1).public).len(), names.len());
    }
}
