//! The generator of Poseidon's constants; compiled for the test that regenerates the tables.
//!
//! Appendix E of the Poseidon paper: an 80-bit Grain linear-feedback register that is seeded with
//! the parameters of the instance, clocked 160 times, and then read in self-shrinking mode: of each
//! pair of bits the second is output if the first is one.

use super::{FULL_ROUNDS, PARTIAL_ROUND_COUNT, WIDTH};
use crate::scalar::Scalar;

/// Bits of the modulus l.
const FIELD_BITS: u32 = 253;

struct Grain {
    /// Bit 79 is the oldest bit of the register, bit 0 the newest.
    register: u128,
}

impl Grain {
    fn new() -> Self {
        let mut register = 0;
        let fields = [
            (1, 2), // prime field
            (0, 4), // S-box x^α
            (u128::from(FIELD_BITS), 12),
            (WIDTH as u128, 12),
            (FULL_ROUNDS as u128, 10),
            (PARTIAL_ROUND_COUNT as u128, 10),
            ((1 << 30) - 1, 30),
        ];
        for (value, bits) in fields {
            register = register << bits | value;
        }
        let mut grain = Self { register };
        for _ in 0..160 {
            grain.clock();
        }
        grain
    }

    fn clock(&mut self) -> bool {
        // The paper counts from the oldest bit: b(i+80) = b(i+62)+b(i+51)+b(i+38)+b(i+23)+b(i+13)+b(i).
        let taps = [62, 51, 38, 23, 13, 0].map(|tap| self.register >> (79 - tap) & 1);
        let bit = taps.into_iter().fold(0, |sum, tap| sum ^ tap);
        self.register = (self.register << 1 | bit) & ((1 << 80) - 1);
        bit == 1
    }

    fn bit(&mut self) -> bool {
        loop {
            let (keep, bit) = (self.clock(), self.clock());
            if keep {
                return bit;
            }
        }
    }

    /// The next 253-bit integer, most significant bit first, as little-endian bytes.
    fn integer(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for position in (0..FIELD_BITS as usize).rev() {
            bytes[position / 8] |= u8::from(self.bit()) << (position % 8);
        }
        bytes
    }

    /// The next integer below l; others are discarded.
    fn constant(&mut self) -> Scalar {
        loop {
            if let Ok(constant) = Scalar::from_bytes(&self.integer()) {
                return constant;
            }
        }
    }

    /// The next integer modulo l.
    fn reduced(&mut self) -> Scalar {
        let mut wide = [0; 64];
        wide[..32].copy_from_slice(&self.integer());
        Scalar::from_bytes_wide(&wide)
    }
}

mod tests {
    use super::*;
    use crate::poseidon::{MDS, ROUND_CONSTANTS};
    use alloc::vec::Vec;

    type Matrix = [[Scalar; WIDTH]; WIDTH];

    #[test]
    fn grain_regenerates_the_tables() {
        let mut grain = Grain::new();
        for row in &ROUND_CONSTANTS {
            for constant in row {
                assert_eq!(grain.constant(), *constant);
            }
        }
        // The Cauchy matrix 1/(xᵢ + yⱼ) of the next eighteen numbers; they are distinct and no sum
        // is zero, so that all its minors are invertible.
        let sample: Vec<Scalar> = (0..2 * WIDTH).map(|_| grain.reduced()).collect();
        let distinct = |list: &[Scalar]| (0..list.len()).all(|i| (0..i).all(|j| list[i] != list[j]));
        assert!(distinct(&sample));
        for (x, row) in sample[..WIDTH].iter().zip(&MDS) {
            for (y, entry) in sample[WIDTH..].iter().zip(row) {
                assert_eq!((x + y) * *entry, Scalar::ONE);
            }
        }
    }

    fn product(a: &Matrix, b: &Matrix) -> Matrix {
        core::array::from_fn(|row| core::array::from_fn(|column| (0..WIDTH).map(|i| a[row][i] * b[i][column]).sum()))
    }

    fn rank(mut rows: Vec<[Scalar; WIDTH]>) -> usize {
        let mut rank = 0;
        for column in 0..WIDTH {
            let Some(pivot) = (rank..rows.len()).find(|row| rows[*row][column] != Scalar::ZERO) else {
                continue;
            };
            rows.swap(rank, pivot);
            let (above, below) = rows.split_at_mut(rank + 1);
            let pivot = &above[rank];
            let scale = pivot[column].invert();
            for row in below {
                let factor = row[column] * scale;
                for (entry, pivot) in row.iter_mut().zip(pivot) {
                    *entry -= factor * *pivot;
                }
            }
            rank += 1;
        }
        rank
    }

    /// Whether element 0 sees everything and reaches everything under the powers of a matrix.
    fn no_infinite_trail(matrix: &Matrix) -> bool {
        let mut unit = [Scalar::ZERO; WIDTH];
        unit[0] = Scalar::ONE;
        let (mut seen, mut reached) = (Vec::from([unit]), Vec::from([unit]));
        for step in 0..WIDTH - 1 {
            let (row, column) = (seen[step], reached[step]);
            seen.push(core::array::from_fn(|j| (0..WIDTH).map(|i| row[i] * matrix[i][j]).sum()));
            reached.push(core::array::from_fn(|i| (0..WIDTH).map(|j| matrix[i][j] * column[j]).sum()));
        }
        rank(seen) == WIDTH && rank(reached) == WIDTH
    }

    /// Algorithms 1 to 3 of Grassi, Rechberger and Schofnegger, "Proving Resistance Against
    /// Infinitely Long Subspace Trails" (ePrint 2020/500), for one S-box per partial round.
    ///
    /// A subspace that no S-box of a partial round ever sees (algorithm 1) is one whose vectors have
    /// element 0 equal to zero in v, Mv, M²v, …; it is trivial exactly if the rows e₀, e₀M, …, e₀M⁸
    /// have full rank. A subspace trail with active S-boxes (2) needs a proper subspace that contains
    /// e₀ and is mapped into itself; there is none exactly if e₀, Me₀, …, M⁸e₀ have full rank. Trails
    /// that close only after several rounds (3) are the same two statements about the powers of M, of
    /// which the algorithm asks for the first 4·9. The Python reference runs the algorithms as
    /// published, eigenspaces included, on the same matrix and agrees.
    #[test]
    fn the_matrix_has_no_infinite_subspace_trail() {
        let matrix = MDS;
        let mut power = matrix;
        for _ in 1..=4 * WIDTH {
            assert!(no_infinite_trail(&power));
            power = product(&power, &matrix);
        }
    }

    #[test]
    fn the_check_of_the_matrix_can_refuse() {
        // Element 0 reaches only the first block, and sees only the first block.
        let mut blocks = MDS;
        for (row, entries) in blocks.iter_mut().enumerate() {
            for (column, entry) in entries.iter_mut().enumerate() {
                if (row < 4) != (column < 4) {
                    *entry = Scalar::ZERO;
                }
            }
        }
        assert!(!no_infinite_trail(&blocks));
        // A cycle of nine elements mixes all of them, but its ninth power is the identity.
        let cycle: Matrix = core::array::from_fn(|row| {
            core::array::from_fn(|column| Scalar::from(u64::from(column == (row + 1) % WIDTH)))
        });
        assert!(no_infinite_trail(&cycle));
        assert!(!no_infinite_trail(&product(&cycle, &product(&cycle, &cycle))));
    }
}
