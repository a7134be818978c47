//! The distance of two irises, as two integers.

use core::cmp::Ordering;
use core::fmt;

use crate::iris::Rotation;

/// Bits that disagree, of the bits that could be compared.
///
/// There is no such value without compared bits, so a distance is never NaN.
///
/// The order is that of the ratios, found by cross multiplication; among equal ratios the one of fewer compared bits
/// comes first, so that the order agrees with `==`. Where only the ratio matters, ask
/// [`cmp_ratio`](Self::cmp_ratio).
///
/// # Examples
///
/// ```
/// use personhood::matcher::FractionalHammingDistance;
///
/// let near = FractionalHammingDistance::new(1_000, 10_000).ok_or("no bits")?;
/// let far = FractionalHammingDistance::new(999, 2_000).ok_or("no bits")?;
/// assert!(near < far);
/// assert_eq!(near.to_string(), "0.1000");
/// assert_eq!(FractionalHammingDistance::new(0, 0), None);
/// # Ok::<(), &str>(())
/// ```
#[doc(alias = "FHD")]
#[doc(alias = "HD")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct FractionalHammingDistance {
    disagreeing: u32,
    compared: u32,
}

impl FractionalHammingDistance {
    /// None without compared bits, or if more disagree than were compared.
    #[must_use]
    pub const fn new(disagreeing: u32, compared: u32) -> Option<Self> {
        if compared == 0 || disagreeing > compared { None } else { Some(Self { disagreeing, compared }) }
    }

    /// Compared bits that differ.
    #[must_use]
    pub const fn disagreeing(self) -> u32 {
        self.disagreeing
    }

    /// Bits usable in both; at least 1.
    #[must_use]
    pub const fn compared(self) -> u32 {
        self.compared
    }

    /// The ratio, 0 to 1, for people to read; decisions are made on the integers.
    #[must_use]
    pub fn ratio(self) -> f64 {
        f64::from(self.disagreeing) / f64::from(self.compared)
    }

    /// Compares the ratios alone, exactly.
    #[must_use]
    pub fn cmp_ratio(self, other: Self) -> Ordering {
        // Both factors are below 2^32, so the products fit.
        let left = u64::from(self.disagreeing) * u64::from(other.compared);
        let right = u64::from(other.disagreeing) * u64::from(self.compared);
        left.cmp(&right)
    }
}

impl Ord for FractionalHammingDistance {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cmp_ratio(*other).then(self.compared.cmp(&other.compared))
    }
}

impl PartialOrd for FractionalHammingDistance {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for FractionalHammingDistance {
    /// Four decimals, or as many as the format string asks for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.*}", f.precision().unwrap_or(4), self.ratio())
    }
}

/// The best position of a probe on a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Alignment {
    /// The distance there.
    pub distance: FractionalHammingDistance,
    /// The turn of the probe that leads there.
    pub rotation: Rotation,
}

impl fmt::Display for Alignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at rotation {}", self.distance, self.rotation)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::format;

    use super::*;

    #[test]
    fn impossible_counts_are_no_distance() {
        assert_eq!(FractionalHammingDistance::new(0, 0), None);
        assert_eq!(FractionalHammingDistance::new(2, 1), None);
        assert!(FractionalHammingDistance::new(u32::MAX, u32::MAX).is_some());
    }

    #[test]
    fn order_is_exact_where_floats_are_not() {
        // The two ratios differ by 1 part in 2^62, far below what an f64 can tell apart.
        let smaller = FractionalHammingDistance::new(u32::MAX - 2, u32::MAX - 1).unwrap();
        let larger = FractionalHammingDistance::new(u32::MAX - 1, u32::MAX).unwrap();
        assert!(smaller < larger);
        assert_eq!(smaller.cmp_ratio(larger), Ordering::Less);
    }

    #[test]
    fn equal_ratios_are_not_equal_distances() {
        let half = FractionalHammingDistance::new(1, 2).unwrap();
        let better_founded = FractionalHammingDistance::new(5000, 10_000).unwrap();
        assert_eq!(half.cmp_ratio(better_founded), Ordering::Equal);
        assert_ne!(half, better_founded);
        assert!(half < better_founded);
    }

    #[test]
    fn people_read_decimals() {
        let distance = FractionalHammingDistance::new(1, 3).unwrap();
        assert_eq!(format!("{distance} {distance:.1}"), "0.3333 0.3");
        assert_eq!(format!("{}", Alignment { distance, rotation: Rotation::new(-3) }), "0.3333 at rotation -3");
    }
}
