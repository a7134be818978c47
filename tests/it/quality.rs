//! Each measure of ISO/IEC 29794-6 answers to its own condition, and hardly to the others.
//!
//! Synthetic eyes with their true masks: what is measured here is the measure, not the segmenter.

#![allow(clippy::unwrap_used)]

use personhood::iris::EyeSide;
use personhood::pipeline::Pipeline;
use personhood::pipeline::image::EyeImage;
use personhood::pipeline::quality::{IsoMeasure, Quality, QualityLimits};
use personhood::testing::eyes::{CaptureConditions, Lamps, SyntheticEye};

/// A still, sharp, open eye that looks into the camera.
fn plain() -> CaptureConditions {
    CaptureConditions {
        lid_opening: 1.15,
        lash_droop: 0.1,
        noise: 1.5,
        lamps: Lamps::Single,
        ..CaptureConditions::default()
    }
}

fn measured(conditions: &CaptureConditions) -> Quality {
    let capture = SyntheticEye::new(3, EyeSide::Left).render(conditions);
    Pipeline::builder().build().trace_with_masks(&capture.image, &capture.masks).quality
}

/// One condition, varied.
struct Varied {
    name: &'static str,
    /// Captures in the order of the condition.
    conditions: Vec<CaptureConditions>,
    /// The measures that answer, and whether they fall (−1) or rise (+1).
    answers: &'static [(IsoMeasure, f64)],
    /// Measures that may move along: what is measured of the picture depends on them by definition.
    companions: &'static [IsoMeasure],
}

/// The plain eye, with one condition at each of these steps.
fn vary(steps: &[f64], change: impl Fn(&mut CaptureConditions, f64)) -> Vec<CaptureConditions> {
    let with = |&step: &f64| {
        let mut conditions = plain();
        change(&mut conditions, step);
        conditions
    };
    steps.iter().map(with).collect()
}

fn cases() -> Vec<Varied> {
    use IsoMeasure as M;
    vec![
        Varied {
            name: "focus",
            conditions: vary(&[0.8, 2.0, 3.5, 5.0], |c, step| c.defocus = step),
            answers: &[(M::Sharpness, -1.0)],
            companions: &[],
        },
        Varied {
            name: "motion",
            conditions: vary(&[0.0, 6.0, 12.0, 18.0], |c, step| {
                c.motion = step;
                c.motion_angle = 30.0;
            }),
            answers: &[(M::MotionBlur, 1.0), (M::Sharpness, -1.0)],
            companions: &[],
        },
        Varied {
            name: "distance",
            conditions: vary(&[110.0, 90.0, 70.0, 50.0], |c, step| {
                c.defocus *= step / c.iris_radius;
                c.iris_radius = step;
            }),
            answers: &[(M::IrisRadius, -1.0)],
            companions: &[],
        },
        Varied {
            name: "gaze",
            conditions: vary(&[0.0, 15.0, 25.0, 35.0], |c, step| c.gaze = [step, 0.0]),
            answers: &[(M::GazeAngle, 1.0)],
            // A pupil seen from the side is no circle.
            companions: &[M::PupilBoundaryCircularity],
        },
        Varied {
            name: "occlusion",
            conditions: vary(&[1.15, 0.9, 0.7, 0.55], |c, step| c.lid_opening = step),
            answers: &[(M::UsableIrisArea, -1.0)],
            companions: &[],
        },
        Varied {
            name: "margin",
            conditions: vary(&[0.0, 160.0, 190.0, 210.0], |c, step| c.offset = [step, 0.0]),
            answers: &[(M::MarginAdequacy, -1.0)],
            companions: &[],
        },
        Varied {
            name: "dilation",
            conditions: vary(&[0.25, 0.4, 0.55, 0.7], |c, step| c.dilation = step),
            answers: &[(M::PupilIrisRatio, 1.0)],
            companions: &[],
        },
        Varied {
            name: "exposure",
            conditions: vary(&[1.0, 0.6, 0.35, 0.2], |c, step| c.gain = step),
            answers: &[(M::GreyScaleUtilisation, -1.0), (M::IrisPupilContrast, -1.0)],
            // Less light is less of everything that is measured in grey levels.
            companions: &[M::Sharpness],
        },
    ]
}

/// How far a measure may move on its score's scale where another condition changes.
const STILL: f64 = 12.0;

#[test]
fn each_measure_moves_in_its_own_condition_and_hardly_in_others() {
    let mut failures = Vec::new();
    for case in cases() {
        let qualities: Vec<Quality> = case.conditions.iter().map(measured).collect();
        for measure in IsoMeasure::ALL {
            let natives: Vec<f64> =
                qualities.iter().map(|quality| quality.iso.get(measure).unwrap_or(f64::NAN)).collect();
            let scores: Vec<f64> = natives.iter().map(|&native| measure.score(native)).collect();
            if let Some((_, sign)) = case.answers.iter().find(|(answer, _)| *answer == measure) {
                if !natives.windows(2).all(|pair| sign * (pair[1] - pair[0]) > 0.0) {
                    failures.push(format!("{}: {measure} does not move one way: {natives:.2?}", case.name));
                }
            } else if !case.companions.contains(&measure) {
                let spread = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max)
                    - scores.iter().copied().fold(f64::INFINITY, f64::min);
                if spread.is_nan() || spread > STILL {
                    failures.push(format!("{}: {measure} moves by {spread:.1}: {natives:.2?}", case.name));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Contrast of iris and sclera is the eye's own: painted on a picture, everything else stays what it was.
#[test]
fn a_paler_sclera_is_a_better_contrast() {
    let capture = SyntheticEye::new(3, EyeSide::Left).render(&plain());
    let pipeline = Pipeline::builder().build();
    let masks = &capture.masks;
    let mut contrasts = Vec::new();
    for change in [-40_i16, -20, 0, 20] {
        let pixels = ndarray::Array2::from_shape_fn(capture.image.pixels().dim(), |at| {
            let grey = capture.image.pixels()[at];
            let sclera = masks.eyeball[at] && !masks.iris[at] && !masks.pupil[at];
            if sclera { (i16::from(grey) + change).clamp(0, 250) as u8 } else { grey }
        });
        let quality = pipeline.trace_with_masks(&EyeImage::from_pixels(pixels), masks).quality;
        contrasts.push((
            quality.iso.get(IsoMeasure::IrisScleraContrast).unwrap(),
            quality.iso.get(IsoMeasure::IrisPupilContrast).unwrap(),
        ));
    }
    assert!(contrasts.windows(2).all(|pair| pair[1].0 > pair[0].0 && pair[1].1 == pair[0].1), "{contrasts:?}");
}

#[test]
fn a_refused_picture_is_measured_as_far_as_it_goes_and_leads_to_advice() {
    let pipeline = Pipeline::builder().build();
    let blank = pipeline.assess(&EyeImage::from_pixels(ndarray::Array2::from_elem((240, 320), 128)));
    assert!(blank.outcome.is_err() && blank.quality.overall().is_none());
    let measures: Vec<_> = blank.quality.iso.components().map(|component| component.measure).collect();
    assert_eq!(measures, [IsoMeasure::GreyScaleUtilisation, IsoMeasure::Sharpness]);
    assert!(blank.advice.iter().any(|advice| advice.code() == "show_eye"), "{:?}", blank.advice);

    let blurred = SyntheticEye::new(3, EyeSide::Left).render(&CaptureConditions { defocus: 9.0, ..plain() });
    let strict = Pipeline::builder().limits(QualityLimits::OPEN_IRIS).build();
    let blurred = strict.assess(&blurred.image);
    assert_eq!(blurred.outcome.as_ref().map_err(|error| error.code()).unwrap_err(), "blurred");
    assert_eq!(blurred.quality.iso.components().count(), IsoMeasure::ALL.len());
    assert!(blurred.advice.iter().any(|advice| advice.code() == "focus"), "{:?}", blurred.advice);

    let good = SyntheticEye::new(3, EyeSide::Left).render(&plain());
    let good = pipeline.assess(&good.image);
    assert!(good.outcome.is_ok());
    assert_eq!(good.advice.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(good.quality.overall(), Some(100.0));
}

#[test]
fn a_small_iris_is_told_to_move_closer() {
    let small = CaptureConditions { iris_radius: 40.0, defocus: 0.6, ..plain() }.resized(320, 240);
    let small = SyntheticEye::new(3, EyeSide::Left).render(&CaptureConditions { iris_radius: 31.0, ..small });
    let quality = Pipeline::builder().build().trace_with_masks(&small.image, &small.masks).quality;
    let limits = QualityLimits::OPEN_IRIS;
    let advice = personhood::pipeline::quality::advice(&quality, &limits, None);
    let width = quality.iris_diameter.unwrap();
    let expected = format!("move closer: the iris is {width:.0} px wide, 100 are needed");
    assert_eq!(advice.first().map(ToString::to_string), Some(expected));
}
