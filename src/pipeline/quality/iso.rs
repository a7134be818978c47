//! The quality measures of ISO/IEC 29794-6:2015, each in its own unit and on the scale from 0 to 100.
//!
//! The numbers 6.2.1 to 6.2.12 are the standard's clauses. The formulas and recommended values are those that the
//! standard's published implementation (MITRE's BIQT-Iris, README and comments) attributes to them; where that
//! implementation departs from its own description (margins that add the radius, a sharpness that squares the sum of a
//! row, a pupil contrast measured outside the iris, swapped medians of odd and even counts), the description is followed.
//! For motion blur and gaze the standard names the measure and leaves the method open: ours are described where they are
//! computed.

use core::fmt;

use super::Quality;

/// A measure of ISO/IEC 29794-6. `Ord` is the order of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum IsoMeasure {
    /// 6.2.1: the part of the iris that no lid, lash, reflection or edge of the picture hides; percent.
    UsableIrisArea,
    /// 6.2.2: 100 (S − I) / (S + I − 2 P) for the medians of sclera, iris and pupil, 0 where that is negative.
    IrisScleraContrast,
    /// 6.2.3: 100 w / (0.75 + w) for the Weber ratio w = (I − P) / (20 + P), 0 where that is negative.
    IrisPupilContrast,
    /// 6.2.4: 100 less the power of the pupil's outline beside a circle.
    PupilBoundaryCircularity,
    /// 6.2.5: entropy of the picture's grey levels; bits, 0 to 8.
    GreyScaleUtilisation,
    /// 6.2.6: half the iris' largest diameter; pixels.
    IrisRadius,
    /// 6.2.7: pupil's diameter over the iris'; percent.
    PupilIrisRatio,
    /// 6.2.8: 100 (1 − d / R) for centres d apart and an iris of radius R.
    IrisPupilConcentricity,
    /// 6.2.9: room between the iris and the edges of the picture, against 0.6 R at the sides and 0.2 R above and below.
    MarginAdequacy,
    /// 6.2.10: 100 p² / (p² + 180 000²) for the power p of the picture behind a band-pass.
    Sharpness,
    /// 6.2.11: length of the straight motion that widens the pupil's edge in one direction; percent of the iris' radius.
    MotionBlur,
    /// 6.2.12: angle between the eye's axis and the camera's, from the outlines' shapes; degrees, 0 to 90.
    GazeAngle,
}

impl IsoMeasure {
    /// Every measure, in the order of the standard.
    pub const ALL: [Self; 12] = [
        Self::UsableIrisArea,
        Self::IrisScleraContrast,
        Self::IrisPupilContrast,
        Self::PupilBoundaryCircularity,
        Self::GreyScaleUtilisation,
        Self::IrisRadius,
        Self::PupilIrisRatio,
        Self::IrisPupilConcentricity,
        Self::MarginAdequacy,
        Self::Sharpness,
        Self::MotionBlur,
        Self::GazeAngle,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UsableIrisArea => "usable_iris_area",
            Self::IrisScleraContrast => "iris_sclera_contrast",
            Self::IrisPupilContrast => "iris_pupil_contrast",
            Self::PupilBoundaryCircularity => "pupil_boundary_circularity",
            Self::GreyScaleUtilisation => "grey_scale_utilisation",
            Self::IrisRadius => "iris_radius",
            Self::PupilIrisRatio => "pupil_iris_ratio",
            Self::IrisPupilConcentricity => "iris_pupil_concentricity",
            Self::MarginAdequacy => "margin_adequacy",
            Self::Sharpness => "sharpness",
            Self::MotionBlur => "motion_blur",
            Self::GazeAngle => "gaze_angle",
        }
    }

    /// The unit of the native value; empty where the standard's own scale is from 0 to 100.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::UsableIrisArea | Self::PupilIrisRatio => "%",
            Self::GreyScaleUtilisation => "bit",
            Self::IrisRadius => "px",
            Self::MotionBlur => "% of the iris radius",
            Self::GazeAngle => "°",
            Self::IrisScleraContrast
            | Self::IrisPupilContrast
            | Self::PupilBoundaryCircularity
            | Self::IrisPupilConcentricity
            | Self::MarginAdequacy
            | Self::Sharpness => "",
        }
    }

    /// The recommended native values, as (least, most); `None` for no bound.
    ///
    /// Those of 6.2.1 to 6.2.9 are the standard's. For circularity and sharpness it recommends none. Motion that reaches
    /// the wavelength of the fine wavelet (8 of 512 columns, 7 % of the radius half-way out) wipes that wavelet out; the
    /// accuracy of iris comparison falls from about 20° of gaze on (Schuckers et al., IEEE Trans. SMC-B 37(5), 2007).
    #[must_use]
    pub const fn recommended(self) -> (Option<f64>, Option<f64>) {
        match self {
            Self::UsableIrisArea => (Some(70.0), None),
            Self::IrisScleraContrast => (Some(5.0), None),
            Self::IrisPupilContrast => (Some(30.0), None),
            Self::GreyScaleUtilisation => (Some(6.0), None),
            Self::IrisRadius | Self::MarginAdequacy => (Some(80.0), None),
            Self::PupilIrisRatio => (Some(20.0), Some(70.0)),
            Self::IrisPupilConcentricity => (Some(90.0), None),
            Self::MotionBlur => (None, Some(7.0)),
            Self::GazeAngle => (None, Some(20.0)),
            Self::PupilBoundaryCircularity | Self::Sharpness => (None, None),
        }
    }

    /// Where a native value lies on the scale from 0 (worst) to 100.
    ///
    /// | measure | 0 at | 100 at |
    /// |---|---|---|
    /// | grey-scale utilisation | 0 bit | 8 bit |
    /// | iris radius | 25 px, open-iris' least | 125 px; the classes of ISO/IEC 19794-6:2005, 50, 75 and 100 px, are at 25, 50 and 75 |
    /// | pupil/iris ratio | 10 % and 80 % | 20 % to 70 % |
    /// | motion blur | 24 %, the wavelength of the coarse wavelet | 0 |
    /// | gaze angle | 45° | 0° |
    /// | all others | 0 | 100: they are on this scale |
    #[must_use]
    pub fn score(self, native: f64) -> f64 {
        let score = match self {
            Self::GreyScaleUtilisation => native * 12.5,
            Self::IrisRadius => native - 25.0,
            Self::PupilIrisRatio => (10.0 * (native - 10.0)).min(10.0 * (80.0 - native)),
            Self::MotionBlur => 100.0 * (1.0 - native / 24.0),
            Self::GazeAngle => 100.0 * (1.0 - native / 45.0),
            _ => native,
        };
        if score.is_nan() { 0.0 } else { score.clamp(0.0, 100.0) }
    }

    /// How much of what is recommended a native value reaches, 0 to 1.
    fn share(self, native: f64) -> f64 {
        let (least, most) = self.recommended();
        let within = least.is_none_or(|least| native >= least) && most.is_none_or(|most| native <= most);
        if within {
            return 1.0;
        }
        let wanted = if least.is_some_and(|least| native < least) { least } else { most };
        match wanted.map(|wanted| self.score(wanted)) {
            Some(wanted) if wanted > 0.0 => (self.score(native) / wanted).clamp(0.0, 1.0),
            _ => 0.0,
        }
    }
}

impl fmt::Display for IsoMeasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was measured by the definitions of ISO/IEC 29794-6, in native units; `None` was not reached.
///
/// Grey-scale utilisation and sharpness need no eye. The others need the boundaries of pupil and iris, and are there
/// also when a later stage refused the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct IsoQuality {
    values: [Option<f64>; IsoMeasure::ALL.len()],
}

/// One measure with its value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct IsoComponent {
    /// Which one.
    pub measure: IsoMeasure,
    /// The value in the measure's [unit](IsoMeasure::unit).
    pub native: f64,
    /// The unit; empty for a value on a scale from 0 to 100.
    pub unit: &'static str,
    /// From 0 (worst) to 100.
    pub score: f64,
    /// Whether the value is among the recommended ones.
    pub recommended: bool,
}

impl IsoQuality {
    /// The native value of one measure.
    #[must_use]
    pub const fn get(&self, measure: IsoMeasure) -> Option<f64> {
        self.values[measure as usize]
    }

    pub(super) fn set(&mut self, measure: IsoMeasure, native: f64) {
        self.values[measure as usize] = native.is_finite().then_some(native);
    }

    /// What was measured, in the order of the standard.
    pub fn components(&self) -> impl Iterator<Item = IsoComponent> {
        IsoMeasure::ALL.into_iter().filter_map(|measure| {
            let native = self.get(measure)?;
            let (least, most) = measure.recommended();
            Some(IsoComponent {
                measure,
                native,
                unit: measure.unit(),
                score: measure.score(native),
                recommended: least.is_none_or(|least| native >= least) && most.is_none_or(|most| native <= most),
            })
        })
    }

    /// One number from 0 to 100: 100 when every measure is as recommended, less by the share that each one misses.
    ///
    /// The product, over the measures with a recommendation, of score over score of the recommended value, at most 1
    /// each: what ruins one measure ruins the picture. `None` until the boundaries of the eye are known. A measure that
    /// could not be taken does not count.
    #[must_use]
    pub fn overall(&self) -> Option<f64> {
        self.get(IsoMeasure::IrisRadius)?;
        let shares = self.components().map(|component| component.measure.share(component.native));
        Some(100.0 * shares.product::<f64>())
    }
}

impl Quality {
    /// One number from 0 to 100 for the whole picture: [`IsoQuality::overall`].
    #[must_use]
    pub fn overall(&self) -> Option<f64> {
        self.iso.overall()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_has_its_own_place_and_name() {
        let names: std::collections::BTreeSet<_> = IsoMeasure::ALL.iter().map(|measure| measure.as_str()).collect();
        assert_eq!(names.len(), IsoMeasure::ALL.len());
        for (place, measure) in IsoMeasure::ALL.into_iter().enumerate() {
            assert_eq!(measure as usize, place);
            let mut quality = IsoQuality::default();
            quality.set(measure, 1.0);
            assert_eq!(quality.components().map(|component| component.measure).collect::<Vec<_>>(), [measure]);
        }
    }

    #[test]
    fn scores_are_those_of_the_table() {
        for (measure, native, score) in [
            (IsoMeasure::GreyScaleUtilisation, 6.0, 75.0),
            (IsoMeasure::IrisRadius, 25.0, 0.0),
            (IsoMeasure::IrisRadius, 50.0, 25.0),
            (IsoMeasure::IrisRadius, 75.0, 50.0),
            (IsoMeasure::IrisRadius, 100.0, 75.0),
            (IsoMeasure::IrisRadius, 400.0, 100.0),
            (IsoMeasure::PupilIrisRatio, 10.0, 0.0),
            (IsoMeasure::PupilIrisRatio, 20.0, 100.0),
            (IsoMeasure::PupilIrisRatio, 70.0, 100.0),
            (IsoMeasure::PupilIrisRatio, 75.0, 50.0),
            (IsoMeasure::MotionBlur, 0.0, 100.0),
            (IsoMeasure::MotionBlur, 24.0, 0.0),
            (IsoMeasure::GazeAngle, 9.0, 80.0),
            (IsoMeasure::UsableIrisArea, 62.5, 62.5),
            (IsoMeasure::Sharpness, f64::NAN, 0.0),
        ] {
            assert!((measure.score(native) - score).abs() < 1e-9, "{measure} at {native}");
        }
    }

    #[test]
    fn overall_is_100_where_everything_is_as_recommended_and_falls_with_each_measure() {
        let mut good = IsoQuality::default();
        assert_eq!(good.overall(), None);
        for measure in IsoMeasure::ALL {
            let (least, most) = measure.recommended();
            good.set(measure, least.or(most).unwrap_or(50.0));
        }
        assert_eq!(good.overall(), Some(100.0));
        for measure in IsoMeasure::ALL {
            let (least, most) = measure.recommended();
            let Some(limit) = least.or(most) else { continue };
            let mut worse = good;
            worse.set(measure, if least.is_some() { limit - 1.0 } else { limit + 1.0 });
            assert!(worse.overall() < Some(100.0), "{measure}");
        }
        // Half of one recommended score is half of the whole.
        let mut half = good;
        half.set(IsoMeasure::UsableIrisArea, 35.0);
        assert_eq!(half.overall(), Some(50.0));
    }
}
