//! Everything that the stages gave for one picture.

use core::fmt;

use crate::iris::IrisTemplate;

use super::error::PipelineError;
use super::filter::IrisResponse;
use super::geometry::{BoundingBox, EyeCentres, EyePolygons};
use super::normalize::NormalizedIris;
use super::quality::Quality;
use super::segment::SegmentationMasks;
use super::times::{Clock, StageTimes};
use super::{Capture, Confidence, EyeGeometry};

/// What each stage gave; the fields after the stage that failed are `None`.
///
/// Where the segmenter gives its boundaries as curves, the stages from `contours` to `smoothed` are skipped for them,
/// and their fields stay `None`.
#[non_exhaustive]
pub struct Trace {
    /// The masks that the stages worked with.
    pub masks: Option<SegmentationMasks>,
    /// How far the segmenter believes itself.
    pub confidence: Option<Confidence>,
    /// Outer contours of the masks.
    pub contours: Option<EyePolygons>,
    /// The contours without gaps.
    pub interpolated: Option<EyePolygons>,
    /// The contours without points that touch lashes or lids.
    pub filtered: Option<EyePolygons>,
    /// Tilt of the eye, radians, and whether the lids' opening told it.
    pub orientation: Option<(f64, bool)>,
    /// Centres of pupil and iris.
    pub centres: Option<EyeCentres>,
    /// The smoothed contours.
    pub smoothed: Option<EyePolygons>,
    /// The completed boundaries.
    pub boundaries: Option<EyePolygons>,
    /// The rectangle around the iris.
    pub bounding_box: Option<BoundingBox>,
    /// What was measured, within its limits or not.
    pub quality: Quality,
    /// The unrolled iris.
    pub normalized: Option<NormalizedIris>,
    /// Answers of the wavelets. Only [`Pipeline::trace`](super::Pipeline::trace) keeps them.
    pub response: Option<IrisResponse>,
    /// The answers with the mask of fragile ones at 0.
    pub refined: Option<IrisResponse>,
    /// Code and mask, also those that a limit refused.
    pub template: Option<IrisTemplate>,
    /// Whether the picture is good enough, and why not.
    pub outcome: Result<(), PipelineError>,
    /// How long the stages took, for a caller who brought a clock.
    pub(super) times: StageTimes,
}

impl Trace {
    pub(super) fn empty() -> Self {
        Self {
            masks: None,
            confidence: None,
            contours: None,
            interpolated: None,
            filtered: None,
            orientation: None,
            centres: None,
            smoothed: None,
            boundaries: None,
            bounding_box: None,
            quality: Quality::default(),
            normalized: None,
            response: None,
            refined: None,
            template: None,
            outcome: Ok(()),
            times: StageTimes::default(),
        }
    }

    pub(super) fn timed_by(clock: Clock) -> Self {
        Self { times: StageTimes::begun(clock), ..Self::empty() }
    }

    /// The capture, if every stage succeeded and every measure is within its limits.
    ///
    /// # Errors
    /// [`Self::outcome`].
    pub fn into_capture(self) -> Result<Capture, PipelineError> {
        self.outcome?;
        match (self.template, self.boundaries, self.centres, self.orientation, self.bounding_box) {
            (
                Some(template),
                Some(boundaries),
                Some(centres),
                Some((orientation, orientation_known)),
                Some(bounding_box),
            ) => {
                let geometry = EyeGeometry { boundaries, centres, orientation, orientation_known, bounding_box };
                Ok(Capture { template, quality: self.quality, geometry, confidence: self.confidence })
            }
            // The fields are public, so somebody may have taken one out.
            _ => Err(PipelineError::NoIris),
        }
    }
}

impl fmt::Debug for Trace {
    /// Shows how far the stages came and the measures, never pixels or bits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("confidence", &self.confidence)
            .field("orientation", &self.orientation)
            .field("centres", &self.centres)
            .field("bounding_box", &self.bounding_box)
            .field("quality", &self.quality)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
