//! Rings around a centre, unwrapped; closed optimal paths in them; smooth closed curves.

use core::f32::consts::TAU;
use std::sync::LazyLock;

use super::plane::Pyramid;
use crate::pipeline::privacy::{Wiped, wipe};

/// Parts of a turn in the tables below; the numbers of angles that are used divide it.
const PARTS: usize = 512;
/// Sine and cosine of each part of a turn.
static TURNS: LazyLock<[(f32, f32); PARTS]> =
    LazyLock::new(|| core::array::from_fn(|part| (part as f32 * TAU / PARTS as f32).sin_cos()));
/// The same in double precision.
static LONG_TURNS: LazyLock<[(f64, f64); PARTS]> =
    LazyLock::new(|| core::array::from_fn(|part| (part as f64 * (core::f64::consts::TAU / PARTS as f64)).sin_cos()));

/// Sine and cosine of `count` equal angles from 0 on.
pub(super) fn turns(count: usize) -> impl Iterator<Item = (f32, f32)> {
    let turns = &*TURNS;
    (0..count).map(move |i| match PARTS % count {
        0 => turns[i * (PARTS / count)],
        _ => (i as f32 * TAU / count as f32).sin_cos(),
    })
}

/// [`turns`] in double precision.
fn long_turns(count: usize) -> impl Iterator<Item = (f64, f64)> {
    let turns = &*LONG_TURNS;
    (0..count).map(move |i| match PARTS % count {
        0 => turns[i * (PARTS / count)],
        _ => (i as f64 * (core::f64::consts::TAU / count as f64)).sin_cos(),
    })
}

/// What a ring's radii are multiplied with at each angle φ: 1 + a cos 2φ + b sin 2φ, an ellipse nearly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) a: f32,
    pub(super) b: f32,
}

impl Shape {
    pub(super) const ROUND: Self = Self { a: 0.0, b: 0.0 };

    fn towards(self, (sin, cos): (f32, f32)) -> f32 {
        1.0 + self.a * (cos * cos - sin * sin) + self.b * (2.0 * sin * cos)
    }

    /// The factors at `count` equal angles.
    pub(super) fn factors(self, count: usize) -> impl Iterator<Item = f32> {
        turns(count).map(move |turn| self.towards(turn))
    }

    /// A curve in the ring's radii as it lies in the picture.
    pub(super) fn stretched(self, curve: &Curve) -> Curve {
        if self.a == 0.0 && self.b == 0.0 {
            return curve.clone();
        }
        // A product with two more harmonics.
        let radii: Vec<f32> = curve.radii(64).zip(self.factors(64)).map(|(radius, factor)| radius * factor).collect();
        let harmonics = curve.series.len() / 2 + 2;
        Curve { centre: curve.centre, series: fit_series(&radii, &[1.0; 64], harmonics, 0.0) }
    }
}

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
        wipe(&mut self.values);
    }
}

impl Ring {
    /// Unwraps radii `first … last` (picture pixels, where the shape is 1) about `centre`.
    pub(super) fn new(
        pyramid: &Pyramid,
        centre: [f32; 2],
        (first, last): (f32, f32),
        (angles, radii): (usize, usize),
        shape: Shape,
    ) -> Self {
        let step = (last - first) / (radii - 1) as f32;
        let level = pyramid.level_for(step);
        let mut values = vec![0.0; angles * radii];
        let mut weights = vec![0.0; angles * radii];
        for (angle, (sin, cos)) in turns(angles).enumerate() {
            let row = angle * radii..(angle + 1) * radii;
            let stretch = shape.towards((sin, cos));
            let (first, step) = (first * stretch, step * stretch);
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
        let width = (2 * half + 1) as f32;
        for angle in 0..n {
            let row = angle * radii..(angle + 1) * radii;
            let targets = self.values[row.clone()].iter_mut().zip(&mut self.weights[row]);
            for ((value, weight), (&sum, &count)) in targets.zip(sums.iter().zip(&counts)) {
                let is_known = count > 0.5;
                *value = if is_known { sum / count } else { *value };
                *weight = if is_known { count / width } else { *weight };
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
        let windows = Windows::new(self, window);
        // Sums before each sample, and those of all or none beyond the ends: windows end there.
        let mut sums = Wiped::filled([0.0_f32; LANES], self.radii + 1 + 2 * windows.longest);
        let mut counts = vec![[0.0_f32; LANES]; sums.len()];
        let mut found = [(); 2].map(|()| Wiped::filled([0.0_f32; LANES], self.radii));
        let length = LANES * self.radii;
        let rows = self.values.chunks(length).zip(self.weights.chunks(length));
        for ((values, weights), (edges, inner)) in rows.zip(edges.chunks_mut(length).zip(inner.chunks_mut(length))) {
            let (places, counted) = (&mut sums[windows.longest + 1..], &mut counts[windows.longest + 1..]);
            // Lane by lane into columns, and then all lanes' sums at once.
            let lanes = values.chunks_exact(self.radii).zip(weights.chunks_exact(self.radii)).enumerate();
            for (lane, (values, weights)) in lanes {
                let columns = places.iter_mut().zip(counted.iter_mut());
                for ((place, count), (value, weight)) in columns.zip(values.iter().zip(weights)) {
                    (place[lane], count[lane]) = (weight * value, *weight);
                }
            }
            for columns in [places, counted] {
                let (samples, beyond) = columns.split_at_mut(self.radii);
                let mut sum = [0.0_f32; LANES];
                for place in samples {
                    for lane in 0..LANES {
                        sum[lane] += place[lane];
                    }
                    *place = sum;
                }
                beyond.fill(sum);
            }
            windows.edges(&sums, &counts, &mut found);
            for (target, found) in [edges, inner].into_iter().zip(&found) {
                for (lane, target) in target.chunks_exact_mut(self.radii).enumerate() {
                    target.iter_mut().zip(found).for_each(|(target, found)| *target = found[lane]);
                }
            }
        }
        (edges, inner)
    }
}

/// Angles that are taken together: what is done to the samples of one radius is then done to whole registers.
const LANES: usize = 16;

/// The windows on both sides of the samples of a ring, but for the first and the last sample.
struct Windows {
    /// Length of the windows of each sample, from the second on, and how many valid samples are needed in those inside and
    /// outside: half of those that the ring has there.
    of: Vec<(usize, [f32; 2])>,
    longest: usize,
}

impl Windows {
    fn new(ring: &Ring, window: impl Fn(f32) -> f32) -> Self {
        let of: Vec<(usize, [f32; 2])> = (1..ring.radii - 1)
            .map(|radius| {
                // No longer than the ring.
                let reach = ((window(ring.radius(radius as f32)) / ring.step + 0.5) as usize).clamp(1, ring.radii);
                let there = [reach.min(radius), reach.min(ring.radii - radius - 1)];
                (reach, there.map(|length| 0.5 * length as f32))
            })
            .collect();
        let longest = of.iter().map(|&(length, _)| length).max().unwrap_or(0);
        Self { of, longest }
    }

    /// Edges and means of the inner windows, radius by radius, from the sums before each sample. Without branches the compiler
    /// is free to take several samples at once.
    fn edges(&self, sums: &[[f32; LANES]], counts: &[[f32; LANES]], found: &mut [Wiped<[f32; LANES]>; 2]) {
        let [edges, inner] = found;
        let targets = edges[1..].iter_mut().zip(&mut inner[1..]);
        for ((radius, &(reach, least)), (edges, inner)) in (1..).zip(&self.of).zip(targets) {
            // The boundary lies on the sample: it belongs to neither side.
            let middle = self.longest + radius;
            let places = [middle - reach, middle, middle + 1, middle + 1 + reach];
            let ([low, before, next, high], [n_low, n_before, n_next, n_high]) =
                (places.map(|at| &sums[at]), places.map(|at| &counts[at]));
            for lane in 0..LANES {
                let (n_in, n_out) = (n_before[lane] - n_low[lane], n_high[lane] - n_next[lane]);
                let is_known = (n_in >= least[0]) & (n_out >= least[1]);
                let inside = (before[lane] - low[lane]) / n_in;
                let outside = (high[lane] - next[lane]) / n_out;
                edges[lane] = if is_known { outside - inside } else { 0.0 };
                inner[lane] = if is_known { inside } else { 0.0 };
            }
        }
    }
}

/// The closed path with the largest sum of `score[angle * radii + radius]` minus `slope` for each
/// step sideways; at most `reach` steps between neighbouring angles. Returns a radius index per angle.
///
/// Two laps are run and the middle one is read, so that the ends meet wherever the score says
/// anything at all.
pub(super) fn closed_path(score: &[f32], angles: usize, radii: usize, reach: usize, slope: f32) -> Vec<usize> {
    let laps = 2 * angles;
    // The best sum of a path that ends at each radius, lap by lap, between borders that no path comes from. Steps are not
    // noted: they are found again on the way back.
    let stride = radii + 2 * reach;
    let mut best = Wiped::filled(f32::NEG_INFINITY, laps * stride);
    best[reach..reach + radii].copy_from_slice(&score[..radii]);
    for lap in 1..laps {
        let (before, now) = best.split_at_mut(lap * stride);
        let before = &before[(lap - 1) * stride..];
        let now = &mut now[reach..reach + radii];
        now.copy_from_slice(&before[reach..reach + radii]);
        for step in 1..=reach {
            let cost = slope * step as f32;
            let sideways = before[reach - step..].iter().zip(&before[reach + step..]);
            for (value, (lower, upper)) in now.iter_mut().zip(sideways) {
                *value = larger(larger(*value, lower - cost), upper - cost);
            }
        }
        let gains = &score[(lap % angles) * radii..][..radii];
        now.iter_mut().zip(gains).for_each(|(value, gain)| *value += gain);
    }
    let last = &best[(laps - 1) * stride + reach..][..radii];
    let mut at = (0..radii).max_by(|&a, &b| last[a].total_cmp(&last[b])).unwrap_or(0);
    let mut path = vec![0; angles];
    for lap in (0..laps).rev() {
        if (angles / 2..angles / 2 + angles).contains(&lap) {
            path[lap % angles] = at;
        }
        if lap > 0 {
            // Straight on, then the shortest step that was better; of two the one to lower radii.
            let before = &best[(lap - 1) * stride..][..stride];
            let (mut most, mut from) = (before[reach + at], reach + at);
            for step in 1..=reach {
                for sideways in [reach + at - step, reach + at + step] {
                    let value = before[sideways] - slope * step as f32;
                    if value > most {
                        (most, from) = (value, sideways);
                    }
                }
            }
            at = from - reach;
        }
    }
    path
}

/// The larger of two numbers, the first if one is none; a single instruction, which `f32::max` is not.
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// The values at these ranks (rising) of the sorted values; sorts no more than that takes.
pub(super) fn ranked<const N: usize>(values: &mut [f32], ranks: [usize; N]) -> [f32; N] {
    let (mut rest, mut passed) = (values, 0);
    ranks.map(|rank| {
        // The value of the rank before stays first, for ranks that are equal.
        rest.select_nth_unstable_by(rank - passed, f32::total_cmp);
        rest = &mut core::mem::take(&mut rest)[rank - passed..];
        passed = rank;
        rest[0]
    })
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
        self.towards(angle.sin_cos())
    }

    /// Distances from the centre at `count` equal angles.
    pub(super) fn radii(&self, count: usize) -> impl Iterator<Item = f32> {
        turns(count).map(|turn| self.towards(turn))
    }

    fn towards(&self, (sin, cos): (f32, f32)) -> f32 {
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
        turns(count)
            .map(|(sin, cos)| {
                let radius = self.towards((sin, cos));
                [self.centre[0] + radius * cos, self.centre[1] + radius * sin]
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

/// Weighted least squares of a Fourier series with `harmonics` harmonics, at most 8, to radii at equal angles.
///
/// `ridge` (relative to the total weight) damps harmonic k ≥ 2 by k⁴, so that a stretch without
/// weight is bridged by a circle rather than by an oscillation.
pub(super) fn fit_series(radii: &[f32], weights: &[f32], harmonics: usize, ridge: f32) -> Vec<f32> {
    fit_series_near(radii, weights, harmonics, ridge, ([0.0; 2], 0.0))
}

/// [`fit_series`] whose centre is drawn to a place by a weight.
pub(super) fn fit_series_near(
    radii: &[f32],
    weights: &[f32],
    harmonics: usize,
    ridge: f32,
    near: ([f32; 2], f32),
) -> Vec<f32> {
    // The sums are the work; of known size they are a few instructions each.
    match harmonics {
        0 => fit_sized::<1>(radii, weights, ridge, near),
        1 => fit_sized::<3>(radii, weights, ridge, near),
        2 => fit_sized::<5>(radii, weights, ridge, near),
        3 => fit_sized::<7>(radii, weights, ridge, near),
        4 => fit_sized::<9>(radii, weights, ridge, near),
        5 => fit_sized::<11>(radii, weights, ridge, near),
        6 => fit_sized::<13>(radii, weights, ridge, near),
        7 => fit_sized::<15>(radii, weights, ridge, near),
        _ => fit_sized::<17>(radii, weights, ridge, near),
    }
}

/// [`fit_series`] of `UNKNOWNS` coefficients.
fn fit_sized<const UNKNOWNS: usize>(
    radii: &[f32],
    weights: &[f32],
    ridge: f32,
    (place, pull): ([f32; 2], f32),
) -> Vec<f32> {
    let harmonics = UNKNOWNS / 2;
    let mut matrix = [[0.0_f64; UNKNOWNS]; UNKNOWNS];
    let mut right = [0.0_f64; UNKNOWNS];
    let mut basis = [1.0_f64; UNKNOWNS];
    let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    for ((&radius, &weight), (sin, cos)) in radii.iter().zip(weights).zip(long_turns(radii.len())) {
        if weight <= 0.0 {
            continue;
        }
        let (mut c, mut s) = (1.0, 0.0);
        for pair in basis[1..].as_chunks_mut::<2>().0 {
            (c, s) = (c * cos - s * sin, s * cos + c * sin);
            *pair = [c, s];
        }
        let weight = f64::from(weight);
        for row in 0..UNKNOWNS {
            let scaled = weight * basis[row];
            right[row] += scaled * f64::from(radius);
            for column in 0..=row {
                matrix[row][column] += scaled * basis[column];
            }
        }
    }
    for k in 1..=harmonics {
        let damping = if k == 1 { 1e-4 } else { f64::from(ridge) * (k as f64).powi(4) };
        for row in [2 * k - 1, 2 * k] {
            matrix[row][row] += damping * total;
        }
    }
    // The first harmonic is a shift of the centre.
    if UNKNOWNS > 2 && pull > 0.0 {
        for (row, place) in [1, 2].into_iter().zip(place) {
            matrix[row][row] += f64::from(pull);
            right[row] += f64::from(pull) * f64::from(place);
        }
    }
    matrix[0][0] += 1e-9 * total.max(1e-9);
    cholesky_solve(matrix.as_flattened_mut(), &mut right, UNKNOWNS);
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

#[cfg(test)]
mod tests {
    use core::ops::Range;

    use super::*;

    /// Numbers from 0 to 1 of which many are equal, so that ties occur.
    fn numbers(count: usize, mut state: u32) -> Vec<f32> {
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 28) as f32 / 16.0
            })
            .collect()
    }

    /// Two laps in which every step is noted.
    fn noted_path(score: &[f32], angles: usize, radii: usize, reach: usize, slope: f32) -> Vec<usize> {
        let mut best = score[..radii].to_vec();
        let mut from = vec![(0..radii).collect::<Vec<_>>()];
        for lap in 1..2 * angles {
            let mut back = Vec::new();
            let mut next = Vec::new();
            for radius in 0..radii {
                let (mut most, mut origin) = (best[radius], radius);
                for step in 1..=reach {
                    let lower = radius.checked_sub(step);
                    for other in lower.into_iter().chain(Some(radius + step).filter(|&other| other < radii)) {
                        let value = best[other] - slope * step as f32;
                        if value > most {
                            (most, origin) = (value, other);
                        }
                    }
                }
                back.push(origin);
                next.push(most + score[(lap % angles) * radii + radius]);
            }
            (best, from) = (next, [from, vec![back]].concat());
        }
        let mut at = (0..radii).max_by(|&a, &b| best[a].total_cmp(&best[b])).unwrap_or(0);
        let mut path = vec![0; angles];
        for lap in (0..2 * angles).rev() {
            if (angles / 2..angles / 2 + angles).contains(&lap) {
                path[lap % angles] = at;
            }
            at = from[lap][at];
        }
        path
    }

    #[test]
    fn the_path_is_that_of_noted_steps() {
        for (seed, (angles, radii, reach)) in (0..).zip([(8, 5, 1), (16, 9, 2), (64, 32, 1), (12, 2, 3), (6, 1, 1)]) {
            let score = numbers(angles * radii, seed);
            let path = closed_path(&score, angles, radii, reach, 0.0625);
            assert_eq!(path, noted_path(&score, angles, radii, reach, 0.0625), "{angles} x {radii}, {reach}");
        }
    }

    #[test]
    fn edges_are_those_of_the_definition() {
        // A whole set of lanes and a part of one.
        let (angles, radii) = (LANES + 6, 40);
        let values = numbers(angles * radii, 1);
        let weights: Vec<f32> = numbers(angles * radii, 2).iter().map(|&w| if w < 0.4 { 0.0 } else { 1.0 }).collect();
        let ring = Ring { angles, radii, first: 10.0, step: 0.5, values: values.clone(), weights: weights.clone() };
        let (edges, inner) = ring.edges(|rho| 0.1 * rho);
        for angle in 0..angles {
            for radius in 0..radii {
                let at = angle * radii + radius;
                let reach = (0.1 * ring.radius(radius as f32) / 0.5 + 0.5) as usize;
                let mean = |window: Range<usize>| {
                    let window = angle * radii + window.start..angle * radii + window.end;
                    let count: f32 = weights[window.clone()].iter().sum();
                    let sum: f32 = window.clone().map(|i| weights[i] * values[i]).sum();
                    (count >= 0.5 * window.len() as f32).then_some(sum / count)
                };
                let inside = mean(radius.saturating_sub(reach)..radius);
                let outside = mean(radius + 1..(radius + 1 + reach).min(radii));
                let expected = match (inside, outside) {
                    (Some(inside), Some(outside)) if radius > 0 && radius + 1 < radii => [outside - inside, inside],
                    _ => [0.0; 2],
                };
                for (found, expected) in [edges[at], inner[at]].into_iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-5, "{angle}, {radius}: {found}, expected {expected}");
                }
            }
        }
    }

    #[test]
    fn ranks_are_those_of_sorted_values() {
        for (seed, count) in [1, 2, 3, 10, 257].into_iter().enumerate() {
            let values = numbers(count, seed as u32);
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            for ranks in [[0, 0, count - 1], [0, count / 2, count / 2], [count / 3, count / 2, count - 1]] {
                assert_eq!(ranked(&mut values.clone(), ranks), ranks.map(|rank| sorted[rank]), "{ranks:?} of {count}");
            }
        }
    }

    /// Any number of angles works; those of the tables give the same as the library.
    #[test]
    fn turns_are_those_of_the_library() {
        for count in [3, 64, 100, 128, 256, 512, 1024] {
            for (i, ((sin, cos), (long_sin, long_cos))) in turns(count).zip(long_turns(count)).enumerate() {
                assert_eq!((sin, cos), (i as f32 * TAU / count as f32).sin_cos());
                let angle = i as f64 * core::f64::consts::TAU / count as f64;
                assert!((long_sin - angle.sin()).abs() < 1e-14 && (long_cos - angle.cos()).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn a_stretched_curve_has_the_products_for_radii() {
        let curve = Curve { centre: [3.0, 4.0], series: vec![50.0, 1.0, -2.0, 0.5, 0.25] };
        let shape = Shape { a: 0.06, b: -0.03 };
        let stretched = shape.stretched(&curve);
        for part in 0..64 {
            let angle = part as f32 * TAU / 64.0;
            let factor = 1.0 + shape.a * (2.0 * angle).cos() + shape.b * (2.0 * angle).sin();
            let (found, expected) = (stretched.radius(angle), curve.radius(angle) * factor);
            assert!((found - expected).abs() < 0.02, "{part}: {found}, expected {expected}");
        }
        assert_eq!(Shape::ROUND.stretched(&curve).series, curve.series);
    }

    /// Every number of harmonics finds the series that the radii were made of.
    #[test]
    fn a_series_is_found_again() {
        for harmonics in 0..=8 {
            let series: Vec<f32> = (0..=2 * harmonics).map(|i| if i == 0 { 50.0 } else { 3.0 / i as f32 }).collect();
            let curve = Curve { centre: [0.0; 2], series: series.clone() };
            let radii: Vec<f32> = curve.radii(256).collect();
            let found = fit_series(&radii, &[1.0; 256], harmonics, 1e-9);
            assert_eq!(found.len(), series.len());
            for (found, expected) in found.iter().zip(&series) {
                assert!((found - expected).abs() < 1e-3, "{harmonics}: {found}, expected {expected}");
            }
        }
    }
}
