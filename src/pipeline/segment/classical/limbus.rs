//! The limbus: a two-sided search beside the pupil, then the contour.

use core::f32::consts::TAU;

use super::plane::Pyramid;
use super::pupil::Pupil;
use super::ring::{Curve, Ring, closed_path, fit_series};
use crate::pipeline::privacy::Wiped;

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

/// Share of a sector that must lie in the picture for its edge to be known.
const LEAST_KNOWN: f32 = 0.35;
/// What the edge of one side is worth where the other lies outside the picture.
const ONE_SIDE_WEIGHT: f32 = 0.6;

/// The unwrapped surroundings of a pupil and their radial edges.
struct Search {
    ring: Ring,
    edges: Wiped<f32>,
    /// Angles of the right side and of the left.
    sectors: [Vec<usize>; 2],
    /// Edges count up to this, so that a lash does not outvote a limbus.
    cap: f32,
    pupil_radius: f32,
}

/// Mean edge of one side per radius, 0 where too little of the side is in the picture.
struct Profile {
    edge: Vec<f32>,
    known: Vec<bool>,
}

/// A pair of edges, by index of the radius.
#[derive(Clone, Copy, Default)]
struct Pair {
    score: f32,
    right: usize,
    left: usize,
    shear: f32,
    balance: f32,
}

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
    let right: Vec<usize> = (0..=above + below).map(|i| (ANGLES - above + i) % ANGLES).collect();
    let left: Vec<usize> = right.iter().map(|&angle| (ANGLES + ANGLES / 2 - angle) % ANGLES).collect();
    let mut ring = Ring::new(pyramid, centre, (first, last), (ANGLES, RADII), |angle| {
        right.contains(&angle) || left.contains(&angle)
    });
    ring.blur_angles(1);
    let (edges, _) = ring.edges(|rho| 0.1 * rho);
    let search = Search { ring, edges, sectors: [right, left], cap: 0.35 * pyramid.range(), pupil_radius };
    let pair = search.innermost_strong_pair()?;
    let [right, left] = [pair.right, pair.left].map(|at| search.ring.radius(at as f32));
    let radius = (right + left) / 2.0;
    Some(Sides {
        centre: [centre[0] + (right - left) / 2.0, centre[1] + pair.shear * radius],
        radius,
        contrast: pair.score,
        balance: pair.balance,
    })
}

impl Search {
    /// Mean edge of a sector along ρ(φ) = R + shear·R·sin φ.
    fn profile(&self, sector: &[usize], shear: f32) -> Profile {
        let mut edge = vec![0.0_f32; RADII];
        let mut count = vec![0.0_f32; RADII];
        for &angle in sector {
            let factor = 1.0 + shear * (angle as f32 * TAU / ANGLES as f32).sin();
            let row = &self.edges[angle * RADII..(angle + 1) * RADII];
            // index of ρ·factor = index·factor + first·(factor − 1)/step, rounded.
            let shift = self.ring.first * (factor - 1.0) / self.ring.step + 0.5;
            for (radius, (sum, count)) in edge.iter_mut().zip(&mut count).enumerate() {
                let index = radius as f32 * factor + shift;
                if index >= 0.0 && (index as usize) < RADII {
                    let value = row[index as usize];
                    *sum += value.clamp(-0.5 * self.cap, self.cap);
                    *count += if value == 0.0 { 0.0 } else { 1.0 };
                }
            }
        }
        let known: Vec<bool> = count.iter().map(|&n| n >= LEAST_KNOWN * sector.len() as f32).collect();
        for ((sum, count), known) in edge.iter_mut().zip(&count).zip(&known) {
            *sum = if *known { *sum / count } else { 0.0 };
        }
        Profile { edge, known }
    }

    /// The best pair for each mean radius.
    fn pairs(&self) -> Vec<Pair> {
        let offset_limit = 0.45 * self.pupil_radius;
        let mut best = vec![Pair::default(); RADII];
        let mut offer = |pair: Pair| {
            let mean = (pair.right + pair.left) / 2;
            let radius = self.ring.radius(mean as f32);
            let offset = (pair.right.abs_diff(pair.left) as f32) * self.ring.step / 2.0;
            // The circle must clear the pupil and keep the ratio.
            let clears = radius >= LEAST_RATIO * self.pupil_radius && radius >= offset + 1.15 * self.pupil_radius + 2.0;
            if offset > offset_limit || !clears {
                return;
            }
            let eccentric = offset / offset_limit;
            let score = pair.score * (1.0 - 0.5 * eccentric * eccentric) * dilation_weight(self.pupil_radius / radius);
            if score > best[mean].score {
                best[mean] = Pair { score, ..pair };
            }
        };
        for shear in SHEARS {
            let [right, left] = [0, 1].map(|side| self.profile(&self.sectors[side], shear));
            let (right_peaks, left_peaks) = (peaks(&right.edge), peaks(&left.edge));
            for &r in &right_peaks {
                for &l in &left_peaks {
                    let (a, b) = (right.edge[r], left.edge[l]);
                    let balance = a.min(b) / a.max(b);
                    let score = 2.0 * a * b / (a + b);
                    offer(Pair { score, right: r, left: l, shear, balance });
                }
            }
            // One side outside the picture: the other speaks for a circle about the pupil.
            for (peaks, one, other) in [(&right_peaks, &right, &left), (&left_peaks, &left, &right)] {
                for &at in peaks.iter().filter(|&&at| !other.known[at]) {
                    let score = ONE_SIDE_WEIGHT * one.edge[at];
                    let balance = ONE_SIDE_WEIGHT;
                    offer(Pair { score, right: at, left: at, shear, balance });
                }
            }
        }
        best
    }

    /// The innermost pair among the strong ones.
    fn innermost_strong_pair(&self) -> Option<Pair> {
        let pairs = self.pairs();
        let most = pairs.iter().map(|pair| pair.score).fold(0.0, f32::max);
        if most <= 0.0 {
            return None;
        }
        let reach = |at: usize| ((0.08 * self.ring.radius(at as f32) / self.ring.step) as usize).max(2);
        let strong = |&at: &usize| {
            let near = at.saturating_sub(reach(at))..(at + reach(at) + 1).min(RADII);
            pairs[at].score >= INNERMOST_SHARE * most && pairs[near].iter().all(|pair| pair.score <= pairs[at].score)
        };
        (0..RADII).find(strong).map(|at| pairs[at])
    }
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
    Some(Limbus { curve, contrast: contrast / total, support: support / total })
}
