//! How far one iris is turned against another.

use core::fmt;

use super::Layout;

/// A turn of the probe by whole columns; positive moves every column to a higher column number.
///
/// One column of 256 is 1.4°, one of 200 is 1.8°. The sign is that of open-iris, where a rotation of +7
/// means `numpy.roll(probe, +7)` along the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Rotation(i16);

impl Rotation {
    /// Not turned.
    pub const ZERO: Self = Self(0);

    /// A turn by this many columns.
    #[must_use]
    pub const fn new(columns: i16) -> Self {
        Self(columns)
    }

    /// The turn in columns.
    #[must_use]
    pub const fn columns(self) -> i16 {
        self.0
    }

    /// The turn in degrees of that layout's columns, positive towards higher columns.
    #[must_use]
    pub fn degrees(self, layout: Layout) -> f64 {
        f64::from(self.0) * 360.0 / layout.columns() as f64
    }

    /// The turns that a matcher tries, nearest first: 0, −1, +1, −2, +2 … ±`maximum`.
    ///
    /// This order decides ties, as it does in open-iris: the first of equally good rotations is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use personhood::iris::Rotation;
    ///
    /// let columns: Vec<i16> = Rotation::nearest_first(2).map(Rotation::columns).collect();
    /// assert_eq!(columns, [0, -1, 1, -2, 2]);
    /// ```
    pub fn nearest_first(maximum: u8) -> impl Iterator<Item = Self> {
        core::iter::once(Self::ZERO).chain((1..=i16::from(maximum)).flat_map(|turn| [Self(-turn), Self(turn)]))
    }

    /// The same turn as 0..columns.
    pub(crate) fn modulo(self, layout: Layout) -> usize {
        let columns = layout.columns();
        let turn = usize::from(self.0.unsigned_abs()) % columns;
        if self.0 < 0 { (columns - turn) % columns } else { turn }
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_turn_has_its_place_in_the_circle() {
        for layout in Layout::ALL {
            for columns in [i16::MIN, -257, -256, -200, -1, 0, 1, 199, 200, 256, i16::MAX] {
                let expected = i32::from(columns).rem_euclid(i32::try_from(layout.columns()).expect("small"));
                assert_eq!(Rotation::new(columns).modulo(layout), usize::try_from(expected).expect("not negative"));
            }
        }
    }

    #[test]
    fn nearest_first_is_the_order_of_open_iris() {
        assert_eq!(Rotation::nearest_first(15).count(), 31);
        assert!(Rotation::nearest_first(0).eq([Rotation::ZERO]));
    }
}
