//! The second measure of World's uniqueness service: a distance that distrusts few bits.
//!
//! ```text
//!   NHD = 0.45 − (0.45 − d/c) · (c/16384 + 0.45)       d = disagreeing, c = compared
//! ```
//!
//! The service compares two of these without any division. With N = c·(20 d − 9 c) + 147456 d,
//!
//! ```text
//!   NHD = 0.2475 + N / (327680 c)
//! ```
//!
//! so the order of the NHD is the order of N/c, and that is decided by cross multiplication. The plain fractional Hamming
//! distance is the default there, as it is here.

use core::cmp::Ordering;

use super::FractionalHammingDistance;

/// The normalised distance, for people to read.
///
/// It can be negative (many bits, hardly any of them different).
///
/// # Examples
///
/// ```
/// use personhood::matcher::{FractionalHammingDistance, irismpc};
///
/// let distance = FractionalHammingDistance::new(0, 8_192).ok_or("no bits")?;
/// assert!((irismpc::normalised(distance) - (0.45 - 0.45 * 0.95)).abs() < 1e-12);
/// # Ok::<(), &str>(())
/// ```
#[must_use]
pub fn normalised(distance: FractionalHammingDistance) -> f64 {
    let compared = f64::from(distance.compared());
    0.45 - (0.45 - distance.ratio()) * (compared / 16384.0 + 0.45)
}

/// Compares two distances by their normalised values, exactly.
#[must_use]
pub fn cmp_normalised(left: FractionalHammingDistance, right: FractionalHammingDistance) -> Ordering {
    let (left_numerator, right_numerator) = (numerator(left), numerator(right));
    (left_numerator * i128::from(right.compared())).cmp(&(right_numerator * i128::from(left.compared())))
}

/// N of the module page; below 2^69 + 2^50, and its product with a count below 2^102.
fn numerator(distance: FractionalHammingDistance) -> i128 {
    let (disagreeing, compared) = (i128::from(distance.disagreeing()), i128::from(distance.compared()));
    compared * (20 * disagreeing - 9 * compared) + 147_456 * disagreeing
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn integers_and_floats_agree() {
        let mut distances = Vec::new();
        for compared in [1, 2, 500, 1_600, 8_191, 12_800, 16_384] {
            for tenth in 0..=10 {
                distances.push(FractionalHammingDistance::new(compared * tenth / 10, compared).unwrap());
            }
        }
        for &a in &distances {
            let compared = f64::from(a.compared());
            let from_integers = 0.2475 + numerator(a) as f64 / (327_680.0 * compared);
            assert!((from_integers - normalised(a)).abs() < 1e-12);
            for &b in &distances {
                if (normalised(a) - normalised(b)).abs() > 1e-12 {
                    assert_eq!(cmp_normalised(a, b), normalised(a).total_cmp(&normalised(b)));
                }
            }
        }
    }

    #[test]
    fn few_bits_are_distrusted_and_nothing_overflows() {
        let few = FractionalHammingDistance::new(100, 1_000).unwrap();
        let many = FractionalHammingDistance::new(1_000, 10_000).unwrap();
        assert_eq!(few.cmp_ratio(many), Ordering::Equal);
        assert_eq!(cmp_normalised(few, many), Ordering::Greater);
        let largest = FractionalHammingDistance::new(u32::MAX, u32::MAX).unwrap();
        assert_eq!(cmp_normalised(largest, largest), Ordering::Equal);
    }
}
