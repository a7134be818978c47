//! Measures of the eye in the picture: what is visible of it, its contrasts and its shape.

use core::f64::consts::TAU;
use core::ops::Range;

use ndarray::{ArrayViewMut1, Zip, s};

use super::IsoMeasure;
use super::iso::IsoQuality;
use crate::pipeline::geometry::{EyeCentres, EyePolygons, Moments, Point};
use crate::pipeline::image::EyeImage;
use crate::pipeline::privacy::Wiped;
use crate::pipeline::segment::SegmentationMasks;

/// The eye whose quality is measured.
pub(super) struct Eye<'a> {
    image: &'a EyeImage,
    masks: &'a SegmentationMasks,
    pub(super) boundaries: &'a EyePolygons,
    pub(super) centres: &'a EyeCentres,
    around: Surroundings,
}

/// What is seen of the iris and around it, for looking at the same pixels often.
struct Surroundings {
    columns: Range<usize>,
    rows: Range<usize>,
    /// Grey values, or [`HIDDEN`]; row-major.
    seen: Wiped<u8>,
}

/// Directions in which regions are sampled, and samples along each.
///
/// 8,192 samples of the iris tell a share within half a percent (standard error of 0.5/√8192), and cost 40 µs.
const DIRECTIONS: usize = 256;
const ACROSS: usize = 32;
/// Samples across a narrow region, for a median.
const ACROSS_RING: usize = 8;

/// Reflections: as bright as what the unrolling leaves out (open-iris' rule).
const REFLECTION: u8 = 254;
/// In place of the grey value of what is not seen: as bright as a reflection, which is not seen either.
const HIDDEN: u8 = u8::MAX;
/// How far the samples lie from the iris' centre, in its radii.
const FARTHEST: f64 = 1.2;

impl Surroundings {
    fn of(image: &EyeImage, masks: &SegmentationMasks, boundaries: &EyePolygons, centres: &EyeCentres) -> Self {
        let side = |axis: usize, length: usize| {
            let positions = boundaries.iris.iter().map(|&point| between(centres.iris, point, FARTHEST)[axis]);
            let (low, high) =
                positions.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
            // Casts saturate, so that the range lies in the picture whatever the curve is.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let [low, high] = [low, high + 2.0].map(|end| (end as usize).min(length));
            low.min(high)..high
        };
        let (columns, rows) = (side(0, image.width()), side(1, image.height()));
        let mut seen = Wiped::filled(HIDDEN, columns.len() * rows.len());
        for (row, seen) in rows.clone().zip(seen.chunks_exact_mut(columns.len().max(1))) {
            let line = s![row, columns.start..columns.end];
            Zip::from(&mut ArrayViewMut1::from(seen))
                .and(image.pixels().slice(line))
                .and(masks.eyeball.slice(line))
                .and(masks.iris.slice(line))
                .and(masks.pupil.slice(line))
                .and(masks.eyelashes.slice(line))
                .for_each(|seen, &grey, &eyeball, &iris, &pupil, &lash| {
                    *seen = if (eyeball | iris | pupil) & !lash { grey } else { HIDDEN };
                });
        }
        Self { columns, rows, seen }
    }
}

impl<'a> Eye<'a> {
    pub(super) fn new(
        image: &'a EyeImage,
        masks: &'a SegmentationMasks,
        boundaries: &'a EyePolygons,
        centres: &'a EyeCentres,
    ) -> Self {
        let around = Surroundings::of(image, masks, boundaries, centres);
        Self { image, masks, boundaries, centres, around }
    }

    /// Sets every measure of this file; half the largest diameters of pupil and iris are given.
    pub(super) fn measure(&self, quality: &mut IsoQuality, [pupil_radius, radius]: [f64; 2]) {
        quality.set(IsoMeasure::IrisRadius, radius);
        quality.set(IsoMeasure::PupilIrisRatio, 100.0 * pupil_radius / radius);
        quality.set(IsoMeasure::IrisPupilConcentricity, (100.0 * (1.0 - self.centres.distance() / radius)).max(0.0));
        quality.set(IsoMeasure::MarginAdequacy, 100.0 * self.margins(radius).into_iter().fold(1.0, f64::min));
        quality.set(IsoMeasure::PupilBoundaryCircularity, circularity(&self.boundaries.pupil, self.centres.pupil));
        quality.set(IsoMeasure::GazeAngle, gaze_angle(self.boundaries));
        quality.set(IsoMeasure::UsableIrisArea, 100.0 * self.usable_iris());

        let pupil = self.median([0.0, 0.8], |at, _, share| between(self.centres.pupil, at, share));
        // Clause 6.2.3 is about the boundary: the iris right outside the pupil, between 1.1 and 1.2 of its radius.
        let inner_iris = self.median([1.1, 1.2], |at, _, share| between(self.centres.pupil, at, share));
        // From half-way between the boundaries to 0.9 of the iris' radius.
        let iris = self.median([0.0, 1.0], |pupil, iris, share| {
            let middle = [0, 1].map(|axis| f64::from(pupil[axis]).midpoint(f64::from(iris[axis])));
            let outer = between(self.centres.iris, iris, 0.9);
            [0, 1].map(|axis| middle[axis] + share * (outer[axis] - middle[axis]))
        });
        let sclera = self.median([1.1, 1.2], |_, at, share| between(self.centres.iris, at, share));
        if let (Some(pupil), Some(iris), Some(sclera)) = (pupil, iris, sclera) {
            quality.set(IsoMeasure::IrisScleraContrast, iris_sclera_contrast(pupil, iris, sclera));
        }
        if let (Some(pupil), Some(iris)) = (pupil, inner_iris) {
            quality.set(IsoMeasure::IrisPupilContrast, iris_pupil_contrast(pupil, iris));
        }
    }

    /// Room to the left, to the right, above and below: 1 where it is what 6.2.9 recommends, 0 where there is none.
    pub(super) fn margins(&self, radius: f64) -> [f64; 4] {
        let [x, y] = self.centres.iris;
        // Pixel centres have whole coordinates, so the picture begins half a pixel before the first of them.
        let (right, bottom) = (self.image.width() as f64 - 0.5, self.image.height() as f64 - 0.5);
        let room = [x + 0.5 - radius, right - x - radius, y + 0.5 - radius, bottom - y - radius];
        let wanted = [0.6, 0.6, 0.2, 0.2].map(|share| share * radius);
        core::array::from_fn(|side| (room[side] / wanted[side]).clamp(0.0, 1.0))
    }

    /// Grey value of a pixel; `None` where nothing of the eye is seen, or the picture ends.
    #[inline]
    pub(super) fn seen(&self, column: usize, row: usize) -> Option<u8> {
        let Surroundings { columns, rows, seen } = &self.around;
        let grey = if columns.contains(&column) && rows.contains(&row) {
            seen[(row - rows.start) * columns.len() + (column - columns.start)]
        } else {
            self.seen_far_away(column, row)
        };
        (grey < REFLECTION).then_some(grey)
    }

    /// Where curves cross, a sample may lie farther away than [`FARTHEST`].
    #[cold]
    fn seen_far_away(&self, column: usize, row: usize) -> u8 {
        if column >= self.image.width() || row >= self.image.height() {
            return HIDDEN;
        }
        let (masks, at) = (self.masks, (row, column));
        let open = masks.eyeball[at] || masks.iris[at] || masks.pupil[at];
        if open && !masks.eyelashes[at] { self.image.pixels()[at] } else { HIDDEN }
    }

    /// What is seen at a point, to the nearest pixel.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative; too far is outside the picture
    fn sample(&self, point: [f64; 2]) -> Option<u8> {
        // The last bits of a number of this size are the nearest whole number, halves to even.
        const WHOLE: f64 = 1.5 * (1_u64 << 52) as f64;
        let [column, row] = point.map(|at| (at + WHOLE) - WHOLE);
        if column >= 0.0 && row >= 0.0 { self.seen(column as usize, row as usize) } else { None }
    }

    /// Pairs of points of the two boundaries in evenly spread directions.
    fn directions(&self) -> impl Iterator<Item = (Point, Point)> {
        let (pupil, iris) = (&self.boundaries.pupil, &self.boundaries.iris);
        let count = DIRECTIONS.min(iris.len()).min(pupil.len());
        (0..count).map(move |i| (pupil[i * pupil.len() / count], iris[i * iris.len() / count]))
    }

    /// The visible share of the iris' area.
    fn usable_iris(&self) -> f64 {
        let (mut visible, mut total) = (0.0, 0.0);
        for (pupil, iris) in self.directions() {
            let inner = distance(self.centres.pupil, pupil);
            let outer = distance(self.centres.iris, iris);
            for step in 0..ACROSS {
                let share = (step as f64 + 0.5) / ACROSS as f64;
                let at = [0, 1].map(|axis| f64::from(pupil[axis]) + share * f64::from(iris[axis] - pupil[axis]));
                // A step covers more iris the further out it is.
                let area = inner + share * (outer - inner);
                total += area;
                if self.sample(at).is_some() {
                    visible += area;
                }
            }
        }
        if total > 0.0 { visible / total } else { 0.0 }
    }

    /// Median grey of a region; `None` where nothing of it is seen.
    ///
    /// `place` gives the point at a share (within `shares`) of the way through the region in the direction of a pair of
    /// boundary points. The shares are spread for equal areas if the region begins at 0, which is a centre.
    fn median(&self, shares: [f64; 2], place: impl Fn(Point, Point, f64) -> [f64; 2]) -> Option<f64> {
        let mut counts = [0_u32; 256];
        let [from, to] = shares.map(|share| share * share);
        let shares: [f64; ACROSS_RING] =
            core::array::from_fn(|step| (from + (to - from) * (step as f64 + 0.5) / ACROSS_RING as f64).sqrt());
        for (pupil, iris) in self.directions() {
            for &share in &shares {
                if let Some(grey) = self.sample(place(pupil, iris, share)) {
                    counts[usize::from(grey)] += 1;
                }
            }
        }
        median(&counts)
    }
}

/// The median of a histogram: the middle value, or the mean of the two middle ones.
fn median(counts: &[u32; 256]) -> Option<f64> {
    let total: u32 = counts.iter().sum();
    let at = |rank: u32| {
        let mut before = 0;
        (0_u32..).zip(counts).find_map(|(level, &count)| {
            before += count;
            (rank < before).then_some(f64::from(level))
        })
    };
    Some(at(total.checked_sub(1)? / 2)?.midpoint(at(total / 2)?))
}

/// The point at a share of the way from a centre to a boundary; beyond it for shares above 1.
fn between(centre: [f64; 2], boundary: Point, share: f64) -> [f64; 2] {
    [0, 1].map(|axis| centre[axis] + share * (f64::from(boundary[axis]) - centre[axis]))
}

fn distance(centre: [f64; 2], point: Point) -> f64 {
    (f64::from(point[0]) - centre[0]).hypot(f64::from(point[1]) - centre[1])
}

/// ISO/IEC 29794-6, 6.2.2. A pupil as bright as iris and sclera, and an iris brighter than its sclera, have none.
fn iris_sclera_contrast(pupil: f64, iris: f64, sclera: f64) -> f64 {
    let span = sclera + iris - 2.0 * pupil;
    if span > 0.0 { (100.0 * (sclera - iris) / span).clamp(0.0, 100.0) } else { 0.0 }
}

/// ISO/IEC 29794-6, 6.2.3.
fn iris_pupil_contrast(pupil: f64, iris: f64) -> f64 {
    let weber = (iris - pupil) / (20.0 + pupil);
    if weber > 0.0 { 100.0 * weber / (0.75 + weber) } else { 0.0 }
}

/// Samples of the pupil's outline, and coefficients of its Fourier series that count.
const SAMPLES: usize = 256;
const COEFFICIENTS: usize = 17;
/// The mean radius to which the outline is scaled, pixels.
///
/// The standard's sum grows with the square of the pixels that a pupil has. The pupil to which it is referred here is that
/// of the least recommended iris (radius 80 px) at the middle of the recommended dilation (45 %).
const REFERENCE_RADIUS: f64 = 36.0;

/// ISO/IEC 29794-6, 6.2.4: max(0, 100 − Σ |Cₖ|² / N), k from 1 to 16, for Cₖ = Σ r(θ) e^(−2πikθ/N) of N = 256 radii.
fn circularity(pupil: &[Point], centre: [f64; 2]) -> f64 {
    if pupil.len() < 2 * COEFFICIENTS {
        return 0.0;
    }
    let mut radii: Vec<f64> = (0..SAMPLES).map(|i| distance(centre, pupil[i * pupil.len() / SAMPLES])).collect();
    let mean = radii.iter().sum::<f64>() / SAMPLES as f64;
    radii.iter_mut().for_each(|radius| *radius *= REFERENCE_RADIUS / mean);
    // Cosine and sine of every multiple of 2π/N that occurs.
    let turns: Vec<[f64; 2]> = (0..SAMPLES)
        .map(|i| {
            let (sine, cosine) = (TAU * i as f64 / SAMPLES as f64).sin_cos();
            [cosine, sine]
        })
        .collect();
    let power: f64 = (1..COEFFICIENTS)
        .map(|k| {
            let (mut real, mut imaginary) = (0.0, 0.0);
            for (i, radius) in radii.iter().enumerate() {
                let [cosine, sine] = turns[i * k % SAMPLES];
                real += radius * cosine;
                imaginary -= radius * sine;
            }
            real * real + imaginary * imaginary
        })
        .sum();
    (100.0 - power / SAMPLES as f64).clamp(0.0, 100.0)
}

/// Angle between the eye's axis and the camera's, degrees.
///
/// A circle that is turned by γ about an axis in the picture is seen as an ellipse whose axes are as 1 : cos γ, so that
/// its second moments differ by the share ε = (1 − cos² γ) / (1 + cos² γ), along the axis of the turn. Pupil and limbus
/// turn together; lids and a pupil that is no circle by nature deform one of them. So ε is the part that both have in
/// common: the mean of the two vectors ε (cos 2φ, sin 2φ).
///
/// The cornea makes a turned pupil look wider than 1 : cos γ by up to a tenth (Mathur, Gehrmann and Atchison, J. Vision
/// 13(6):3, 2013), and outlines a hundredth off a circle are taken for 8°: this tells a glance aside from a look into the
/// camera, and is no measurement of the gaze.
fn gaze_angle(boundaries: &EyePolygons) -> f64 {
    let [pupil, iris] = [&boundaries.pupil, &boundaries.iris].map(|outline| Moments::of(outline).elongation());
    let common = (pupil[0] + iris[0]).hypot(pupil[1] + iris[1]) / 2.0;
    ((1.0 - common) / (1.0 + common)).max(0.0).sqrt().acos().to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(centre: [f64; 2], radius: impl Fn(f64) -> f64) -> Vec<Point> {
        (0..512)
            .map(|i| {
                let angle = TAU * f64::from(i) / 512.0;
                let radius = radius(angle);
                [(centre[0] + radius * angle.cos()) as f32, (centre[1] + radius * angle.sin()) as f32]
            })
            .collect()
    }

    #[test]
    fn medians_of_even_and_odd_counts() {
        let histogram = |values: &[usize]| {
            let mut counts = [0; 256];
            values.iter().for_each(|&value| counts[value] += 1);
            median(&counts)
        };
        assert_eq!(histogram(&[]), None);
        assert_eq!(histogram(&[7]), Some(7.0));
        assert_eq!(histogram(&[7, 10]), Some(8.5));
        assert_eq!(histogram(&[255, 0, 3]), Some(3.0));
        assert_eq!(histogram(&[1, 1, 2, 200]), Some(1.5));
    }

    #[test]
    fn contrasts_of_known_medians() {
        assert_eq!(iris_sclera_contrast(20.0, 100.0, 180.0), 100.0 * 80.0 / 240.0);
        assert_eq!(iris_sclera_contrast(20.0, 100.0, 90.0), 0.0);
        assert_eq!(iris_sclera_contrast(100.0, 90.0, 95.0), 0.0);
        assert_eq!(iris_pupil_contrast(20.0, 50.0), 50.0);
        assert_eq!(iris_pupil_contrast(50.0, 20.0), 0.0);
    }

    #[test]
    fn a_circle_is_round_and_a_wave_has_its_power() {
        assert!(circularity(&outline([50.0, 40.0], |_| 20.0), [50.0, 40.0]) > 99.999);
        // A wave of amplitude a at the reference radius has |C|² = (N a / 2)²; its power is N a² / 4.
        let wave = |k: f64| outline([0.0, 0.0], move |angle| REFERENCE_RADIUS + 0.5 * (k * angle).cos());
        for k in [2.0, 3.0, 16.0] {
            assert!((circularity(&wave(k), [0.0, 0.0]) - (100.0 - 256.0 * 0.25 / 4.0)).abs() < 1e-3, "{k}");
        }
        // Beyond the sixteenth coefficient nothing counts, and the size does not matter.
        assert!(circularity(&wave(17.0), [0.0, 0.0]) > 99.999);
        let twice = outline([0.0, 0.0], |angle| 2.0 * (REFERENCE_RADIUS + 0.5 * (2.0 * angle).cos()));
        assert!((circularity(&twice, [0.0, 0.0]) - circularity(&wave(2.0), [0.0, 0.0])).abs() < 1e-3);
        assert_eq!(circularity(&outline([0.0, 0.0], |angle| 20.0 + 8.0 * angle.cos()), [0.0, 0.0]), 0.0);
    }

    #[test]
    fn the_angle_of_a_turned_disc_is_recovered() {
        for (gaze, tilt) in [(0.0, 0.0), (10.0, 0.3), (25.0, 1.2), (45.0, 2.9)] {
            let (cosine, tilt): (f64, f64) = (f64::to_radians(gaze).cos(), tilt);
            let ellipse = |radius: f64| -> Vec<Point> {
                let turned = |angle: f64| {
                    let (x, y) = (radius * cosine * angle.cos(), radius * angle.sin());
                    [x * tilt.cos() - y * tilt.sin(), x * tilt.sin() + y * tilt.cos()].map(|c| (c + 300.0) as f32)
                };
                (0..512).map(|i| turned(TAU * f64::from(i) / 512.0)).collect()
            };
            let boundaries = EyePolygons { pupil: ellipse(40.0), iris: ellipse(100.0), eyeball: Vec::new() };
            assert!((gaze_angle(&boundaries) - gaze).abs() < 0.5, "{gaze}: {}", gaze_angle(&boundaries));
        }
        // An oval pupil in a round iris is half believed, and two that contradict each other not at all.
        let oval = |by: f64| outline([0.0, 0.0], move |angle| 50.0 * (1.0 + by * (2.0 * angle).cos()));
        let boundaries = EyePolygons { pupil: oval(0.05), iris: oval(-0.05), eyeball: Vec::new() };
        assert!(gaze_angle(&boundaries) < 1.0);
    }
}
