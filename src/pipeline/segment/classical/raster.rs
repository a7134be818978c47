//! Curves and the polar map as the four per-pixel masks.

use core::f32::consts::{FRAC_PI_2, PI, TAU};

use ndarray::Array2;

use super::ring::Curve;
use super::visible::{ANGLES, PolarIris, RADII, fit_lid};
use crate::pipeline::segment::SegmentationMasks;

/// Half the eyeball's drawn width over the limbus' radius: an opening of the lids wider than high
/// gives open-iris' orientation something to measure.
const EYEBALL_HALF_WIDTH: f32 = 1.6;
/// Where no lid is seen the opening ends this far from the centre, over the radius.
const OPEN_HEIGHT: f32 = 1.05;

/// Draws the masks.
pub(super) fn masks(width: usize, height: usize, polar: &PolarIris, limbus: &Curve) -> SegmentationMasks {
    let mut pupil = Array2::from_elem((height, width), false);
    let mut iris = pupil.clone();
    let mut eyeball = pupil.clone();
    let mut eyelashes = pupil.clone();

    let ([cx, cy], radius) = (limbus.centre, limbus.mean_radius());
    let (upper, lower) = (fit_lid(polar, limbus, true), fit_lid(polar, limbus, false));
    let across = columns(cx - EYEBALL_HALF_WIDTH * radius, cx + EYEBALL_HALF_WIDTH * radius, width);
    let opening: Vec<_> = across
        .clone()
        .map(|column| {
            let u = (column as f32 - cx) / radius;
            let (highest, lowest) = (cy - OPEN_HEIGHT * radius, cy + OPEN_HEIGHT * radius);
            let top = upper.map_or(highest, |lid| lid.at(u).max(highest));
            let bottom = lower.map_or(lowest, |lid| lid.at(u).min(lowest));
            columns(top, bottom, height)
        })
        .collect();
    let (top, bottom) = (cy - OPEN_HEIGHT * radius, cy + OPEN_HEIGHT * radius);
    for row in columns(top, bottom, height) {
        let mut line = eyeball.row_mut(row);
        for (column, opening) in across.clone().zip(&opening) {
            line[column] = opening.contains(&row);
        }
    }

    let scale: Vec<f32> =
        polar.inner.iter().zip(&polar.outer).map(|(inner, outer)| RADII as f32 / (outer - inner).max(1e-3)).collect();
    let reach = polar.outer.iter().copied().fold(0.0, f32::max);
    let [px, py] = polar.centre;
    // Where a pixel lies is computed for a whole row, without a branch, which lets the compiler take several at once.
    let mut distances = vec![0.0_f32; width];
    let mut angles = vec![0_i32; width];
    for row in columns(py - reach, py + reach, height) {
        let dy = row as f32 - py;
        // The columns within reach, and perhaps one more, for rounding.
        let chord = (reach * reach - dy * dy).max(0.0).sqrt() + 1.0;
        let across = columns(px - chord, px + chord, width);
        let [pupil, iris, eyeball, eyelashes] = [&mut pupil, &mut iris, &mut eyeball, &mut eyelashes].map(|mask| {
            let row = mask.row_mut(row).into_slice().expect("the masks were made row-major");
            &mut row[across.clone()]
        });
        let (distances, angles) = (&mut distances[..across.len()], &mut angles[..across.len()]);
        // Counted in 32 bits: wider numbers become floating ones one by one.
        let first = i32::try_from(across.start).unwrap_or(i32::MAX);
        for (column, (distance, angle)) in (first..).zip(distances.iter_mut().zip(angles.iter_mut())) {
            let dx = column as f32 - px;
            *distance = (dx * dx + dy * dy).sqrt();
            *angle = (fast_atan2(dy, dx) * (ANGLES as f32 / TAU) + ANGLES as f32 + 0.5) as i32;
        }
        for (at, (&rho, &turn)) in distances.iter().zip(angles.iter()).enumerate() {
            if rho > reach {
                continue;
            }
            let angle = turn.unsigned_abs() as usize % ANGLES;
            if rho <= polar.inner[angle] {
                pupil[at] = true;
            } else if rho <= polar.outer[angle] {
                let cell = (((rho - polar.inner[angle]) * scale[angle]) as i32).max(0).unsigned_abs() as usize;
                let cell = cell.min(RADII - 1);
                if cell >= polar.hidden_from[angle] {
                    eyelashes[at] = eyeball[at];
                } else {
                    iris[at] = true;
                    eyeball[at] = true;
                    eyelashes[at] = polar.noise[angle * RADII + cell];
                }
            }
        }
    }
    SegmentationMasks { eyeball, iris, pupil, eyelashes }
}

/// Whole coordinates in `from … to` inside the picture.
fn columns(from: f32, to: f32, size: usize) -> core::ops::Range<usize> {
    let start = from.ceil().max(0.0) as usize;
    let end = (to.floor() + 1.0).max(0.0) as usize;
    start.min(size)..end.min(size).max(start.min(size))
}

/// atan2 within 0.0038 rad: a third of the map's cell. Lagrange interpolation of atan on [0, 1].
fn fast_atan2(y: f32, x: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let ratio = ax.min(ay) / ax.max(ay).max(1e-6);
    let mut angle = ratio * (PI / 4.0 + 0.273 * (1.0 - ratio));
    if ay > ax {
        angle = FRAC_PI_2 - angle;
    }
    if x < 0.0 {
        angle = PI - angle;
    }
    if y < 0.0 { -angle } else { angle }
}
