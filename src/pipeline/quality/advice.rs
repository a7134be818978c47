//! What to tell the person, or whoever holds the camera.

use core::fmt;

use super::{IsoMeasure, Quality, QualityLimits};
use crate::pipeline::PipelineError;
use crate::pipeline::segment::SegmentError;

/// Least width of an iris that is asked for, pixels: below it ISO/IEC 19794-6:2005 calls an iris picture unacceptable.
///
/// Smaller irises are not refused before open-iris' limit of 50 pixels.
const LEAST_IRIS_WIDTH: f64 = 100.0;

/// An edge of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// Column 0.
    Left,
    /// The last column.
    Right,
    /// Row 0.
    Top,
    /// The last row.
    Bottom,
}

impl Edge {
    pub(super) const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Top, Self::Bottom];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Top => "upper",
            Self::Bottom => "lower",
        }
    }
}

/// One thing to do for a better picture; `Display` says it in plain words, with the value and what is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Advice {
    /// No eye was found.
    ShowEye,
    /// The eye is shut.
    OpenEye,
    /// Where the iris ends cannot be told.
    ClearView,
    /// The iris is too small.
    MoveCloser {
        /// Its width, pixels.
        width: f64,
        /// The width that is needed.
        needed: f64,
    },
    /// The iris is too near to an edge of the picture, or beyond it.
    Centre {
        /// Which edge.
        edge: Edge,
    },
    /// Lids, lashes or reflections hide too much.
    OpenWider {
        /// Visible part of the iris, percent.
        visible: f64,
        /// The recommended part.
        recommended: f64,
    },
    /// The eye looks aside.
    LookAtCamera {
        /// Estimated angle to the camera, degrees.
        angle: f64,
        /// The recommended angle at most.
        most: f64,
    },
    /// Eye or camera moved.
    HoldStill {
        /// Length of the motion, percent of the iris' radius.
        motion: f64,
        /// What is recommended at most.
        most: f64,
    },
    /// The iris is out of focus.
    Focus {
        /// open-iris' sharpness.
        sharpness: f64,
        /// What is needed.
        needed: f64,
    },
    /// The pupil is too wide.
    MoreLight {
        /// Pupil over iris, percent.
        ratio: f64,
        /// What is recommended at most.
        most: f64,
    },
    /// The pupil is too narrow.
    LessLight {
        /// Pupil over iris, percent.
        ratio: f64,
        /// What is recommended at least.
        least: f64,
    },
    /// The camera uses too little of its grey range.
    Exposure {
        /// Entropy of the grey levels, bits.
        bits: f64,
        /// What is recommended.
        recommended: f64,
    },
    /// Iris and sclera, or iris and pupil, can hardly be told apart.
    Illumination {
        /// Which contrast.
        measure: IsoMeasure,
        /// Its value, 0 to 100.
        contrast: f64,
        /// What is recommended.
        recommended: f64,
    },
}

impl Advice {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ShowEye => "show_eye",
            Self::OpenEye => "open_eye",
            Self::ClearView => "clear_view",
            Self::MoveCloser { .. } => "move_closer",
            Self::Centre { .. } => "centre",
            Self::OpenWider { .. } => "open_wider",
            Self::LookAtCamera { .. } => "look_at_camera",
            Self::HoldStill { .. } => "hold_still",
            Self::Focus { .. } => "focus",
            Self::MoreLight { .. } => "more_light",
            Self::LessLight { .. } => "less_light",
            Self::Exposure { .. } => "exposure",
            Self::Illumination { .. } => "illumination",
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ShowEye => write!(f, "show one open eye in the middle of the picture: no pupil was found"),
            Self::OpenEye => write!(f, "open the eye: it is shut"),
            Self::ClearView => write!(
                f,
                "uncover the eye and take off spectacles: the pupil was found, but not where the iris ends around it"
            ),
            Self::MoveCloser { width, needed } => {
                write!(f, "move closer: the iris is {width:.0} px wide, {needed:.0} are needed")
            }
            Self::Centre { edge } => {
                write!(
                    f,
                    "bring the eye to the middle: the iris is too near to the {} edge of the picture",
                    edge.as_str()
                )
            }
            Self::OpenWider { visible, recommended } => write!(
                f,
                "open the eye wider: {visible:.0} % of the iris can be seen, {recommended:.0} % are recommended"
            ),
            Self::LookAtCamera { angle, most } => write!(
                f,
                "look straight into the camera: the eye is turned by about {angle:.0}°, at most {most:.0}° are recommended"
            ),
            Self::HoldStill { motion, most } => write!(
                f,
                "hold still: the picture is smeared over {motion:.0} % of the iris' radius, at most {most:.0} % are recommended"
            ),
            Self::Focus { sharpness, needed } => write!(
                f,
                "focus, or wait until the camera has: the sharpness of the iris is {sharpness:.0}, {needed:.0} is needed"
            ),
            Self::MoreLight { ratio, most } => write!(
                f,
                "use more visible light: the pupil is {ratio:.0} % as wide as the iris, at most {most:.0} % are recommended"
            ),
            Self::LessLight { ratio, least } => write!(
                f,
                "use less visible light: the pupil is {ratio:.0} % as wide as the iris, at least {least:.0} % are recommended"
            ),
            Self::Exposure { bits, recommended } => write!(
                f,
                "correct the exposure: the picture uses {bits:.1} bits of its grey levels, {recommended:.0} are recommended"
            ),
            Self::Illumination { measure, contrast, recommended } => {
                let beside = if measure == IsoMeasure::IrisPupilContrast { "pupil" } else { "white of the eye" };
                write!(
                    f,
                    "check the infrared light: the contrast of iris and {beside} is {contrast:.0}, {recommended:.0} is recommended"
                )
            }
        }
    }
}

/// What would make a better picture, most important first; empty where everything is as needed and recommended.
///
/// `refusal` is why the pipeline gave no template, if it gave none.
#[must_use]
pub fn advice(quality: &Quality, limits: &QualityLimits, refusal: Option<&PipelineError>) -> Vec<Advice> {
    let mut list = Vec::new();
    match refusal {
        Some(PipelineError::Segmentation(SegmentError::NoPupil { .. }) | PipelineError::NoIris) => {
            list.push(Advice::ShowEye);
        }
        Some(PipelineError::Segmentation(SegmentError::EyeClosed)) => list.push(Advice::OpenEye),
        Some(
            PipelineError::Segmentation(SegmentError::NoIris { .. })
            | PipelineError::Regions { .. }
            | PipelineError::BoundaryCovered { .. },
        ) => list.push(Advice::ClearView),
        _ => {}
    }
    let iso = &quality.iso;
    // A native value that misses its recommendation, and the bound that it misses.
    let missed = |measure: IsoMeasure| {
        let native = iso.get(measure)?;
        match measure.recommended() {
            (Some(least), _) if native < least => Some((native, least)),
            (_, Some(most)) if native > most => Some((native, most)),
            _ => None,
        }
    };
    let needed = limits.least_iris_diameter.max(LEAST_IRIS_WIDTH);
    if let Some(width) = quality.iris_diameter.filter(|&width| width < needed) {
        list.push(Advice::MoveCloser { width, needed });
    }
    if let (Some(_), Some((edge, _))) = (missed(IsoMeasure::MarginAdequacy), quality.nearest_edge) {
        list.push(Advice::Centre { edge });
    }
    let few_bits = matches!(refusal, Some(PipelineError::TooFewBits { .. } | PipelineError::OccludedBeside { .. }));
    if let Some((visible, recommended)) = missed(IsoMeasure::UsableIrisArea) {
        list.push(Advice::OpenWider { visible, recommended });
    } else if let (true, Some(visible)) = (few_bits, iso.get(IsoMeasure::UsableIrisArea)) {
        list.push(Advice::OpenWider { visible, recommended: 100.0 });
    }
    if let Some((angle, most)) = missed(IsoMeasure::GazeAngle) {
        list.push(Advice::LookAtCamera { angle, most });
    }
    if let Some((motion, most)) = missed(IsoMeasure::MotionBlur) {
        list.push(Advice::HoldStill { motion, most });
    }
    if let Some(sharpness) = quality.sharpness.filter(|&sharpness| sharpness < limits.least_sharpness) {
        list.push(Advice::Focus { sharpness, needed: limits.least_sharpness });
    }
    match missed(IsoMeasure::PupilIrisRatio) {
        Some((ratio, most)) if ratio > most => list.push(Advice::MoreLight { ratio, most }),
        Some((ratio, least)) => list.push(Advice::LessLight { ratio, least }),
        None => {}
    }
    for measure in [IsoMeasure::IrisPupilContrast, IsoMeasure::IrisScleraContrast] {
        if let Some((contrast, recommended)) = missed(measure) {
            list.push(Advice::Illumination { measure, contrast, recommended });
        }
    }
    if let Some((bits, recommended)) = missed(IsoMeasure::GreyScaleUtilisation) {
        list.push(Advice::Exposure { bits, recommended });
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_name_the_value_and_what_is_wanted() {
        let text = |advice: Advice| advice.to_string();
        assert_eq!(
            text(Advice::MoveCloser { width: 61.2, needed: 100.0 }),
            "move closer: the iris is 61 px wide, 100 are needed"
        );
        assert_eq!(
            text(Advice::OpenWider { visible: 62.0, recommended: 70.0 }),
            "open the eye wider: 62 % of the iris can be seen, 70 % are recommended"
        );
    }

    #[test]
    fn each_measure_leads_to_its_own_advice() {
        let codes = |quality: &Quality, refusal: Option<&PipelineError>| -> Vec<&str> {
            advice(quality, &QualityLimits::OPEN_IRIS, refusal).iter().map(Advice::code).collect()
        };
        let mut good = Quality { iris_diameter: Some(220.0), sharpness: Some(900.0), ..Quality::default() };
        good.nearest_edge = Some((Edge::Right, 0.5));
        for measure in IsoMeasure::ALL {
            let (least, most) = measure.recommended();
            good.iso.set(measure, least.or(most).unwrap_or(50.0));
        }
        assert_eq!(codes(&good, None), [""; 0]);
        for (measure, value, code) in [
            (IsoMeasure::UsableIrisArea, 69.0, "open_wider"),
            (IsoMeasure::IrisScleraContrast, 4.0, "illumination"),
            (IsoMeasure::IrisPupilContrast, 29.0, "illumination"),
            (IsoMeasure::GreyScaleUtilisation, 5.9, "exposure"),
            (IsoMeasure::PupilIrisRatio, 19.0, "less_light"),
            (IsoMeasure::PupilIrisRatio, 71.0, "more_light"),
            (IsoMeasure::MarginAdequacy, 79.0, "centre"),
            (IsoMeasure::MotionBlur, 7.1, "hold_still"),
            (IsoMeasure::GazeAngle, 20.1, "look_at_camera"),
        ] {
            let mut poor = good;
            poor.iso.set(measure, value);
            assert_eq!(codes(&poor, None), [code], "{measure}");
        }
        assert_eq!(codes(&Quality { iris_diameter: Some(99.0), ..good }, None), ["move_closer"]);
        assert_eq!(codes(&Quality { sharpness: Some(460.0), ..good }, None), ["focus"]);
        let no_pupil = SegmentError::NoPupil { confidence: 0.1, least: 0.5 }.into();
        assert_eq!(codes(&Quality::default(), Some(&no_pupil)), ["show_eye"]);
        let no_iris = SegmentError::NoIris { confidence: 0.1, least: 0.5 }.into();
        assert_eq!(codes(&Quality::default(), Some(&no_iris)), ["clear_view"]);
    }
}
