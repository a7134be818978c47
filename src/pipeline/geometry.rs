//! Curves of an eye: contours, centres, orientation, and the stages that turn a ragged contour into 512 points.
//!
//! The stages keep open-iris' arithmetic, single precision where it stores or subtracts in single precision, since a
//! boundary that moves by half a pixel changes bits of the template.

mod centre;
mod ellipse;
mod extrapolate;
mod refine;
mod smooth;

use core::f64::consts::{FRAC_PI_2, PI, TAU};

use super::error::{Boundary, PipelineError};

pub use centre::CentreMethod;
pub use extrapolate::{ExtrapolationConfig, ellipses, extrapolate, linear};
pub use refine::{drop_touching, interpolate};
pub use smooth::{SmoothingConfig, smooth};

/// A point `[x, y]` in pixels, single precision as open-iris stores it; pixel centres have whole coordinates.
pub type Point = [f32; 2];

/// The three closed curves of an eye.
#[derive(Clone, Debug, PartialEq)]
pub struct EyePolygons {
    /// Boundary of the pupil.
    pub pupil: Vec<Point>,
    /// Boundary of the iris (limbus).
    pub iris: Vec<Point>,
    /// Boundary of the opening between the lids.
    pub eyeball: Vec<Point>,
}

/// The centres of pupil and iris, `[x, y]` in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EyeCentres {
    /// Centre of the pupil.
    pub pupil: [f64; 2],
    /// Centre of the iris.
    pub iris: [f64; 2],
}

impl EyeCentres {
    /// Distance of the two centres, pixels.
    #[must_use]
    pub fn distance(&self) -> f64 {
        let (dx, dy) = (self.iris[0] - self.pupil[0], self.iris[1] - self.pupil[1]);
        (dx * dx + dy * dy).sqrt()
    }

    /// Refuses a centre outside `[0, width] × [0, height]`.
    pub(crate) fn inside(&self, width: usize, height: usize) -> Result<(), PipelineError> {
        #[allow(clippy::cast_precision_loss)] // sides of a picture
        let (right, bottom) = (width as f64, height as f64);
        for (boundary, [x, y]) in [(Boundary::Pupil, self.pupil), (Boundary::Iris, self.iris)] {
            if !((0.0..=right).contains(&x) && (0.0..=bottom).contains(&y)) {
                return Err(PipelineError::CentreOutside { boundary, x, y, width, height });
            }
        }
        Ok(())
    }
}

/// The smallest upright rectangle around the iris, pixels; it may leave the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundingBox {
    /// Left side.
    pub x_min: f32,
    /// Upper side.
    pub y_min: f32,
    /// Right side.
    pub x_max: f32,
    /// Lower side.
    pub y_max: f32,
}

impl BoundingBox {
    pub(crate) fn around(points: &[Point]) -> Result<Self, PipelineError> {
        let mut around =
            Self { x_min: f32::INFINITY, y_min: f32::INFINITY, x_max: f32::NEG_INFINITY, y_max: f32::NEG_INFINITY };
        for &[x, y] in points {
            around.x_min = around.x_min.min(x);
            around.x_max = around.x_max.max(x);
            around.y_min = around.y_min.min(y);
            around.y_max = around.y_max.max(y);
        }
        let (width, height) = (f64::from(around.x_max - around.x_min), f64::from(around.y_max - around.y_min));
        if width > 0.0 && height > 0.0 { Ok(around) } else { Err(PipelineError::EmptyBoundingBox { width, height }) }
    }
}

/// Largest distance between any two points, pixels; 0 for fewer than two points.
///
/// Computed in single precision as open-iris does, over all pairs that can be the farthest: both ends of the farthest
/// pair are corners of the convex hull, and points that rounding could lift to the maximum are within it too.
#[must_use]
pub fn diameter(points: &[Point]) -> f64 {
    let hull = convex_hull(points);
    // A round curve is its own hull; then every pair is tried anyway.
    if hull.len() * 3 > points.len() {
        return farthest(points);
    }
    let squared = |a: Point, b: Point| {
        let (dx, dy) = (f64::from(a[0]) - f64::from(b[0]), f64::from(a[1]) - f64::from(b[1]));
        dx * dx + dy * dy
    };
    let reach = |point: Point| hull.iter().map(|&corner| squared(point, corner)).fold(0.0, f64::max);
    let largest = hull.iter().map(|&corner| reach(corner)).fold(0.0, f64::max);
    // Single precision moves a squared distance by less than 4 units in the last place of 24 bits.
    let least = largest * (1.0 - 1e-6);
    let candidates: Vec<Point> = points.iter().copied().filter(|&point| reach(point) >= least).collect();
    farthest(&candidates)
}

/// The largest distance by trying every pair, in single precision.
fn farthest(points: &[Point]) -> f64 {
    let mut largest = 0.0_f32;
    for (i, &[x, y]) in points.iter().enumerate() {
        // Eight running maxima, so that the loop vectorises.
        let mut lanes = [0.0_f32; 8];
        let mut chunks = points[i + 1..].chunks_exact(8);
        for chunk in &mut chunks {
            for (lane, &[u, v]) in lanes.iter_mut().zip(chunk) {
                let (dx, dy) = (x - u, y - v);
                let squared = dx * dx + dy * dy;
                *lane = if squared > *lane { squared } else { *lane };
            }
        }
        for &[u, v] in chunks.remainder() {
            let (dx, dy) = (x - u, y - v);
            largest = largest.max(dx * dx + dy * dy);
        }
        largest = lanes.into_iter().fold(largest, f32::max);
    }
    f64::from(largest.sqrt())
}

/// Corners of the convex hull (Andrew's monotone chain).
fn convex_hull(points: &[Point]) -> Vec<Point> {
    let mut sorted = points.to_vec();
    sorted.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    sorted.dedup();
    if sorted.len() < 3 {
        return sorted;
    }
    let turn = |a: Point, b: Point, c: Point| {
        (f64::from(b[0]) - f64::from(a[0])) * (f64::from(c[1]) - f64::from(a[1]))
            - (f64::from(b[1]) - f64::from(a[1])) * (f64::from(c[0]) - f64::from(a[0]))
    };
    let chain = |order: &mut dyn Iterator<Item = Point>| {
        let mut chain: Vec<Point> = Vec::new();
        for point in order {
            while let [.., a, b] = chain[..]
                && turn(a, b, point) <= 0.0
            {
                chain.pop();
            }
            chain.push(point);
        }
        chain.pop();
        chain
    };
    let mut hull = chain(&mut sorted.iter().copied());
    hull.extend(chain(&mut sorted.iter().rev().copied()));
    hull
}

/// Second central moments of a filled polygon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moments {
    xx: f64,
    xy: f64,
    yy: f64,
}

/// Below this area (square pixels, twice) a polygon counts as a line without moments: OpenCV's `FLT_EPSILON`.
const NO_AREA: f64 = f32::EPSILON as f64;

impl Moments {
    /// By Green's formula, as `cv::moments` of a contour.
    pub(crate) fn of(points: &[Point]) -> Self {
        let [mut a00, mut a10, mut a01, mut a20, mut a11, mut a02] = [0.0_f64; 6];
        let mut previous = points.last().copied().unwrap_or_default().map(f64::from);
        for point in points {
            let [x0, y0] = previous;
            let [x1, y1] = point.map(f64::from);
            let cross = x0 * y1 - x1 * y0;
            let (xs, ys) = (x0 + x1, y0 + y1);
            a00 += cross;
            a10 += cross * xs;
            a01 += cross * ys;
            a20 += cross * (x0 * xs + x1 * x1);
            a11 += cross * (x0 * (ys + y0) + x1 * (ys + y1));
            a02 += cross * (y0 * ys + y1 * y1);
            previous = [x1, y1];
        }
        if a00.abs() <= NO_AREA {
            return Self { xx: 0.0, xy: 0.0, yy: 0.0 };
        }
        let sign = a00.signum();
        let m00 = a00 * (sign * 0.5);
        let (m10, m01) = (a10 * (sign / 6.0), a01 * (sign / 6.0));
        let (m20, m11, m02) = (a20 * (sign / 12.0), a11 * (sign / 24.0), a02 * (sign / 12.0));
        let (cx, cy) = (m10 / m00, m01 / m00);
        Self { xx: m20 - m10 * cx, xy: m11 - m10 * cy, yy: m02 - m01 * cy }
    }

    /// 0 for a circle, 1 for a line: ((μ20 − μ02)² + 4 μ11²) / (μ20 + μ02)².
    pub(crate) fn eccentricity(self) -> f64 {
        let sum = self.xx + self.yy;
        if sum.abs() < 1e-10 {
            return 1.0;
        }
        ((self.xx - self.yy).powi(2) + 4.0 * self.xy.powi(2)) / sum.powi(2)
    }

    /// ε (cos 2φ, sin 2φ) for the direction φ of the long axis and ε = (a² − b²) / (a² + b²) of the axes; 0 for a circle.
    pub(crate) fn elongation(self) -> [f64; 2] {
        let sum = self.xx + self.yy;
        if sum.abs() < 1e-10 { [1.0, 0.0] } else { [(self.xx - self.yy) / sum, 2.0 * self.xy / sum] }
    }

    /// Angle of the long axis against +x, towards +y (downwards), in [−π/2, π/2).
    pub(crate) fn orientation(self) -> f64 {
        let angle = 0.5 * (2.0 * self.xy).atan2(self.xx - self.yy);
        (angle + FRAC_PI_2).rem_euclid(PI) - FRAC_PI_2
    }
}

/// Tilt of the eye in the picture, radians in [−π/2, π/2), from the opening of the lids (open-iris `MomentOfArea`).
///
/// # Errors
/// [`PipelineError::OrientationUnknown`] when the opening's eccentricity is below `least_eccentricity`.
pub fn orientation(eyeball: &[Point], least_eccentricity: f64) -> Result<f64, PipelineError> {
    let moments = Moments::of(eyeball);
    let eccentricity = moments.eccentricity();
    if eccentricity < least_eccentricity {
        return Err(PipelineError::OrientationUnknown { eccentricity, least: least_eccentricity });
    }
    Ok(moments.orientation())
}

/// Polar coordinates about `centre`: angle in [0, 2π), radius; differences in single precision as numpy takes them.
pub(crate) fn polar(points: &[Point], centre: [f64; 2]) -> Vec<[f64; 2]> {
    #[allow(clippy::cast_possible_truncation)] // numpy casts the scalar to the array's type
    let [cx, cy] = centre.map(|c| c as f32);
    points.iter().map(|&[x, y]| to_polar(f64::from(x - cx), f64::from(y - cy))).collect()
}

pub(crate) fn to_polar(x: f64, y: f64) -> [f64; 2] {
    [y.atan2(x).rem_euclid(TAU), x.hypot(y)]
}

pub(crate) fn from_polar([phi, rho]: [f64; 2], centre: [f64; 2]) -> [f64; 2] {
    [centre[0] + rho * phi.cos(), centre[1] + rho * phi.sin()]
}

/// A polygon as it is stored: single precision.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn store(points: &[[f64; 2]]) -> Vec<Point> {
    points.iter().map(|&[x, y]| [x as f32, y as f32]).collect()
}

/// The values of `numpy.arange(start, stop, step)`: element i is start + i·((start + step) − start).
pub(crate) fn arange(start: f64, stop: f64, step: f64) -> impl Iterator<Item = f64> + Clone {
    // Callers span a few turns in steps of about a degree; the bound only guards the cast.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = ((stop - start) / step).ceil().clamp(0.0, 1e6) as u32;
    let step = (start + step) - start;
    (0..count).map(move |i| start + f64::from(i) * step)
}

/// A function of the angle, linear between samples and periodic with 2π (`numpy.interp` with `period`).
pub(crate) struct Periodic {
    /// Angle and value, by angle, with one sample more on either side.
    samples: Vec<[f64; 2]>,
}

impl Periodic {
    /// From `[angle, value]` in any order; angles in [0, 2π]. `None` without samples.
    pub(crate) fn new(samples: &[[f64; 2]]) -> Option<Self> {
        let mut sorted = Vec::with_capacity(samples.len() + 2);
        sorted.push([0.0; 2]);
        sorted.extend(samples.iter().map(|&[phi, value]| [phi.rem_euclid(TAU), value]));
        sorted[1..].sort_by(|a, b| a[0].total_cmp(&b[0]));
        let (&first, &last) = (sorted.get(1)?, sorted.last()?);
        sorted[0] = [last[0] - TAU, last[1]];
        sorted.push([first[0] + TAU, first[1]]);
        Some(Self { samples: sorted })
    }

    pub(crate) fn at(&self, phi: f64) -> f64 {
        let x = phi.rem_euclid(TAU);
        let after = self.samples.partition_point(|sample| sample[0] <= x);
        let [x0, y0] = self.samples[after.saturating_sub(1)];
        let Some(&[x1, y1]) = self.samples.get(after) else { return y0 };
        if x0 == x { y0 } else { (y1 - y0) / (x1 - x0) * (x - x0) + y0 }
    }
}

/// `numpy.roll` by −round(angle·n / 360°): how many places the curves turn so that index 0 lies on the eye's axis.
pub(crate) fn axis_offset(orientation: f64, points: usize) -> usize {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    // n is about 512
    let (length, signed) = (points as f64, points as i64);
    #[allow(clippy::cast_possible_truncation)] // |orientation| ≤ π/2
    let places = (orientation.to_degrees() * length / 360.0).round_ties_even() as i64;
    // Rolling by −k brings element k to the front.
    usize::try_from(places.rem_euclid(signed.max(1))).unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn the_hull_gives_the_diameter_of_all_pairs(
            points in proptest::collection::vec([0_u16..1500, 0_u16..1100], 0..80), whole in any::<bool>(), copies in 1_usize..6,
        ) {
            // Copies and points between make curves whose hull is small, as contours on the pixel grid have them.
            let scale = if whole { 1.0 } else { 0.37 };
            let mut curve: Vec<Point> = points.iter().map(|&[x, y]| [f32::from(x) * scale, f32::from(y) * scale]).collect();
            for _ in 1..copies {
                let middles: Vec<Point> = curve.windows(2).map(|p| [p[0][0].midpoint(p[1][0]), p[0][1].midpoint(p[1][1])]).collect();
                curve.extend(middles.into_iter().take(400));
            }
            prop_assert_eq!(diameter(&curve), farthest(&curve));
        }
    }

    #[test]
    fn diameters_of_almost_nothing() {
        assert_eq!(diameter(&[]), 0.0);
        assert_eq!(diameter(&[[3.0, 4.0]; 9]), 0.0);
        assert_eq!(diameter(&[[0.0, 0.0], [3.0, 4.0]]), 5.0);
    }

    #[test]
    fn an_upright_ellipse_turned_by_an_angle_has_that_orientation() {
        for degrees in [-80.0_f64, -30.0, 0.0, 10.0, 89.0] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let outline: Vec<[f64; 2]> = (0..400)
                .map(|i| f64::from(i) * TAU / 400.0)
                .map(|t| (90.0 * t.cos(), 40.0 * t.sin()))
                .map(|(u, v)| [300.0 + u * cos - v * sin, 200.0 + u * sin + v * cos])
                .collect();
            let angle = orientation(&store(&outline), 0.1).unwrap();
            assert!((angle.to_degrees() - degrees).abs() < 1e-3, "{degrees}: {}", angle.to_degrees());
        }
        let circle: Vec<[f64; 2]> = (0..400).map(|i| from_polar([f64::from(i), 50.0], [90.0, 90.0])).collect();
        assert!(orientation(&store(&circle), 0.1).is_err());
    }

    #[test]
    fn arange_has_numpys_length_and_values() {
        assert_eq!(arange(0.0, 1.0, 0.25).collect::<Vec<_>>(), [0.0, 0.25, 0.5, 0.75]);
        // len(numpy.arange(1, 1.3, 0.1)) is 4: (1.3 - 1) / 0.1 is above 3.
        assert_eq!(arange(1.0, 1.3, 0.1).count(), 4);
        assert_eq!(arange(1.0, 1.0, 0.1).count(), 0);
        assert_eq!(arange(1.0, 0.0, 0.1).count(), 0);
    }

    #[test]
    fn a_periodic_function_closes() {
        let curve = Periodic::new(&[[1.0, 10.0], [4.0, 40.0]]).unwrap();
        assert_eq!((curve.at(1.0), curve.at(4.0), curve.at(2.5)), (10.0, 40.0, 25.0));
        assert!((curve.at(0.0) - curve.at(TAU)).abs() < 1e-12);
        assert!((curve.at(-1.0) - curve.at(TAU - 1.0)).abs() < 1e-12);
        assert!(Periodic::new(&[]).is_none());
    }
}
