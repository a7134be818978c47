//! Smooths contours in polar coordinates, arc by arc where lids interrupt them (open-iris `Smoothing`).

use core::f64::consts::TAU;

use super::{EyeCentres, EyePolygons, Periodic, Point, arange, from_polar, polar, store, to_polar};
use crate::pipeline::error::{Boundary, PipelineError};

/// Parameters of the smoothing, degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothingConfig {
    /// Step between the resampled points.
    pub step: f64,
    /// Width of the rolling median.
    pub kernel: f64,
    /// A larger gap between neighbours ends an arc.
    pub gap: f64,
}

impl SmoothingConfig {
    /// open-iris' defaults: a point per degree, a median over 11 points, arcs end at gaps above 10°.
    pub const OPEN_IRIS: Self = Self { step: 1.0, kernel: 10.0, gap: 10.0 };

    /// Samples on either side of the middle one.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most 360° in steps above 0
    fn reach(self) -> usize {
        ((self.kernel.to_radians() / self.step.to_radians()).clamp(0.0, 1e5) as usize / 2).max(1)
    }
}

/// Smooths pupil and iris, each about its own centre; the eyeball polygon stays as it is.
///
/// # Errors
/// [`PipelineError::TooFewPoints`] when nothing of a boundary is left.
pub fn smooth(
    polygons: &EyePolygons,
    centres: &EyeCentres,
    config: SmoothingConfig,
) -> Result<EyePolygons, PipelineError> {
    let smoothed = |boundary, points: &[Point], centre| {
        let smooth = store(&smooth_polygon(points, centre, config));
        // Without a point there is nothing to complete.
        if smooth.is_empty() {
            return Err(PipelineError::TooFewPoints { boundary, points: 0, least: 1 });
        }
        Ok(smooth)
    };
    Ok(EyePolygons {
        pupil: smoothed(Boundary::Pupil, &polygons.pupil, centres.pupil)?,
        iris: smoothed(Boundary::Iris, &polygons.iris, centres.iris)?,
        eyeball: polygons.eyeball.clone(),
    })
}

fn smooth_polygon(polygon: &[Point], centre: [f64; 2], config: SmoothingConfig) -> Vec<[f64; 2]> {
    let sorted = {
        let mut sorted = polar(polygon, centre);
        sort(&mut sorted);
        sorted
    };
    let gaps = gaps_after(&sorted, config.gap.to_radians());
    match gaps[..] {
        [] => smooth_closed(&sorted, centre, config),
        [_] => smooth_arc(sorted, centre, config),
        _ => cut(&sorted, &gaps)
            .into_iter()
            .filter(|arc| arc.len() >= 2)
            .flat_map(|arc| {
                // open-iris goes back to x and y between the two stages; the rounding is kept.
                let mut arc: Vec<[f64; 2]> = arc
                    .into_iter()
                    .map(|point| {
                        let [x, y] = from_polar(point, centre);
                        to_polar(x - centre[0], y - centre[1])
                    })
                    .collect();
                sort(&mut arc);
                smooth_arc(arc, centre, config)
            })
            .collect(),
    }
}

/// By angle, then by radius.
fn sort(points: &mut [[f64; 2]]) {
    points.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
}

/// Indices of the points (sorted by angle) that a larger gap than `limit` follows; the last one's gap wraps.
fn gaps_after(sorted: &[[f64; 2]], limit: f64) -> Vec<usize> {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    let inner = sorted.windows(2).map(|pair| pair[1][0] - pair[0][0]);
    inner
        .chain([TAU - (last[0] - first[0])])
        .enumerate()
        .filter(|&(_, gap)| gap > limit)
        .map(|(index, _)| index)
        .collect()
}

/// Cuts behind every gap; what lies on either side of angle 0 becomes one arc, the first.
fn cut(sorted: &[[f64; 2]], gaps: &[usize]) -> Vec<Vec<[f64; 2]>> {
    let mut arcs = Vec::with_capacity(gaps.len() + 1);
    let mut from = 0;
    for &gap in gaps {
        arcs.push(sorted[from..=gap].to_vec());
        from = gap + 1;
    }
    if let Some(first) = arcs.first_mut() {
        first.extend_from_slice(&sorted[from..]);
    }
    arcs
}

/// A contour without gaps: resampled over three turns, of which the middle one is kept.
fn smooth_closed(points: &[[f64; 2]], centre: [f64; 2], config: SmoothingConfig) -> Vec<[f64; 2]> {
    let (Some(first), Some(last), Some(curve)) = (points.first(), points.last(), Periodic::new(points)) else {
        return Vec::new();
    };
    let angles: Vec<f64> = arange(first[0] - TAU, last[0] + TAU, config.step.to_radians()).collect();
    let reach = config.reach();
    // Only what the medians of the middle turn see is evaluated.
    let begin = angles.partition_point(|&phi| phi < 0.0).max(reach);
    let end = angles.partition_point(|&phi| phi < TAU).min(angles.len().saturating_sub(reach));
    if begin >= end {
        return Vec::new();
    }
    let radii: Vec<f64> = angles[begin - reach..end + reach].iter().map(|&phi| curve.at(phi)).collect();
    let medians = radii.windows(2 * reach + 1).map(median);
    angles[begin..end].iter().zip(medians).map(|(&phi, rho)| from_polar([phi, rho], centre)).collect()
}

/// One arc (sorted by angle): resampled from its first point after the largest gap.
fn smooth_arc(mut arc: Vec<[f64; 2]>, centre: [f64; 2], config: SmoothingConfig) -> Vec<[f64; 2]> {
    let Some(offset) = start_of_arc(&arc) else { return Vec::new() };
    for point in &mut arc {
        point[0] = (point[0] - offset).rem_euclid(TAU);
    }
    let bounds = arc.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], p| [low.min(p[0]), high.max(p[0])]);
    let Some(curve) = Periodic::new(&arc) else { return Vec::new() };
    let angles: Vec<f64> = arange(bounds[0], bounds[1], config.step.to_radians()).collect();
    let radii: Vec<f64> = angles.iter().map(|&phi| curve.at(phi)).collect();
    let reach = config.reach();
    let width = 2 * reach + 1;
    let smoothed: Vec<[f64; 2]> = if angles.len() >= width {
        let medians = radii.windows(width).map(median);
        angles[reach..].iter().zip(medians).map(|(&phi, rho)| [phi, rho]).collect()
    } else {
        // Too short to lose its ends: the median wraps around, and nothing is dropped.
        let count = radii.len();
        let around = |i: usize| (0..width).map(|k| radii[(i + k + count * width - reach) % count]).collect::<Vec<_>>();
        angles.iter().enumerate().map(|(i, &phi)| [phi, median(&around(i))]).collect()
    };
    smoothed.into_iter().map(|[phi, rho]| from_polar([(phi + offset).rem_euclid(TAU), rho], centre)).collect()
}

/// Angle of the point after the largest gap, the first of equals.
fn start_of_arc(sorted: &[[f64; 2]]) -> Option<f64> {
    let mut previous = sorted.last()?[0] - TAU;
    let mut largest = f64::NEG_INFINITY;
    let mut start = None;
    for &[phi, _] in sorted {
        if phi - previous > largest {
            largest = phi - previous;
            start = Some(phi);
        }
        previous = phi;
    }
    start
}

/// Middle value of an odd number of values.
fn median(values: &[f64]) -> f64 {
    let mut sorted = [0.0; 32];
    let middle = values.len() / 2;
    match sorted.get_mut(..values.len()) {
        Some(sorted) => {
            sorted.copy_from_slice(values);
            *sorted.select_nth_unstable_by(middle, f64::total_cmp).1
        }
        None => {
            let mut sorted = values.to_vec();
            *sorted.select_nth_unstable_by(middle, f64::total_cmp).1
        }
    }
}
