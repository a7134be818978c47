//! The classical segmenter against drawn discs whose circles are known, masks of golden eyes, and what is no eye.

#![allow(clippy::unwrap_used)]

use core::f64::consts::TAU;

use ndarray::Array2;
use personhood::matcher::{MatchPolicy, compare};
use personhood::pipeline::Pipeline;
use personhood::pipeline::image::EyeImage;
use personhood::pipeline::segment::classical::ClassicalSegmenter;
use personhood::pipeline::segment::{SegmentError, Segmentation, Segmenter};

use crate::golden::golden;
use crate::pipeline::{json, mask, number, picture};

/// A drawn eye: everything in it is known.
#[derive(Clone, Copy, Debug)]
struct Drawn {
    size: (usize, usize),
    pupil: [f64; 3],
    iris: [f64; 3],
    /// Grey of pupil, iris, sclera and skin.
    greys: [f64; 4],
    /// Half the opening of the lids at the iris' centre, over the iris' radius.
    opening: f64,
    /// Softness of every edge, pixels.
    blur: f64,
    noise: f64,
}

impl Drawn {
    fn plain() -> Self {
        Self {
            size: (640, 480),
            pupil: [322.0, 238.0, 42.0],
            iris: [320.0, 240.0, 110.0],
            greys: [25.0, 105.0, 175.0, 200.0],
            opening: 0.85,
            blur: 1.5,
            noise: 3.0,
        }
    }

    /// The same eye with everything scaled, in a picture scaled alike.
    fn scaled(self, factor: f64) -> Self {
        let scale = |[x, y, r]: [f64; 3]| [(x + 0.5) * factor - 0.5, (y + 0.5) * factor - 0.5, r * factor];
        let size = ((self.size.0 as f64 * factor) as usize, (self.size.1 as f64 * factor) as usize);
        Self { size, pupil: scale(self.pupil), iris: scale(self.iris), blur: (self.blur * factor).max(0.7), ..self }
    }

    fn moved(mut self, dx: f64, dy: f64) -> Self {
        for circle in [&mut self.pupil, &mut self.iris] {
            circle[0] += dx;
            circle[1] += dy;
        }
        self
    }

    fn draw(&self) -> EyeImage {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 40) as f64 / f64::from(1 << 24) - 0.5
        };
        // Share of what lies inside an edge at a signed distance from it.
        let inside = |distance: f64| 1.0 / (1.0 + (distance / self.blur * 2.0).exp());
        let [pupil, iris, sclera, skin] = self.greys;
        let [ix, iy, ir] = self.iris;
        let pixels = Array2::from_shape_fn((self.size.1, self.size.0), |(row, column)| {
            let (x, y) = (column as f64, row as f64);
            let from = |[cx, cy, r]: [f64; 3]| (x - cx).hypot(y - cy) - r;
            let (u, v) = ((x - ix) / ir, (y - iy) / ir);
            // Fibres and rings, so that the iris is no flat disc.
            let angle = v.atan2(u);
            let texture = 8.0 * (23.0 * angle).sin() + 6.0 * (u.hypot(v) * 17.0 + 3.0 * angle).sin();
            let lids = (v.abs() - self.opening * (1.0 - u * u / 6.0)) * ir;
            let ball = sclera + inside(from(self.iris)) * (iris + texture - sclera);
            let ball = ball + inside(from(self.pupil)) * (pupil - ball);
            let grey = skin + inside(lids) * (ball - skin) + self.noise * 3.4 * random();
            grey.clamp(0.0, 255.0) as u8
        });
        EyeImage::from_pixels(pixels)
    }

    fn check(&self) {
        let found = ClassicalSegmenter::default().segment(&self.draw()).unwrap_or_else(|e| panic!("{self:?}: {e}"));
        let curves = found.contours.as_ref().unwrap();
        // Of the limbus only what the lids leave open is drawn.
        let (pupil, limbus) = (error(&curves.pupil, self.pupil), error(&curves.iris, self.iris));
        assert!(pupil < 0.04 * self.pupil[2] + 1.0, "{self:?}: pupil off by {pupil:.2} px");
        assert!(limbus < 0.04 * self.iris[2] + 1.0, "{self:?}: limbus off by {limbus:.2} px");
        assert!(found.pupil_confidence > 0.6 && found.iris_confidence > 0.4, "{self:?}: {found:?}");
        assert!(found.pupil_confidence <= 1.0 && found.iris_confidence <= 1.0);
        same_story(&found);
    }
}

/// Mean distance of a curve's points from a circle.
fn error(points: &[[f64; 2]], [cx, cy, r]: [f64; 3]) -> f64 {
    points.iter().map(|[x, y]| ((x - cx).hypot(y - cy) - r).abs()).sum::<f64>() / points.len() as f64
}

/// Masks and curves must tell the same: 512 points in order, pupil inside iris, classes apart.
fn same_story(found: &Segmentation) {
    let curves = found.contours.as_ref().unwrap();
    for curve in [&curves.pupil, &curves.iris] {
        assert_eq!(curve.len(), 512);
        let centre = [0, 1].map(|axis| curve.iter().map(|p| p[axis]).sum::<f64>() / 512.0);
        let first = curve[0];
        assert!(first[0] > centre[0] && (first[1] - centre[1]).abs() < 0.05 * (first[0] - centre[0]));
        assert!(curve[128][1] > centre[1], "angles grow downwards");
    }
    let masks = &found.masks;
    assert!(!masks.iris.iter().zip(&masks.pupil).any(|(&iris, &pupil)| iris && pupil));
    assert!(masks.iris.iter().zip(&masks.eyeball).all(|(&iris, &eyeball)| !iris || eyeball));
}

fn intersection_over_union(a: &Array2<bool>, b: &Array2<bool>) -> f64 {
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
    let either = a.iter().zip(b).filter(|(a, b)| **a || **b).count();
    both as f64 / either as f64
}

#[test]
fn discs_of_every_size_are_found() {
    for factor in [0.5, 0.75, 1.0, 1.5, 2.25, 2.6] {
        Drawn::plain().scaled(factor).check();
    }
}

#[test]
fn discs_are_found_wherever_they_are() {
    for (dx, dy) in [(-150.0, 0.0), (150.0, -60.0), (60.0, 90.0), (-90.0, -80.0)] {
        Drawn::plain().moved(dx, dy).check();
    }
}

#[test]
fn narrow_and_wide_pupils_are_found() {
    for radius in [24.0, 33.0, 55.0, 68.0] {
        let plain = Drawn::plain();
        Drawn { pupil: [plain.pupil[0], plain.pupil[1], radius], ..plain }.check();
    }
}

#[test]
fn a_pupil_need_not_sit_in_the_middle() {
    Drawn { pupil: [330.0, 233.0, 40.0], ..Drawn::plain() }.check();
    Drawn { pupil: [312.0, 247.0, 40.0], ..Drawn::plain() }.check();
}

#[test]
fn weak_contrasts_dark_and_bright_pictures_are_found() {
    for greys in [[20.0, 38.0, 62.0, 90.0], [90.0, 130.0, 160.0, 170.0], [15.0, 60.0, 82.0, 140.0]] {
        Drawn { greys, noise: 1.5, ..Drawn::plain() }.check();
    }
}

#[test]
fn half_closed_lids_hide_only_what_they_hide() {
    let half = Drawn { opening: 0.55, ..Drawn::plain() };
    half.check();
    let found = ClassicalSegmenter::default().segment(&half.draw()).unwrap();
    let [ix, iy, ir] = half.iris;
    let visible = |row: f64| {
        let row = row as usize;
        let from = (ix - 0.3 * ir) as usize;
        (from..from + (0.6 * ir) as usize)
            .filter(|&column| found.masks.iris[[row, column]] && !found.masks.eyelashes[[row, column]])
            .count()
    };
    assert!(visible(iy - 0.75 * ir) == 0 && visible(iy + 0.75 * ir) == 0, "skin is no iris");
    let middle = half.pupil[1] as usize;
    let beside = (half.pupil[0] + half.pupil[2] + 6.0) as usize..(ix + ir - 10.0) as usize;
    let open = beside.clone().filter(|&column| found.masks.iris[[middle, column]]).count();
    assert!(open * 10 > beside.len() * 9, "the open part is iris: {open} of {}", beside.len());
}

#[test]
fn blurred_discs_are_found() {
    Drawn { blur: 5.0, ..Drawn::plain() }.check();
}

#[test]
fn an_iris_cut_by_the_frame_is_found() {
    let cut = Drawn::plain().moved(-235.0, 0.0);
    let found = ClassicalSegmenter::default().segment(&cut.draw()).unwrap();
    let curves = found.contours.unwrap();
    assert!(error(&curves.pupil, cut.pupil) < 3.0);
    assert!(error(&curves.iris, cut.iris) < 0.1 * cut.iris[2]);
}

/// Boundaries of drawn captures against their truth: how many are refused, have a wrong pupil, a wrong limbus.
///
/// Wrong is what is off by more than a twentieth of the iris' radius, on the average of the boundary.
#[cfg(feature = "testing")]
fn judged(count: u64, conditions: impl Fn(u64) -> personhood::testing::eyes::CaptureConditions) -> [usize; 3] {
    use personhood::iris::EyeSide;
    use personhood::testing::eyes::SyntheticEye;

    let mut judged = [0; 3];
    for seed in 0..count {
        let side = if seed.is_multiple_of(2) { EyeSide::Left } else { EyeSide::Right };
        let capture = SyntheticEye::new(7_000 + seed, side).render(&conditions(seed));
        let Ok(found) = ClassicalSegmenter::default().segment(&capture.image) else {
            judged[0] += 1;
            continue;
        };
        let curves = found.contours.unwrap();
        let off = |found: &[[f64; 2]], truth: &[[f64; 2]]| {
            let nearest =
                |p: &[f64; 2]| truth.iter().map(|q| (p[0] - q[0]).hypot(p[1] - q[1])).fold(f64::INFINITY, f64::min);
            found.iter().map(nearest).sum::<f64>() / found.len() as f64 / capture.truth.iris.radius()
        };
        judged[1] += usize::from(off(&curves.pupil, &capture.truth.contours.pupil) > 0.05);
        judged[2] += usize::from(off(&curves.iris, &capture.truth.contours.iris) > 0.05);
    }
    judged
}

/// Edges of lids and cheeks once outvoted a limbus of little contrast: 17 of 120 painted close-ups had an outer boundary
/// that was off by up to half of the radius. What counts now is how much of a circle has an edge, not how strong it is.
#[cfg(feature = "testing")]
#[test]
fn a_limbus_of_little_contrast_is_found_in_close_ups() {
    use personhood::testing::eyes::CaptureConditions;

    let [refused, pupils, limbi] = judged(24, CaptureConditions::painted_close_up);
    println!("{refused} refused, {pupils} wrong pupils, {limbi} wrong limbi");
    assert!(refused <= 1 && pupils == 0 && limbi <= 1);
}

/// The sides of the iris are beside it only while the head is upright: at 20 to 45 degrees 7 of 120 limbi were wrong.
#[cfg(feature = "testing")]
#[test]
fn a_tilted_head_does_not_move_the_limbus() {
    use personhood::testing::eyes::CaptureConditions;

    let [refused, pupils, limbi] = judged(12, |seed| CaptureConditions {
        head_roll: (20.0 + 2.0 * seed as f64) * if seed.is_multiple_of(2) { 1.0 } else { -1.0 },
        ..CaptureConditions::ordinary(seed).resized(320, 240)
    });
    println!("{refused} refused, {pupils} wrong pupils, {limbi} wrong limbi");
    assert_eq!([pupils, limbi], [0, 0]);
    assert!(refused <= 1);
}

/// A lid over the upper third of the pupil leaves a disc below it that is whole: it was taken for the pupil in 13 of 120
/// pictures, and believed.
#[cfg(feature = "testing")]
#[test]
fn half_shut_lids_do_not_make_a_smaller_pupil() {
    use personhood::testing::eyes::CaptureConditions;

    let [refused, pupils, limbi] = judged(16, |seed| CaptureConditions {
        lid_opening: 0.6 + 0.01 * seed as f64,
        ..CaptureConditions::ordinary(seed).resized(320, 240)
    });
    println!("{refused} refused, {pupils} wrong pupils, {limbi} wrong limbi");
    assert!(pupils == 0 && limbi <= 1 && refused <= 6);
}

#[test]
fn the_golden_masks_are_met() {
    let Some(folder) = golden("the_golden_masks_are_met", "08_synthetic_eyes") else { return };
    let mut eyes = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let eye = entry.unwrap().path();
        if !eye.is_dir() {
            continue;
        }
        eyes += 1;
        let name = eye.file_name().unwrap().to_string_lossy().into_owned();
        let found = ClassicalSegmenter::default().segment(&picture(eye.join("image.png"))).unwrap();
        let pupil = intersection_over_union(&found.masks.pupil, &mask(eye.join("mask_pupil.png")));
        let iris = intersection_over_union(&found.masks.iris, &mask(eye.join("mask_iris.png")));
        let truth = json(eye.join("truth.json"));
        let circle = |name: &str| {
            let values = truth[name].as_array().unwrap();
            [0, 1, 2].map(|i| number(&values[i], &[]))
        };
        let curves = found.contours.unwrap();
        let pupil_error = error(&curves.pupil, circle("pupil_circle"));
        let iris_error = error(&curves.iris, circle("iris_circle"));
        println!("{name}: IoU pupil {pupil:.3} iris {iris:.3}, off by {pupil_error:.2} and {iris_error:.2} px");
        assert!(pupil > 0.92 && iris > 0.9, "{name}: IoU pupil {pupil:.3}, iris {iris:.3}");
        let radius = circle("iris_circle")[2];
        assert!(pupil_error < 0.02 * radius && iris_error < 0.03 * radius, "{name}: {pupil_error} {iris_error}");
    }
    assert_eq!(eyes, 7);
}

#[test]
fn golden_eyes_of_one_identity_match_and_of_two_do_not() {
    let Some(folder) = golden("golden_eyes_of_one_identity_match_and_of_two_do_not", "08_synthetic_eyes") else {
        return;
    };
    let pipeline = Pipeline::builder().build();
    let mut templates = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let eye = entry.unwrap().path();
        if eye.is_dir() {
            let name = eye.file_name().unwrap().to_string_lossy().into_owned();
            let capture = pipeline.run(&picture(eye.join("image.png"))).unwrap_or_else(|e| panic!("{name}: {e}"));
            templates.push((name, capture.template));
        }
    }
    for (i, (a, probe)) in templates.iter().enumerate() {
        for (b, reference) in &templates[..i] {
            let found = compare(probe, reference, &MatchPolicy::default()).alignment().unwrap();
            let distance = found.distance.ratio();
            if a[..3] == b[..3] {
                assert!(distance < 0.2, "{a} {b}: {distance:.3}");
            } else {
                assert!(distance > 0.42, "{a} {b}: {distance:.3}");
            }
        }
    }
}

#[test]
fn the_anonymised_eye_is_enrolable() {
    let Some(folder) = golden("the_anonymised_eye_is_enrolable", "01_pipeline_anonymized") else { return };
    let image = picture(folder.join("input_image_gray.png"));
    let found = ClassicalSegmenter::default().segment(&image).unwrap();
    // The shipped iris mask has no hole for the pupil.
    let [pupil, iris] = ["pupil", "iris"].map(|name| mask(folder.join(format!("input_mask_{name}.png"))));
    let iris = intersection_over_union(&(&found.masks.iris | &found.masks.pupil), &(iris | &pupil));
    let pupil = intersection_over_union(&found.masks.pupil, &pupil);
    assert!(pupil > 0.93 && iris > 0.85, "IoU pupil {pupil:.3}, iris {iris:.3}");
    Pipeline::builder().build().run(&image).unwrap();
}

fn refusal(pixels: Array2<u8>) -> SegmentError {
    match ClassicalSegmenter::default().segment(&EyeImage::from_pixels(pixels)) {
        Err(refusal) => refusal,
        Ok(found) => panic!("an eye was seen: pupil {}, iris {}", found.pupil_confidence, found.iris_confidence),
    }
}

/// Refused for want of an eye: a shut eye has its own answer, and this is not it.
fn no_eye(pixels: Array2<u8>) {
    let refusal = refusal(pixels);
    assert!(matches!(refusal, SegmentError::NoPupil { .. }), "{refusal:?}");
}

/// Numbers in 0 … 1, the same for the same seed.
fn randoms(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

const SIZES: [(usize, usize); 5] = [(320, 240), (320, 280), (640, 480), (800, 600), (1440, 1080)];

#[cfg(feature = "testing")]
#[test]
fn shut_eyes_of_every_camera_are_called_shut() {
    use personhood::iris::EyeSide;
    use personhood::testing::eyes::{CaptureConditions, SyntheticEye};

    for seed in 0..15 {
        let (width, height) = SIZES[seed as usize % 5];
        let side = if seed % 2 == 0 { EyeSide::Left } else { EyeSide::Right };
        let desk = CaptureConditions::ordinary(seed).resized(width, height);
        let gate = CaptureConditions { glasses: None, ..CaptureConditions::walk_up(seed) };
        for (place, conditions) in [("desk", desk), ("gate", gate)] {
            let shut = CaptureConditions { lid_opening: 0.0, ..conditions };
            let picture = SyntheticEye::new(seed, side).render(&shut).image;
            let refusal = ClassicalSegmenter::default().segment(&picture).err();
            assert_eq!(refusal, Some(SegmentError::EyeClosed), "{place} {seed}");
        }
    }
}

/// Shut eyes by another hand than the generator's: an arc with a comb of lashes on uneven skin.
#[test]
fn drawn_lids_with_lashes_are_called_shut() {
    for seed in 0..15 {
        let mut random = randoms(seed);
        let mut between = |low: f64, high: f64| low + (high - low) * random();
        let (width, height) = SIZES[seed as usize % 5];
        let across = width as f64;
        let (cx, cy) = (across * between(0.42, 0.58), height as f64 * between(0.4, 0.65));
        let (half, thick) = (across * between(0.25, 0.4), across * between(0.006, 0.012));
        let (bend, tilt, lean) = (half * between(-0.1, 0.25), between(-0.2, 0.2), between(-0.6, 0.6));
        let (lash, period, depth) =
            (across * between(0.03, 0.08), across * between(0.012, 0.025), between(50.0, 110.0));
        let closed = Array2::from_shape_fn((height, width), |(row, column)| {
            let (x, y) = (column as f64, row as f64);
            let u = (x - cx) / half;
            let below = y - (cy + tilt * (x - cx) + bend * (1.0 - u * u));
            let mut grey = 165.0 + 15.0 * (x / across * 7.0).sin() + 12.0 * (y / across * 9.0).cos();
            if u.abs() < 1.0 {
                grey -= depth * (-(below / thick).powi(2)).exp();
                if below > 0.0 && below < lash && ((x + lean * below) / period * TAU).sin() > 0.4 {
                    grey -= 0.7 * depth;
                }
            }
            grey.clamp(0.0, 255.0) as u8
        });
        assert_eq!(refusal(closed), SegmentError::EyeClosed, "{seed}");
    }
}

#[test]
fn patterns_are_no_eyes() {
    for seed in 0..15 {
        let mut random = randoms(seed);
        let (width, height) = SIZES[seed as usize % 5];
        let (across, down) = (width as f64, height as f64);
        let (a, b, c) = (random(), random(), random());
        let draw = |grey: &dyn Fn(f64, f64) -> f64| {
            no_eye(Array2::from_shape_fn((height, width), |(y, x)| grey(x as f64, y as f64).clamp(0.0, 255.0) as u8));
        };
        // Stripes in every direction, soft and hard.
        let (sin, cos) = (a * TAU).sin_cos();
        let wave = |x: f64, y: f64| ((x * cos + y * sin) * TAU / (across * (0.01 + 0.3 * b))).sin();
        draw(&|x, y| 128.0 + 100.0 * wave(x, y));
        draw(&|x, y| 128.0 + 100.0 * wave(x, y).signum());
        // Level bars, a chessboard, rings about any point.
        let bars = across * (0.03 + 0.4 * b);
        draw(&|_, y| if (y / bars).fract() < 0.3 + 0.5 * c { 190.0 } else { 50.0 });
        let square = across * (0.012 + 0.2 * c);
        draw(&|x, y| if ((x / square) as i64 + (y / square) as i64) % 2 == 0 { 40.0 } else { 210.0 });
        let (cx, cy) = (across * (0.3 + 0.4 * a), down * (0.3 + 0.4 * b));
        draw(&|x, y| 128.0 + 100.0 * ((x - cx).hypot(y - cy) * TAU / (across * (0.01 + 0.09 * c))).sin());
        // A horizon, soft or hard, and the slope of a hill.
        let edge = |x: f64, y: f64| (y - cy - (a - 0.5) * (x - cx)) / (0.5 + 9.5 * c);
        draw(&|x, y| 60.0 + 120.0 / (1.0 + edge(x, y).exp()));
    }
}

#[test]
fn dull_noise_is_no_eye() {
    for seed in 0..15 {
        let mut random = randoms(seed);
        let (width, height) = SIZES[seed as usize % 5];
        let (grey, noise) = (255.0 * random(), 12.0 * random());
        no_eye(Array2::from_shape_fn((height, width), |_| {
            (grey + noise * (random() + random() - 1.0)).clamp(0.0, 255.0) as u8
        }));
    }
}

#[test]
fn flat_pictures_and_gradients_are_refused() {
    for grey in [0, 128, 255] {
        assert!(matches!(refusal(Array2::from_elem((480, 640), grey)), SegmentError::NoPupil { .. }));
    }
    no_eye(Array2::from_shape_fn((480, 640), |(row, _)| (row * 255 / 480) as u8));
    no_eye(Array2::from_shape_fn((480, 640), |(row, column)| ((row + column) * 255 / 1120) as u8));
}

#[test]
fn noise_is_refused() {
    let mut seed = 7_u64;
    for (height, width, block) in [(240, 320, 1), (480, 640, 1), (480, 640, 8), (480, 640, 24)] {
        let columns = width / block + 1;
        let cells: Vec<u8> = (0..columns * (height / block + 1))
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 56) as u8
            })
            .collect();
        no_eye(Array2::from_shape_fn((height, width), |(y, x)| cells[y / block * columns + x / block]));
    }
}

#[test]
fn text_is_refused() {
    // Black strokes and bowls on white, in lines, as print looks.
    let page = Array2::from_shape_fn((480, 640), |(y, x)| {
        let (line, glyph) = (y % 40, x / 22);
        let (cy, cx) = (line as f64 - 20.0, (x % 22) as f64 - 10.0);
        let kind = (glyph * 7 + y / 40 * 13) % 5;
        let is_ink = match kind {
            0 => (cx.hypot(cy) - 7.0).abs() < 1.7,
            1 => (cx + 6.0).abs() < 1.6 && cy.abs() < 11.0,
            2 => cy.abs() < 1.6 && cx.abs() < 7.0 || cx.abs() < 1.6 && cy.abs() < 10.0,
            3 => (cx - cy).abs() < 2.0 && cx.abs() < 8.0,
            _ => false,
        };
        if is_ink { 20 } else { 235 }
    });
    no_eye(page);
}

#[test]
fn a_closed_eye_is_refused() {
    // Skin with a shaded lid, the lash line as a dark arc, and lashes hanging from it.
    let closed = Array2::from_shape_fn((480, 640), |(row, column)| {
        let (x, y) = (column as f64, row as f64);
        let line = 300.0 - (x - 320.0).powi(2) / 1400.0;
        let below = y - line;
        let mut grey = 165.0 + 25.0 * (x / 90.0).sin() + 20.0 * (y / 70.0).cos();
        grey -= 110.0 * (-(below / 6.0).powi(2)).exp();
        let lash = (x / 9.0 + below / 14.0).sin();
        if (0.0..45.0).contains(&below) && lash > 0.75 && (90.0..550.0).contains(&x) {
            grey -= 90.0;
        }
        grey.clamp(0.0, 255.0) as u8
    });
    assert_eq!(refusal(closed), SegmentError::EyeClosed);
}

#[test]
fn a_dark_disc_without_an_iris_is_refused() {
    let disc = Array2::from_shape_fn((480, 640), |(row, column)| {
        if (column as f64 - 320.0).hypot(row as f64 - 240.0) < 50.0 { 20 } else { 200 }
    });
    assert!(matches!(refusal(disc), SegmentError::NoIris { .. }));
}

#[test]
fn tiny_pictures_are_refused_and_odd_ones_do_no_harm() {
    for (height, width) in [(0, 0), (1, 1), (99, 640), (480, 99)] {
        let refused = refusal(Array2::from_elem((height, width), 90));
        assert_eq!(refused, SegmentError::TooSmall { width, height, least: 100 });
    }
    for (height, width) in [(100, 100), (101, 333), (1023, 100), (100, 2049), (479, 641)] {
        let _ = ClassicalSegmenter::default()
            .segment(&EyeImage::from_pixels(Array2::from_shape_fn((height, width), |(y, x)| (x * y % 251) as u8)));
    }
}

#[test]
fn the_same_picture_gives_the_same_answer() {
    let image = Drawn::plain().draw();
    let [a, b] = [0, 1].map(|_| ClassicalSegmenter::default().segment(&image).unwrap());
    assert_eq!(a.contours, b.contours);
    assert_eq!((a.masks.iris, a.masks.eyelashes), (b.masks.iris, b.masks.eyelashes));
}
