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
//! With disagreeing ≥ threshold × upper bound a rotation is out, since compared is below the bound. On templates with the
//! statistics of real ones the upper bound is within a few percent, so that nearly every stranger is out at every
//! rotation, and his compared bits need never be counted.

use crate::iris::Layout;
use crate::matcher::MatchPolicy;
use crate::matcher::kernel::Counts;

/// Usable bits of a mask in each row of bits.
pub(super) type RowCounts = [u16; Layout::BITS_PER_COLUMN];

pub(super) fn row_counts(mask: &[u64]) -> RowCounts {
    let mut rows = [0; Layout::BITS_PER_COLUMN];
    for column in mask {
        for (bit, row) in rows.iter_mut().enumerate() {
            *row += (column >> bit & 1) as u16;
        }
    }
    rows
}

/// What the rows of two masks say about their common bits at any rotation.
pub(super) struct Bound {
    at_least: u32,
    at_most: u32,
}

impl Bound {
    pub(super) fn new(columns: usize, probe: &RowCounts, reference: &RowCounts) -> Self {
        let columns = columns as u16;
        let (mut at_least, mut at_most) = (0_u16, 0_u16);
        // Both sums are at most 64 × 256 = 16,384.
        for (probe, reference) in probe.iter().zip(reference) {
            at_least += (probe + reference).saturating_sub(columns);
            at_most += (*probe).min(*reference);
        }
        Self { at_least: at_least.into(), at_most: at_most.into() }
    }

    /// Certainly comparable, and certainly no match at any rotation: nothing more needs to be counted.
    pub(super) fn rules_out(&self, counts: &[Counts], policy: &MatchPolicy, minimum: u32) -> bool {
        let limit = u64::from(policy.threshold.numerator()) * u64::from(self.at_most);
        let denominator = u64::from(policy.threshold.denominator());
        let least = counts.iter().map(|counts| counts.disagreeing).min().unwrap_or(0);
        self.at_least >= minimum && u64::from(least) * denominator >= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iris::{Mask, Rotation};

    #[test]
    fn no_rotation_leaves_the_bounds() {
        for layout in Layout::ALL {
            let columns = layout.columns();
            let probe = Mask::from_fn(layout, |w, r, c, p| (c * (r + 3) + w + p) % 11 < 8);
            let reference = Mask::from_fn(layout, |w, r, c, p| (c * 5 + r * w + p) % 7 < 6 && c > r);
            let (probe_rows, rows) = (row_counts(probe.columns()), row_counts(reference.columns()));
            let bound = Bound::new(columns, &probe_rows, &rows);
            assert!(bound.at_least > 0 && bound.at_most < probe.count());
            for turn in 0..columns {
                let turned = probe.rotated(Rotation::new(i16::try_from(turn).expect("small")));
                let pairs = turned.columns().iter().zip(reference.columns());
                let compared: u32 = pairs.map(|(a, b)| (a & b).count_ones()).sum();
                assert!((bound.at_least..=bound.at_most).contains(&compared));
            }
        }
    }

    #[test]
    fn full_and_empty_masks_leave_no_doubt() {
        for layout in Layout::ALL {
            let [full, empty] = [Mask::full(layout), Mask::empty(layout)].map(|mask| row_counts(mask.columns()));
            let both = |bound: Bound| [bound.at_least, bound.at_most];
            assert_eq!(both(Bound::new(layout.columns(), &full, &full)), [layout.bits() as u32; 2]);
            assert_eq!(both(Bound::new(layout.columns(), &full, &empty)), [0; 2]);
            assert_eq!(both(Bound::new(layout.columns(), &empty, &empty)), [0; 2]);
        }
    }
}
