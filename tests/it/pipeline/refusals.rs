//! Each reason to refuse a picture, made on purpose with drawn masks; and masks that make no sense at all.

use ndarray::Array2;
use personhood::iris::Layout;
use personhood::pipeline::image::EyeImage;
use personhood::pipeline::quality::{Measure, QualityLimits};
use personhood::pipeline::segment::{Contours, SegmentError, Segmentation, SegmentationMasks, Segmenter};
use personhood::pipeline::{Pipeline, PipelineConfig, PipelineError, Trace};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

const WIDTH: usize = 320;
const HEIGHT: usize = 240;

/// An eye of circles: pupil and iris radius, offset of the pupil, lids' half opening, all in pixels.
#[derive(Clone, Copy)]
struct Drawing {
    pupil: f64,
    iris: f64,
    offset: [f64; 2],
    centre: [f64; 2],
    /// Half axes of the lids' opening.
    lids: [f64; 2],
    noise: u8,
}

const GOOD: Drawing =
    Drawing { pupil: 30.0, iris: 80.0, offset: [2.0, 1.0], centre: [160.0, 120.0], lids: [140.0, 90.0], noise: 60 };

impl Drawing {
    fn disc(centre: [f64; 2], axes: [f64; 2]) -> Array2<bool> {
        Array2::from_shape_fn((HEIGHT, WIDTH), |(y, x)| {
            let (dx, dy) = ((x as f64 - centre[0]) / axes[0], (y as f64 - centre[1]) / axes[1]);
            dx * dx + dy * dy <= 1.0
        })
    }

    fn masks(self) -> SegmentationMasks {
        let pupil_centre = [self.centre[0] + self.offset[0], self.centre[1] + self.offset[1]];
        let eyeball = Self::disc(self.centre, self.lids);
        SegmentationMasks {
            pupil: &Self::disc(pupil_centre, [self.pupil; 2]) & &eyeball,
            iris: &Self::disc(self.centre, [self.iris; 2]) & &eyeball,
            eyeball,
            eyelashes: Array2::from_elem((HEIGHT, WIDTH), false),
        }
    }

    /// Grey noise on a middle grey, so that the iris is sharp.
    fn image(self) -> EyeImage {
        let mut state = 1_u32;
        EyeImage::from_pixels(Array2::from_shape_fn((HEIGHT, WIDTH), |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            100 + (state >> 24) as u8 % self.noise.max(1)
        }))
    }

    fn trace(self) -> Trace {
        open_iris().trace_with_masks(&self.image(), &self.masks())
    }
}

fn open_iris() -> Pipeline {
    Pipeline::builder().config(PipelineConfig::open_iris_1_11_2()).build()
}

fn code(trace: &Trace) -> &'static str {
    trace.outcome.as_ref().map_or_else(PipelineError::code, |()| "accepted")
}

#[test]
fn a_good_drawing_is_accepted() {
    let trace = GOOD.trace();
    assert_eq!(code(&trace), "accepted", "{trace:?}");
    let checks = trace.quality.checks(&QualityLimits::OPEN_IRIS, Layout::Columns256.bits());
    assert_eq!(checks.len(), 9);
    assert!(checks.iter().all(|check| check.passed));
    let capture = open_iris().run_with_masks(&GOOD.image(), &GOOD.masks()).unwrap();
    assert!((capture.geometry.centres.iris[0] - 160.0).abs() < 0.5);
    assert!(!format!("{capture:?}").contains("columns: ["), "no bits in Debug");
}

#[test]
fn every_limit_has_its_own_refusal_and_message() {
    let refused = [
        (
            Drawing { iris: 24.0, pupil: 10.0, ..GOOD },
            "iris_too_small",
            "px wide, at least 50.0 are needed; move closer",
        ),
        (Drawing { pupil: 6.0, ..GOOD }, "pupil_constricted", "use less visible light"),
        (Drawing { pupil: 62.0, ..GOOD }, "pupil_dilated", "use more visible light"),
        (Drawing { pupil: 12.0, offset: [76.0, 0.0], ..GOOD }, "pupil_off_centre", "look at the camera"),
        (Drawing { noise: 1, ..GOOD }, "blurred", "hold still and focus"),
    ];
    for (drawing, expected, message) in refused {
        let trace = drawing.trace();
        assert_eq!(code(&trace), expected, "{trace:?}");
        let text = trace.outcome.as_ref().unwrap_err().to_string();
        assert!(text.contains(message), "{text}");
        // What was measured is there although the picture is refused, down to the last stage.
        assert!(trace.quality.sharpness.is_some() && trace.quality.usable_bits.is_some() && trace.template.is_some());
        let failed = trace.quality.checks(&QualityLimits::OPEN_IRIS, Layout::Columns256.bits());
        assert!(failed.iter().any(|check| !check.passed), "{expected}");
    }
}

#[test]
fn lashes_and_lids_hide_an_iris() {
    let mut masks = GOOD.masks();
    // Lashes over everything but the boundaries: the contours survive, the iris does not.
    masks.eyelashes = &Drawing::disc(GOOD.centre, [76.0; 2]) & &!Drawing::disc(GOOD.centre, [36.0; 2]);
    let trace = open_iris().trace_with_masks(&GOOD.image(), &masks);
    assert_eq!(code(&trace), "occluded", "{trace:?}");
    // Above and below the pupil all is visible, to its left and right nothing.
    let beside = Array2::from_shape_fn((HEIGHT, WIDTH), |(y, _)| y.abs_diff(120) < 40);
    masks.eyelashes = &masks.eyelashes & &beside;
    let trace = open_iris().trace_with_masks(&GOOD.image(), &masks);
    assert_eq!(code(&trace), "occluded_beside", "{trace:?}");

    masks.eyelashes.fill(true);
    let trace = open_iris().trace_with_masks(&GOOD.image(), &masks);
    assert_eq!(code(&trace), "boundary_covered");
    // The stages before the failure are there, those after it are not.
    assert!(trace.contours.is_some() && trace.interpolated.is_some());
    assert!(trace.filtered.is_none() && trace.normalized.is_none() && trace.quality.visible.is_none());
}

#[test]
fn limits_belong_to_the_pipeline() {
    let blurred = Drawing { noise: 1, ..GOOD };
    let lenient = Pipeline::builder().limits(QualityLimits { least_sharpness: 0.0, ..QualityLimits::NONE }).build();
    assert!(lenient.run_with_masks(&blurred.image(), &blurred.masks()).is_ok());
    let strict =
        Pipeline::builder().limits(QualityLimits { least_usable_bits_per_1024: 1024, ..QualityLimits::OPEN_IRIS });
    let refusal = strict.layout(Layout::Columns200).build().run_with_masks(&GOOD.image(), &GOOD.masks()).unwrap_err();
    assert!(matches!(refusal, PipelineError::TooFewBits { least: 12_800, .. }), "{refusal}");
    let quality = open_iris().trace_with_masks(&blurred.image(), &blurred.masks()).quality;
    let checks = quality.checks(&QualityLimits::OPEN_IRIS, 16_384);
    let sharpness = checks.iter().find(|check| check.measure == Measure::Sharpness).unwrap();
    assert_eq!((sharpness.passed, sharpness.least), (false, Some(461.0)));
}

#[test]
fn masks_that_are_no_eye() {
    let empty = Array2::from_elem((HEIGHT, WIDTH), false);
    let image = GOOD.image();
    let run = |masks: &SegmentationMasks| open_iris().run_with_masks(&image, masks).unwrap_err();

    let no_iris = SegmentationMasks { iris: empty.clone(), ..GOOD.masks() };
    assert_eq!(run(&no_iris).code(), "no_iris");
    let no_pupil = SegmentationMasks { pupil: empty.clone(), ..GOOD.masks() };
    assert_eq!(run(&no_pupil), PipelineError::Regions { boundary: personhood::pipeline::Boundary::Pupil, found: 0 });
    let two = Drawing::disc([40.0, 40.0], [20.0; 2]) | Drawing::disc([250.0, 40.0], [20.0; 2]);
    let two_pupils = SegmentationMasks { pupil: two, ..GOOD.masks() };
    assert!(matches!(run(&two_pupils), PipelineError::Regions { found: 2 | 3, .. }));
    let wrong = SegmentationMasks { eyelashes: Array2::from_elem((HEIGHT, WIDTH - 1), false), ..GOOD.masks() };
    let error = run(&wrong);
    assert_eq!(error.code(), "mask_size");
    assert!(error.to_string().contains("eyelash mask has 319x240 pixels, the picture 320x240"), "{error}");
    let everything = Array2::from_elem((HEIGHT, WIDTH), true);
    let all = SegmentationMasks {
        eyeball: everything.clone(),
        iris: everything.clone(),
        pupil: everything,
        eyelashes: empty,
    };
    assert!(open_iris().run_with_masks(&image, &all).is_err());
}

#[test]
fn a_round_opening_is_level_unless_open_iris_is_asked_for() {
    let round = Drawing { lids: [100.0, 100.0], ..GOOD };
    assert_eq!(code(&round.trace()), "orientation_unknown");
    let capture = Pipeline::builder().build().run_with_masks(&round.image(), &round.masks()).unwrap();
    assert_eq!((capture.geometry.orientation, capture.geometry.orientation_known), (0.0, false));
}

/// Gives what it holds.
struct Fixed(Result<Segmentation, SegmentError>);

impl Segmenter for Fixed {
    fn segment(&self, _: &EyeImage) -> Result<Segmentation, SegmentError> {
        self.0.clone()
    }

    fn id(&self) -> &str {
        "fixed 1"
    }
}

fn circle(centre: [f64; 2], radius: f64, count: u32) -> Vec<[f64; 2]> {
    let angle = |i| core::f64::consts::TAU * f64::from(i) / f64::from(count);
    (0..count).map(|i| [centre[0] + radius * angle(i).cos(), centre[1] + radius * angle(i).sin()]).collect()
}

#[test]
fn curves_of_a_segmenter_are_used_as_they_are() {
    let with = |pupil: Vec<[f64; 2]>, iris: Vec<[f64; 2]>| {
        let contours = Some(Contours { pupil, iris });
        let found = Segmentation { masks: GOOD.masks(), pupil_confidence: 0.9, iris_confidence: 0.8, contours };
        Pipeline::builder().segmenter(Fixed(Ok(found))).build().run(&GOOD.image())
    };
    let (pupil, iris) = (circle([162.0, 121.0], 30.0, 512), circle([160.0, 120.0], 80.0, 512));
    let capture = with(pupil.clone(), iris.clone()).unwrap();
    let confidence = capture.confidence.unwrap();
    assert_eq!((confidence.segmenter.as_str(), confidence.pupil, confidence.iris), ("fixed 1", 0.9, 0.8));
    assert!((capture.geometry.centres.pupil[0] - 162.0).abs() < 1e-3);
    // The same eye from its masks: the curves differ by less than a pixel, so few bits do.
    let from_masks = open_iris().run_with_masks(&GOOD.image(), &GOOD.masks()).unwrap();
    let differing = capture.template.code().columns().iter().zip(from_masks.template.code().columns());
    let differing: u32 = differing.map(|(a, b)| (a ^ b).count_ones()).sum();
    assert!(differing < 16_384 / 4, "{differing} bits differ");

    assert_eq!(with(circle([162.0, 121.0], 30.0, 500), iris.clone()).unwrap_err().code(), "bad_curve");
    assert_eq!(with(circle([162.0, 121.0], 30.0, 8), circle([160.0, 120.0], 80.0, 8)).unwrap_err().code(), "bad_curve");
    assert_eq!(with(vec![[f64::NAN; 2]; 512], iris.clone()).unwrap_err().code(), "bad_curve");
    assert_eq!(with(circle([900.0, 121.0], 30.0, 512), iris).unwrap_err().code(), "centre_outside");
    let nothing = Fixed(Err(SegmentError::NoPupil { confidence: 0.1, least: 0.4 }));
    let refusal = Pipeline::builder().segmenter(nothing).build().run(&GOOD.image()).unwrap_err();
    assert_eq!(refusal.code(), "segmentation_no_pupil");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Rectangles and specks anywhere, of any size: refused or not, never a panic, and the same answer twice.
    #[test]
    fn nonsense_never_panics(seed in any::<u64>(), shapes in 1_usize..5, perspective in any::<bool>()) {
        let mut state = seed | 1;
        let mut next = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 16) as usize % below
        };
        let (width, height) = (64 + next(100), 64 + next(80));
        let mut mask = |count: usize| {
            let mut mask = Array2::from_elem((height, width), false);
            for _ in 0..count {
                let (x, y) = (next(width), next(height));
                let (right, bottom) = ((x + 1 + next(width)).min(width), (y + 1 + next(height)).min(height));
                mask.slice_mut(ndarray::s![y..bottom, x..right]).fill(true);
            }
            mask
        };
        let masks = SegmentationMasks {
            eyeball: mask(shapes), iris: mask(shapes), pupil: mask(1), eyelashes: mask(shapes - 1),
        };
        let image = EyeImage::from_pixels(Array2::from_shape_fn((height, width), |_| next(256) as u8));
        let mut config = PipelineConfig::default();
        if perspective {
            config.normalization.unrolling = personhood::pipeline::normalize::Unrolling::Nonlinear(
                personhood::pipeline::normalize::RadialLaw::Wyatt,
            );
        }
        let pipeline = Pipeline::builder().config(config).limits(QualityLimits::NONE).build();
        let (first, second) = (pipeline.trace_with_masks(&image, &masks), pipeline.trace_with_masks(&image, &masks));
        prop_assert_eq!(&first.outcome, &second.outcome);
        prop_assert!(first.outcome.is_ok() == first.into_capture().is_ok());
    }
}
