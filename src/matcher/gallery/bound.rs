//! How many bits two templates can have in common, without turning either.
//!
//! A rotation moves the columns and leaves every bit in its row. So in each of the 64 rows of bits a probe with p usable
//! bits and a reference with r can have at most min(p, r) in common at any rotation, and at least p + r − columns. Summed
//! over the rows:
//!
//! ```text
//!   Σ max(0, p + r − columns)  ≤  compared at every rotation  ≤  Σ min(p, r)
//! ```
//!
//! What a policy lets disagree does not fall with the compared bits, so a rotation at which as many disagree as it would
//! not even let disagree at the upper bound is out. On templates with the statistics of real ones the upper bound is
//! within 7 %, so that nearly every stranger is out at every rotation, and his compared bits need never be counted.

use crate::iris::Layout;
use crate::matcher::kernel::LANES;
#[cfg(feature = "std")]
use crate::matcher::kernel::transposed;

/// Usable bits of a mask in each row of bits.
pub(super) type RowCounts = [u16; Layout::BITS_PER_COLUMN];

/// Unusable bits in one row of 256 entries; 255 stands for 256 too.
pub(super) type MissingBits = [u8; LANES];

pub(super) fn row_counts(mask: &[u64]) -> RowCounts {
    let mut rows = [0; Layout::BITS_PER_COLUMN];
    for column in mask {
        for (bit, row) in rows.iter_mut().enumerate() {
            *row += (column >> bit & 1) as u16;
        }
    }
    rows
}

/// The most bits that a row of the probe and a row of an entry can have in common. Places without an entry miss 255 bits.
#[inline]
pub(super) fn most_in_row(columns: usize, probe: u16, missing: u8) -> u16 {
    probe.min((columns as u16).saturating_sub(missing.into()))
}

/// The fewest bits that a row of the probe and a row of an entry can have in common.
#[inline]
pub(super) fn least_in_row(probe: u16, missing: u8) -> u16 {
    // 255 may be 256, so here it is.
    let missing_at_most = u16::from(missing) + u16::from(missing == u8::MAX);
    probe.saturating_sub(missing_at_most)
}

/// What the rows say about the bits that a probe has in common with each entry of a block, at any rotation.
pub(super) struct CommonBits {
    pub(super) at_least: [u16; LANES],
    pub(super) at_most: [u16; LANES],
}

impl CommonBits {
    pub(super) fn new(columns: usize, probe: &RowCounts, missing: &[MissingBits]) -> Self {
        // All sums are at most 64 × 256 = 16,384.
        let mut common = Self { at_least: [0; LANES], at_most: [0; LANES] };
        for (&probe, missing) in probe.iter().zip(missing) {
            if probe == 0 {
                continue;
            }
            // Of bytes, sixteen are compared at once. What does not fit makes a bound one bit wider at most: of 256 usable bits
            // 255 count as certain, and a row without any was left out.
            let (usable, unusable) = (u8::try_from(probe).unwrap_or(u8::MAX), (columns as u16 - probe) as u8);
            let sums = common.at_least.iter_mut().zip(&mut common.at_most);
            for ((at_least, at_most), &missing) in sums.zip(missing) {
                *at_least += u16::from(usable.saturating_sub(missing));
                // Places without an entry miss more bits than there are.
                *at_most += (columns as u16).saturating_sub(unusable.max(missing).into());
            }
        }
        common
    }
}

/// Counts the unusable bits of 256 entries in one row, bit-sliced: level k holds bit k of each count.
#[cfg(feature = "std")]
#[derive(Default)]
pub(super) struct MissingCounter([[u64; 4]; 9]);

#[cfg(feature = "std")]
impl MissingCounter {
    /// Adds one bit of every entry, for eight columns.
    pub(super) fn add(&mut self, bits: &[[u64; 4]; 8]) {
        let levels = &mut self.0;
        let twos = [0, 2, 4, 6].map(|first| add(bits[first], bits[first + 1], &mut levels[0]));
        let fours = [0, 2].map(|first| add(twos[first], twos[first + 1], &mut levels[1]));
        let mut carry = add(fours[0], fours[1], &mut levels[2]);
        for level in &mut levels[3..] {
            for (carry, level) in carry.iter_mut().zip(level) {
                (*level, *carry) = (*level ^ *carry, *level & *carry);
            }
        }
    }

    /// The counts; 255 stands for 256 too.
    pub(super) fn sums(&self) -> MissingBits {
        let mut sums = [0; LANES];
        for (index, sums) in sums.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let level = |level: usize| self.0[level][index / 8].to_le_bytes()[index % 8];
            let bits = u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(level));
            *sums = transposed(bits).to_le_bytes();
            for (bit, sum) in sums.iter_mut().enumerate() {
                if level(8) >> bit & 1 == 1 {
                    *sum = u8::MAX;
                }
            }
        }
        sums
    }
}

/// A full adder: leaves the sum bit in `sum` and returns the carry.
#[cfg(feature = "std")]
fn add(a: [u64; 4], b: [u64; 4], sum: &mut [u64; 4]) -> [u64; 4] {
    let mut carry = [0; 4];
    for word in 0..4 {
        let differs = a[word] ^ b[word];
        carry[word] = a[word] & b[word] | differs & sum[word];
        sum[word] ^= differs;
    }
    carry
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::iris::{Mask, Rotation};

    /// The bounds of one pair.
    fn bounds(columns: usize, probe: &Mask, reference: &Mask) -> [u32; 2] {
        let rows = row_counts(reference.columns());
        let missing: Vec<MissingBits> =
            rows.iter().map(|&usable| [u8::try_from(columns as u16 - usable).unwrap_or(u8::MAX); LANES]).collect();
        let common = CommonBits::new(columns, &row_counts(probe.columns()), &missing);
        [common.at_least[7].into(), common.at_most[7].into()]
    }

    #[test]
    fn no_rotation_leaves_the_bounds() {
        for layout in Layout::ALL {
            let columns = layout.columns();
            let probe = Mask::from_fn(layout, |w, r, c, p| (c * (r + 3) + w + p) % 11 < 8);
            let reference = Mask::from_fn(layout, |w, r, c, p| (c * 5 + r * w + p) % 7 < 6 && c > r);
            let [at_least, at_most] = bounds(columns, &probe, &reference);
            assert!(at_least > 0 && at_most < probe.count());
            for turn in 0..columns {
                let turned = probe.rotated(Rotation::new(i16::try_from(turn).expect("small")));
                let pairs = turned.columns().iter().zip(reference.columns());
                let compared: u32 = pairs.map(|(a, b)| (a & b).count_ones()).sum();
                assert!((at_least..=at_most).contains(&compared));
            }
        }
    }

    #[test]
    fn full_and_empty_masks_leave_no_doubt_but_one_bit() {
        for layout in Layout::ALL {
            let [full, empty] = [Mask::full(layout), Mask::empty(layout)];
            let columns = layout.columns();
            // Of 256 usable bits in a row, 255 count as certain.
            let doubt = if columns == 256 { 64 } else { 0 };
            assert_eq!(bounds(columns, &full, &full), [layout.bits() as u32 - doubt, layout.bits() as u32]);
            assert_eq!(bounds(columns, &empty, &full), [0; 2]);
            assert_eq!(bounds(columns, &empty, &empty), [0; 2]);
            // 256 unusable bits do not fit a byte, and one bit in each row may be there for all that is known.
            let doubt = if columns == 256 { 64 } else { 0 };
            assert_eq!(bounds(columns, &full, &empty), [0, doubt]);
        }
    }
}
