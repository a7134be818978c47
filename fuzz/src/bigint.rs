//! The field and Poseidon with `num-bigint`: reduced after every operation, dense, with constants from its own generator.
//!
//! From the paper (Grassi, Khovratovich, Rechberger, Roy, Schofnegger, USENIX Security 2021): section 4 and appendix E.

use std::collections::VecDeque;
use std::sync::LazyLock;

use num_bigint::BigUint;
use personhood::scalar::Scalar;

const WIDTH: usize = 9;
const FULL: usize = 8;
const PARTIAL: usize = 60;

/// l = 2^252 + 27742317777372353535851937790883648493
pub static MODULUS: LazyLock<BigUint> =
    LazyLock::new(|| (BigUint::from(1u8) << 252u32) + 27_742_317_777_372_353_535_851_937_790_883_648_493u128);

static CONSTANTS: LazyLock<(Vec<BigUint>, Vec<BigUint>)> = LazyLock::new(constants);

/// A scalar as an integer.
pub fn number(scalar: &Scalar) -> BigUint {
    BigUint::from_bytes_le(&scalar.to_bytes())
}

/// Round constants, and the matrix row by row.
fn constants() -> (Vec<BigUint>, Vec<BigUint>) {
    // 2 bits for a prime field, 4 for x^5, 12 for the bits of the field, 12 for the width, 10 and 10 for the rounds, 30 ones.
    let header = [(1, 2), (0, 4), (253, 12), (WIDTH, 12), (FULL, 10), (PARTIAL, 10), ((1 << 30) - 1, 30)];
    let mut state: VecDeque<bool> =
        header.iter().flat_map(|&(value, bits)| (0..bits).rev().map(move |bit| value >> bit & 1 == 1)).collect();
    let mut step = move || {
        let new = [62, 51, 38, 23, 13, 0].iter().fold(false, |sum, tap| sum ^ state[*tap]);
        state.pop_front();
        state.push_back(new);
        new
    };
    (0..160).for_each(|_| {
        step();
    });
    let mut integer = || {
        (0..253).fold(BigUint::ZERO, |value, _| {
            let bit = loop {
                let (keep, bit) = (step(), step());
                if keep {
                    break bit;
                }
            };
            value * 2u8 + u8::from(bit)
        })
    };
    let mut rounds = Vec::new();
    while rounds.len() < WIDTH * (FULL + PARTIAL) {
        let value = integer();
        if value < *MODULUS {
            rounds.push(value);
        }
    }
    let points: Vec<BigUint> = (0..2 * WIDTH).map(|_| integer() % &*MODULUS).collect();
    let minus_two = &*MODULUS - 2u8;
    let matrix = (0..WIDTH * WIDTH)
        .map(|i| (&points[i / WIDTH] + &points[WIDTH + i % WIDTH]).modpow(&minus_two, &MODULUS))
        .collect();
    (rounds, matrix)
}

/// The permutation.
pub fn poseidon(state: &[BigUint]) -> Vec<BigUint> {
    let (constants, matrix) = &*CONSTANTS;
    let mut state = state.to_vec();
    for (round, constants) in constants.chunks(WIDTH).enumerate() {
        let full = round < FULL / 2 || round >= FULL / 2 + PARTIAL;
        for (i, (element, constant)) in state.iter_mut().zip(constants).enumerate() {
            *element += constant;
            if full || i == 0 {
                *element = element.modpow(&BigUint::from(5u8), &MODULUS);
            }
        }
        state = matrix
            .chunks(WIDTH)
            .map(|row| row.iter().zip(&state).map(|(entry, element)| entry * element).sum::<BigUint>() % &*MODULUS)
            .collect();
    }
    state
}
