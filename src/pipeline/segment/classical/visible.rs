//! What of the iris is visible: lids from outside, lashes connected to them, glints.

use core::f32::consts::{PI, TAU};

use super::plane::Pyramid;
use super::ring::{Curve, closed_path, radii_about, ranked};
use crate::pipeline::privacy::Wiped;

/// Angles and radii of the polar map of the iris.
pub(super) const ANGLES: usize = 512;
pub(super) const RADII: usize = 32;

/// The iris between its boundaries as a polar map about the pupil's centre.
pub(super) struct PolarIris {
    pub(super) centre: [f32; 2],
    /// Distance of the pupil's boundary and of the limbus per angle.
    pub(super) inner: Vec<f32>,
    pub(super) outer: Vec<f32>,
    /// Per angle, the first radius (0 … RADII) that a lid hides.
    pub(super) hidden_from: Vec<usize>,
    /// Per cell `angle * RADII + radius`: lash, glint or other noise.
    pub(super) noise: Vec<bool>,
}

/// Evidence above this many deviations from the safe area's grey speaks for a lid.
const LID_DEVIATIONS: f32 = 2.0;
/// OSIRIS' threshold for noise: deviations from the safe area's mean (OsiProcessings.cpp).
const NOISE_DEVIATIONS: f32 = 2.35;

impl PolarIris {
    /// Maps the iris and decides what is visible.
    pub(super) fn new(pyramid: &Pyramid, pupil: &Curve, limbus: &Curve) -> Self {
        let (centre, inner) = pupil.about_own_centre(ANGLES);
        let outer = radii_about(&limbus.points(ANGLES), centre, ANGLES);
        let mut values = Wiped::filled(0.0_f32, ANGLES * RADII);
        let mut counts = vec![0.0_f32; ANGLES * RADII];
        let level = pyramid.level_for(limbus.mean_radius() / 50.0);
        for angle in 0..ANGLES {
            let (sin, cos) = (angle as f32 * TAU / ANGLES as f32).sin_cos();
            let step = (outer[angle] - inner[angle]) / RADII as f32;
            let first = inner[angle] + 0.5 * step;
            let row = angle * RADII..(angle + 1) * RADII;
            let start = [centre[0] + first * cos, centre[1] + first * sin];
            pyramid.ray(level, start, [step * cos, step * sin], &mut values[row.clone()], &mut counts[row]);
        }
        let counts: Vec<bool> = counts.into_iter().map(|weight| weight > 0.0).collect();
        let deviations = deviations(&values, &counts, 0.02 * pyramid.range());
        let hidden_from = lids(&deviations, &counts);
        let noise = noise(&deviations, &counts, &hidden_from);
        Self { centre, inner, outer, hidden_from, noise }
    }

    /// Share of the iris' area between the boundaries that is visible and free of noise.
    pub(super) fn usable(&self) -> f32 {
        let (mut usable, mut total) = (0.0, 0.0);
        for angle in 0..ANGLES {
            for radius in 0..RADII {
                let share = (radius as f32 + 0.5) / RADII as f32;
                let area = self.inner[angle] + share * (self.outer[angle] - self.inner[angle]);
                total += area;
                if radius < self.hidden_from[angle] && !self.noise[angle * RADII + radius] {
                    usable += area;
                }
            }
        }
        usable / total
    }
}

/// Signed deviations from the grey of the safe area at the same radius.
///
/// The safe area are the sides, a little more below than above: there lids and lashes are rarest.
fn deviations(values: &[f32], counts: &[bool], least: f32) -> Wiped<f32> {
    let safe: Vec<usize> = (0..ANGLES)
        .filter(|&angle| {
            let degrees = angle as f32 * 360.0 / ANGLES as f32;
            degrees <= 50.0 || degrees >= 345.0 || (130.0..=195.0).contains(&degrees)
        })
        .collect();
    let mut means = [0.0_f32; RADII];
    let mut spreads = [0.0_f32; RADII];
    let mut greys = Wiped::from(Vec::with_capacity(safe.len() + 8));
    for radius in 0..RADII {
        greys.clear();
        greys.extend(safe.iter().map(|a| a * RADII + radius).filter(|&at| counts[at]).map(|at| values[at]));
        if greys.len() < 8 {
            greys.extend(safe.iter().map(|a| values[a * RADII + radius]));
        }
        let ranks = [0.16, 0.5, 0.84].map(|share| (share * (greys.len() - 1) as f32) as usize);
        let [low, middle, high] = ranked(&mut greys, ranks);
        means[radius] = middle;
        // Half the distance of the 16 % and 84 % quantiles: one deviation, if normal.
        spreads[radius] = 0.5 * (high - low);
    }
    let smooth = |of: &[f32; RADII], radius: usize| {
        let near = &of[radius.saturating_sub(3)..(radius + 4).min(RADII)];
        near.iter().sum::<f32>() / near.len() as f32
    };
    let spread: [f32; RADII] = core::array::from_fn(|radius| smooth(&spreads, radius).max(least));
    let mut deviations = Wiped::filled(0.0, values.len());
    let angles = values.as_chunks::<RADII>().0.iter().zip(deviations.as_chunks_mut::<RADII>().0);
    for (values, deviations) in angles {
        for radius in 0..RADII {
            deviations[radius] = (values[radius] - means[radius]) / spread[radius];
        }
    }
    deviations
}

/// Per angle the radius from which on a lid hides the iris: the closed path with most evidence outside.
fn lids(deviations: &[f32], counts: &[bool]) -> Vec<usize> {
    const STATES: usize = RADII + 1;
    let mut score = vec![0.0_f32; ANGLES * STATES];
    for angle in 0..ANGLES {
        let mut sum = 0.0;
        for radius in (0..RADII).rev() {
            let at = angle * RADII + radius;
            if counts[at] {
                // The last cells hold the limbus' own blur; the sclera side of it is no lid.
                let trust = if radius + 2 >= RADII { 0.3 } else { 1.0 };
                let d = deviations[at].abs().min(4.0);
                sum += trust * (d * d - LID_DEVIATIONS * LID_DEVIATIONS) / RADII as f32;
            }
            score[angle * STATES + radius] = sum;
        }
    }
    closed_path(&score, ANGLES, STATES, 2, 0.4)
}

/// Lashes, glints and their halos: deviating cells that are connected to the edge of the visible part.
fn noise(deviations: &[f32], counts: &[bool], hidden_from: &[usize]) -> Vec<bool> {
    let mut noise = vec![false; ANGLES * RADII];
    let mut queue = Vec::new();
    for (angle, &hidden) in hidden_from.iter().enumerate() {
        for radius in 0..hidden {
            let at = angle * RADII + radius;
            let edge = radius + 1 >= hidden || !counts[at];
            if edge && (!counts[at] || deviations[at].abs() > NOISE_DEVIATIONS) {
                noise[at] = true;
                queue.push(at);
            }
        }
    }
    while let Some(at) = queue.pop() {
        let (angle, radius) = (at / RADII, at % RADII);
        for turn in [ANGLES - 1, 0, 1] {
            let angle = (angle + turn) % ANGLES;
            for radius in radius.saturating_sub(1)..(radius + 2).min(hidden_from[angle]) {
                let next = angle * RADII + radius;
                if !noise[next] && deviations[next].abs() > NOISE_DEVIATIONS {
                    noise[next] = true;
                    queue.push(next);
                }
            }
        }
    }
    noise
}

/// One lid as y = y₀ + b·u + a·u², u = (x − centre)/radius; or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lid {
    y0: f32,
    b: f32,
    a: f32,
}

impl Lid {
    /// Height at `u`; beyond the iris it goes on level, since nothing is known there.
    pub(super) fn at(&self, u: f32) -> f32 {
        let u = u.clamp(-1.0, 1.0);
        self.y0 + u * (self.b + u * self.a)
    }
}

/// Fits the upper or lower lid to where the iris becomes hidden; none if it is hidden on less than
/// a twelfth of the turn.
pub(super) fn fit_lid(polar: &PolarIris, limbus: &Curve, upper: bool) -> Option<Lid> {
    let ([cx, _], radius) = (limbus.centre, limbus.mean_radius());
    let mut points = Vec::new();
    for angle in 0..ANGLES {
        let phi = angle as f32 * TAU / ANGLES as f32;
        if (phi > PI) != upper || polar.hidden_from[angle] >= RADII {
            continue;
        }
        let share = polar.hidden_from[angle] as f32 / RADII as f32;
        let rho = polar.inner[angle] + share * (polar.outer[angle] - polar.inner[angle]);
        points.push(((polar.centre[0] + rho * phi.cos() - cx) / radius, polar.centre[1] + rho * phi.sin()));
    }
    if points.len() < ANGLES / 12 {
        return None;
    }
    let mut weights = vec![1.0_f32; points.len()];
    let mut lid = Lid { y0: 0.0, b: 0.0, a: 0.0 };
    for _ in 0..3 {
        let mut m = [[0.0_f32; 4]; 3];
        for (&(u, y), &w) in points.iter().zip(&weights) {
            let basis = [1.0, u, u * u];
            for (row, line) in m.iter_mut().enumerate() {
                for column in 0..3 {
                    line[column] += w * basis[row] * basis[column];
                }
                line[3] += w * basis[row] * y;
            }
        }
        // A short arc says little about tilt and curvature: damp them.
        m[1][1] += 0.02 * points.len() as f32;
        m[2][2] += 0.02 * points.len() as f32;
        lid = solve3(m)?;
        for (&(u, y), w) in points.iter().zip(&mut weights) {
            let residual = (lid.at(u) - y) / (0.06 * radius);
            *w = 1.0 / (1.0 + residual * residual);
        }
    }
    Some(lid)
}

fn solve3(mut m: [[f32; 4]; 3]) -> Option<Lid> {
    for pivot in 0..3 {
        if m[pivot][pivot].abs() < 1e-6 {
            return None;
        }
        let line = m[pivot];
        for (row, other) in m.iter_mut().enumerate() {
            if row != pivot {
                let factor = other[pivot] / line[pivot];
                for column in 0..4 {
                    other[column] -= factor * line[column];
                }
            }
        }
    }
    Some(Lid { y0: m[0][3] / m[0][0], b: m[1][3] / m[1][1], a: m[2][3] / m[2][2] })
}
