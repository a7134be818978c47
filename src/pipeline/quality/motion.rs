//! How far eye or camera moved while the picture was taken, from the width of the pupil's edge in each direction.
//!
//! The pupil's edge is the one edge in the picture that runs through all directions. Out of focus it widens alike
//! everywhere; a straight motion of length L along φ widens it where its normal lies along φ. The spread of a profile
//! with normal θ is (variances of independent blurs add)
//!
//! ```text
//! s²(θ) = s₀² + L² cos²(θ − φ) / 12 = a + b cos 2θ + c sin 2θ,   so   L = √(24 √(b² + c²))
//! ```
//!
//! with L²/12 the variance of a uniform motion. Sums of texture energy by direction (Kalka et al., IEEE Trans. SMC-A
//! 40(3), 2010, and others) depend on which fibres the lids leave visible; an edge does not.

use core::f64::consts::TAU;

use super::eye::Eye;
use crate::pipeline::privacy::Wiped;

/// Sectors of the pupil's edge, each of which gives one profile, and rays in a sector.
const SECTORS: usize = 32;
const RAYS: usize = 8;
/// A sector counts if this many of its rays are free of lids, lashes and reflections.
const LEAST_RAYS: usize = 3;
/// Sectors that are needed to tell directions apart: half of them.
const LEAST_SECTORS: usize = SECTORS / 2;
/// Half the length of a profile, as a share of the pupil's radius and of the iris' width, whichever is less; pixels at
/// most, which bounds the work.
const REACH: f64 = 0.5;
const MOST_REACH: usize = 40;
/// Least step between pupil and iris, grey levels: twice the noise of an ordinary sensor, averaged over three rays.
const LEAST_STEP: f64 = 8.0;
/// The edge is as wide as the way from 20 % to 80 % of the step. A uniform motion of length L alone makes that 0.6 L, and
/// a Gaussian of deviation s 1.683 s: between the two, the factor that makes motions of a few pixels over ordinary focus
/// come out as they are (a test draws them).
const LOW: f64 = 0.2;
const HIGH: f64 = 0.8;
const DEVIATIONS: f64 = 1.9;

/// Length of the motion, percent of the iris' radius; `None` where too little of the edge is seen.
pub(super) fn motion_blur(eye: &Eye<'_>, iris_radius: f64) -> Option<f64> {
    let pupil = &eye.boundaries.pupil;
    let [cx, cy] = eye.centres.pupil;
    let mean = pupil.iter().map(|&[x, y]| (f64::from(x) - cx).hypot(f64::from(y) - cy)).sum::<f64>();
    let radius = mean / pupil.len().max(1) as f64;
    let reach = (REACH * radius.min(iris_radius - radius)).clamp(2.0, MOST_REACH as f64);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most 40
    let reach = reach as usize;

    let mut widths = Vec::with_capacity(SECTORS);
    let mut profile = Wiped::filled(0.0, 2 * reach + 1);
    let mut ray = profile.clone();
    for sector in 0..SECTORS {
        profile.fill(0.0);
        let mut rays = 0;
        for number in 0..RAYS {
            let [x, y] = pupil[(sector * RAYS + number) * pupil.len() / (SECTORS * RAYS)].map(f64::from);
            let length = (x - cx).hypot(y - cy);
            let normal = [(x - cx) / length, (y - cy) / length];
            let mut steps = ray.iter_mut().enumerate();
            let whole = steps.all(|(step, value)| {
                let out = step as f64 - reach as f64;
                let at = [x + out * normal[0], y + out * normal[1]];
                eye.interpolated(at).map(|grey| *value = grey).is_some()
            });
            if whole {
                rays += 1;
                profile.iter_mut().zip(ray.iter()).for_each(|(sum, value)| *sum += value);
            }
        }
        if rays >= LEAST_RAYS {
            profile.iter_mut().for_each(|sum| *sum /= f64::from(u32::try_from(rays).unwrap_or(1)));
            // The middle of the sector's rays.
            let angle = TAU * (sector * RAYS * 2 + RAYS - 1) as f64 / (2 * SECTORS * RAYS) as f64;
            widths.extend(edge_width(&profile).map(|width| (angle, (width / DEVIATIONS).powi(2))));
        }
    }
    let amplitude = second_harmonic(&widths)?;
    Some(100.0 * (24.0 * amplitude).sqrt() / iris_radius)
}

/// Way from [`LOW`] to [`HIGH`] of the step in a profile from dark to bright, samples; `None` where there is no step.
fn edge_width(profile: &[f64]) -> Option<f64> {
    let third = profile.len() / 3;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let (dark, bright) = (mean(&profile[..third]), mean(&profile[profile.len() - third..]));
    if bright - dark < LEAST_STEP {
        return None;
    }
    let (low, high) = (dark + LOW * (bright - dark), dark + HIGH * (bright - dark));
    // The first place that is as bright as HIGH, and the last one before it that is as dark as LOW.
    let end = profile.iter().position(|&value| value >= high)?;
    let start = profile[..end].iter().rposition(|&value| value <= low)?;
    let crossing = |before: usize, level: f64| {
        let (from, to) = (profile[before], profile[before + 1]);
        before as f64 + (level - from) / (to - from)
    };
    Some(crossing(end - 1, high) - crossing(start, low))
}

/// √(b² + c²) of the least-squares fit a + b cos 2θ + c sin 2θ.
fn second_harmonic(samples: &[(f64, f64)]) -> Option<f64> {
    if samples.len() < LEAST_SECTORS {
        return None;
    }
    // Normal equations, 3 × 3, solved by elimination; the matrix is definite for more than two directions.
    let mut rows = [[0.0; 4]; 3];
    for &(angle, value) in samples {
        let (sine, cosine) = (2.0 * angle).sin_cos();
        let basis = [1.0, cosine, sine];
        for (row, left) in rows.iter_mut().zip(basis) {
            for (cell, right) in row.iter_mut().zip(basis.into_iter().chain([value])) {
                *cell += left * right;
            }
        }
    }
    for pivot in 0..3 {
        let head = rows[pivot];
        if head[pivot].abs() < 1e-6 {
            return None;
        }
        for (_, row) in rows.iter_mut().enumerate().filter(|(number, _)| *number != pivot) {
            let factor = row[pivot] / head[pivot];
            row.iter_mut().zip(head).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    Some((rows[1][3] / rows[1][1]).hypot(rows[2][3] / rows[2][2]))
}

impl Eye<'_> {
    /// Grey between pixels, bilinear; `None` where one of the four is hidden.
    fn interpolated(&self, [x, y]: [f64; 2]) -> Option<f64> {
        if !(x >= 0.0 && y >= 0.0) {
            return None;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        // not negative; too far is outside the picture
        let (left, top) = (x as usize, y as usize);
        let (right, down) = (x - left as f64, y - top as f64);
        let grey = |column: usize, row: usize| self.seen(column, row).map(f64::from);
        let (next, below) = (left.saturating_add(1), top.saturating_add(1));
        let upper = grey(left, top)? * (1.0 - right) + grey(next, top)? * right;
        let lower = grey(left, below)? * (1.0 - right) + grey(next, below)? * right;
        Some(upper * (1.0 - down) + lower * down)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::pipeline::geometry::{EyeCentres, EyePolygons};
    use crate::pipeline::image::EyeImage;
    use crate::pipeline::segment::SegmentationMasks;

    /// A dark disc on grey, moved by `length` along `angle` during the exposure, and out of focus by `spread`.
    fn disc(length: f64, angle: f64, spread: f64) -> f64 {
        let (radius, centre) = (40.0, [100.0, 90.0]);
        let pixels = Array2::from_shape_fn((180, 200), |(y, x)| {
            let steps = 41;
            let bright: f64 = (0..steps)
                .map(|step| {
                    let along = length * ((f64::from(step) + 0.5) / f64::from(steps) - 0.5);
                    let (dx, dy) =
                        (x as f64 - centre[0] - along * angle.cos(), y as f64 - centre[1] - along * angle.sin());
                    // A logistic edge is a Gaussian one within a hundredth.
                    1.0 / (1.0 + (-1.702 * (dx.hypot(dy) - radius) / spread).exp())
                })
                .sum::<f64>()
                / f64::from(steps);
            (30.0 + 80.0 * bright).round() as u8
        });
        let open = Array2::from_elem((180, 200), true);
        let none = Array2::from_elem((180, 200), false);
        let masks = SegmentationMasks { eyeball: open, iris: none.clone(), pupil: none.clone(), eyelashes: none };
        let ring = |radius: f64| -> Vec<[f32; 2]> {
            let point = |angle: f64| [centre[0] + radius * angle.cos(), centre[1] + radius * angle.sin()];
            (0..512).map(|i| point(TAU * f64::from(i) / 512.0).map(|c| c as f32)).collect()
        };
        let boundaries = EyePolygons { pupil: ring(radius), iris: ring(100.0), eyeball: Vec::new() };
        let centres = EyeCentres { pupil: centre, iris: centre };
        let image = EyeImage::from_pixels(pixels);
        let eye = Eye::new(&image, &masks, &boundaries, &centres);
        motion_blur(&eye, 100.0).unwrap_or(f64::NAN)
    }

    #[test]
    fn the_length_of_a_known_motion_is_measured_in_any_direction() {
        for spread in [0.8, 1.5, 3.0] {
            assert!(disc(0.0, 0.0, spread) < 1.2, "at rest, focus {spread}: {}", disc(0.0, 0.0, spread));
            for length in [4.0, 8.0, 14.0] {
                for angle in [0.0, 0.5, 1.57, 2.6] {
                    let found = disc(length, angle, spread);
                    assert!(
                        (found - length).abs() < 0.2 * length + 0.4,
                        "{length} px along {angle}, focus {spread}: {found}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_edge_has_its_width() {
        let ramp: Vec<f64> = (0..30).map(|i| (f64::from(i) - 10.0).clamp(0.0, 10.0) * 10.0).collect();
        assert!(edge_width(&ramp).is_some_and(|width| (width - 6.0).abs() < 1e-9));
        assert_eq!(edge_width(&[50.0; 30]), None);
        let falling: Vec<f64> = ramp.iter().rev().copied().collect();
        assert_eq!(edge_width(&falling), None);
    }

    #[test]
    fn half_of_the_edge_is_enough_and_less_is_not() {
        let sample = |i: u32| {
            let angle = TAU * f64::from(i) / 32.0;
            (angle, 3.0 + 2.0 * (2.0 * angle - 0.7).cos())
        };
        let half: Vec<_> = (0..16).map(sample).collect();
        assert!(second_harmonic(&half).is_some_and(|amplitude| (amplitude - 2.0).abs() < 1e-9));
        assert_eq!(second_harmonic(&half[1..]), None);
    }
}
