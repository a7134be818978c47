//! Rings around a centre, unwrapped; closed optimal paths in them; smooth closed curves.

use core::f32::consts::TAU;

use zeroize::Zeroize as _;

use super::plane::Pyramid;
use crate::pipeline::privacy::Wiped;

/// Samples of a ring: `values[angle * radii + radius]`; wiped when dropped.
pub(super) struct Ring {
    pub(super) angles: usize,
    pub(super) radii: usize,
    pub(super) first: f32,
    pub(super) step: f32,
    pub(super) values: Vec<f32>,
    /// 1 where the value counts, 0 in glints and outside the picture.
    pub(super) weights: Vec<f32>,
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

impl Ring {
    /// Unwraps radii `first … last` (picture pixels) about `centre`, at the angles that are `wanted`;
    /// the others stay without weight.
    pub(super) fn new(
        pyramid: &Pyramid,
        centre: [f32; 2],
        (first, last): (f32, f32),
        (angles, radii): (usize, usize),
        wanted: impl Fn(usize) -> bool,
    ) -> Self {
        let step = (last - first) / (radii - 1) as f32;
        let level = pyramid.level_for(step);
        let mut values = vec![0.0; angles * radii];
        let mut weights = vec![0.0; angles * radii];
        for angle in (0..angles).filter(|&angle| wanted(angle)) {
            let (sin, cos) = (angle as f32 * TAU / angles as f32).sin_cos();
            let row = angle * radii..(angle + 1) * radii;
            let start = [centre[0] + first * cos, centre[1] + first * sin];
            pyramid.ray(level, start, [step * cos, step * sin], &mut values[row.clone()], &mut weights[row]);
        }
        Self { angles, radii, first, step, values, weights }
    }

    pub(super) fn radius(&self, index: f32) -> f32 {
        self.first + index * self.step
    }

    /// Averages over `2·half + 1` neighbouring angles.
    pub(super) fn blur_angles(&mut self, half: usize) {
        let (n, radii) = (self.angles, self.radii);
        let weighted: Wiped<f32> = self.values.iter().zip(&self.weights).map(|(v, w)| v * w).collect();
        let mut sums = vec![0.0_f32; radii];
        let mut counts = vec![0.0_f32; radii];
        let add = |sums: &mut [f32], counts: &mut [f32], weights: &[f32], angle: usize, sign: f32| {
            let row = angle * radii..(angle + 1) * radii;
            for ((sum, count), (v, w)) in
                sums.iter_mut().zip(counts.iter_mut()).zip(weighted[row.clone()].iter().zip(&weights[row]))
            {
                *sum += sign * v;
                *count += sign * w;
            }
        };
        let old = self.weights.clone();
        for offset in 0..=2 * half {
            add(&mut sums, &mut counts, &old, (n + offset - half) % n, 1.0);
        }
        for angle in 0..n {
            for radius in 0..radii {
                let at = angle * radii + radius;
                if counts[radius] > 0.5 {
                    self.values[at] = sums[radius] / counts[radius];
                    self.weights[at] = counts[radius] / (2 * half + 1) as f32;
                }
            }
            add(&mut sums, &mut counts, &old, (angle + n - half) % n, -1.0);
            add(&mut sums, &mut counts, &old, (angle + half + 1) % n, 1.0);
        }
    }

    /// Radial edge: mean of the window outside minus mean of the window inside each sample.
    ///
    /// `window(rho)` gives the window in pixels. Where a window has no valid sample the edge is 0.
    /// Second result: the mean of the inner window.
    pub(super) fn edges(&self, window: impl Fn(f32) -> f32) -> (Wiped<f32>, Wiped<f32>) {
        let mut edges = Wiped::filled(0.0, self.values.len());
        let mut inner = Wiped::filled(0.0, self.values.len());
        let mut sums = Wiped::filled(0.0_f32, self.radii + 1);
        let mut counts = vec![0.0_f32; self.radii + 1];
        let reach: Vec<usize> = (0..self.radii)
            .map(|radius| ((window(self.radius(radius as f32)) / self.step + 0.5) as usize).max(1))
            .collect();
        for angle in 0..self.angles {
            let row = angle * self.radii;
            for radius in 0..self.radii {
                let weight = self.weights[row + radius];
                sums[radius + 1] = sums[radius] + weight * self.values[row + radius];
                counts[radius + 1] = counts[radius] + weight;
            }
            for radius in 1..self.radii - 1 {
                // The boundary lies on the sample: it belongs to neither side.
                let low = radius.saturating_sub(reach[radius]);
                let high = (radius + 1 + reach[radius]).min(self.radii);
                let (n_in, n_out) = (counts[radius] - counts[low], counts[high] - counts[radius + 1]);
                if n_in < 0.5 * (radius - low) as f32 || n_out < 0.5 * (high - radius - 1) as f32 {
                    continue;
                }
                let inside = (sums[radius] - sums[low]) / n_in;
                let outside = (sums[high] - sums[radius + 1]) / n_out;
                edges[row + radius] = outside - inside;
                inner[row + radius] = inside;
            }
        }
        (edges, inner)
    }
}

/// The closed path with the largest sum of `score[angle * radii + radius]` minus `slope` for each
/// step sideways; at most `reach` steps between neighbouring angles. Returns a radius index per angle.
///
/// Two laps are run and the middle one is read, so that the ends meet wherever the score says
/// anything at all.
pub(super) fn closed_path(score: &[f32], angles: usize, radii: usize, reach: usize, slope: f32) -> Vec<usize> {
    let laps = 2 * angles;
    let mut best = score[..radii].to_vec();
    let mut next = vec![0.0_f32; radii];
    let mut from = vec![0_i8; laps * radii];
    for lap in 1..laps {
        let row = &score[(lap % angles) * radii..][..radii];
        let back = &mut from[lap * radii..][..radii];
        next.copy_from_slice(&best);
        for step in 1..=reach.min(radii - 1) {
            let cost = slope * step as f32;
            for radius in step..radii {
                let value = best[radius - step] - cost;
                if value > next[radius] {
                    next[radius] = value;
                    back[radius] = -(step as i8);
                }
            }
            for radius in 0..radii - step {
                let value = best[radius + step] - cost;
                if value > next[radius] {
                    next[radius] = value;
                    back[radius] = step as i8;
                }
            }
        }
        for (value, gain) in next.iter_mut().zip(row) {
            *value += gain;
        }
        core::mem::swap(&mut best, &mut next);
    }
    let mut at = (0..radii).max_by(|&a, &b| best[a].total_cmp(&best[b])).unwrap_or(0);
    let mut path = vec![0; angles];
    for lap in (0..laps).rev() {
        if (angles / 2..angles / 2 + angles).contains(&lap) {
            path[lap % angles] = at;
        }
        if lap > 0 {
            at = at.saturating_add_signed(isize::from(from[lap * radii + at]));
        }
    }
    path
}

/// A closed curve ρ(φ) = a₀ + Σ aₖ cos kφ + bₖ sin kφ about a centre.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) centre: [f32; 2],
    /// a₀, a₁, b₁, a₂, b₂, …
    pub(super) series: Vec<f32>,
}

impl Curve {
    pub(super) fn circle(centre: [f32; 2], radius: f32) -> Self {
        Self { centre, series: vec![radius] }
    }

    /// Distance from the centre at an angle.
    pub(super) fn radius(&self, angle: f32) -> f32 {
        let (sin, cos) = angle.sin_cos();
        let (mut c, mut s) = (1.0_f32, 0.0_f32);
        let mut radius = self.series[0];
        for pair in self.series[1..].chunks_exact(2) {
            (c, s) = (c * cos - s * sin, s * cos + c * sin);
            radius += pair[0] * c + pair[1] * s;
        }
        radius
    }

    /// The mean radius.
    pub(super) fn mean_radius(&self) -> f32 {
        self.series[0]
    }

    /// Points at equal angles about the centre.
    pub(super) fn points(&self, count: usize) -> Vec<[f32; 2]> {
        (0..count)
            .map(|i| {
                let angle = i as f32 * TAU / count as f32;
                let radius = self.radius(angle);
                [self.centre[0] + radius * angle.cos(), self.centre[1] + radius * angle.sin()]
            })
            .collect()
    }

    /// The same curve about its own centre of area, as the given number of radii at equal angles.
    pub(super) fn about_own_centre(&self, count: usize) -> ([f32; 2], Vec<f32>) {
        let points = self.points(count);
        let centre = centroid(&points);
        (centre, radii_about(&points, centre, count))
    }
}

/// Centre of area of a closed polygon.
pub(super) fn centroid(points: &[[f32; 2]]) -> [f32; 2] {
    let origin = points[0];
    let (mut area, mut x, mut y) = (0.0_f32, 0.0_f32, 0.0_f32);
    for (i, a) in points.iter().enumerate() {
        let b = points[(i + 1) % points.len()];
        let (a, b) = ([a[0] - origin[0], a[1] - origin[1]], [b[0] - origin[0], b[1] - origin[1]]);
        let cross = a[0] * b[1] - b[0] * a[1];
        area += cross;
        x += (a[0] + b[0]) * cross;
        y += (a[1] + b[1]) * cross;
    }
    if area.abs() < 1e-3 {
        return origin;
    }
    [origin[0] + x / (3.0 * area), origin[1] + y / (3.0 * area)]
}

/// Radii at equal angles about `centre` of a star-shaped closed polygon given in order of angle.
pub(super) fn radii_about(points: &[[f32; 2]], centre: [f32; 2], count: usize) -> Vec<f32> {
    let mut polar: Vec<(f32, f32)> = points
        .iter()
        .map(|p| {
            let (x, y) = (p[0] - centre[0], p[1] - centre[1]);
            (y.atan2(x).rem_euclid(TAU), x.hypot(y))
        })
        .collect();
    polar.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = polar.len();
    let mut next = 0;
    (0..count)
        .map(|i| {
            let angle = i as f32 * TAU / count as f32;
            while next < n && polar[next].0 < angle {
                next += 1;
            }
            let (mut a, mut b) = (polar[(next + n - 1) % n], polar[next % n]);
            if next == 0 {
                a.0 -= TAU;
            }
            if next == n {
                b.0 += TAU;
            }
            let share = if b.0 - a.0 > 1e-6 { (angle - a.0) / (b.0 - a.0) } else { 0.0 };
            a.1 + share * (b.1 - a.1)
        })
        .collect()
}

/// Weighted least squares of a Fourier series with `harmonics` harmonics to radii at equal angles.
///
/// `ridge` (relative to the total weight) damps harmonic k ≥ 2 by k⁴, so that a stretch without
/// weight is bridged by a circle rather than by an oscillation.
pub(super) fn fit_series(radii: &[f32], weights: &[f32], harmonics: usize, ridge: f32) -> Vec<f32> {
    let unknowns = 1 + 2 * harmonics;
    let mut matrix = vec![0.0_f64; unknowns * unknowns];
    let mut right = vec![0.0_f64; unknowns];
    let mut basis = vec![0.0_f64; unknowns];
    let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    let step = core::f64::consts::TAU / radii.len() as f64;
    for (i, (&radius, &weight)) in radii.iter().zip(weights).enumerate() {
        if weight <= 0.0 {
            continue;
        }
        let (sin, cos) = (i as f64 * step).sin_cos();
        basis[0] = 1.0;
        let (mut c, mut s) = (1.0, 0.0);
        for pair in basis[1..].chunks_exact_mut(2) {
            (c, s) = (c * cos - s * sin, s * cos + c * sin);
            pair[0] = c;
            pair[1] = s;
        }
        let weight = f64::from(weight);
        for row in 0..unknowns {
            let scaled = weight * basis[row];
            right[row] += scaled * f64::from(radius);
            for column in 0..=row {
                matrix[row * unknowns + column] += scaled * basis[column];
            }
        }
    }
    for k in 1..=harmonics {
        let damping = if k == 1 { 1e-4 } else { f64::from(ridge) * (k as f64).powi(4) };
        for row in [2 * k - 1, 2 * k] {
            matrix[row * unknowns + row] += damping * total;
        }
    }
    matrix[0] += 1e-9 * total.max(1e-9);
    cholesky_solve(&mut matrix, &mut right, unknowns);
    right.into_iter().map(|v| v as f32).collect()
}

/// Solves a symmetric positive definite system, lower triangle given, in place.
fn cholesky_solve(matrix: &mut [f64], right: &mut [f64], n: usize) {
    for row in 0..n {
        for column in 0..=row {
            let mut value = matrix[row * n + column];
            for k in 0..column {
                value -= matrix[row * n + k] * matrix[column * n + k];
            }
            matrix[row * n + column] =
                if row == column { value.max(1e-12).sqrt() } else { value / matrix[column * n + column] };
        }
        let mut value = right[row];
        for k in 0..row {
            value -= matrix[row * n + k] * right[k];
        }
        right[row] = value / matrix[row * n + row];
    }
    for row in (0..n).rev() {
        let mut value = right[row];
        for k in row + 1..n {
            value -= matrix[k * n + row] * right[k];
        }
        right[row] = value / matrix[row * n + row];
    }
}
