//! The limbus: a two-sided search beside the pupil, then the contour.

use core::f32::consts::TAU;

use super::plane::Pyramid;
use super::pupil::Pupil;
use super::ring::{Curve, Ring, Shape, closed_path, fit_series_near, radii_about};
use crate::pipeline::privacy::Wiped;

/// The outer boundary of an iris, roughly: where the two sides agree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    pub(super) centre: [f32; 2],
    pub(super) radius: f32,
    /// How much of an edge there is at both sides: 0 none, 1/2 where it is [`SOFTNESS`] high everywhere, 1 black to white.
    pub(super) strength: f32,
    /// The weaker side's edge over the stronger one's.
    pub(super) balance: f32,
    /// Turn of the head for which the sides were found, radians from +x towards +y.
    tilt: f32,
    /// What the circle is stretched by.
    shape: Shape,
}

/// Angles of the unwrapped surroundings; a bin of four is what the sides are put together from.
const ANGLES: usize = 64;
const BINS: usize = ANGLES / 4;
/// Radii of the search ring, and how many of them are looked at together.
const RADII: usize = 112;
const TOGETHER: usize = 16;
/// Smallest and largest iris radius over the pupil's: pupil shares of 0.75 and 0.15.
const LEAST_RATIO: f32 = 1.0 / 0.75;
const LARGEST_RATIO: f32 = 1.0 / 0.15;
/// Where lids leave the limbus open, degrees above and below the line through the eye's corners: all of it up to the first
/// angle, nothing beyond the second. The upper lid hangs lower than the lower one rises.
const ABOVE: (f32, f32) = (25.0, 60.0);
const BELOW: (f32, f32) = (40.0, 75.0);
/// Tilts of the head tried, in bins of 22.5°, and what a tilt of one bin costs: most heads are upright.
const TILTS: [isize; 5] = [0, -1, 1, -2, 2];
const TILT_COST: f32 = 0.06;
/// Offsets of the limbus' centre from the pupil's tried, each way, as shares of the pupil's radius.
const OFFSETS: [f32; 7] = [0.0, -0.14, 0.14, -0.28, 0.28, -0.42, 0.42];
/// Steps of grey that count half, as a share of the picture's range, as for pupils.
const SOFTNESS: f32 = 0.06;
/// Windows on either side of an edge, as shares of the radius: what a limbus is sharp over, and what tells iris from sclera.
const WINDOWS: [f32; 2] = [0.07, 0.2];
/// An inner circle of at least this share of the best one's score is taken instead: the limbus is the first
/// two-sided edge outside the pupil, lid corners and cheeks come later. At 0.8, 0.9, 0.95 and 1 the wrong limbi among 120
/// drawn close-ups were 7, 5, 3 and 4: what is inside is often the collarette.
const INNERMOST_SHARE: f32 = 0.95;

/// Share of a side that must lie in the picture for its edge to be known.
const LEAST_KNOWN: f32 = 0.35;
/// What the edge of one side is worth where the other lies outside the picture.
const ONE_SIDE_WEIGHT: f32 = 0.6;

/// The best circle of one radius.
#[derive(Clone, Copy, Default)]
struct Circle {
    score: f32,
    strength: f32,
    balance: f32,
    offset: [f32; 2],
    tilt: isize,
}

/// Finds the circle with the most edge on both sides of the pupil.
///
/// Steps of grey count by g / (|g| + softness): how much of the circle has an edge decides, not how strong the strongest
/// part of it is. A lid or a lash is stronger than any limbus, and nowhere round.
pub(super) fn sides(pyramid: &Pyramid, pupil: &Pupil) -> Option<Sides> {
    let (width, height) = pyramid.size();
    let (centre, radii_of_pupil) = pupil.curve.about_own_centre(64);
    let pupil_radius = radii_of_pupil.iter().sum::<f32>() / 64.0;
    let last = (LARGEST_RATIO * pupil_radius * 1.15).min(0.62 * width.max(height) as f32);
    let first = 1.15 * pupil_radius + 1.0;
    if last < 1.5 * first {
        return None;
    }
    let shape = pupil.shape();
    let mut ring = Ring::new(pyramid, centre, (first, last), (ANGLES, RADII), shape);
    ring.blur_angles(1);
    let softness = SOFTNESS * pyramid.range();
    let mut edges = Wiped::filled(0.0_f32, ANGLES * RADII);
    for window in WINDOWS {
        let (steps, _) = ring.edges(|rho| window * rho);
        for (edge, step) in edges.iter_mut().zip(steps.iter()) {
            *edge += step / (step.abs() + softness) / WINDOWS.len() as f32;
        }
    }
    let circles = circles(&ring, &edges, pupil_radius);
    let at = innermost_strong(&circles, &ring)?;
    let circle = circles[at];
    Some(Sides {
        centre: [centre[0] + circle.offset[0], centre[1] + circle.offset[1]],
        radius: ring.radius(at as f32),
        strength: circle.strength,
        balance: circle.balance,
        tilt: circle.tilt as f32 * TAU / BINS as f32,
        shape,
    })
}

/// The best circle for each radius of the ring.
fn circles(ring: &Ring, edges: &[f32], pupil_radius: f32) -> Vec<Circle> {
    let limit = 0.45 * pupil_radius;
    let mut best = vec![Circle::default(); RADII];
    // Sums of edges and numbers of known samples, by bin and radius.
    let (mut sums, mut counts) = (vec![0.0_f32; BINS * RADII], vec![0.0_f32; BINS * RADII]);
    let weights = TILTS.map(|tilt| [0, BINS / 2].map(|side| side_weights(side, tilt)));
    for dx in OFFSETS {
        for dy in OFFSETS {
            let offset = [dx * pupil_radius, dy * pupil_radius];
            let distance = offset[0].hypot(offset[1]);
            if distance > limit {
                continue;
            }
            sums.fill(0.0);
            counts.fill(0.0);
            for angle in 0..ANGLES {
                let (sin, cos) = (angle as f32 * TAU / ANGLES as f32).sin_cos();
                // The circle as seen from the pupil's centre: R + along − across² / 2 R, with R a typical 2.5 pupils.
                let (along, across) = (offset[0] * cos + offset[1] * sin, offset[1] * cos - offset[0] * sin);
                let shift = ((along - across * across / (5.0 * pupil_radius)) / ring.step).round() as isize;
                let (from, to) = (shift.max(0).cast_unsigned(), RADII.saturating_add_signed(shift.min(0)));
                let bin = (angle / 4) * RADII;
                let into = bin + from.saturating_add_signed(-shift);
                let row = &edges[angle * RADII + from..angle * RADII + to];
                for ((sum, count), &edge) in sums[into..].iter_mut().zip(&mut counts[into..]).zip(row) {
                    *sum += edge;
                    *count += if edge == 0.0 { 0.0 } else { 1.0 };
                }
            }
            let eccentric = distance / limit;
            let central = 1.0 - 0.5 * eccentric * eccentric;
            for (&tilt, weights) in TILTS.iter().zip(&weights) {
                let [right, left] = [0, 1].map(|side| profile(&sums, &counts, &weights[side]));
                let upright = 1.0 - TILT_COST * tilt.unsigned_abs() as f32;
                for (at, best) in best.iter_mut().enumerate() {
                    let radius = ring.radius(at as f32);
                    // The circle must clear the pupil and keep the ratio.
                    if radius < LEAST_RATIO * pupil_radius || radius < distance + 1.15 * pupil_radius + 2.0 {
                        continue;
                    }
                    let (strength, balance) = match (right[at], left[at]) {
                        (Some(a), Some(b)) if a > 0.0 && b > 0.0 => (2.0 * a * b / (a + b), a.min(b) / a.max(b)),
                        // One side outside the picture: the other speaks for a circle about the pupil.
                        (Some(one), None) | (None, Some(one)) if one > 0.0 => {
                            (ONE_SIDE_WEIGHT * one * (1.0 - eccentric), ONE_SIDE_WEIGHT)
                        }
                        _ => continue,
                    };
                    let off = distance / (ECCENTRIC * radius);
                    let score =
                        strength * central / (1.0 + off * off) * upright * dilation_weight(pupil_radius / radius);
                    if score > best.score {
                        *best = Circle { score, strength, balance, offset, tilt };
                    }
                }
            }
        }
    }
    best
}

/// Weights of the bins of the side whose middle is bin `side` of an upright head.
fn side_weights(side: usize, tilt: isize) -> [f32; BINS] {
    core::array::from_fn(|bin| {
        let upright = (bin.cast_signed() - tilt).rem_euclid(BINS.cast_signed()).cast_unsigned();
        // The middle of the bin's four angles.
        let degrees = (upright as f32 * 4.0 + 1.5) * 360.0 / ANGLES as f32;
        let is_right = !(90.0..270.0).contains(&degrees);
        if is_right == (side == 0) { open(degrees) } else { 0.0 }
    })
}

/// How likely lids leave the limbus open at an angle of an upright head, degrees from +x towards +y: 0 never, 1 always.
fn open(degrees: f32) -> f32 {
    let from_side =
        if (90.0..270.0).contains(&degrees) { (degrees - 180.0).abs() } else { degrees.min(360.0 - degrees) };
    let (full, zero) = if degrees <= 180.0 { BELOW } else { ABOVE };
    ((zero - from_side) / (zero - full)).clamp(0.0, 1.0)
}

/// Mean edge of a side per radius; `None` where too little of the side is in the picture.
fn profile(sums: &[f32], counts: &[f32], weights: &[f32; BINS]) -> Vec<Option<f32>> {
    let least = LEAST_KNOWN * 4.0 * weights.iter().sum::<f32>();
    let mut profile = Vec::with_capacity(RADII);
    // Some radii at a time, so that their sums stay in registers.
    for first in (0..RADII).step_by(TOGETHER) {
        let (mut edge, mut known) = ([0.0_f32; TOGETHER], [0.0_f32; TOGETHER]);
        for (bin, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            let at = bin * RADII + first;
            let (sums, counts) = (&sums[at..at + TOGETHER], &counts[at..at + TOGETHER]);
            for i in 0..TOGETHER {
                edge[i] += weight * sums[i];
                known[i] += weight * counts[i];
            }
        }
        profile.extend(edge.iter().zip(&known).map(|(edge, &known)| (known >= least).then(|| edge / known)));
    }
    profile
}

/// The innermost among the strong local maxima.
fn innermost_strong(circles: &[Circle], ring: &Ring) -> Option<usize> {
    let most = circles.iter().map(|circle| circle.score).fold(0.0, f32::max);
    if most <= 0.0 {
        return None;
    }
    let reach = |at: usize| ((0.08 * ring.radius(at as f32) / ring.step) as usize).max(2);
    (0..RADII).find(|&at| {
        let near = at.saturating_sub(reach(at))..(at + reach(at) + 1).min(RADII);
        circles[at].score >= INNERMOST_SHARE * most && circles[near].iter().all(|c| c.score <= circles[at].score)
    })
}

/// How believable a pupil of this share of the iris is: pupils of 2 to 8 mm in irises of 11 to 12.5 mm
/// leave nothing to expect above 0.6, where the pupil's own blur imitates a limbus.
fn dilation_weight(share: f32) -> f32 {
    (1.0 - (share - 0.6).max(0.0) / 0.25).clamp(0.2, 1.0)
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

/// What the curve of the pass before counts at each angle, where an edge of the typical height counts 1: an arc of one side alone
/// says little about where the other one is. From 0 over 0.01, 0.03 to 0.1 the wrong ones among 120 drawn irises cut by the
/// frame were 22, 16, 9, 11.
const PRIOR: f32 = 0.03;

/// What the pupil's centre counts for that of the limbus, where the edge at one of the 256 angles counts 1.
///
/// Centres of pupils lie 0.02 to 0.05 radii of the iris off (0.1 to 0.3 mm of 5.9), edges found 0.02 to 0.03, and alike over
/// some eight angles: 8 · (0.02/0.04)² is 2, with the wider spread more. An outline seen all around does not feel it; one side alone says little
/// about where the other is. With 0, 2, 4 and 8 the wrong limbi among 900 drawn eyes of ten kinds were 38, 26, 17 and 15, and with 8
/// ordinary ones were 10 % less exact.
const CONCENTRIC: f32 = 4.0;
/// Distance of the limbus' centre from the pupil's, over the radius, at which a circle counts half: three deviations and more.
const ECCENTRIC: f32 = 0.15;

/// Traces the contour near the circle found from the sides.
pub(super) fn trace(pyramid: &Pyramid, pupil: &Pupil, sides: &Sides) -> Option<Limbus> {
    let start = sides.shape.stretched(&Curve::circle(sides.centre, sides.radius));
    let rough = pass(pyramid, pupil, &start, 0.14, 1, sides.tilt)?;
    pass(pyramid, pupil, &rough.curve, 0.10, HARMONICS, sides.tilt)
}

fn pass(pyramid: &Pyramid, pupil: &Pupil, start: &Curve, share: f32, harmonics: usize, tilt: f32) -> Option<Limbus> {
    let angles = 256;
    let radii = 64;
    let (centre, about) = start.about_own_centre(64);
    let radius = about.iter().sum::<f32>() / 64.0;
    let range = ((1.0 - share - 0.06) * radius, (1.0 + share + 0.06) * radius);
    let shape = pupil.shape();
    let unstretched = |points: &[[f32; 2]]| -> Vec<f32> {
        radii_about(points, centre, angles).iter().zip(shape.factors(angles)).map(|(radius, by)| radius / by).collect()
    };
    let mut ring = Ring::new(pyramid, centre, range, (angles, radii), shape);
    ring.blur_angles(3);
    let (mut edges, _) = ring.edges(|rho| 0.06 * rho);
    // Not inside the pupil's own edge.
    let pupil_points = pupil.curve.points(64);
    let clear = unstretched(&pupil_points);
    for angle in 0..angles {
        for index in 0..radii {
            if ring.radius(index as f32) < 1.12 * clear[angle] + 1.0 {
                edges[angle * radii + index] = 0.0;
            }
        }
    }
    // 1 at the sides, fading above and below them.
    let turn = tilt.to_degrees();
    let lateral: Vec<f32> =
        (0..angles).map(|angle| open((angle as f32 * 360.0 / angles as f32 - turn).rem_euclid(360.0))).collect();
    let lateral = |angle: usize| lateral[angle];
    let mut strongest: Vec<f32> = (0..angles)
        .filter(|&angle| lateral(angle) == 1.0)
        .map(|angle| edges[angle * radii..(angle + 1) * radii].iter().copied().fold(0.0, f32::max))
        .collect();
    strongest.sort_unstable_by(f32::total_cmp);
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
    let before = unstretched(&start.points(64));
    let middle = pupil.curve.about_own_centre(64).0;
    let concentric = ([middle[0] - centre[0], middle[1] - centre[1]], CONCENTRIC);
    let fit = |weights: &[f32], count: usize, ridge: f32| {
        let mixed: Vec<f32> =
            rho.iter().zip(&before).zip(weights).map(|((r, s), w)| (w * r + PRIOR * s) / (w + PRIOR)).collect();
        let total: Vec<f32> = weights.iter().map(|w| w + PRIOR).collect();
        fit_series_near(&mixed, &total, count, ridge, concentric)
    };
    let mut weights = strength.clone();
    let mut series = fit(&weights, 1, 1e-2);
    for (count, tolerance) in [(1, 0.10), (1, 0.06), (harmonics, 0.04)] {
        let curve = Curve { centre, series: series.clone() };
        for (angle, weight) in weights.iter_mut().enumerate() {
            let residual = (rho[angle] - curve.radius(angle as f32 * TAU / angles as f32)).abs() / radius;
            let ratio = (residual / tolerance).min(1.0);
            *weight = strength[angle] * (1.0 - ratio * ratio) * (1.0 - ratio * ratio);
        }
        series = fit(&weights, count, 2e-3);
    }
    let curve = Curve { centre, series };
    let (mut support, mut contrast, mut total, mut lateral_total) = (0.0, 0.0, 0.0_f32, 0.0);
    for angle in 0..angles {
        let residual = (rho[angle] - curve.radius(angle as f32 * TAU / angles as f32)).abs() / radius;
        let in_frame = ring.weights[angle * radii + path[angle]] > 0.0;
        lateral_total += lateral(angle);
        let share = if in_frame { lateral(angle) } else { 0.0 };
        total += share;
        if residual < 0.04 && edges[angle * radii + path[angle]] > 0.35 * typical {
            support += share;
        }
        contrast += share * edges[angle * radii + path[angle]];
    }
    // A limbus of which less than two fifths are in the picture is not known well enough.
    let total = total.max(0.4 * lateral_total);
    Some(Limbus { curve: shape.stretched(&curve), contrast: contrast / total, support: support / total })
}
