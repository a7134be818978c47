//! Poseidon over the scalar field: the one hash of the proof side.
//!
//! The original permutation (Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon: A New
//! Hash Function for Zero-Knowledge Proof Systems", USENIX Security 2021) with a dense Cauchy
//! matrix, the S-box x⁵, nine elements, eight full and sixty partial rounds:
//!
//! ```text
//!             4 times                    60 times                     4 times
//!   ┌──────────────────────┐  ┌───────────────────────────┐  ┌──────────────────────┐
//!   │ +c   x⁵ on all   × M │  │ +c   x⁵ on element 0   × M │  │ +c   x⁵ on all   × M │
//!   └──────────────────────┘  └───────────────────────────┘  └──────────────────────┘
//!   capacity: element 0 = domain tag      rate: elements 1..=8      output: element 1
//! ```
//!
//! The designers' current script asks for 56 partial rounds at 128 bits (57 with the margin of its
//! later correction); sixty are used. Five is the smallest exponent that permutes this field.
//!
//! # Speed
//!
//! Partial rounds are computed in the sparse form of the paper's appendix B: because the S-box
//! touches element 0 alone, everything in M that does not involve element 0 can be pulled in front
//! of the partial rounds, and 17 products a round remain of 81. Sums of products are reduced once.
//! The dense form stays as the oracle of the tests and as what `membership` builds its matrices
//! from.

mod constants;
#[cfg(test)]
mod grain;
mod tables;

pub(crate) use constants::{MDS, ROUND_CONSTANTS};

use zeroize::Zeroize;

use crate::scalar::Scalar;
use constants::{LATE_CONSTANTS, MDS_COLUMNS, PARTIAL_ROUNDS, PRE_SPARSE, PRE_SPARSE_COLUMNS};

/// Number of elements of the state.
pub const WIDTH: usize = 9;

/// Number of elements that one call absorbs.
pub const RATE: usize = 8;

/// Rounds with nine S-boxes: half of them before, half of them after the partial ones.
pub const FULL_ROUNDS: usize = 8;

/// Rounds with one S-box.
pub const PARTIAL_ROUND_COUNT: usize = 60;

/// Number of S-boxes of one permutation.
pub(crate) const S_BOXES: usize = FULL_ROUNDS * WIDTH + PARTIAL_ROUND_COUNT;

/// What a hash is for; the value is the initial capacity element.
///
/// Hashes of different domains never share an initial state, so a leaf can never be read as a node,
/// nor a commitment as a nullifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Domain {
    /// A holder's secrets into the identity commitment.
    Identity = 1,
    /// Eight children into an inner node of the tree.
    Node = 2,
    /// Secret, external nullifier and use index into the nullifier.
    Nullifier = 3,
    /// Identity commitment and credential into a leaf of the tree.
    Leaf = 4,
}

/// Hashes exactly eight elements under a domain tag.
///
/// Collision resistant at about 126 bits (half of the capacity element).
///
/// ```
/// use personhood::poseidon::{hash, Domain};
/// use personhood::scalar::Scalar;
///
/// let left = hash(Domain::Node, &[Scalar::ONE; 8]);
/// let right = hash(Domain::Leaf, &[Scalar::ONE; 8]);
/// assert_ne!(left, right);
/// ```
#[must_use]
pub fn hash(domain: Domain, inputs: &[Scalar; RATE]) -> Scalar {
    hash_with(domain, inputs, |_| {})
}

/// [`hash`], and the output of each S-box in the order of [`permute_with_trace`].
pub(crate) fn hash_with_trace(domain: Domain, inputs: &[Scalar; RATE], trace: &mut [Scalar; S_BOXES]) -> Scalar {
    let mut outputs = trace.iter_mut();
    hash_with(domain, inputs, |output| {
        if let Some(slot) = outputs.next() {
            *slot = output;
        }
    })
}

/// Applies the permutation.
pub fn permute(state: &mut [Scalar; WIDTH]) {
    permute_with(state, |_| {});
}

/// Applies the permutation and writes the output of every S-box: nine for each full round, by
/// element, and one for each partial round, in the order of the rounds.
///
/// These values determine the whole computation linearly, which is what the membership relation
/// commits to; they are the same in the dense and in the sparse form. They are as secret as the
/// state.
#[cfg(test)]
pub(crate) fn permute_with_trace(state: &mut [Scalar; WIDTH], trace: &mut [Scalar; S_BOXES]) {
    let mut outputs = trace.iter_mut();
    permute_with(state, |output| {
        if let Some(slot) = outputs.next() {
            *slot = output;
        }
    });
}

fn hash_with(domain: Domain, inputs: &[Scalar; RATE], record: impl FnMut(Scalar)) -> Scalar {
    let mut state = [Scalar::ZERO; WIDTH];
    state[0] = Scalar::from(domain as u64);
    state[1..].copy_from_slice(inputs);
    permute_with(&mut state, record);
    let output = state[1];
    state.zeroize(); // the permutation is invertible: the state is worth as much as the inputs
    output
}

#[inline(always)]
fn permute_with(state: &mut [Scalar; WIDTH], mut record: impl FnMut(Scalar)) {
    permute_through(state, |input| {
        let output = input.pow5();
        record(output);
        output
    });
}

/// The permutation with whatever `s_box` makes of the inputs of S-boxes.
#[inline(always)]
fn permute_through(state: &mut [Scalar; WIDTH], mut s_box: impl FnMut(Scalar) -> Scalar) {
    const HALF: usize = FULL_ROUNDS / 2;
    for (round, constants) in ROUND_CONSTANTS[..HALF].iter().enumerate() {
        // The last matrix before the partial rounds takes their common factor along.
        let matrix = if round + 1 == HALF { &PRE_SPARSE } else { &MDS };
        full_round(state, constants, matrix, &mut s_box);
    }
    for round in &PARTIAL_ROUNDS {
        let output = s_box(state[0] + round.constant);
        state[0] = output;
        let first = Scalar::dot(&round.row, state);
        for (element, factor) in state[1..].iter_mut().zip(&round.column) {
            *element += *factor * output;
        }
        state[0] = first;
    }
    // What the partial rounds' constants would have added to the other elements, all at once.
    full_round(state, &LATE_CONSTANTS, &MDS, &mut s_box);
    for constants in &ROUND_CONSTANTS[HALF + PARTIAL_ROUND_COUNT + 1..] {
        full_round(state, constants, &MDS, &mut s_box);
    }
}

/// The inputs of all S-boxes of a permutation whose S-boxes give `outputs`, whatever these are, and element 1 of the result.
///
/// As the sparse form has the S-boxes of the dense one, so it has their inputs.
pub(crate) fn s_box_inputs(state: &[Scalar; WIDTH], outputs: &[Scalar; S_BOXES]) -> ([Scalar; S_BOXES], Scalar) {
    let mut inputs = [Scalar::ZERO; S_BOXES];
    let mut boxes = inputs.iter_mut().zip(outputs);
    let mut state = *state;
    permute_through(&mut state, |input| {
        let (place, output) = boxes.next().expect("as many S-boxes as outputs");
        *place = input;
        *output
    });
    let output = state[1];
    state.zeroize(); // determines the inputs
    (inputs, output)
}

/// Σ weightsᵢ·(input of S-box i) as an affine form: the coefficients of the initial state and of all S-box outputs, and
/// the constant.
///
/// Between S-boxes the permutation is affine, so this is the permutation run backwards with transposed matrices. The
/// sparse form has the S-boxes of the dense one, and therefore the same answer, at 17 products a partial round.
pub(crate) fn transposed(weights: &[Scalar; S_BOXES]) -> ([Scalar; WIDTH], [Scalar; S_BOXES], Scalar) {
    const HALF: usize = FULL_ROUNDS / 2;
    const LATE: usize = HALF * WIDTH + PARTIAL_ROUND_COUNT;
    let mut outputs = [Scalar::ZERO; S_BOXES];
    let mut constant = Scalar::ZERO;
    // Coefficients of the state after the round at hand; nothing comes after the last one.
    let mut state = [Scalar::ZERO; WIDTH];
    for (round, constants) in ROUND_CONSTANTS[HALF + PARTIAL_ROUND_COUNT..].iter().enumerate().rev() {
        let constants = if round == 0 { &LATE_CONSTANTS } else { constants };
        let boxes = LATE + round * WIDTH..LATE + (round + 1) * WIDTH;
        constant += transposed_round(&mut state, &weights[boxes.clone()], constants, &MDS_COLUMNS, &mut outputs[boxes]);
    }
    for (index, round) in PARTIAL_ROUNDS.iter().enumerate().rev() {
        let number = HALF * WIDTH + index;
        let first = state[0];
        let mut column = [round.row[0]; WIDTH];
        column[1..].copy_from_slice(&round.column);
        outputs[number] = Scalar::dot(&column, &state);
        for (element, factor) in state[1..].iter_mut().zip(&round.row[1..]) {
            *element += *factor * first;
        }
        state[0] = weights[number];
        constant += round.constant * state[0];
    }
    for (round, constants) in ROUND_CONSTANTS[..HALF].iter().enumerate().rev() {
        let columns = if round + 1 == HALF { &PRE_SPARSE_COLUMNS } else { &MDS_COLUMNS };
        let boxes = round * WIDTH..(round + 1) * WIDTH;
        constant += transposed_round(&mut state, &weights[boxes.clone()], constants, columns, &mut outputs[boxes]);
    }
    (state, outputs, constant)
}

/// A full round of [`transposed`]; what its constants contribute.
#[inline(always)]
fn transposed_round(
    state: &mut [Scalar; WIDTH],
    weights: &[Scalar],
    constants: &[Scalar; WIDTH],
    columns: &[[Scalar; WIDTH]; WIDTH],
    outputs: &mut [Scalar],
) -> Scalar {
    // Behind an S-box is its output; before it, the input that is weighed.
    for (output, column) in outputs.iter_mut().zip(columns) {
        *output = Scalar::dot(column, state);
    }
    state.copy_from_slice(weights);
    Scalar::dot(constants, state)
}

#[inline(always)]
fn full_round(
    state: &mut [Scalar; WIDTH],
    constants: &[Scalar; WIDTH],
    matrix: &[[Scalar; WIDTH]; WIDTH],
    s_box: &mut impl FnMut(Scalar) -> Scalar,
) {
    let mut outputs = *state;
    for (element, constant) in outputs.iter_mut().zip(constants) {
        *element = s_box(*element + *constant);
    }
    for (element, row) in state.iter_mut().zip(matrix) {
        *element = Scalar::dot(row, &outputs);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::vec::Vec;

    use super::*;
    use proptest::prelude::*;

    /// The permutation as the paper states it.
    fn permute_dense(state: &mut [Scalar; WIDTH]) -> Vec<Scalar> {
        let mut trace = Vec::new();
        for (round, constants) in ROUND_CONSTANTS.iter().enumerate() {
            let partial = (FULL_ROUNDS / 2..FULL_ROUNDS / 2 + PARTIAL_ROUND_COUNT).contains(&round);
            for (index, (element, constant)) in state.iter_mut().zip(constants).enumerate() {
                *element += *constant;
                if index == 0 || !partial {
                    *element = element.square().square() * *element;
                    trace.push(*element);
                }
            }
            let before = *state;
            for (element, row) in state.iter_mut().zip(&MDS) {
                *element = row.iter().zip(&before).map(|(a, b)| a * b).sum();
            }
        }
        trace
    }

    fn state() -> impl Strategy<Value = [Scalar; WIDTH]> {
        let element = prop_oneof![
            8 => any::<[u8; 32]>().prop_map(|bytes| {
                let mut wide = [0; 64];
                wide[..32].copy_from_slice(&bytes);
                Scalar::from_bytes_wide(&wide)
            }),
            1 => Just(Scalar::ZERO),
            1 => Just(-Scalar::ONE),
        ];
        proptest::array::uniform9(element)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn sparse_form_and_trace_equal_the_dense_form(start in state()) {
            let (mut sparse, mut dense, mut traced) = (start, start, start);
            let mut trace = [Scalar::ZERO; S_BOXES];
            let expected = permute_dense(&mut dense);
            permute(&mut sparse);
            permute_with_trace(&mut traced, &mut trace);
            prop_assert_eq!(sparse, dense);
            prop_assert_eq!(traced, dense);
            prop_assert_eq!(&trace[..], &expected[..]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]

        #[test]
        fn inputs_of_s_boxes_and_their_transposed_form_are_those_of_the_dense_form(start in state(), seed in any::<u64>()) {
            // S-boxes that give anything but the fifth power, so that outputs are not functions of inputs; in the dense form.
            let number = |label: u64, i: usize| hash(Domain::Node, &[Scalar::from(seed), Scalar::from(label), Scalar::from(i as u64),
                Scalar::ONE, Scalar::ONE, Scalar::ONE, Scalar::ONE, Scalar::ONE]);
            let weights: [Scalar; S_BOXES] = core::array::from_fn(|i| number(0, i));
            let given: [Scalar; S_BOXES] = core::array::from_fn(|i| number(1, i));
            let (mut inputs, mut state) = (Vec::new(), start);
            for (round, constants) in ROUND_CONSTANTS.iter().enumerate() {
                for (i, constant) in constants.iter().enumerate() {
                    state[i] += *constant;
                    if i == 0 || !(4..64).contains(&round) {
                        inputs.push(state[i]);
                        state[i] = given[inputs.len() - 1];
                    }
                }
                state = core::array::from_fn(|row| Scalar::inner_product(&MDS[row], &state));
            }
            let (sparse, output) = s_box_inputs(&start, &given);
            prop_assert_eq!(&sparse[..], &inputs[..]);
            prop_assert_eq!(output, state[1]);
            let (by_start, by_outputs, constant) = transposed(&weights);
            let form = Scalar::inner_product(&by_start, &start) + Scalar::inner_product(&by_outputs, &given) + constant;
            prop_assert_eq!(form, Scalar::inner_product(&weights, &inputs));
        }
    }

    #[test]
    fn hash_of_zero_to_seven_is_the_published_sample() {
        let inputs = core::array::from_fn(|index| Scalar::from(index as u64));
        let mut expected = *b"\x01\x34\xda\x17\x12\xed\x19\x23\x00\xed\x32\xe4\x74\x86\x10\x66\
                              \x6c\x6e\x80\xde\xb4\xfd\x01\x10\xf1\x89\x38\xde\x0f\x68\x6c\xbb";
        expected.reverse();
        assert_eq!(hash(Domain::Node, &inputs).to_bytes(), expected);

        let mut trace = [Scalar::ZERO; S_BOXES];
        let traced = hash_with_trace(Domain::Node, &inputs, &mut trace);
        assert_eq!(traced.to_bytes(), expected);
        assert!(trace.iter().all(|output| *output != Scalar::ZERO));
    }

    #[test]
    fn domains_and_positions_matter() {
        let mut inputs = [Scalar::ZERO; RATE];
        inputs[0] = Scalar::ONE;
        let mut seen = Vec::new();
        for domain in [Domain::Identity, Domain::Node, Domain::Nullifier, Domain::Leaf] {
            for _ in 0..RATE {
                inputs.rotate_right(1);
                let output = hash(domain, &inputs);
                assert!(!seen.contains(&output));
                seen.push(output);
            }
        }
    }
}
