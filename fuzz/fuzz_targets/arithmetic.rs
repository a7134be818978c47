//! The field and the hash against big integers that share nothing with them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use num_bigint::BigUint;
use personhood::poseidon::{WIDTH, permute};
use personhood::scalar::Scalar;
use personhood_fuzz::bigint::{MODULUS, number, poseidon};

fuzz_target!(|bytes: &[u8]| {
    // Every 32 bytes are a scalar exactly if they are below the modulus; otherwise they are reduced.
    let scalars: Vec<Scalar> = bytes
        .chunks_exact(32)
        .map(|chunk| {
            let chunk: [u8; 32] = chunk.try_into().expect("32 bytes");
            let mut wide = [0; 64];
            wide[..32].copy_from_slice(&chunk);
            wide[63] = chunk[0]; // reaches the upper half
            let value = BigUint::from_bytes_le(&chunk);
            let exact = Scalar::from_bytes(&chunk);
            assert_eq!(exact.is_ok(), value < *MODULUS);
            let reduced = Scalar::from_bytes_wide(&wide);
            assert_eq!(number(&reduced), BigUint::from_bytes_le(&wide) % &*MODULUS);
            exact.unwrap_or(reduced)
        })
        .collect();
    let numbers: Vec<BigUint> = scalars.iter().map(number).collect();

    for ((a, x), (b, y)) in scalars.iter().zip(&numbers).zip(scalars.iter().zip(&numbers).rev()) {
        assert_eq!(number(&(*a + *b)), (x + y) % &*MODULUS);
        assert_eq!(number(&(*a - *b)), (x + &*MODULUS - y) % &*MODULUS);
        assert_eq!(number(&(*a * *b)), x * y % &*MODULUS);
        assert_eq!(number(&-*a), (&*MODULUS - x) % &*MODULUS);
        assert_eq!(number(&a.double()), x * 2u8 % &*MODULUS);
        assert_eq!(number(&a.square()), x * x % &*MODULUS);
        assert_eq!(number(&a.pow5()), x.pow(5) % &*MODULUS);
        assert_eq!(number(&a.invert()), x.modpow(&(&*MODULUS - 2u8), &MODULUS));
        assert_eq!(Scalar::from_dalek(&a.to_dalek()), *a);
        assert_eq!(a.to_dalek().to_bytes(), a.to_bytes());
        assert_eq!(bool::from(a.is_zero()), *x == BigUint::ZERO);
        assert_eq!(a == b, x == y);
    }
    let reversed: Vec<Scalar> = scalars.iter().rev().copied().collect();
    let product: BigUint = numbers.iter().zip(numbers.iter().rev()).map(|(x, y)| x * y).sum();
    assert_eq!(number(&Scalar::inner_product(&scalars, &reversed)), product % &*MODULUS);
    assert_eq!(number(&scalars.iter().sum()), numbers.iter().sum::<BigUint>() % &*MODULUS);
    let mut inverted = scalars.clone();
    Scalar::batch_invert(&mut inverted);
    assert!(inverted.iter().zip(&scalars).all(|(inverse, scalar)| *inverse == scalar.invert()));

    if let Some(state) = scalars.first_chunk::<WIDTH>() {
        let mut permuted = *state;
        permute(&mut permuted);
        assert_eq!(permuted.each_ref().map(number).as_slice(), poseidon(&numbers[..WIDTH]));
    }
});
