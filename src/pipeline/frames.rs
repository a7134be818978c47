//! Several pictures of one eye become one template: alignment, identity filter, majority vote.
//!
//! The three steps are those of open-iris' `TemplatesAggregationPipeline`, with its numbers:
//!
//! 1. **Alignment** (`HammingDistanceBasedAlignment`). All pairs are measured by the normalised distance over ±15 columns.
//!    The frame with the smallest sum of distances is the reference; the others are turned onto it.
//! 2. **Identity filter** (`TemplateIdentityFilter`). Frames within 0.35 of each other belong together. One group of at
//!    least two must remain; whether a frame outside it is left out or refuses the whole set is [`Strangers`].
//! 3. **Majority vote** (`MajorityVoteAggregation`). Of the frames in which a bit is usable, more than half decide it; it is
//!    usable in the result if it was in a hundredth of all frames, which is in any.
//!
//! # Examples
//! ```
//! use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask, Rotation};
//! use personhood::pipeline::frames::{FusionConfig, fuse};
//!
//! let layout = Layout::Columns256;
//! let mut state = 1_u64;
//! let code = IrisCode::from_fn(layout, |_, _, _, _| {
//!     state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
//!     state >> 63 == 1
//! });
//! let eye = IrisTemplate::new(code, Mask::full(layout), EncoderVersion::OpenIris1112)?;
//! let frames = [eye.clone(), eye.rotated(Rotation::new(4)), eye.rotated(Rotation::new(-2))];
//! let fused = fuse(&frames, &FusionConfig::OPEN_IRIS)?;
//! assert_eq!(fused.template, frames[fused.reference]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::fmt;

use crate::iris::{IrisCode, IrisTemplate, Layout, Mask, Rotation};
use crate::matcher::Incomparable;
use crate::matcher::openiris::{Measure, Normalisation, Score, distance};

/// What becomes of a frame that shows another eye than the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangers {
    /// It is left out, as open-iris does by default.
    LeaveOut,
    /// All frames are refused: somebody mixed up files.
    Refuse,
}

/// The numbers of the three steps.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FusionConfig {
    /// Rotations tried to each side, columns.
    pub maximum_rotation: u8,
    /// Greatest normalised distance of two frames of one eye, 0 to 1.
    pub identity_threshold: f64,
    /// What becomes of a frame beyond it.
    pub strangers: Strangers,
    /// Least share of the frames in which a bit of the result was usable, 0 to 1.
    pub least_usable_share: f64,
    /// Consistency 2 |f − ½| of a bit that is one in the share f of its votes, from which on it weighs by itself.
    pub consistent_from: f64,
    /// What a less consistent bit weighs.
    pub inconsistent_weight: f64,
}

impl FusionConfig {
    /// open-iris 1.11: ±15 columns, 0.35, strangers left out; 0.01, 0.75 and 0.4 in the vote.
    pub const OPEN_IRIS: Self = Self {
        maximum_rotation: 15,
        identity_threshold: 0.35,
        strangers: Strangers::LeaveOut,
        least_usable_share: 0.01,
        consistent_from: 0.75,
        inconsistent_weight: 0.4,
    };

    /// The same, but a frame of another eye refuses all: for an enrolment, where it is a mistake or an attack.
    pub const STRICT: Self = Self { strangers: Strangers::Refuse, ..Self::OPEN_IRIS };
}

/// One template from several frames.
#[derive(Clone)]
#[non_exhaustive]
pub struct Fused {
    /// The template, in the position of the reference frame.
    pub template: IrisTemplate,
    /// How far each bit is to be trusted, 0 to 1, in the order wavelet, row, column, part; open-iris' `weights`.
    pub weights: Vec<f64>,
    /// The frame onto which the others were turned.
    pub reference: usize,
    /// The frames that voted.
    pub used: Vec<usize>,
    /// How far each frame was turned, those that did not vote among them.
    pub rotations: Vec<Rotation>,
}

impl fmt::Debug for Fused {
    /// Shows everything but bits and weights.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fused")
            .field("reference", &self.reference)
            .field("used", &self.used)
            .field("rotations", &self.rotations)
            .finish_non_exhaustive()
    }
}

/// Why frames did not become one template. Frames are counted from 0.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FusionError {
    /// There are no frames.
    #[error("there are no frames; at least 1 is needed")]
    NoFrames,
    /// Two frames have no distance.
    #[error("frames {first} and {second} cannot be compared: {reason}")]
    Incomparable {
        /// A frame.
        first: usize,
        /// Another.
        second: usize,
        /// Why not.
        reason: Incomparable,
    },
    /// No two frames show one eye.
    #[error(
        "no two of the {frames} frames show the same eye: the nearest are at {nearest:.4}, above {threshold:.4}; take them again, of one eye"
    )]
    NoCommonEye {
        /// How many there are.
        frames: usize,
        /// The smallest normalised distance of two of them.
        nearest: f64,
        /// The greatest of one eye.
        threshold: f64,
    },
    /// There are groups of frames, each of another eye.
    #[error("the {frames} frames show {eyes} different eyes, at least two frames each; give those of one eye")]
    SeveralEyes {
        /// How many frames there are.
        frames: usize,
        /// How many eyes.
        eyes: usize,
    },
    /// One frame shows another eye than the others.
    #[error(
        "frame {frame} shows another eye than the others: it is at {nearest:.4} from the nearest, above {threshold:.4}; leave it out or take it again"
    )]
    Stranger {
        /// Which one.
        frame: usize,
        /// Its normalised distance to the nearest other frame.
        nearest: f64,
        /// The greatest of one eye.
        threshold: f64,
    },
}

impl FusionError {
    /// A stable word for programs; it never changes for a variant.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoFrames => "frames_none",
            Self::Incomparable { .. } => "frames_incomparable",
            Self::NoCommonEye { .. } => "frames_no_common_eye",
            Self::SeveralEyes { .. } => "frames_several_eyes",
            Self::Stranger { .. } => "frames_stranger",
        }
    }

    /// The frame that is to blame, where it is one.
    #[must_use]
    pub const fn frame(&self) -> Option<usize> {
        match self {
            Self::Stranger { frame, .. } => Some(*frame),
            _ => None,
        }
    }
}

/// Makes one template of the frames of one eye. One frame alone is its own result.
///
/// # Errors
/// [`FusionError`]: the frames cannot be compared, or do not show one eye.
pub fn fuse(frames: &[IrisTemplate], config: &FusionConfig) -> Result<Fused, FusionError> {
    let first = frames.first().ok_or(FusionError::NoFrames)?;
    if frames.len() == 1 {
        return Ok(Fused {
            template: first.clone(),
            weights: vec![1.0; first.layout().bits()],
            reference: 0,
            used: vec![0],
            rotations: vec![Rotation::new(0)],
        });
    }
    let scores = Scores::of(frames, config)?;
    let reference = scores.most_central();
    let used = scores.one_eye(config)?;
    let rotations: Vec<Rotation> = (0..frames.len()).map(|frame| scores.turn(frame, reference)).collect();
    let aligned: Vec<IrisTemplate> = used.iter().map(|&frame| frames[frame].rotated(rotations[frame])).collect();
    let (template, weights) = vote(&aligned, config);
    Ok(Fused { template, weights, reference, used, rotations })
}

/// The scores of all pairs; the probe is the row.
struct Scores {
    count: usize,
    scores: Vec<Option<Score>>,
}

impl Scores {
    fn of(frames: &[IrisTemplate], config: &FusionConfig) -> Result<Self, FusionError> {
        let count = frames.len();
        let mut scores = vec![None; count * count];
        let measure = Measure::Normalised(Normalisation::default());
        for (first, probe) in frames.iter().enumerate() {
            for (second, reference) in frames.iter().enumerate().filter(|&(second, _)| second != first) {
                // The distance is the same both ways, but for the turn among equals.
                let score = distance(probe, reference, config.maximum_rotation, measure)
                    .map_err(|reason| FusionError::Incomparable { first, second, reason })?;
                scores[first * count + second] = Some(score);
            }
        }
        Ok(Self { count, scores })
    }

    fn distance(&self, first: usize, second: usize) -> f64 {
        // Of two frames the earlier one is the probe, as in open-iris' list of pairs.
        let (first, second) = (first.min(second), first.max(second));
        self.scores[first * self.count + second].map_or(0.0, |score| score.distance)
    }

    fn turn(&self, frame: usize, reference: usize) -> Rotation {
        self.scores[frame * self.count + reference].map_or(Rotation::new(0), |score| score.rotation)
    }

    /// The frame with the smallest sum of distances, the first among equals.
    fn most_central(&self) -> usize {
        let sum = |frame| (0..self.count).map(|other| self.distance(frame, other)).sum::<f64>();
        (0..self.count).min_by(|&a, &b| sum(a).total_cmp(&sum(b))).unwrap_or(0)
    }

    fn nearest(&self, frame: usize) -> f64 {
        let others = (0..self.count).filter(|&other| other != frame);
        others.map(|other| self.distance(frame, other)).fold(f64::INFINITY, f64::min)
    }

    /// The frames of the one eye that at least two of them show.
    fn one_eye(&self, config: &FusionConfig) -> Result<Vec<usize>, FusionError> {
        let (frames, threshold) = (self.count, config.identity_threshold);
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut seen = vec![false; frames];
        for start in 0..frames {
            if seen[start] {
                continue;
            }
            let (mut group, mut next) = (Vec::new(), vec![start]);
            seen[start] = true;
            while let Some(frame) = next.pop() {
                group.push(frame);
                for (other, seen) in seen.iter_mut().enumerate() {
                    if !*seen && self.distance(frame, other) <= threshold {
                        *seen = true;
                        next.push(other);
                    }
                }
            }
            group.sort_unstable();
            groups.push(group);
        }
        let mut eyes: Vec<Vec<usize>> = groups.into_iter().filter(|group| group.len() >= 2).collect();
        let group = match (eyes.pop(), eyes.len()) {
            (None, _) => {
                let nearest = (0..frames).map(|frame| self.nearest(frame)).fold(f64::INFINITY, f64::min);
                return Err(FusionError::NoCommonEye { frames, nearest, threshold });
            }
            (Some(group), 0) => group,
            (Some(_), others) => return Err(FusionError::SeveralEyes { frames, eyes: others + 1 }),
        };
        match (0..frames).find(|frame| !group.contains(frame)) {
            Some(frame) if config.strangers == Strangers::Refuse => {
                Err(FusionError::Stranger { frame, nearest: self.nearest(frame), threshold })
            }
            _ => Ok(group),
        }
    }
}

/// The vote of frames that lie one on the other.
fn vote(frames: &[IrisTemplate], config: &FusionConfig) -> (IrisTemplate, Vec<f64>) {
    let (layout, encoder) = (frames[0].layout(), frames[0].encoder());
    let total = frames.len() as f64;
    // Votes for a one, and votes, of the bit at (wavelet, row, column, part).
    let count = |wavelet, row, column, part| {
        frames.iter().fold((0.0, 0.0), |(ones, votes), frame| {
            let usable = frame.mask().bit(wavelet, row, column, part);
            let one = usable && frame.code().bit(wavelet, row, column, part);
            (ones + f64::from(u8::from(one)), votes + f64::from(u8::from(usable)))
        })
    };
    let share = |(ones, votes): (f64, f64)| if votes > 0.0 { ones / votes } else { 0.0 };
    let code = IrisCode::from_fn(layout, |w, r, c, p| share(count(w, r, c, p)) > 0.5);
    let mask = Mask::from_fn(layout, |w, r, c, p| count(w, r, c, p).1 / total >= config.least_usable_share);
    let mut weights = Vec::with_capacity(layout.bits());
    for wavelet in 0..Layout::WAVELETS {
        for row in 0..Layout::ROWS {
            for column in 0..layout.columns() {
                for part in 0..Layout::PARTS {
                    let votes = count(wavelet, row, column, part);
                    let consistency = 2.0 * (share(votes) - 0.5).abs();
                    let trust =
                        if consistency >= config.consistent_from { consistency } else { config.inconsistent_weight };
                    weights.push(trust * votes.1 / total);
                }
            }
        }
    }
    (IrisTemplate::new(code, mask, encoder).expect("code and mask were made for one layout"), weights)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::iris::EncoderVersion;

    /// A random eye; `noise` of 256 bits differ from the eye's own.
    fn frame(eye: u64, noise: u64, seed: u64, hidden: impl Fn(usize) -> bool) -> IrisTemplate {
        let layout = Layout::Columns200;
        let random = |state: &mut u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *state >> 33
        };
        let (mut own, mut other) = (eye, seed);
        let code =
            IrisCode::from_fn(layout, |_, _, _, _| (random(&mut own) & 1 == 1) ^ (random(&mut other) % 256 < noise));
        let mask = Mask::from_fn(layout, |_, _, column, _| !hidden(column));
        IrisTemplate::new(code, mask, EncoderVersion::OpenIris1112).unwrap()
    }

    fn disagreement(a: &IrisTemplate, b: &IrisTemplate) -> f64 {
        distance(a, b, 15, Measure::Plain).unwrap().distance
    }

    #[test]
    fn a_vote_undoes_noise_and_turns() {
        let truth = frame(1, 0, 0, |_| false);
        let frames: Vec<_> = (1..=5).map(|seed| frame(1, 40, seed, |_| false)).collect();
        let turned: Vec<_> =
            frames.iter().zip([0, 3, -7, 15, 1]).map(|(frame, by)| frame.rotated(Rotation::new(by))).collect();
        for config in [FusionConfig::OPEN_IRIS, FusionConfig::STRICT] {
            let fused = fuse(&turned, &config).unwrap();
            assert_eq!(fused.used, [0, 1, 2, 3, 4]);
            assert_eq!(fused.rotations[fused.reference], Rotation::new(0));
            // A bit is wrong with probability 40/256; of five, three wrong have (10 p³q² + …) = 0.031.
            let (single, together) = (disagreement(&turned[0], &truth), disagreement(&fused.template, &truth));
            assert!((single - 0.156).abs() < 0.01 && (together - 0.031).abs() < 0.01, "{single} {together}");
        }
    }

    #[test]
    fn only_usable_bits_vote_and_their_number_weighs() {
        let frames = [
            frame(1, 0, 0, |column| column < 100),
            frame(1, 0, 0, |column| column < 50),
            frame(1, 0, 0, |column| column < 50),
        ];
        let fused = fuse(&frames, &FusionConfig::OPEN_IRIS).unwrap();
        let of = |column: usize| (fused.template.mask().bit(0, 0, column, 0), fused.weights[column * Layout::PARTS]);
        assert_eq!((of(10), of(70), of(150)), ((false, 0.0), (true, 2.0 / 3.0), (true, 1.0)));
        assert!((0..200).all(|c| !fused.template.mask().bit(0, 0, c, 0)
            || fused.template.code().bit(0, 0, c, 0) == frames[1].code().bit(0, 0, c, 0)));
    }

    #[test]
    fn other_eyes_are_refused_or_left_out() {
        let eye = |number, seed| frame(number, 30, seed, |_| false);
        let mixed = [eye(1, 1), eye(2, 2), eye(1, 3)];
        assert_eq!(fuse(&mixed, &FusionConfig::OPEN_IRIS).unwrap().used, [0, 2]);
        let stranger = fuse(&mixed, &FusionConfig::STRICT).unwrap_err();
        assert!(matches!(stranger, FusionError::Stranger { frame: 1, .. }), "{stranger}");
        for config in [FusionConfig::OPEN_IRIS, FusionConfig::STRICT] {
            let refused = |frames: &[IrisTemplate]| fuse(frames, &config).unwrap_err().code();
            assert_eq!(refused(&[]), "frames_none");
            assert_eq!(refused(&[eye(1, 1), eye(2, 2)]), "frames_no_common_eye");
            assert_eq!(refused(&[eye(1, 1), eye(2, 2), eye(1, 3), eye(2, 4)]), "frames_several_eyes");
            let blind = frame(1, 0, 0, |_| true);
            assert_eq!(refused(&[eye(1, 1), blind]), "frames_incomparable");
        }
    }

    #[test]
    fn one_frame_is_its_own_result() {
        let only = frame(1, 0, 0, |column| column < 9);
        let fused = fuse(std::slice::from_ref(&only), &FusionConfig::STRICT).unwrap();
        assert!(fused.template == only && fused.weights.iter().all(|&weight| weight == 1.0));
    }
}
