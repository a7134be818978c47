//! One template against another.

use alloc::vec;
use alloc::vec::Vec;

use super::kernel::{Counts, Kernel, Probe, USUAL_ROTATION};
use super::{Alignment, FractionalHammingDistance, MatchPolicy};
use crate::iris::{EncoderVersion, IrisTemplate, Layout, Rotation};

/// What comparing two templates says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Comparison {
    /// The same eye: the distance is below the threshold.
    Match(Alignment),
    /// Two eyes, as far as this policy can tell.
    NonMatch(Alignment),
    /// There is no distance, and so no statement about the eyes.
    Incomparable(Incomparable),
}

impl Comparison {
    /// The best position found, if there is a distance at all.
    #[must_use]
    pub const fn alignment(&self) -> Option<Alignment> {
        match self {
            Self::Match(alignment) | Self::NonMatch(alignment) => Some(*alignment),
            Self::Incomparable(_) => None,
        }
    }

    /// Is it a match? Use it to count; to decide, look at all three cases.
    #[must_use]
    pub const fn is_match(&self) -> bool {
        matches!(self, Self::Match(_))
    }
}

/// Why two templates have no distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Incomparable {
    /// They are sampled on different grids.
    #[error("templates of {} and {} columns cannot be compared; encode both with one layout", probe.columns(), reference.columns())]
    Layout {
        /// The layout of the probe.
        probe: Layout,
        /// The layout of the reference, or of the gallery.
        reference: Layout,
    },
    /// Their bits mean different things.
    #[error("templates of {probe} and of {reference} cannot be compared; encode both with one encoder")]
    Encoder {
        /// The encoder of the probe.
        probe: EncoderVersion,
        /// The encoder of the reference, or of the gallery.
        reference: EncoderVersion,
    },
    /// At no rotation are enough bits usable in both.
    #[error(
        "at most {compared} bits are usable in both templates, and {minimum} are needed; take a picture with more of the iris in view"
    )]
    TooFewBits {
        /// The most bits in common at any rotation.
        compared: u32,
        /// What the policy asks for.
        minimum: u32,
    },
}

/// Compares two templates at every rotation of the policy; the smallest distance wins.
///
/// Rotations with fewer common bits than the policy asks for do not take part. Among equal distances the smaller turn
/// wins, and of two equal turns the one to lower columns, as in open-iris.
///
/// # Examples
///
/// See the [module page](super).
pub fn compare(probe: &IrisTemplate, reference: &IrisTemplate, policy: &MatchPolicy) -> Comparison {
    match check(probe, reference.layout(), reference.encoder()) {
        Ok(()) => PreparedProbe::new(probe, policy).compare(reference),
        Err(reason) => Comparison::Incomparable(reason),
    }
}

/// A template at every rotation of a policy, to be compared with many others one by one.
///
/// The answers are those of [`compare`], which prepares its probe for every reference anew.
pub struct PreparedProbe<'a> {
    template: &'a IrisTemplate,
    turned: Probe,
    judge: Judge,
}

impl<'a> PreparedProbe<'a> {
    /// Turns the probe to all rotations.
    #[must_use]
    pub fn new(probe: &'a IrisTemplate, policy: &MatchPolicy) -> Self {
        let judge = Judge::new(policy, probe.layout());
        Self { template: probe, turned: Probe::new(probe, policy.maximum_rotation), judge }
    }

    /// [`compare`] with this probe and its policy.
    pub fn compare(&self, reference: &IrisTemplate) -> Comparison {
        if let Err(reason) = check(self.template, reference.layout(), reference.encoder()) {
            return Comparison::Incomparable(reason);
        }
        // Nothing is allocated for the usual number of rotations, and the work is the same for every pair of templates.
        let mut usual = [Counts::default(); 2 * USUAL_ROTATION + 1];
        let mut many = Vec::new();
        let counts = match usual.get_mut(..self.turned.rotations()) {
            Some(usual) => usual,
            None => {
                many.resize(self.turned.rotations(), Counts::default());
                &mut many
            }
        };
        Kernel::best().count(&self.turned, reference.code().columns(), reference.mask().columns(), counts);
        judge(counts, &self.judge)
    }
}

impl core::fmt::Debug for PreparedProbe<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PreparedProbe").field("layout", &self.template.layout()).finish_non_exhaustive()
    }
}

/// The counts at one rotation of the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationCounts {
    /// The turn of the probe.
    pub rotation: Rotation,
    /// Compared bits that differ.
    pub disagreeing: u32,
    /// Bits usable in both; may be 0.
    pub compared: u32,
}

/// The counts at every rotation from −`maximum_rotation` to +`maximum_rotation`, in this order.
///
/// # Errors
///
/// [`Incomparable`] if layouts or encoders differ.
pub fn rotation_counts(
    probe: &IrisTemplate,
    reference: &IrisTemplate,
    maximum_rotation: u8,
) -> Result<Vec<RotationCounts>, Incomparable> {
    let furthest = i16::from(maximum_rotation);
    check(probe, reference.layout(), reference.encoder())?;
    let probe = Probe::new(probe, maximum_rotation);
    let mut counts = vec![Counts::default(); probe.rotations()];
    Kernel::best().count(&probe, reference.code().columns(), reference.mask().columns(), &mut counts);
    Ok((-furthest..=furthest)
        .zip(counts)
        .map(|(columns, counts)| RotationCounts {
            rotation: Rotation::new(columns),
            disagreeing: counts.disagreeing,
            compared: counts.compared,
        })
        .collect())
}

/// Do the bits of the probe mean what those of the reference mean?
pub(super) fn check(probe: &IrisTemplate, layout: Layout, encoder: EncoderVersion) -> Result<(), Incomparable> {
    if probe.layout() != layout {
        return Err(Incomparable::Layout { probe: probe.layout(), reference: layout });
    }
    if !probe.encoder().is_comparable_with(encoder) {
        return Err(Incomparable::Encoder { probe: probe.encoder(), reference: encoder });
    }
    Ok(())
}

/// A policy made ready for one layout.
pub(super) struct Judge {
    pub(super) policy: MatchPolicy,
    pub(super) layout: Layout,
    pub(super) minimum: u32,
}

impl Judge {
    pub(super) fn new(policy: &MatchPolicy, layout: Layout) -> Self {
        Self { policy: *policy, layout, minimum: policy.minimum_compared(layout) }
    }
}

/// The verdict on the counts of all rotations, in the order of the kernel.
pub(super) fn judge(counts: &[Counts], judge: &Judge) -> Comparison {
    let mut best: Option<Alignment> = None;
    let mut most = 0;
    let middle = counts.len() / 2;
    for rotation in Rotation::nearest_first(judge.policy.maximum_rotation) {
        let Counts { disagreeing, compared } = counts[middle.wrapping_add_signed(rotation.columns().into())];
        most = most.max(compared);
        if compared < judge.minimum {
            continue;
        }
        let distance = FractionalHammingDistance::new(disagreeing, compared)
            .expect("the minimum is at least 1, and a kernel counts disagreeing among compared bits");
        if best.is_none_or(|best| judge.policy.score.order(distance, best.distance).is_lt()) {
            best = Some(Alignment { distance, rotation });
        }
    }
    match best {
        Some(alignment) if judge.policy.accepts(alignment.distance, judge.layout) => Comparison::Match(alignment),
        Some(alignment) => Comparison::NonMatch(alignment),
        None => Comparison::Incomparable(Incomparable::TooFewBits { compared: most, minimum: judge.minimum }),
    }
}
