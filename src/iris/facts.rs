//! Is this template the trace of an iris at all?

use super::{IrisTemplate, Layout, Rotation};

/// What can be counted in one template without comparing it with anybody's.
///
/// A wall, a printed stripe pattern or a nearly closed eye gives a template too, and such a template can match
/// many people, or nobody, or every other wall. [`TemplateFacts::check`] holds the facts against limits.
///
/// All shares are of 0..=1. A share of nothing is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TemplateFacts {
    /// Bits of the layout.
    pub bits: u32,
    /// Usable bits.
    pub usable: u32,
    /// Usable bits that are set, per wavelet and part, as `[wavelet][part]` share of that plane's usable bits.
    pub ones: [[f64; 2]; 2],
    /// Bits that differ from the bit of the next column, per wavelet, as share of the neighbours that are both usable.
    pub column_transitions: [f64; 2],
    /// The smallest fractional Hamming distance of the template to itself turned by an eighth of a circle or more,
    /// or none if no such turn leaves an eighth of the bits in common.
    pub self_distance: Option<f64>,
}

impl TemplateFacts {
    /// Usable bits as a share of all bits.
    #[must_use]
    pub fn usable_share(&self) -> f64 {
        f64::from(self.usable) / f64::from(self.bits)
    }

    /// Holds the facts against limits.
    ///
    /// # Errors
    ///
    /// The first limit that is broken, in the order of the variants of [`Degenerate`].
    pub fn check(&self, limits: &DegeneracyLimits) -> Result<(), Degenerate> {
        if self.usable_share() < limits.usable_at_least {
            return Err(Degenerate::Masked { share: self.usable_share(), limit: limits.usable_at_least });
        }
        for share in self.ones.into_iter().flatten() {
            if share.min(1.0 - share) < limits.minority_at_least {
                return Err(Degenerate::Constant { share, limit: limits.minority_at_least });
            }
        }
        for share in self.column_transitions {
            if share < limits.transitions_at_least || share > limits.transitions_at_most {
                return Err(Degenerate::Striped { share });
            }
        }
        match self.self_distance {
            Some(distance) if distance < limits.self_distance_at_least => {
                Err(Degenerate::Periodic { distance, limit: limits.self_distance_at_least })
            }
            _ => Ok(()),
        }
    }
}

/// The limits that [`TemplateFacts::check`] applies.
///
/// The defaults are far outside of what eyes do, so that they refuse what is no iris and nothing else. Seen in the
/// one public pair of real templates, and in open-iris' own test image: usable 0.72 and 0.73, minority per plane
/// 0.4 to 0.5, transitions 0.09 (coarse wavelet) and 0.45 (fine). Templates of independent random bits (transitions
/// 0.5) pass: they match nobody, and tests are full of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DegeneracyLimits {
    /// The least share of usable bits. Default 0.20.
    pub usable_at_least: f64,
    /// The least share of the rarer value among the usable bits of each wavelet and part. Default 0.10.
    pub minority_at_least: f64,
    /// The least share of changes from column to column. Default 0.01.
    pub transitions_at_least: f64,
    /// The greatest share of changes from column to column. Default 0.85.
    pub transitions_at_most: f64,
    /// The least distance to itself at a turn of an eighth of a circle or more. Default 0.25.
    pub self_distance_at_least: f64,
}

impl Default for DegeneracyLimits {
    fn default() -> Self {
        Self {
            usable_at_least: 0.20,
            minority_at_least: 0.10,
            transitions_at_least: 0.01,
            transitions_at_most: 0.85,
            self_distance_at_least: 0.25,
        }
    }
}

/// Why a template is not fit to stand for a person.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Degenerate {
    /// Nearly everything is masked.
    #[error(
        "only {share:.3} of the bits are usable, and {limit:.3} are needed; take a picture with the eye wider open"
    )]
    Masked {
        /// Usable bits as a share of all.
        share: f64,
        /// The limit.
        limit: f64,
    },
    /// Nearly all usable bits of one wavelet and part have one value.
    #[error(
        "the code is nearly constant: {share:.3} of the bits of one response are set, and the rarer value needs {limit:.3}"
    )]
    Constant {
        /// The share of set bits.
        share: f64,
        /// The least share of the rarer value.
        limit: f64,
    },
    /// The code hardly changes, or changes at every step, around the iris.
    #[error("{share:.3} of the bits differ from their neighbour around the iris, which no iris texture does")]
    Striped {
        /// The share of bits that differ from the next column's.
        share: f64,
    },
    /// The code repeats itself around the iris.
    #[error("the code repeats around the iris: at distance {distance:.3} to itself when turned, below {limit:.3}")]
    Periodic {
        /// The smallest distance to itself.
        distance: f64,
        /// The limit.
        limit: f64,
    },
}

impl IrisTemplate {
    /// Counts what [`TemplateFacts`] lists; about a tenth of a millisecond.
    #[must_use]
    pub fn facts(&self) -> TemplateFacts {
        let layout = self.layout();
        let mut usable = [[0_u32; 2]; 2];
        let mut set = [[0_u32; 2]; 2];
        let mut neighbours = [0_u32; 2];
        let mut changes = [0_u32; 2];
        let pairs = self.code().columns().iter().zip(self.mask().columns());
        let next = pairs.clone().cycle().skip(1);
        for ((code, mask), (next_code, next_mask)) in pairs.zip(next) {
            let both = mask & next_mask;
            for wavelet in 0..Layout::WAVELETS {
                for part in 0..Layout::PARTS {
                    let plane = 0xFFFF_u64 << (part * 32 + wavelet * 16);
                    usable[wavelet][part] += (mask & plane).count_ones();
                    set[wavelet][part] += (code & mask & plane).count_ones();
                    neighbours[wavelet] += (both & plane).count_ones();
                    changes[wavelet] += ((code ^ next_code) & both & plane).count_ones();
                }
            }
        }
        TemplateFacts {
            bits: Layout::bits(layout) as u32,
            usable: usable.into_iter().flatten().sum(),
            ones: [0, 1].map(|wavelet| [0, 1].map(|part| share(set[wavelet][part], usable[wavelet][part]))),
            column_transitions: [0, 1].map(|wavelet| share(changes[wavelet], neighbours[wavelet])),
            self_distance: self.self_distance(),
        }
    }

    fn self_distance(&self) -> Option<f64> {
        let layout = self.layout();
        let columns = layout.columns();
        let least = layout.bits() as u32 / 8;
        // Turns by k and by −k compare the same pairs of columns, so half of the circle is enough.
        (columns / 8..=columns / 2)
            .filter_map(|turn| {
                let turned = Rotation::new(i16::try_from(turn).expect("half of a layout's columns is at most 128"));
                let (mut compared, mut disagreeing) = (0, 0);
                for column in 0..columns {
                    let other = (column + turned.modulo(layout)) % columns;
                    let both = self.mask().columns()[column] & self.mask().columns()[other];
                    compared += both.count_ones();
                    let differs = self.code().columns()[column] ^ self.code().columns()[other];
                    disagreeing += (differs & both).count_ones();
                }
                (compared >= least).then(|| share(disagreeing, compared))
            })
            .reduce(f64::min)
    }
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iris::{EncoderVersion, IrisCode, Mask};

    fn judge(code: impl FnMut(usize, usize, usize, usize) -> bool, mask: Mask) -> Result<(), Degenerate> {
        let code = IrisCode::from_fn(mask.layout(), code);
        let template = IrisTemplate::new(code, mask, EncoderVersion::Other(0)).expect("one layout");
        template.facts().check(&DegeneracyLimits::default())
    }

    /// Bits without any structure, from the finaliser of splitmix64.
    fn noise(wavelet: usize, row: usize, column: usize, part: usize) -> bool {
        let mut z = ((wavelet * 2 + part) * 16 + row) as u64 * 1000 + column as u64;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ z >> 31) & 1 == 1
    }

    #[test]
    fn noise_is_no_degenerate() {
        for layout in Layout::ALL {
            assert_eq!(judge(noise, Mask::full(layout)), Ok(()));
        }
    }

    #[test]
    fn each_degeneracy_has_its_name() {
        for layout in Layout::ALL {
            let full = || Mask::full(layout);
            assert!(matches!(judge(noise, Mask::empty(layout)), Err(Degenerate::Masked { .. })));
            let one_row = Mask::from_fn(layout, |_, row, _, _| row == 0);
            assert!(matches!(judge(noise, one_row), Err(Degenerate::Masked { .. })));
            assert!(matches!(judge(|_, _, _, _| false, full()), Err(Degenerate::Constant { .. })));
            assert!(matches!(judge(|_, _, _, _| true, full()), Err(Degenerate::Constant { .. })));
            // One constant response of four is enough: the other three hide it from a count over all bits.
            let half = |w, r, c, p| (w, p) != (1, 0) && noise(w, r, c, p);
            assert!(matches!(judge(half, full()), Err(Degenerate::Constant { .. })));
            assert!(matches!(judge(|_, row, _, _| row % 2 == 0, full()), Err(Degenerate::Striped { .. })));
            assert!(matches!(judge(|_, _, column, _| column % 2 == 0, full()), Err(Degenerate::Striped { .. })));
            let period = layout.columns() / 4;
            let repeating = |w, r, c, p| noise(w, r, c % period, p);
            assert!(matches!(judge(repeating, full()), Err(Degenerate::Periodic { .. })));
        }
    }

    #[test]
    fn what_the_mask_hides_does_not_count() {
        let layout = Layout::Columns200;
        let mask = Mask::from_fn(layout, |_, _, column, _| column < 150);
        let dark = |w, r, c, p| c < 150 && noise(w, r, c, p);
        let bright = |w, r, c, p| c >= 150 || noise(w, r, c, p);
        let facts = |code: fn(usize, usize, usize, usize) -> bool| {
            let code = IrisCode::from_fn(layout, code);
            IrisTemplate::new(code, mask.clone(), EncoderVersion::Other(0)).expect("one layout").facts()
        };
        assert_eq!(facts(dark), facts(bright));
        assert_eq!(facts(dark).usable_share(), 0.75);
    }
}
