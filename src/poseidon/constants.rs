//! Poseidon's constants in the form that the permutation computes with.
//!
//! The numbers are in `tables`. Those of the dense form come from the designers' Grain generator,
//! which `grain` runs again in a test; those of the sparse form follow from them, and a test below
//! derives them again. `testdata/poseidon/reference.py` wrote the file and does both independently.
//!
//! # The sparse form
//!
//! Appendix B of the paper, in our letters. Split M at element 0, with m a number, v a row, w a
//! column and M̂ the 8×8 rest:
//!
//! ```text
//!     ⎡ m  v ⎤   ⎡ m  v·M̂⁻¹ ⎤   ⎡ 1  0 ⎤
//! M = ⎢      ⎥ = ⎢          ⎥ · ⎢      ⎥
//!     ⎣ w  M̂ ⎦   ⎣ w    I   ⎦   ⎣ 0  M̂ ⎦
//! ```
//!
//! The right factor leaves element 0 alone and so commutes with the S-box before it; it joins the
//! matrix of the round before, which is split in turn. Written out, the partial round that has e − 1
//! partial rounds after it keeps the sparse matrix with row (m, v·M̂⁻ᵉ) and column M̂ᵉ⁻¹·w, and
//! diag(1, M̂⁶⁰)·M remains for the full round in front.
//!
//! Constants go the other way: what round r adds to the elements 1..=8 passes the S-box untouched and
//! can be added after the matrix, to the constants of round r + 1.

use super::{FULL_ROUNDS, PARTIAL_ROUND_COUNT, WIDTH, tables};
use crate::scalar::Scalar;

type Row = [Scalar; WIDTH];

/// The constants of every round, by element, in the dense form.
pub(crate) static ROUND_CONSTANTS: [Row; FULL_ROUNDS + PARTIAL_ROUND_COUNT] = rows(&tables::ROUND_CONSTANTS);

/// The matrix M; the new state is M times the state as a column.
pub(crate) static MDS: [Row; WIDTH] = rows(&tables::MDS);

/// The columns of M, for the permutation run backwards.
pub(super) static MDS_COLUMNS: [Row; WIDTH] = transposed(&rows(&tables::MDS));

/// diag(1, M̂⁶⁰)·M: the matrix of the last full round before the partial ones.
pub(super) static PRE_SPARSE: [Row; WIDTH] = rows(&tables::PRE_SPARSE);

/// Its columns.
pub(super) static PRE_SPARSE_COLUMNS: [Row; WIDTH] = transposed(&rows(&tables::PRE_SPARSE));

/// The partial rounds in their sparse form.
pub(super) static PARTIAL_ROUNDS: [PartialRound; PARTIAL_ROUND_COUNT] = partial_rounds();

/// The constants of the first full round after the partial ones, with what those deferred.
pub(super) static LATE_CONSTANTS: Row = {
    let [row] = rows(&tables::LATE_CONSTANTS);
    row
};

/// One partial round in its sparse form.
#[derive(Clone, Copy)]
pub(super) struct PartialRound {
    /// Added to element 0 before the S-box.
    pub(super) constant: Scalar,
    /// Row 0 of the matrix.
    pub(super) row: Row,
    /// Column 0 below row 0; besides, the matrix has ones on its diagonal.
    pub(super) column: [Scalar; WIDTH - 1],
}

const fn rows<const ROWS: usize>(numbers: &[tables::Limbs]) -> [Row; ROWS] {
    assert!(numbers.len() == ROWS * WIDTH);
    let mut rows = [[Scalar::ZERO; WIDTH]; ROWS];
    let mut index = 0;
    while index < numbers.len() {
        rows[index / WIDTH][index % WIDTH] = Scalar::from_limbs(numbers[index]);
        index += 1;
    }
    rows
}

const fn transposed(matrix: &[Row; WIDTH]) -> [Row; WIDTH] {
    let mut columns = *matrix;
    let mut index = 0;
    while index < WIDTH * WIDTH {
        columns[index / WIDTH][index % WIDTH] = matrix[index % WIDTH][index / WIDTH];
        index += 1;
    }
    columns
}

const fn partial_rounds() -> [PartialRound; PARTIAL_ROUND_COUNT] {
    let mut rounds = [PartialRound {
        constant: Scalar::ZERO,
        row: [Scalar::from_limbs(tables::MDS[0]); WIDTH],
        column: [Scalar::ZERO; WIDTH - 1],
    }; PARTIAL_ROUND_COUNT];
    let mut round = 0;
    while round < PARTIAL_ROUND_COUNT {
        rounds[round].constant = Scalar::from_limbs(tables::PARTIAL_CONSTANTS[round]);
        let mut index = 0;
        while index < WIDTH - 1 {
            let entry = round * (WIDTH - 1) + index;
            rounds[round].row[index + 1] = Scalar::from_limbs(tables::PARTIAL_ROWS[entry]);
            rounds[round].column[index] = Scalar::from_limbs(tables::PARTIAL_COLUMNS[entry]);
            index += 1;
        }
        round += 1;
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    type Column = [Scalar; WIDTH - 1];

    /// M̂ and its transpose.
    fn rest(transposed: bool) -> [Column; WIDTH - 1] {
        core::array::from_fn(|row| {
            core::array::from_fn(|column| if transposed { MDS[column + 1][row + 1] } else { MDS[row + 1][column + 1] })
        })
    }

    fn times(matrix: &[Column; WIDTH - 1], column: &Column) -> Column {
        core::array::from_fn(|row| Scalar::dot(&matrix[row], column))
    }

    #[test]
    fn sparse_tables_follow_from_the_dense_ones() {
        let (rest, transposed) = (rest(false), rest(true));
        let mut row: Column = core::array::from_fn(|index| MDS[0][index + 1]);
        let mut column: Column = core::array::from_fn(|index| MDS[index + 1][0]);
        for round in PARTIAL_ROUNDS.iter().rev() {
            assert_eq!(round.row[0], MDS[0][0]);
            // (v·M̂⁻ᵉ)·M̂ = v·M̂^(1−e), without computing an inverse.
            let stored: Column = core::array::from_fn(|index| round.row[index + 1]);
            assert_eq!(times(&transposed, &stored), row);
            row = stored;
            assert_eq!(round.column, column);
            column = times(&rest, &column);
        }
        assert_eq!(PRE_SPARSE[0], MDS[0]);
        for index in 0..WIDTH {
            let mut column: Column = core::array::from_fn(|row| MDS[row + 1][index]);
            for _ in 0..PARTIAL_ROUND_COUNT {
                column = times(&rest, &column);
            }
            for (row, entry) in column.iter().enumerate() {
                assert_eq!(PRE_SPARSE[row + 1][index], *entry);
            }
        }
    }

    #[test]
    fn deferred_constants_follow_from_the_dense_ones() {
        let mut deferred = [Scalar::ZERO; WIDTH];
        let constants = &ROUND_CONSTANTS[FULL_ROUNDS / 2..];
        for (round, constants) in PARTIAL_ROUNDS.iter().zip(constants) {
            for (sum, constant) in deferred.iter_mut().zip(constants) {
                *sum += *constant;
            }
            assert_eq!(round.constant, deferred[0]);
            deferred[0] = Scalar::ZERO;
            deferred = core::array::from_fn(|row| Scalar::dot(&MDS[row], &deferred));
        }
        for (sum, constant) in deferred.iter_mut().zip(&constants[PARTIAL_ROUND_COUNT]) {
            *sum += *constant;
        }
        assert_eq!(LATE_CONSTANTS, deferred);
    }
}
