//! Completes contours to 512 points a turn: as a curve about its centre, as an ellipse, or the better of the two.

use core::f64::consts::TAU;

use super::ellipse::{Ellipse, fit_ellipse};
use super::{EyeCentres, EyePolygons, Periodic, Point, arange, from_polar, polar, store};
use crate::pipeline::error::{Boundary, PipelineError};

/// Parameters of the completion (open-iris `FusionExtrapolation`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExtrapolationConfig {
    /// Points of a completed contour.
    pub points: u16,
    /// Below this sum of the relative radius deviations of pupil and iris, the eye counts as circular.
    pub least_spread: f64,
    /// How much less regular the ellipse may be than the circle, in relative radius deviations of the iris.
    pub tolerance: f64,
}

impl ExtrapolationConfig {
    /// open-iris' defaults.
    pub const OPEN_IRIS: Self = Self { points: 512, least_spread: 0.014, tolerance: 2.0 };
}

/// Points an ellipse needs here; with exactly five open-iris' fit is another one.
const LEAST_POINTS: usize = 6;

/// Completes both boundaries, and chooses between circle and ellipse as open-iris does.
///
/// # Errors
/// [`PipelineError::TooFewPoints`] and [`PipelineError::UnequalBoundaries`].
pub fn extrapolate(
    polygons: &EyePolygons,
    centres: &EyeCentres,
    config: ExtrapolationConfig,
) -> Result<EyePolygons, PipelineError> {
    for (boundary, points) in [(Boundary::Pupil, polygons.pupil.len()), (Boundary::Iris, polygons.iris.len())] {
        if points < LEAST_POINTS {
            return Err(PipelineError::TooFewPoints { boundary, points, least: LEAST_POINTS });
        }
    }
    let step = 360.0 / f64::from(config.points);
    let circle = linear(polygons, centres, step);
    let (pupil, iris) = (circle.pupil.len(), circle.iris.len());
    // Rounding can lose or gain the sample at angle 0; open-iris fails on such curves too.
    if pupil != iris {
        return Err(PipelineError::UnequalBoundaries { pupil, iris });
    }
    let Some(ellipse) = ellipses(polygons, step) else { return Ok(circle) };
    if pupil != ellipse.iris.len() {
        return Err(PipelineError::UnequalBoundaries { pupil, iris: ellipse.iris.len() });
    }

    let spread = |points: &[Point], centre| relative_deviation(polar(points, centre).into_iter().map(|[_, rho]| rho));
    let (spread_pupil, spread_iris) = (spread(&polygons.pupil, centres.pupil), spread(&polygons.iris, centres.iris));
    let (circle_centre, ellipse_centre) = (mean(&circle.pupil), mean(&ellipse.pupil));
    // How evenly the iris surrounds the pupil: circle about circle, ellipse about ellipse, ellipse about circle.
    let circle_circle = unevenness(&circle.iris, &circle.pupil, circle_centre);
    let ellipse_ellipse = unevenness(&ellipse.iris, &ellipse.pupil, ellipse_centre);
    let ellipse_circle = unevenness(&ellipse.iris, &circle.pupil, circle_centre);

    let is_spread = spread_iris + spread_pupil >= config.least_spread;
    let is_regular = ellipse_ellipse.min(ellipse_circle) <= circle_circle + config.tolerance * spread_iris;
    if !(is_spread && is_regular) {
        return Ok(circle);
    }
    let pupil = if ellipse_ellipse <= ellipse_circle { ellipse.pupil } else { circle.pupil };
    Ok(EyePolygons { pupil, iris: ellipse.iris, eyeball: circle.eyeball })
}

/// Standard deviation over mean.
fn relative_deviation(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let (count, sum) = values.clone().fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    let mean: f64 = sum / count;
    let variance = values.map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    variance.sqrt() / mean.abs().max(1e-12)
}

/// Relative deviation of the squared ratio of iris and pupil radii about one centre.
fn unevenness(iris: &[Point], pupil: &[Point], centre: [f64; 2]) -> f64 {
    let squared = move |&[x, y]: &Point| {
        let (x, y) = (f64::from(x) - centre[0], f64::from(y) - centre[1]);
        x * x + y * y
    };
    relative_deviation(iris.iter().zip(pupil).map(move |(i, p)| squared(i) / squared(p).max(1e-12)))
}

fn mean(points: &[Point]) -> [f64; 2] {
    #[allow(clippy::cast_precision_loss)] // contour points
    let count = points.len() as f64;
    points.iter().fold([0.0; 2], |sum, p| [sum[0] + f64::from(p[0]), sum[1] + f64::from(p[1])]).map(|sum| sum / count)
}

/// Both boundaries resampled about their own centres, gaps bridged linearly (open-iris `LinearExtrapolation`).
///
/// `step` in degrees.
#[must_use]
pub fn linear(polygons: &EyePolygons, centres: &EyeCentres, step: f64) -> EyePolygons {
    EyePolygons {
        pupil: linear_polygon(&polygons.pupil, centres.pupil, step),
        iris: linear_polygon(&polygons.iris, centres.iris, step),
        eyeball: polygons.eyeball.clone(),
    }
}

fn linear_polygon(points: &[Point], centre: [f64; 2], step: f64) -> Vec<Point> {
    let samples = polar(points, centre);
    let Some(curve) = Periodic::new(&samples) else { return Vec::new() };
    let (low, high) =
        samples.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), s| (low.min(s[0]), high.max(s[0])));
    // The samples begin a turn before the first point, so that the rounding of their angles is open-iris' too.
    let turn: Vec<[f64; 2]> = arange(low - TAU, high + TAU, step.to_radians())
        .filter(|phi| (0.0..TAU).contains(phi))
        .map(|phi| from_polar([phi, curve.at(phi)], centre))
        .collect();
    store(&turn)
}

/// Both boundaries as fitted ellipses, the pupil's drawn to its points (open-iris `LSQEllipseFitWithRefinement`).
///
/// `None` when an ellipse cannot be fitted or the pupil's is not clearly inside the iris'. `step` in degrees.
#[must_use]
pub fn ellipses(polygons: &EyePolygons, step: f64) -> Option<EyePolygons> {
    let (pupil, iris) = (fit_ellipse(&polygons.pupil)?, fit_ellipse(&polygons.iris)?);
    let distance = (pupil.centre[0] - iris.centre[0]).hypot(pupil.centre[1] - iris.centre[1]);
    // The safety factor of open-iris: the pupil stays 5 % of the iris' short axis away from it.
    if distance + pupil.axes[0].max(pupil.axes[1]) / 2.0 >= iris.axes[0].min(iris.axes[1]) / 2.0 * 0.95 {
        return None;
    }
    let mut completed = outline(&pupil, step);
    let fitted = completed.clone();
    let mut distances = vec![0.0_f32; fitted.len()];
    for &point in &polygons.pupil {
        for (distance, p) in distances.iter_mut().zip(&fitted) {
            let (dx, dy) = (p[0] - point[0], p[1] - point[1]);
            *distance = dy * dy + dx * dx;
        }
        let nearest =
            distances.iter().fold(f32::INFINITY, |least, &distance| if distance < least { distance } else { least });
        for (target, &distance) in completed.iter_mut().zip(&distances) {
            if distance == nearest {
                *target = point;
            }
        }
    }
    Some(EyePolygons { pupil: completed, iris: outline(&iris, step), eyeball: polygons.eyeball.clone() })
}

/// Points of an ellipse from +x on, towards +y; first and last parameter coincide, as in open-iris.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 360 to 512 points, turned by at most 3 turns
fn outline(ellipse: &Ellipse, step: f64) -> Vec<Point> {
    let count = (360.0 / step).round_ties_even() as u32;
    let theta = -ellipse.angle.to_radians();
    let [a, b] = [ellipse.axes[0] / 2.0, ellipse.axes[1] / 2.0];
    let increment = TAU / f64::from(count.max(2) - 1);
    let mut points: Vec<[f64; 2]> = (0..count)
        .map(|i| {
            let t = if i + 1 == count { TAU } else { f64::from(i) * increment };
            let (sin, cos) = t.sin_cos();
            [
                ellipse.centre[0] + b * cos * theta.sin() + a * sin * theta.cos(),
                ellipse.centre[1] + b * cos * theta.cos() - a * sin * theta.sin(),
            ]
        })
        .collect();
    if !points.is_empty() {
        let places = ((-ellipse.angle - 90.0) / step).round_ties_even() as i64;
        let places = places.rem_euclid(i64::from(count)) as usize;
        points.rotate_right(places);
    }
    points.reverse();
    store(&points)
}
