//! Denser contours, and contours without the points that touch lashes or lids.

use std::collections::HashSet;

use ndarray::{Array2, ArrayView2};

use super::{EyePolygons, Point, diameter};
use crate::pipeline::error::{Boundary, PipelineError};

/// Fills the gaps of the contours (open-iris `ContourInterpolation`).
///
/// Neighbours end up at most `largest_gap` × iris diameter apart.
#[must_use]
pub fn interpolate(polygons: &EyePolygons, largest_gap: f64) -> EyePolygons {
    // numpy divides the single-precision lengths by the gap cast to single precision.
    #[allow(clippy::cast_possible_truncation)]
    let gap = (largest_gap * diameter(&polygons.iris)) as f32;
    EyePolygons {
        pupil: interpolate_polygon(&polygons.pupil, gap),
        iris: interpolate_polygon(&polygons.iris, gap),
        eyeball: interpolate_polygon(&polygons.eyeball, gap),
    }
}

/// Replaces each side by points from its start, the end excluded, and drops points that were there before.
fn interpolate_polygon(polygon: &[Point], gap: f32) -> Vec<Point> {
    let Some(&last) = polygon.last() else { return Vec::new() };
    let mut points = Vec::with_capacity(4 * polygon.len());
    let mut seen = HashSet::with_capacity(4 * polygon.len());
    let mut from = last;
    for &to in polygon {
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most the picture's sides over the gap
        let count = ((dx * dx + dy * dy).sqrt() / gap).ceil().min(1e6) as u32;
        let [x0, y0] = from.map(f64::from);
        let step = to.map(f64::from);
        let step = [(step[0] - x0) / f64::from(count), (step[1] - y0) / f64::from(count)];
        for i in 0..count {
            let point = [x0 + f64::from(i) * step[0], y0 + f64::from(i) * step[1]];
            // Adding 0 makes -0 and 0 one value; numpy compares values before they are stored in single precision.
            if seen.insert(point.map(|c| (c + 0.0).to_bits())) {
                #[allow(clippy::cast_possible_truncation)]
                points.push(point.map(|c| c as f32));
            }
        }
        from = to;
    }
    points
}

/// Drops the points of pupil and iris that touch noise or lids (open-iris `ContourPointNoiseEyeballDistanceFilter`).
///
/// A point touches when a noise pixel or a pixel of the eyeball's contour lies within `least_distance` × iris diameter,
/// rounded to pixels, in both x and y. The eyeball polygon stays as it is.
///
/// # Errors
/// [`PipelineError::BoundaryCovered`] when no point of a boundary is left.
pub fn drop_touching(
    polygons: EyePolygons,
    noise: ArrayView2<'_, bool>,
    least_distance: f64,
) -> Result<EyePolygons, PipelineError> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few pixels
    let radius = (least_distance * diameter(&polygons.iris)).round_ties_even() as usize;
    let mut forbidden: Array2<bool> = noise.to_owned();
    for &point in &polygons.eyeball {
        if let Some(pixel) = pixel(point).and_then(|at| forbidden.get_mut(at)) {
            *pixel = true;
        }
    }
    let keep = |boundary, points: Vec<Point>| {
        let kept: Vec<Point> = points.into_iter().filter(|&point| !touches(&forbidden, point, radius)).collect();
        if kept.is_empty() { Err(PipelineError::BoundaryCovered { boundary }) } else { Ok(kept) }
    };
    Ok(EyePolygons {
        pupil: keep(Boundary::Pupil, polygons.pupil)?,
        iris: keep(Boundary::Iris, polygons.iris)?,
        eyeball: polygons.eyeball,
    })
}

/// Row and column of the nearest pixel, halves to even.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative; an index beyond the picture is `None` later
fn pixel([x, y]: Point) -> Option<(usize, usize)> {
    let (column, row) = (x.round_ties_even(), y.round_ties_even());
    (column >= 0.0 && row >= 0.0).then_some((row as usize, column as usize))
}

fn touches(forbidden: &Array2<bool>, point: Point, radius: usize) -> bool {
    let Some((row, column)) = pixel(point) else { return false };
    let (rows, columns) = forbidden.dim();
    let (bottom, right) = ((row + radius + 1).min(rows), (column + radius + 1).min(columns));
    (row.saturating_sub(radius)..bottom).any(|y| (column.saturating_sub(radius)..right).any(|x| forbidden[[y, x]]))
}
