//! What was measured on a picture, and what to do for a better one: the same fields wherever a picture was read.

use std::collections::BTreeMap;

use personhood::pipeline::quality::{Advice, IsoComponent, Quality};
use serde::Serialize;

/// Measures and advice for one picture.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CaptureReport {
    pub(crate) quality: QualityReport,
    /// What would make a better picture, most important first.
    pub(crate) advice: Vec<AdviceReport>,
}

/// open-iris' measures, and those of ISO/IEC 29794-6 in `iso`. What was not reached is null or missing.
///
/// Lengths are pixels; `off_gaze`, `visible` and `visible_beside` go from 0 to 1.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct QualityReport {
    /// From 0 to 100, by the measures in `iso`.
    overall: Option<f64>,
    pupil_diameter: Option<f64>,
    iris_diameter: Option<f64>,
    pupil_to_iris_diameter: Option<f64>,
    pupil_to_iris_centre_distance: Option<f64>,
    off_gaze: Option<f64>,
    visible: Option<f64>,
    visible_beside: Option<f64>,
    sharpness: Option<f64>,
    pub(crate) usable_bits: Option<u32>,
    iso: BTreeMap<&'static str, IsoReport>,
}

#[derive(Clone, Debug, Serialize)]
struct IsoReport {
    /// In the measure's own unit.
    native: f64,
    unit: &'static str,
    /// From 0 (worst) to 100.
    score: f64,
    /// Whether the value is among the recommended ones.
    recommended: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct AdviceReport {
    code: &'static str,
    pub(crate) text: String,
}

impl CaptureReport {
    pub(crate) fn new(quality: &Quality, advice: &[Advice]) -> Self {
        let advice = advice.iter().map(|advice| AdviceReport { code: advice.code(), text: advice.to_string() });
        Self { quality: QualityReport::from(quality), advice: advice.collect() }
    }
}

impl From<IsoComponent> for IsoReport {
    fn from(component: IsoComponent) -> Self {
        let IsoComponent { native, unit, score, recommended, .. } = component;
        Self { native, unit, score, recommended }
    }
}

impl From<&Quality> for QualityReport {
    fn from(quality: &Quality) -> Self {
        Self {
            overall: quality.overall(),
            pupil_diameter: quality.pupil_diameter,
            iris_diameter: quality.iris_diameter,
            pupil_to_iris_diameter: quality.pupil_to_iris_diameter,
            pupil_to_iris_centre_distance: quality.pupil_to_iris_centre_distance,
            off_gaze: quality.off_gaze,
            visible: quality.visible,
            visible_beside: quality.visible_beside,
            sharpness: quality.sharpness,
            usable_bits: quality.usable_bits,
            iso: quality.iso.components().map(|component| (component.measure.as_str(), component.into())).collect(),
        }
    }
}
