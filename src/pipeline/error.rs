//! Why a picture gave no template: one variant, and one stable word, per reason.

use core::fmt;

use super::segment::SegmentError;

/// One of the three closed curves that the pipeline works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Boundary {
    /// Between pupil and iris.
    Pupil,
    /// Between iris and sclera (the limbus).
    Iris,
    /// Around the opening between the lids.
    Eyeball,
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pupil => "pupil",
            Self::Iris => "iris",
            Self::Eyeball => "eyeball",
        })
    }
}

/// Why the pipeline refused a picture.
///
/// The variants from [`Self::PupilTooSmall`] on are refusals of quality: everything was measured, and a measure is
/// beyond its limit in [`QualityLimits`](super::quality::QualityLimits).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The segmenter found no eye, or did not believe what it found.
    #[error(transparent)]
    Segmentation(#[from] SegmentError),
    /// A mask is not of the picture's size.
    #[error(
        "the {mask} mask has {found_width}x{found_height} pixels, the picture {width}x{height}; masks must be of the picture's size"
    )]
    MaskSize {
        /// Which mask.
        mask: &'static str,
        /// Columns of the mask.
        found_width: usize,
        /// Rows of the mask.
        found_height: usize,
        /// Columns of the picture.
        width: usize,
        /// Rows of the picture.
        height: usize,
    },
    /// The segmenter gave curves that cannot be used.
    #[error(
        "the segmenter's {boundary} curve has {points} points; both curves need the same number, at least {least}, all finite"
    )]
    BadCurve {
        /// Which curve.
        boundary: Boundary,
        /// Its points.
        points: usize,
        /// Least points.
        least: usize,
    },
    /// The iris mask has no pixel.
    #[error("no pixel of the picture is iris; is the eye open and in the picture?")]
    NoIris,
    /// A mask has no contour, or more than one of a size that counts.
    #[error("the {boundary} mask has {found} separate regions, exactly 1 is needed; something may cover the eye")]
    Regions {
        /// Which mask.
        boundary: Boundary,
        /// Regions of at least 3 % of the largest one's area.
        found: usize,
    },
    /// Every point of a contour touches lashes or lids.
    #[error("the whole {boundary} boundary is covered by lids or lashes; open the eye wider")]
    BoundaryCovered {
        /// Which contour.
        boundary: Boundary,
    },
    /// The opening of the lids is too round to tell how the head is tilted.
    #[error(
        "the opening of the lids is too round to tell the eye's tilt (eccentricity {eccentricity:.3}, at least {least:.3} is needed); show both eye corners"
    )]
    OrientationUnknown {
        /// Eccentricity of the eyeball polygon, 0 (round) to 1.
        eccentricity: f64,
        /// Least eccentricity.
        least: f64,
    },
    /// The centre of a boundary cannot be told.
    #[error("the centre of the {boundary} cannot be told: too little of its boundary is visible; open the eye wider")]
    NoCentre {
        /// Which contour.
        boundary: Boundary,
    },
    /// A centre lies outside the picture.
    #[error(
        "the {boundary} centre ({x:.0}, {y:.0}) lies outside the picture of {width}x{height} pixels; centre the eye"
    )]
    CentreOutside {
        /// Which centre.
        boundary: Boundary,
        /// Column of the centre.
        x: f64,
        /// Row of the centre.
        y: f64,
        /// Columns of the picture.
        width: usize,
        /// Rows of the picture.
        height: usize,
    },
    /// Too few points of a boundary are left to complete it.
    #[error("{points} points of the {boundary} boundary are visible, at least {least} are needed; open the eye wider")]
    TooFewPoints {
        /// Which contour.
        boundary: Boundary,
        /// Points left.
        points: usize,
        /// Least points.
        least: usize,
    },
    /// The completed boundaries do not correspond point by point.
    #[error(
        "the completed boundaries have {pupil} (pupil) and {iris} (iris) points and cannot be paired; take another picture"
    )]
    UnequalBoundaries {
        /// Points of the pupil's boundary.
        pupil: usize,
        /// Points of the limbus.
        iris: usize,
    },
    /// The pupil's diameter is below the least.
    #[error("the pupil is {diameter:.1} px wide, at least {least:.1} are needed; move closer")]
    PupilTooSmall {
        /// Largest diameter, pixels.
        diameter: f64,
        /// The limit.
        least: f64,
    },
    /// The iris' diameter is below the least.
    #[error("the iris is {diameter:.1} px wide, at least {least:.1} are needed; move closer")]
    IrisTooSmall {
        /// Largest diameter, pixels.
        diameter: f64,
        /// The limit.
        least: f64,
    },
    /// The pupil is not smaller than the iris.
    #[error("the pupil ({pupil:.1} px) is not smaller than the iris ({iris:.1} px); what was found is no eye")]
    PupilNotSmaller {
        /// Diameter of the pupil, pixels.
        pupil: f64,
        /// Diameter of the iris, pixels.
        iris: f64,
    },
    /// The pupil's centre lies outside the iris.
    #[error(
        "the centres of pupil and iris are {ratio:.2} iris radii apart, less than 1 is needed; what was found is no eye"
    )]
    PupilOutsideIris {
        /// Distance of the centres over the iris' radius.
        ratio: f64,
    },
    /// The pupil is too narrow.
    #[error("the pupil is too narrow ({ratio:.3} of the iris, at least {least:.3} is needed); use less visible light")]
    PupilConstricted {
        /// Pupil diameter over iris diameter.
        ratio: f64,
        /// The limit.
        least: f64,
    },
    /// The pupil is too wide.
    #[error("the pupil is too wide ({ratio:.3} of the iris, at most {most:.3} is accepted); use more visible light")]
    PupilDilated {
        /// Pupil diameter over iris diameter.
        ratio: f64,
        /// The limit.
        most: f64,
    },
    /// Pupil and iris are not concentric enough.
    #[error(
        "the pupil is off the centre of the iris ({ratio:.3} iris radii, at most {most:.3} is accepted); look at the camera"
    )]
    PupilOffCentre {
        /// Distance of the centres over the iris' radius.
        ratio: f64,
        /// The limit.
        most: f64,
    },
    /// The eye looks away.
    #[error("the eye looks away (off-gaze {score:.3}, at most {most:.3} is accepted); look at the camera")]
    OffGaze {
        /// Eccentricity, 0 (looking at the camera) to 1.
        score: f64,
        /// The limit.
        most: f64,
    },
    /// Too little of the iris is visible.
    #[error("{visible:.3} of the iris is visible, at least {least:.3} is needed; open the eye wider")]
    Occluded {
        /// Visible part of the whole iris, 0 to 1.
        visible: f64,
        /// The limit.
        least: f64,
    },
    /// Too little of the iris beside the pupil is visible.
    #[error("{visible:.3} of the iris beside the pupil is visible, at least {least:.3} is needed; open the eye wider")]
    OccludedBeside {
        /// Visible part of the iris within 30° of the eye's axis, 0 to 1.
        visible: f64,
        /// The limit.
        least: f64,
    },
    /// The iris is blurred.
    #[error("the iris is blurred (sharpness {sharpness:.0}, at least {least:.0} is needed); hold still and focus")]
    Blurred {
        /// Standard deviation of the Laplacian over the unrolled iris.
        sharpness: f64,
        /// The limit.
        least: f64,
    },
    /// The iris' bounding box is empty.
    #[error("the iris boundary encloses nothing ({width:.1}x{height:.1} px); what was found is no eye")]
    EmptyBoundingBox {
        /// Extent in x, pixels.
        width: f64,
        /// Extent in y, pixels.
        height: f64,
    },
    /// Too few bits of the template are usable.
    #[error(
        "{bits} bits of the template are usable, at least {least} are needed; open the eye wider and avoid reflections"
    )]
    TooFewBits {
        /// Bits whose mask is set.
        bits: u32,
        /// The limit.
        least: u32,
    },
}

impl PipelineError {
    /// A stable word for programs; it never changes for a variant.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Segmentation(SegmentError::TooSmall { .. }) => "segmentation_too_small",
            Self::Segmentation(SegmentError::NoPupil { .. }) => "segmentation_no_pupil",
            Self::Segmentation(SegmentError::NoIris { .. }) => "segmentation_no_iris",
            Self::Segmentation(SegmentError::EyeClosed) => "segmentation_eye_closed",
            Self::Segmentation(SegmentError::Model { .. }) => "segmentation_model",
            #[allow(unreachable_patterns)] // the segmenters' enum grows without us
            Self::Segmentation(_) => "segmentation_failed",
            Self::MaskSize { .. } => "mask_size",
            Self::BadCurve { .. } => "bad_curve",
            Self::NoIris => "no_iris",
            Self::Regions { .. } => "regions",
            Self::BoundaryCovered { .. } => "boundary_covered",
            Self::OrientationUnknown { .. } => "orientation_unknown",
            Self::NoCentre { .. } => "no_centre",
            Self::CentreOutside { .. } => "centre_outside",
            Self::TooFewPoints { .. } => "too_few_points",
            Self::UnequalBoundaries { .. } => "unequal_boundaries",
            Self::PupilTooSmall { .. } => "pupil_too_small",
            Self::IrisTooSmall { .. } => "iris_too_small",
            Self::PupilNotSmaller { .. } => "pupil_not_smaller",
            Self::PupilOutsideIris { .. } => "pupil_outside_iris",
            Self::PupilConstricted { .. } => "pupil_constricted",
            Self::PupilDilated { .. } => "pupil_dilated",
            Self::PupilOffCentre { .. } => "pupil_off_centre",
            Self::OffGaze { .. } => "off_gaze",
            Self::Occluded { .. } => "occluded",
            Self::OccludedBeside { .. } => "occluded_beside",
            Self::Blurred { .. } => "blurred",
            Self::EmptyBoundingBox { .. } => "empty_bounding_box",
            Self::TooFewBits { .. } => "too_few_bits",
        }
    }
}
