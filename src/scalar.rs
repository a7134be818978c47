//! Scalars: integers modulo the order of the ristretto255 group.
//!
//! Everything that the proof side computes with (hashes, commitments, nullifiers, witness values) is
//! an element of the field with
//!
//! ```text
//! l = 2^252 + 27742317777372353535851937790883648493
//! ```
//!
//! elements. `curve25519-dalek` has this field too, but spends 107–145 ns on a product where four
//! 64-bit limbs in Montgomery form need well under 30 ns, and hashing and proving are products almost
//! alone. So the field is ours, the group is dalek's, and [`Scalar::to_dalek`] and
//! [`Scalar::from_dalek`] join the two.
//!
//! # Timing
//!
//! No function of this module branches on, or indexes with, the value of a scalar; exceptions say so
//! in their documentation. The final subtraction of every operation is masked, and the mask passes
//! through [`core::hint::black_box`] because optimisers have turned exactly this mask into a branch
//! before (curve25519-dalek 4.1.3 is the release that repaired it). That is the best that safe Rust
//! offers, and a best effort rather than a proof.

mod public;

pub use public::ParseError;
pub(crate) use public::public_scalar;

use alloc::vec::Vec;
use core::fmt;
use core::hint::black_box;
use core::iter::{Product, Sum};
use core::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use rand_core::CryptoRngCore;
use sha2::{Digest, Sha512};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{DefaultIsZeroes, Zeroize};

/// Name of the proof suite; the first bytes of everything that is hashed to a scalar.
///
/// It fixes the group, the permutation and its constants, the tree's arity and the proof system. A
/// change of any of them is another suite.
pub const SUITE: &[u8] = b"PoP-R255-P9-v1";

/// The modulus l, least significant limb first.
const MODULUS: [u64; 4] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0x0000_0000_0000_0000, 0x1000_0000_0000_0000];

/// −l⁻¹ mod 2^64, by Newton's iteration: each step doubles the number of right bits.
const NEGATED_INVERSE: u64 = {
    let mut inverse = 1u64;
    let mut step = 0;
    while step < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(MODULUS[0].wrapping_mul(inverse)));
        step += 1;
    }
    inverse.wrapping_neg()
};

/// R = 2^256 mod l: the number one in Montgomery form.
const R: [u64; 4] = power_of_two(256);
/// R² mod l: a Montgomery product with it turns an integer into Montgomery form.
const R2: [u64; 4] = power_of_two(512);
/// R³ mod l: the same for the upper half of a 512-bit integer.
const R3: [u64; 4] = power_of_two(768);

/// How many products of two scalars fit into one 512-bit accumulator before it has to be reduced.
///
/// The reduction needs its input below l·2^256, that is n·l² < l·2^256 or n·l < 2^256, and
/// 15·l < 15·2^253 < 2^257 is too coarse a bound to see it: l < 2^252 + 2^125, so 15·l < 2^256.
const PRODUCTS_PER_REDUCTION: usize = 15;

/// An element of the scalar field of ristretto255.
///
/// The value is held reduced and in Montgomery form, so equal scalars have equal memory. `Debug`
/// does not print the value, because many scalars are secrets; [`Scalar::to_bytes`] is the way out.
///
/// ```
/// use personhood::scalar::Scalar;
///
/// let three = Scalar::from(3);
/// assert_eq!(three.pow5(), Scalar::from(243));
/// assert_eq!(three * three.invert(), Scalar::ONE);
/// assert_eq!(Scalar::from_bytes(&three.to_bytes())?, three);
/// # Ok::<(), personhood::scalar::ScalarError>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct Scalar([u64; 4]);

/// Why bytes are not a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScalarError {
    /// The little-endian integer is l or more; only the reduced spelling of a value is accepted.
    #[error("scalar is not canonical: its integer is not below the group order l; send the value reduced modulo l")]
    NotCanonical,
}

impl Scalar {
    /// The neutral element of addition.
    pub const ZERO: Self = Self([0; 4]);

    /// The neutral element of multiplication.
    pub const ONE: Self = Self(R);

    /// The number of bytes of an encoded scalar.
    pub const BYTES: usize = 32;

    /// Reads the canonical encoding: 32 bytes, little-endian, below l.
    ///
    /// # Errors
    ///
    /// [`ScalarError::NotCanonical`] for every integer of l or more. Whether the bytes are accepted
    /// is not secret; their value stays so.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, ScalarError> {
        let limbs = limbs_from_bytes(bytes);
        let (_, borrow) = subtract_limbs(&limbs, &MODULUS);
        if !borrow {
            return Err(ScalarError::NotCanonical);
        }
        Ok(Self::from_limbs(limbs))
    }

    /// The canonical encoding: 32 bytes, little-endian, below l.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let limbs = self.to_limbs();
        let mut bytes = [0; 32];
        for (chunk, limb) in bytes.chunks_exact_mut(8).zip(limbs) {
            chunk.copy_from_slice(&limb.to_le_bytes());
        }
        bytes
    }

    /// Reduces a 512-bit little-endian integer modulo l.
    ///
    /// From 64 uniform bytes the result is uniform up to a statistical distance of 2^-259.
    #[must_use]
    pub fn from_bytes_wide(bytes: &[u8; 64]) -> Self {
        let (mut low, mut high) = ([0u8; 32], [0u8; 32]);
        low.copy_from_slice(&bytes[..32]);
        high.copy_from_slice(&bytes[32..]);
        // The halves may be l or more; a Montgomery product needs only its other factor reduced.
        let sum = Self(montgomery_product(&limbs_from_bytes(&low), &R2))
            + Self(montgomery_product(&limbs_from_bytes(&high), &R3));
        // The halves may be secret randomness.
        low.zeroize();
        high.zeroize();
        sum
    }

    /// A uniformly random scalar.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRngCore) -> Self {
        let mut bytes = [0; 64];
        rng.fill_bytes(&mut bytes);
        let scalar = Self::from_bytes_wide(&bytes);
        bytes.zeroize();
        scalar
    }

    /// A scalar from the limbs of an integer, least significant first, reduced modulo l.
    pub(crate) const fn from_limbs(limbs: [u64; 4]) -> Self {
        Self(montgomery_product(&limbs, &R2))
    }

    /// The limbs of the reduced integer, least significant first.
    pub(crate) const fn to_limbs(self) -> [u64; 4] {
        let [a, b, c, d] = self.0;
        montgomery_reduce(&[a, b, c, d, 0, 0, 0, 0])
    }

    /// The square; a dedicated formula was not faster than the product.
    #[inline]
    #[must_use]
    pub const fn square(&self) -> Self {
        Self(montgomery_product(&self.0, &self.0))
    }

    /// The sum with itself.
    #[inline]
    #[must_use]
    pub const fn double(&self) -> Self {
        Self(add_reduced(&self.0, &self.0))
    }

    /// The fifth power: Poseidon's S-box, the smallest power that permutes this field.
    #[inline]
    #[must_use]
    pub const fn pow5(&self) -> Self {
        let square = self.square();
        let fourth = square.square();
        Self(montgomery_product(&fourth.0, &self.0))
    }

    /// The inverse; that of zero is zero.
    ///
    /// Fermat: the power l − 2 by a fixed chain of squarings and products, whatever the value.
    #[must_use]
    pub fn invert(&self) -> Self {
        // l − 2 = 2^252 + TAIL, in nibbles. Only the (public) exponent selects table entries.
        const TAIL: u128 = 0x14de_f9de_a2f7_9cd6_5812_631a_5cf5_d3eb;
        let mut powers = [Self::ONE; 16];
        for exponent in 1..16 {
            powers[exponent] = powers[exponent - 1] * *self;
        }
        let mut accumulator = *self; // the nibble 1 at bit 252
        for _ in 0..31 * 4 {
            accumulator = accumulator.square(); // bits 128..252 of l − 2 are zero
        }
        for nibble in (0..32).rev() {
            for _ in 0..4 {
                accumulator = accumulator.square();
            }
            accumulator *= powers[(TAIL >> (4 * nibble) & 15) as usize];
        }
        powers.zeroize(); // powers of a possibly secret value
        accumulator
    }

    /// Replaces every scalar by its inverse, zeros by zero, at the cost of one inversion and three
    /// products each (Montgomery's trick).
    pub fn batch_invert(scalars: &mut [Self]) {
        // Zeros take part as ones, so that position and number of zeros do not show in the timing.
        let mut prefixes = Vec::with_capacity(scalars.len());
        let mut product = Self::ONE;
        for scalar in scalars.iter() {
            prefixes.push(product);
            product *= Self::conditional_select(scalar, &Self::ONE, scalar.is_zero());
        }
        let mut inverse = product.invert();
        for (scalar, prefix) in scalars.iter_mut().zip(&prefixes).rev() {
            let zero = scalar.is_zero();
            let factor = Self::conditional_select(scalar, &Self::ONE, zero);
            *scalar = Self::conditional_select(&(inverse * *prefix), &Self::ZERO, zero);
            inverse *= factor;
        }
        prefixes.zeroize();
    }

    /// The sum of the products of corresponding elements, reduced once per 15 products.
    ///
    /// The longer slice is read only as far as the shorter one reaches.
    #[must_use]
    pub fn inner_product(left: &[Self], right: &[Self]) -> Self {
        let mut sum = Self::ZERO;
        for (left, right) in left.chunks(PRODUCTS_PER_REDUCTION).zip(right.chunks(PRODUCTS_PER_REDUCTION)) {
            let mut wide = [0; 8];
            for (left, right) in left.iter().zip(right) {
                wide = add_product(&wide, &left.0, &right.0);
            }
            sum += Self(montgomery_reduce(&wide));
        }
        sum
    }

    /// [`Scalar::inner_product`] of at most 15 pairs, with a length known to the compiler.
    #[inline]
    pub(crate) fn dot<const N: usize>(left: &[Self; N], right: &[Self; N]) -> Self {
        const { assert!(N <= PRODUCTS_PER_REDUCTION) };
        let mut wide = [0; 8];
        for (left, right) in left.iter().zip(right) {
            wide = add_product(&wide, &left.0, &right.0);
        }
        Self(montgomery_reduce(&wide))
    }

    /// Whether this is zero.
    #[inline]
    #[must_use]
    pub fn is_zero(&self) -> Choice {
        self.ct_eq(&Self::ZERO)
    }

    /// The same value as a scalar of `curve25519-dalek`.
    #[must_use]
    pub fn to_dalek(&self) -> curve25519_dalek::Scalar {
        // Our encoding is canonical, so nothing is reduced away here.
        curve25519_dalek::Scalar::from_bytes_mod_order(self.to_bytes())
    }

    /// The same value as a scalar of this crate.
    #[must_use]
    pub fn from_dalek(scalar: &curve25519_dalek::Scalar) -> Self {
        // dalek keeps its scalars reduced; were one not, this would reduce it.
        Self::from_limbs(limbs_from_bytes(scalar.as_bytes()))
    }
}

/// Hashes a label and any number of byte strings to a scalar, injectively before the hash.
///
/// SHA-512 over `"PoP-R255-P9-v1/" ‖ label ‖ 0x00 ‖ (length of part, 8 bytes little-endian ‖ part)*`,
/// read as a 512-bit little-endian integer and reduced modulo l. Labels are constants of this crate
/// without a zero byte, so no two (label, parts) share one input.
#[must_use]
pub fn hash_to_scalar(label: &'static [u8], parts: &[&[u8]]) -> Scalar {
    debug_assert!(!label.contains(&0), "a label ends at its first zero byte");
    let mut hasher = Sha512::new();
    hasher.update(SUITE);
    hasher.update(b"/");
    hasher.update(label);
    hasher.update([0]);
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut digest: [u8; 64] = hasher.finalize().into();
    let scalar = Scalar::from_bytes_wide(&digest);
    digest.zeroize(); // secrets are derived with this function, too
    scalar
}

impl From<u64> for Scalar {
    fn from(value: u64) -> Self {
        Self::from_limbs([value, 0, 0, 0])
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scalar(..)")
    }
}

impl ConstantTimeEq for Scalar {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.as_slice().ct_eq(other.0.as_slice())
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Scalar {}

impl ConditionallySelectable for Scalar {
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        let mut limbs = a.0;
        for (limb, other) in limbs.iter_mut().zip(&b.0) {
            limb.conditional_assign(other, choice);
        }
        Self(limbs)
    }
}

impl DefaultIsZeroes for Scalar {}

impl Neg for Scalar {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(subtract_reduced(&[0; 4], &self.0))
    }
}

impl Neg for &Scalar {
    type Output = Scalar;
    #[inline]
    fn neg(self) -> Scalar {
        -*self
    }
}

/// The operators on values and on references, all by the one function on limbs.
macro_rules! operator {
    ($trait:ident, $method:ident, $assign_trait:ident, $assign:ident, $limbs:ident) => {
        impl $trait for Scalar {
            type Output = Scalar;
            #[inline]
            fn $method(self, other: Scalar) -> Scalar {
                Scalar($limbs(&self.0, &other.0))
            }
        }
        impl $trait<&Scalar> for Scalar {
            type Output = Scalar;
            #[inline]
            fn $method(self, other: &Scalar) -> Scalar {
                Scalar($limbs(&self.0, &other.0))
            }
        }
        impl $trait<Scalar> for &Scalar {
            type Output = Scalar;
            #[inline]
            fn $method(self, other: Scalar) -> Scalar {
                Scalar($limbs(&self.0, &other.0))
            }
        }
        impl $trait for &Scalar {
            type Output = Scalar;
            #[inline]
            fn $method(self, other: &Scalar) -> Scalar {
                Scalar($limbs(&self.0, &other.0))
            }
        }
        impl $assign_trait for Scalar {
            #[inline]
            fn $assign(&mut self, other: Scalar) {
                self.0 = $limbs(&self.0, &other.0);
            }
        }
        impl $assign_trait<&Scalar> for Scalar {
            #[inline]
            fn $assign(&mut self, other: &Scalar) {
                self.0 = $limbs(&self.0, &other.0);
            }
        }
    };
}

operator!(Add, add, AddAssign, add_assign, add_reduced);
operator!(Sub, sub, SubAssign, sub_assign, subtract_reduced);
operator!(Mul, mul, MulAssign, mul_assign, montgomery_product);

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Self>>(scalars: I) -> Self {
        scalars.fold(Self::ZERO, |sum, scalar| sum + scalar)
    }
}

impl<'a> Sum<&'a Scalar> for Scalar {
    fn sum<I: Iterator<Item = &'a Self>>(scalars: I) -> Self {
        scalars.fold(Self::ZERO, |sum, scalar| sum + scalar)
    }
}

impl Product for Scalar {
    fn product<I: Iterator<Item = Self>>(scalars: I) -> Self {
        scalars.fold(Self::ONE, |product, scalar| product * scalar)
    }
}

impl<'a> Product<&'a Scalar> for Scalar {
    fn product<I: Iterator<Item = &'a Self>>(scalars: I) -> Self {
        scalars.fold(Self::ONE, |product, scalar| product * scalar)
    }
}

// ---------------------------------------------------------------------------------------------
// Arithmetic on limbs, least significant first. All of it is `const`: the tables of Poseidon's
// constants are brought into Montgomery form by the compiler.
// ---------------------------------------------------------------------------------------------

/// a + b·c + d, low and high word; at most (2^64−1) + (2^64−1)² + (2^64−1) = 2^128 − 1.
#[inline(always)]
const fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let wide = (b as u128).wrapping_mul(c as u128).wrapping_add(a as u128).wrapping_add(d as u128);
    (wide as u64, (wide >> 64) as u64)
}

/// a + b + carry and the new carry. (`u64::carrying_add` is not `const` yet.)
#[inline(always)]
const fn add_carry(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(carry as u64);
    (sum, first | second)
}

/// a − b − borrow and the new borrow.
#[inline(always)]
const fn subtract_borrow(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (difference, first) = a.overflowing_sub(b);
    let (difference, second) = difference.overflowing_sub(borrow as u64);
    (difference, first | second)
}

#[inline(always)]
const fn subtract_limbs(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let (w0, borrow) = subtract_borrow(a[0], b[0], false);
    let (w1, borrow) = subtract_borrow(a[1], b[1], borrow);
    let (w2, borrow) = subtract_borrow(a[2], b[2], borrow);
    let (w3, borrow) = subtract_borrow(a[3], b[3], borrow);
    ([w0, w1, w2, w3], borrow)
}

#[inline(always)]
const fn add_limbs(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let (w0, carry) = add_carry(a[0], b[0], false);
    let (w1, carry) = add_carry(a[1], b[1], carry);
    let (w2, carry) = add_carry(a[2], b[2], carry);
    let (w3, _) = add_carry(a[3], b[3], carry);
    [w0, w1, w2, w3]
}

/// a − b, plus l if that is negative: reduced whenever −l ≤ a − b < l.
#[inline(always)]
const fn subtract_reduced(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let (difference, borrow) = subtract_limbs(a, b);
    let mask = black_box(0u64.wrapping_sub(borrow as u64));
    add_limbs(&difference, &[MODULUS[0] & mask, MODULUS[1] & mask, 0, MODULUS[3] & mask])
}

/// a + b mod l for a, b < l; the sum before the reduction is below 2l < 2^254.
#[inline(always)]
const fn add_reduced(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    subtract_reduced(&add_limbs(a, b), &MODULUS)
}

/// sum + a·b without reduction; the callers keep the result below 2^512.
///
/// Adding each word's row into the sum costs 9 ns a product; adding whole products cost 12.
#[inline(always)]
const fn add_product(sum: &[u64; 8], a: &[u64; 4], b: &[u64; 4]) -> [u64; 8] {
    let (w0, carry) = multiply_add(sum[0], a[0], b[0], 0);
    let (w1, carry) = multiply_add(sum[1], a[0], b[1], carry);
    let (w2, carry) = multiply_add(sum[2], a[0], b[2], carry);
    let (w3, w4) = multiply_add(sum[3], a[0], b[3], carry);

    let (w1, carry) = multiply_add(w1, a[1], b[0], 0);
    let (w2, carry) = multiply_add(w2, a[1], b[1], carry);
    let (w3, carry) = multiply_add(w3, a[1], b[2], carry);
    let (w4, w5) = multiply_add(w4, a[1], b[3], carry);

    let (w2, carry) = multiply_add(w2, a[2], b[0], 0);
    let (w3, carry) = multiply_add(w3, a[2], b[1], carry);
    let (w4, carry) = multiply_add(w4, a[2], b[2], carry);
    let (w5, w6) = multiply_add(w5, a[2], b[3], carry);

    let (w3, carry) = multiply_add(w3, a[3], b[0], 0);
    let (w4, carry) = multiply_add(w4, a[3], b[1], carry);
    let (w5, carry) = multiply_add(w5, a[3], b[2], carry);
    let (w6, w7) = multiply_add(w6, a[3], b[3], carry);

    let [w4, w5, w6, w7] = add_limbs(&[w4, w5, w6, w7], &[sum[4], sum[5], sum[6], sum[7]]);
    [w0, w1, w2, w3, w4, w5, w6, w7]
}

/// (w + k·l)/2^64 for the k < 2^64 that makes it an integer: one word of Montgomery's reduction.
///
/// The limbs of l are (L0, L1, 0, 2^60), so a word costs three products instead of five. `carry` is
/// one that belongs on top of `w`; the one returned belongs on top of the result.
#[inline(always)]
const fn reduce_word(w: [u64; 5], carry: bool) -> ([u64; 4], bool) {
    let factor = w[0].wrapping_mul(NEGATED_INVERSE);
    let (_, high) = multiply_add(w[0], factor, MODULUS[0], 0);
    let (w1, high) = multiply_add(w[1], factor, MODULUS[1], high);
    let (w2, over) = w[2].overflowing_add(high);
    let (w3, over) = add_carry(w[3], factor << 60, over);
    // factor >> 4 is below 2^60, so adding a carry cannot overflow.
    let (w4, carry) = add_carry(w[4], (factor >> 4).wrapping_add(over as u64), carry);
    ([w1, w2, w3, w4], carry)
}

/// w/2^256 mod l for w < l·2^256 (Montgomery 1985).
///
/// Before the last step the value is (w + k·l)/2^256 with k < 2^256, so it is below 2l, fits four
/// limbs without a carry, and one subtraction finishes.
#[inline(always)]
const fn montgomery_reduce(w: &[u64; 8]) -> [u64; 4] {
    let ([w1, w2, w3, w4], carry) = reduce_word([w[0], w[1], w[2], w[3], w[4]], false);
    let ([w2, w3, w4, w5], carry) = reduce_word([w1, w2, w3, w4, w[5]], carry);
    let ([w3, w4, w5, w6], carry) = reduce_word([w2, w3, w4, w5, w[6]], carry);
    let (w, _) = reduce_word([w3, w4, w5, w6, w[7]], carry);
    subtract_reduced(&w, &MODULUS)
}

/// a·b/2^256 mod l, where b is below l and a is any 256-bit integer.
///
/// Product and reduction take turns word by word (the CIOS method of Koç, Acar and Kaliski), which
/// keeps five words alive instead of eight: 21 ns instead of 24 for dependent, 17 instead of 21 for
/// independent products on an EPYC (Zen 3). After each word the sum is below
/// (sum + 2^64·b + 2^64·l)/2^64 < b + l + 2l/2^64 < 2^254, so a fifth word of it is never needed.
#[inline(always)]
const fn montgomery_product(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let sum = product_word([0; 4], a[0], b);
    let sum = product_word(sum, a[1], b);
    let sum = product_word(sum, a[2], b);
    let sum = product_word(sum, a[3], b);
    subtract_reduced(&sum, &MODULUS)
}

/// (sum + word·b + k·l)/2^64 for the k that makes it an integer.
#[inline(always)]
const fn product_word(sum: [u64; 4], word: u64, b: &[u64; 4]) -> [u64; 4] {
    let (w0, carry) = multiply_add(sum[0], word, b[0], 0);
    let (w1, carry) = multiply_add(sum[1], word, b[1], carry);
    let (w2, carry) = multiply_add(sum[2], word, b[2], carry);
    let (w3, w4) = multiply_add(sum[3], word, b[3], carry);
    let (sum, _) = reduce_word([w0, w1, w2, w3, w4], false);
    sum
}

/// 2^exponent mod l, by doubling; for constants only.
const fn power_of_two(exponent: u32) -> [u64; 4] {
    let mut power = [1, 0, 0, 0];
    let mut step = 0;
    while step < exponent {
        power = add_reduced(&power, &power);
        step += 1;
    }
    power
}

fn limbs_from_bytes(bytes: &[u8; 32]) -> [u64; 4] {
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = chunk.iter().rev().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
    }
    limbs
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use alloc::vec::Vec;
    use curve25519_dalek::Scalar as Dalek;
    use proptest::prelude::*;

    /// Little-endian bytes of the integers around which reductions go wrong.
    fn edges() -> Vec<[u8; 32]> {
        let mut edges = Vec::new();
        let mut push = |limbs: [u64; 4]| {
            let mut bytes = [0; 32];
            for (chunk, limb) in bytes.chunks_exact_mut(8).zip(limbs) {
                chunk.copy_from_slice(&limb.to_le_bytes());
            }
            edges.push(bytes);
        };
        for small in [0, 1, 2, u64::MAX] {
            push([small, 0, 0, 0]);
        }
        for offset in 0..3u64 {
            push([MODULUS[0] - 1 + offset, MODULUS[1], MODULUS[2], MODULUS[3]]);
        }
        push(R);
        push(R2);
        push([0, 0, 0, MODULUS[3]]);
        push([u64::MAX, u64::MAX, u64::MAX, MODULUS[3] - 1]);
        push([u64::MAX, u64::MAX, u64::MAX, 2 * MODULUS[3] - 1]);
        push([0, 0, 0, 1 << 63]);
        push([0, 0, u64::MAX, u64::MAX]);
        push([u64::MAX; 4]);
        edges
    }

    fn ours(bytes: &[u8; 32]) -> Scalar {
        Scalar::from_limbs(limbs_from_bytes(bytes))
    }

    fn agrees(a: &[u8; 32], b: &[u8; 32]) {
        let (x, y) = (ours(a), ours(b));
        let (p, q) = (Dalek::from_bytes_mod_order(*a), Dalek::from_bytes_mod_order(*b));
        assert_eq!(x.to_bytes(), p.to_bytes());
        assert_eq!((x + y).to_bytes(), (p + q).to_bytes());
        assert_eq!((x - y).to_bytes(), (p - q).to_bytes());
        assert_eq!((x * y).to_bytes(), (p * q).to_bytes());
        assert_eq!((-x).to_bytes(), (-p).to_bytes());
        assert_eq!(x.double().to_bytes(), (p + p).to_bytes());
        assert_eq!(x.square().to_bytes(), (p * p).to_bytes());
        assert_eq!(x.pow5().to_bytes(), (p * p * p * p * p).to_bytes());
        assert_eq!(x.to_dalek(), p);
        assert_eq!(Scalar::from_dalek(&q), y);
        assert_eq!(x == y, p == q);
        if x != Scalar::ZERO {
            assert_eq!(x.invert().to_bytes(), p.invert().to_bytes());
        }
    }

    fn wide_agrees(low: &[u8; 32], high: &[u8; 32]) {
        let mut wide = [0; 64];
        wide[..32].copy_from_slice(low);
        wide[32..].copy_from_slice(high);
        assert_eq!(Scalar::from_bytes_wide(&wide).to_bytes(), Dalek::from_bytes_mod_order_wide(&wide).to_bytes());
    }

    /// Bytes that are an edge value, or random with random top limb, or random with few bits set.
    fn integer() -> impl Strategy<Value = [u8; 32]> {
        prop_oneof![
            4 => any::<[u8; 32]>(),
            2 => (any::<[u8; 32]>(), 0..0x21u8).prop_map(|(mut bytes, top)| { bytes[31] = top; bytes }),
            1 => proptest::sample::select(edges()),
        ]
    }

    #[test]
    fn constants_are_what_they_say() {
        assert_eq!(MODULUS[0].wrapping_mul(NEGATED_INVERSE), u64::MAX);
        let two = Dalek::from(2u64);
        let mut power = Dalek::ONE;
        for _ in 0..256 {
            power *= two;
        }
        // The Montgomery form of 1 is 2^256, that of 2^256 is 2^512, and so on.
        assert_eq!(Scalar::from_limbs(R).to_bytes(), power.to_bytes());
        assert_eq!(Scalar::from_limbs(R2).to_bytes(), (power * power).to_bytes());
        assert_eq!(Scalar::from_limbs(R3).to_bytes(), (power * power * power).to_bytes());
        assert_eq!(Scalar::ONE.to_limbs(), [1, 0, 0, 0]);
        assert_eq!((Scalar::ZERO - Scalar::ONE).to_bytes(), (-Dalek::ONE).to_bytes());
    }

    #[test]
    fn edge_values_agree_with_dalek_in_every_pair() {
        for a in edges() {
            for b in edges() {
                agrees(&a, &b);
                wide_agrees(&a, &b);
            }
        }
    }

    #[test]
    fn only_reduced_encodings_are_read() {
        for bytes in edges() {
            let canonical: Option<Dalek> = Dalek::from_canonical_bytes(bytes).into();
            match Scalar::from_bytes(&bytes) {
                Ok(scalar) => {
                    assert_eq!(scalar.to_bytes(), bytes);
                    assert_eq!(canonical.unwrap().to_bytes(), bytes);
                }
                Err(error) => {
                    assert_eq!(error, ScalarError::NotCanonical);
                    assert!(canonical.is_none());
                }
            }
        }
    }

    #[test]
    fn inverse_of_zero_is_zero_alone_and_in_a_batch() {
        assert_eq!(Scalar::ZERO.invert(), Scalar::ZERO);
        let mut batch = [Scalar::ZERO, Scalar::from(7), Scalar::ZERO, -Scalar::ONE];
        Scalar::batch_invert(&mut batch);
        assert_eq!(batch, [Scalar::ZERO, Scalar::from(7).invert(), Scalar::ZERO, -Scalar::ONE]);
        Scalar::batch_invert(&mut []);
    }

    #[test]
    fn long_inner_products_do_not_overflow_the_accumulator() {
        let largest = [-Scalar::ONE; 47];
        for length in [0, 1, 14, 15, 16, 29, 30, 31, 47] {
            let product = Scalar::inner_product(&largest[..length], &largest);
            assert_eq!(product, Scalar::from(length as u64));
        }
        // Montgomery forms just below l are the true extremes, not values just below l.
        let extreme = Scalar([MODULUS[0] - 1, MODULUS[1], MODULUS[2], MODULUS[3]]);
        let expected = (0..15).map(|_| extreme * extreme).sum();
        assert_eq!(Scalar::dot(&[extreme; 15], &[extreme; 15]), expected);
    }

    #[test]
    fn sums_and_products() {
        let scalars: Vec<Scalar> = (1..=20).map(Scalar::from).collect();
        assert_eq!(scalars.iter().sum::<Scalar>(), Scalar::from(210));
        assert_eq!(scalars.into_iter().product::<Scalar>(), Scalar::from(2_432_902_008_176_640_000));
    }

    #[test]
    fn debug_hides_the_value() {
        assert_eq!(alloc::format!("{:?}", Scalar::from(5)), "Scalar(..)");
    }

    #[test]
    fn hash_inputs_are_framed() {
        let hash = |parts: &[&[u8]]| hash_to_scalar(b"test", parts);
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"ab"]), hash(&[b"ab", b""]));
        assert_ne!(hash(&[]), hash(&[b""]));
        assert_ne!(hash(&[b"ab"]), hash_to_scalar(b"test2", &[b"ab"]));
        let plain = Sha512::new()
            .chain_update(b"PoP-R255-P9-v1/test\0")
            .chain_update([2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b'])
            .finalize();
        let expected = Dalek::from_bytes_mod_order_wide(&plain.into());
        assert_eq!(hash(&[b"ab"]).to_bytes(), expected.to_bytes());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn arithmetic_agrees_with_dalek(a in integer(), b in integer()) {
            agrees(&a, &b);
            wide_agrees(&a, &b);
        }

        #[test]
        fn encodings_agree_with_dalek(bytes in integer()) {
            let canonical: Option<Dalek> = Dalek::from_canonical_bytes(bytes).into();
            let read = Scalar::from_bytes(&bytes);
            prop_assert_eq!(read.is_ok(), canonical.is_some());
            if let Ok(scalar) = read {
                prop_assert_eq!(scalar.to_bytes(), bytes);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn batches_invert_like_singles(integers in prop::collection::vec(integer(), 0..20)) {
            let scalars: Vec<Scalar> = integers.iter().map(ours).collect();
            let mut batch = scalars.clone();
            Scalar::batch_invert(&mut batch);
            let singles: Vec<Scalar> = scalars.iter().map(Scalar::invert).collect();
            prop_assert_eq!(batch, singles);
        }

        #[test]
        fn inner_products_agree_with_the_sum(pairs in prop::collection::vec((integer(), integer()), 0..40)) {
            let left: Vec<Scalar> = pairs.iter().map(|pair| ours(&pair.0)).collect();
            let right: Vec<Scalar> = pairs.iter().map(|pair| ours(&pair.1)).collect();
            let expected: Scalar = left.iter().zip(&right).map(|(a, b)| a * b).sum();
            prop_assert_eq!(Scalar::inner_product(&left, &right), expected);
        }
    }
}
