//! The limbus: a two-sided search beside the pupil, then the contour.

use core::f32::consts::TAU;

use super::plane::Pyramid;
use super::pupil::Pupil;
use super::ring::{Curve, Ring, closed_path, fit_series};

/// The outer boundary of an iris, roughly: where the two sides agree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    pub(super) centre: [f32; 2],
    pub(super) radius: f32,
    /// Geometric mean of the two sides' edges, grey levels.
    pub(super) contrast: f32,
    /// The weaker side's edge over the stronger one's.
    pub(super) balance: f32,
}

/// Angles of an unwrapped ring for the search.
const ANGLES: usize = 128;
/// Radii of the search ring.
const RADII: usize = 160;
/// Smallest and largest iris radius over the pupil's: pupil shares of 0.75 and 0.15.
const LEAST_RATIO: f32 = 1.0 / 0.75;
const LARGEST_RATIO: f32 = 1.0 / 0.15;
/// Sector of a side, degrees above and below the horizontal: the upper lid hangs lower than the lower one rises.
const ABOVE: f32 = 25.0;
const BELOW: f32 = 40.0;
/// Vertical offsets of the limbus' centre from the pupil's tried, as a share of the radius.
const SHEARS: [f32; 5] = [-0.10, -0.05, 0.0, 0.05, 0.10];
/// An inner pair of edges of at least this share of the best is taken instead: the limbus is the first
/// two-sided edge outside the pupil, lid corners and cheeks come later (measured in the reference report).
const INNERMOST_SHARE: f32 = 0.6;

/// Finds the pair of lateral edges.
pub(super) fn sides(pyramid: &Pyramid, pupil: &Pupil) -> Option<Sides> {
    let (width, height) = pyramid.size();
    let (centre, radii_of_pupil) = pupil.curve.about_own_centre(64);
    let pupil_radius = radii_of_pupil.iter().sum::<f32>() / 64.0;
    let last = (LARGEST_RATIO * pupil_radius * 1.15).min(0.62 * width.max(height) as f32);
    let first = 1.15 * pupil_radius + 1.0;
    if last < 1.5 * first {
        return None;
    }
    let sector = |degrees: f32| (degrees / 360.0 * ANGLES as f32 + 0.5) as usize;
    let (above, below) = (sector(ABOVE), sector(BELOW));
    // Angles of the right side; the left side mirrors them.
    let right: Vec<usize> = (0..=above + below).map(|i| (ANGLES - above + i) % ANGLES).collect();
    let left: Vec<usize> = right.iter().map(|&angle| (ANGLES + ANGLES / 2 - angle) % ANGLES).collect();
    let mut ring = Ring::new(pyramid, centre, (first, last), (ANGLES, RADII), |angle| {
        right.contains(&angle) || left.contains(&angle)
    });
    ring.blur_angles(1);
    let (edges, _) = ring.edges(|rho| 0.1 * rho);
    let cap = 0.35 * pyramid.range();
    // Mean edge of a sector along ρ(φ) = R + shear·R·sin φ.
    let profile = |sector: &[usize], shear: f32| -> Vec<f32> {
        let mut sum = vec![0.0_f32; RADII];
        for &angle in sector {
            let factor = 1.0 + shear * (angle as f32 * TAU / ANGLES as f32).sin();
            let row = &edges[angle * RADII..(angle + 1) * RADII];
            // index of ρ·factor = index·factor + first·(factor − 1)/step, rounded.
            let shift = ring.first * (factor - 1.0) / ring.step + 0.5;
            for (radius, sum) in sum.iter_mut().enumerate() {
                let index = radius as f32 * factor + shift;
                if index >= 0.0 && (index as usize) < RADII {
                    *sum += row[index as usize].clamp(-0.5 * cap, cap);
                }
            }
        }
        sum.iter_mut().for_each(|s| *s /= sector.len() as f32);
        sum
    };
    let offset_limit = 0.45 * pupil_radius;
    // For each mean radius the best pair (score, right, left, shear).
    let mut best: Vec<(f32, usize, usize, f32)> = vec![(0.0, 0, 0, 0.0); RADII];
    for shear in SHEARS {
        let (right, left) = (profile(&right, shear), profile(&left, shear));
        let (right_peaks, left_peaks) = (peaks(&right), peaks(&left));
        for &r in &right_peaks {
            for &l in &left_peaks {
                let mean = (r + l) / 2;
                let radius = ring.radius(mean as f32);
                let offset = (ring.radius(r as f32) - ring.radius(l as f32)).abs() / 2.0;
                // The circle must clear the pupil and keep the ratio.
                if offset > offset_limit
                    || radius < LEAST_RATIO * pupil_radius
                    || radius < offset + 1.15 * pupil_radius + 2.0
                {
                    continue;
                }
                let eccentric = offset / offset_limit;
                let harmonic = 2.0 * right[r] * left[l] / (right[r] + left[l]);
                let score = harmonic * (1.0 - 0.5 * eccentric * eccentric) * dilation_weight(pupil_radius / radius);
                if score > best[mean].0 {
                    best[mean] = (score, r, l, shear);
                }
            }
        }
    }
    let most = best.iter().map(|b| b.0).fold(0.0, f32::max);
    if most <= 0.0 {
        return None;
    }
    let reach = |at: usize| ((0.08 * ring.radius(at as f32) / ring.step) as usize).max(2);
    let chosen = (0..RADII).find(|&at| {
        let near = at.saturating_sub(reach(at))..(at + reach(at) + 1).min(RADII);
        best[at].0 >= INNERMOST_SHARE * most && best[near].iter().all(|b| b.0 <= best[at].0)
    })?;
    let (score, r, l, shear) = best[chosen];
    let edge = [profile(&right, shear)[r], profile(&left, shear)[l]];
    let (right, left) = (ring.radius(r as f32), ring.radius(l as f32));
    let radius = (right + left) / 2.0;
    Some(Sides {
        centre: [centre[0] + (right - left) / 2.0, centre[1] + shear * radius],
        radius,
        contrast: score,
        balance: edge[0].min(edge[1]) / edge[0].max(edge[1]),
    })
}

/// How believable a pupil of this share of the iris is: pupils of 2 to 8 mm in irises of 11 to 12.5 mm
/// leave nothing to expect above 0.6, where the pupil's own blur imitates a limbus.
fn dilation_weight(share: f32) -> f32 {
    (1.0 - (share - 0.6).max(0.0) / 0.25).clamp(0.2, 1.0)
}

/// Indices of positive local maxima.
fn peaks(profile: &[f32]) -> Vec<usize> {
    let n = profile.len();
    (1..n - 1).filter(|&i| profile[i] > 0.0 && profile[i] >= profile[i - 1] && profile[i] > profile[i + 1]).collect()
}

/// A traced limbus.
#[derive(Clone, Debug)]
pub(super) struct Limbus {
    pub(super) curve: Curve,
    /// Mean edge where the curve is supported, grey levels.
    pub(super) contrast: f32,
    /// Share of the lateral angles at which path and curve agree.
    pub(super) support: f32,
}

/// Harmonics of the limbus: Daugman's 5 coefficients (2007, section II).
const HARMONICS: usize = 2;

/// Traces the contour near the circle found from the sides.
pub(super) fn trace(pyramid: &Pyramid, pupil: &Pupil, sides: &Sides) -> Option<Limbus> {
    let rough = pass(pyramid, pupil, &Curve::circle(sides.centre, sides.radius), 0.18, 1)?;
    pass(pyramid, pupil, &rough.curve, 0.10, HARMONICS)
}

fn pass(pyramid: &Pyramid, pupil: &Pupil, start: &Curve, share: f32, harmonics: usize) -> Option<Limbus> {
    let angles = 256;
    let radii = 64;
    let (centre, about) = start.about_own_centre(64);
    let radius = about.iter().sum::<f32>() / 64.0;
    let range = ((1.0 - share - 0.06) * radius, (1.0 + share + 0.06) * radius);
    let mut ring = Ring::new(pyramid, centre, range, (angles, radii), |_| true);
    ring.blur_angles(3);
    let (mut edges, _) = ring.edges(|rho| 0.06 * rho);
    // Not inside the pupil's own edge.
    let pupil_points = pupil.curve.points(64);
    let clear = super::ring::radii_about(&pupil_points, centre, angles);
    for angle in 0..angles {
        for index in 0..radii {
            if ring.radius(index as f32) < 1.12 * clear[angle] + 1.0 {
                edges[angle * radii + index] = 0.0;
            }
        }
    }
    let lateral = |angle: usize| -> f32 {
        // 1 at the sides, fading above and below them.
        let degrees = angle as f32 * 360.0 / angles as f32;
        let (from, down) = if degrees <= 90.0 {
            (degrees, true)
        } else if degrees <= 180.0 {
            (180.0 - degrees, true)
        } else if degrees <= 270.0 {
            (degrees - 180.0, false)
        } else {
            (360.0 - degrees, false)
        };
        let (full, zero) = if down { (BELOW, 75.0) } else { (ABOVE, 60.0) };
        ((zero - from) / (zero - full)).clamp(0.0, 1.0)
    };
    let mut strongest: Vec<f32> = (0..angles)
        .filter(|&angle| lateral(angle) == 1.0)
        .map(|angle| edges[angle * radii..(angle + 1) * radii].iter().copied().fold(0.0, f32::max))
        .collect();
    strongest.sort_by(f32::total_cmp);
    let typical = strongest[strongest.len() / 2].max(1.0);
    let score: Vec<f32> = edges
        .iter()
        .enumerate()
        .map(|(at, &edge)| (edge / typical).clamp(0.0, 1.2) * (0.15 + 0.85 * lateral(at / radii)))
        .collect();
    let path = closed_path(&score, angles, radii, 1, 0.15);
    let rho: Vec<f32> = path.iter().map(|&i| ring.radius(i as f32)).collect();
    let strength: Vec<f32> = path
        .iter()
        .enumerate()
        .map(|(a, &i)| (edges[a * radii + i] / typical).clamp(0.0, 1.0) * (0.1 + 0.9 * lateral(a)))
        .collect();
    let mut weights = strength.clone();
    let mut series = fit_series(&rho, &weights, 1, 1e-2);
    for (count, tolerance) in [(1, 0.10), (1, 0.06), (harmonics, 0.04)] {
        let curve = Curve { centre, series: series.clone() };
        for (angle, weight) in weights.iter_mut().enumerate() {
            let residual = (rho[angle] - curve.radius(angle as f32 * TAU / angles as f32)).abs() / radius;
            let ratio = (residual / tolerance).min(1.0);
            *weight = strength[angle] * (1.0 - ratio * ratio) * (1.0 - ratio * ratio);
        }
        series = fit_series(&rho, &weights, count, 2e-3);
    }
    let curve = Curve { centre, series };
    let (mut support, mut contrast, mut total, mut edge_weight) = (0.0, 0.0, 0.0, 0.0);
    for angle in 0..angles {
        let residual = (rho[angle] - curve.radius(angle as f32 * TAU / angles as f32)).abs() / radius;
        let share = lateral(angle);
        total += share;
        if residual < 0.04 && edges[angle * radii + path[angle]] > 0.35 * typical {
            support += share;
        }
        contrast += share * edges[angle * radii + path[angle]];
        edge_weight += share;
    }
    Some(Limbus { curve, contrast: contrast / edge_weight, support: support / total })
}
