//! The iris' own pattern, on a polar grid between pupil and limbus.

use core::f64::consts::TAU;

use super::numeric::{Lattice, LatticeLine, Stream, bell, floor, sin_cos, smoothstep, wrap};
use super::traits::{TextureStyle, Traits};

/// Length of the unrolled iris over its breadth: 2π · mean radius 0.7 / breadth 0.62.
///
/// One unit of `u` (a full turn) is this many units of `v` (pupil to limbus), for round things to be round.
const TURN: f64 = 7.1;

/// Tones of an iris: `u` runs once around (0…1, clockwise on the screen from +x), `v` from pupil to limbus.
pub(super) struct Polar {
    columns: usize,
    rows: usize,
    tones: Vec<f32>,
}

/// One octave of noise in `u` and `v`.
struct Octave {
    lattice: Lattice,
    line: LatticeLine,
    around: f64,
    outward: f64,
    weight: f32,
}

impl Octave {
    /// Noise of `around` cycles per turn and `outward` cycles per breadth; fades out before the grid's
    /// own resolution would alias it, so that every picture of an iris shows the same pattern.
    fn new(s: &mut Stream, around: u32, outward: f64, weight: f64, grid: (usize, usize)) -> Self {
        let lattice = Lattice::new(s, around as usize, outward as usize + 3);
        let visible = |frequency: f64, samples: usize| ((0.5 * samples as f64 / frequency - 1.0) / 0.5).clamp(0.0, 1.0);
        let weight = weight * visible(f64::from(around), grid.0) * visible(outward, grid.1);
        Self { lattice, line: LatticeLine::default(), around: f64::from(around), outward, weight: weight as f32 }
    }

    /// Moves to the ring at `v`.
    fn set_ring(&mut self, v: f64) {
        self.line.set(&self.lattice, v * self.outward);
    }

    /// The noise at `u` of the ring.
    fn raw(&self, u: f64) -> f32 {
        self.line.at(u * self.around)
    }

    fn at(&self, u: f64) -> f32 {
        if self.weight == 0.0 { 0.0 } else { self.weight * self.raw(u) }
    }

    /// Bright threads along the zero lines of the noise.
    fn threads(&self, u: f64) -> f32 {
        if self.weight == 0.0 { 0.0 } else { self.weight * (0.26 - self.raw(u).abs()) * 1.6 }
    }
}

impl Polar {
    /// Draws the iris for a picture in which it has `radius` pixels, lit from direction `light` (radians).
    pub(super) fn draw(traits: &Traits, radius: f64, light: f64) -> Self {
        let columns = ((TAU * radius) as usize).clamp(256, 2048);
        let rows = ((radius * 0.68) as usize).clamp(40, 280);
        let style = &traits.texture;
        let mut tissue = Tissue::new(traits.seed, style, (columns, rows));
        let collarette: Vec<f64> = (0..columns).map(|c| tissue.collarette(c as f64 / columns as f64)).collect();
        let mut polar = Self { columns, rows, tones: Vec::with_capacity(columns * rows) };
        for row in 0..rows {
            let v = row as f64 / (rows - 1) as f64;
            tissue.set_ring(v);
            for (column, place) in collarette.iter().enumerate() {
                polar.tones.push(tissue.at(column as f64 / columns as f64, v, *place));
            }
        }
        polar.add_details(&mut Stream::new(traits.seed, "iris details"), style, &tissue);
        polar.finish(style, light);
        polar
    }

    /// Tone at a place, bilinear; `u` wraps, `v` is held at the ends. Mean about 1.
    pub(super) fn at(&self, u: f64, v: f64) -> f32 {
        let x = (u - f64::from(floor(u))) * self.columns as f64;
        let y = v.clamp(0.0, 1.0) * (self.rows - 1) as f64;
        let (left, top) = ((x as usize).min(self.columns - 1), (y as usize).min(self.rows - 2));
        let (fx, fy) = ((x - left as f64) as f32, (y - top as f64) as f32);
        let right = if left + 1 == self.columns { 0 } else { left + 1 };
        let row = |r: usize| {
            let line = &self.tones[r * self.columns..(r + 1) * self.columns];
            line[left] + (line[right] - line[left]) * fx
        };
        let upper = row(top);
        upper + (row(top + 1) - upper) * fy
    }

    /// Calls `paint(u distance, v distance, tone)` (distances in breadths) for the grid points near a place.
    fn near(&mut self, u: f64, v: f64, reach: f64, mut paint: impl FnMut(f64, f64, &mut f32)) {
        let across = (reach / TURN * self.columns as f64) as i32 + 1;
        let middle = (u * self.columns as f64) as i32;
        let low = (((v - reach) * (self.rows - 1) as f64).floor().max(0.0)) as usize;
        let high = ((v + reach) * (self.rows - 1) as f64).ceil().clamp(0.0, (self.rows - 1) as f64) as usize;
        for row in low..=high {
            let dv = row as f64 / (self.rows - 1) as f64 - v;
            for column in middle - across..=middle + across {
                let du = (f64::from(column) / self.columns as f64 - u) * TURN;
                let column = wrap(column, self.columns);
                paint(du, dv, &mut self.tones[row * self.columns + column]);
            }
        }
    }

    /// Crypts, contraction furrows, pigment spots and nodules.
    fn add_details(&mut self, s: &mut Stream, style: &TextureStyle, tissue: &Tissue<'_>) {
        let ragged = Lattice::new(s, 64, 64);
        for _ in 0..style.crypts {
            let u = s.unit();
            // Three in five lie along the collarette (Fuchs' crypts), the others towards the limbus.
            let v = if s.chance(0.6) {
                tissue.collarette(u) + s.about(0.10, 0.07, -0.06, 0.3)
            } else {
                s.between(0.5, 0.92)
            };
            let size = s.between(0.022, 0.060) * if s.chance(0.15) { 1.6 } else { 1.0 };
            let (half_u, half_v) = (size * s.between(0.5, 1.1), size * s.between(1.0, 2.3));
            let depth = style.crypt_depth * s.between(0.5, 1.3);
            let lean = s.about(0.0, 0.25, -0.6, 0.6);
            let corner = s.between(0.0, 60.0);
            self.near(u, v, half_v * 2.2, |du, dv, tone| {
                let (x, y) = ((du - lean * dv) / half_u, dv / half_v);
                let wobble = f64::from(ragged.at(corner + du * 24.0, corner + dv * 24.0));
                // Between a disc and a lozenge.
                let q = (x * x + y * y + 0.8 * (x * y).abs()).sqrt() + 0.35 * wobble;
                let floor = 1.0 - smoothstep(0.55, 1.0, q);
                let rim = bell((q - 1.12) / 0.2);
                *tone += (-depth * floor + 0.30 * depth * rim) as f32;
            });
        }
        for _ in 0..style.furrows {
            let (u, v) = (s.unit(), s.between(0.52, 0.94));
            let half = s.between(0.35, 1.5);
            let depth = style.furrow_depth * s.between(0.6, 1.4);
            let width = s.between(0.012, 0.022);
            let phase = s.between(0.0, 60.0);
            let across = half;
            self.near(u, v, across, |du, dv, tone| {
                if dv.abs() > 0.12 {
                    return;
                }
                let wave = 0.09 * f64::from(ragged.at(phase + du * 1.6, phase));
                let fade = 1.0 - smoothstep(0.5, 1.0, du.abs() / half);
                let line = bell((dv - wave) / width) - 0.5 * bell((dv - wave - 2.4 * width) / width);
                *tone -= (depth * fade * line) as f32;
            });
        }
        for _ in 0..style.spots {
            let (u, v) = (s.unit(), s.between(0.3, 0.97));
            let size = s.between(0.012, 0.034);
            let depth = s.between(0.18, 0.45);
            self.near(u, v, size * 2.5, |du, dv, tone| {
                let q = (du * du + dv * dv).sqrt() / size;
                *tone -= (depth * (1.0 - smoothstep(0.6, 1.4, q))) as f32;
            });
        }
        for _ in 0..style.nodules {
            let (u, v) = (s.unit(), s.between(0.72, 0.9));
            let size = s.between(0.03, 0.055);
            self.near(u, v, size * 2.5, |du, dv, tone| {
                let q = (du * du + dv * dv).sqrt() / size;
                *tone += (0.14 * (1.0 - smoothstep(0.3, 1.3, q))) as f32;
            });
        }
    }

    /// Adds the light's play on the relief, sets the contrast, and darkens the edges.
    fn finish(&mut self, style: &TextureStyle, light: f64) {
        let heights = self.tones.clone();
        for row in 0..self.rows {
            let v = row as f64 / (self.rows - 1) as f64;
            let limbal = 1.0 - style.limbal_ring * smoothstep(0.80, 1.0, v);
            // The pupillary ruff: a narrow dark seam.
            let ruff = 1.0 - 0.16 * bell(v / 0.028);
            let (above, below) = (row.saturating_sub(1), (row + 1).min(self.rows - 1));
            for column in 0..self.columns {
                let at = |r: usize, c: usize| heights[r * self.columns + c];
                let left = at(row, (column + self.columns - 1) % self.columns);
                let right = at(row, (column + 1) % self.columns);
                let (sine, cosine) = sin_cos(light - TAU * column as f64 / self.columns as f64);
                // Slopes per breadth, along the turn and outwards; matt tissue facing the light is brighter.
                let along = f64::from(right - left) * self.columns as f64 / (2.0 * TURN);
                let outward = f64::from(at(below, column) - at(above, column)) * (self.rows - 1) as f64 / 2.0;
                let shade = (along * sine + outward * cosine) * 0.007;
                let height = f64::from(at(row, column));
                let tone = 1.0 + style.contrast * (height + shade.clamp(-0.10, 0.10));
                // Soft limits instead of clipping: no structure is darker than 0.35 or brighter than 1.75.
                let bounded = 1.0 + soft(tone - 1.0, if tone < 1.0 { 0.65 } else { 0.75 });
                self.tones[row * self.columns + column] = (bounded * limbal * ruff) as f32;
            }
        }
    }
}

/// x for small x, approaching ±limit for large.
fn soft(x: f64, limit: f64) -> f64 {
    x / (1.0 + (x / limit) * (x / limit)).sqrt()
}

/// The continuous part of the pattern.
struct Tissue<'a> {
    style: &'a TextureStyle,
    bend: [Octave; 2],
    inner: Vec<Octave>,
    outer: Vec<Octave>,
    mottling: Vec<Octave>,
    knots: Octave,
    ruff: Octave,
    /// Octaves of the collarette's course.
    waves: [Octave; 3],
}

impl<'a> Tissue<'a> {
    fn new(seed: u64, style: &'a TextureStyle, grid: (usize, usize)) -> Self {
        let s = &mut Stream::new(seed, "iris tissue");
        let mut octave = |around: u32, outward: f64, weight: f64| Octave::new(s, around, outward, weight, grid);
        let bend = [octave(14, 3.0, 0.008), octave(36, 6.0, 0.0045)];
        let fibres = style.fibres;
        let inner = vec![
            octave(26, 2.0, 0.20 * fibres),
            octave(52, 2.4, 0.26 * fibres),
            octave(90, 3.0, 0.20 * fibres),
            octave(150, 5.0, 0.10 * fibres),
        ];
        let outer = vec![
            octave(18, 1.4, 0.29 * fibres),
            octave(36, 1.8, 0.27 * fibres),
            octave(66, 2.4, 0.24 * fibres),
            octave(110, 3.0, 0.17 * fibres),
            octave(180, 5.0, 0.09 * fibres),
        ];
        let blot = style.mottling;
        let mottling = vec![
            octave(8, 1.4, 0.14 * blot),
            octave(14, 1.7, 0.28 * blot),
            octave(23, 2.4, 0.15 * blot),
            octave(41, 7.0, 0.07 * blot),
            octave(83, 14.0, 0.05 * blot),
            octave(171, 24.0, 0.035 * blot),
        ];
        let knots = octave(40, 4.0, 1.0);
        let ruff = octave(72, 2.0, 0.25);
        let mut waves = [octave(9, 1.0, 1.0), octave(23, 1.0, 1.0), octave(61, 1.0, 1.0)];
        // The collarette is one line: any ring between two rows of gradients will do.
        waves.iter_mut().for_each(|wave| wave.set_ring(0.4));
        Self { style, bend, inner, outer, mottling, knots, ruff, waves }
    }

    /// Where between pupil and limbus the collarette runs: in the large a wave, in the small a zigzag.
    fn collarette(&self, u: f64) -> f64 {
        let [long, middle, short] = &self.waves;
        let teeth = 0.085 * f64::from(middle.raw(u)).abs() + 0.03 * f64::from(short.raw(u)) - 0.02;
        self.style.collarette + 0.075 * f64::from(long.raw(u)) + self.style.zigzag * teeth
    }

    /// Moves to the ring at `v`.
    fn set_ring(&mut self, v: f64) {
        let threads = self.inner.iter_mut().chain(&mut self.outer);
        let others = self.bend.iter_mut().chain(&mut self.mottling).chain([&mut self.knots, &mut self.ruff]);
        threads.chain(others).for_each(|octave| octave.set_ring(v));
    }

    /// Height of the tissue (bright is high) at a place of the ring, the collarette being at `collarette`.
    fn at(&self, u: f64, v: f64, collarette: f64) -> f32 {
        let style = self.style;
        let [coarse, fine] = &self.bend;
        let bent = u + f64::from(coarse.at(u) + fine.at(u));
        let from_collarette = v - collarette;
        let zone = smoothstep(-0.05, 0.05, from_collarette);
        let mut tone = 0.0_f32;
        if zone < 1.0 {
            let sum: f32 = self.inner.iter().map(|o| o.threads(bent)).sum();
            tone += (1.0 - zone) as f32 * (sum + style.inner_zone as f32);
        }
        if zone > 0.0 {
            let sum: f32 = self.outer.iter().map(|o| o.threads(bent)).sum();
            tone += zone as f32 * sum;
        }
        tone += self.mottling.iter().map(|o| o.at(bent)).sum::<f32>();
        if from_collarette.abs() < 0.25 {
            let knots = 0.6 + 0.9 * f64::from(self.knots.raw(u));
            let ridge = 0.13 * bell(from_collarette / 0.030) * knots - 0.07 * bell((from_collarette - 0.075) / 0.035);
            tone += (style.collarette_strength * ridge) as f32;
        }
        if v < 0.12 {
            tone += self.ruff.at(u) * (1.0 - v as f32 / 0.12);
        }
        tone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iris::EyeSide;

    #[test]
    fn the_pattern_closes_and_keeps_its_range() {
        let polar = Polar::draw(&Traits::new(8, EyeSide::Left), 100.0, 1.0);
        let mut sum = 0.0;
        for i in 0..=1000 {
            let v = f64::from(i) / 1000.0;
            assert!((polar.at(0.0, v) - polar.at(1.0, v)).abs() < 1e-4);
            let tone = polar.at(f64::from(i) * 0.1237, v);
            assert!((0.2..=1.8).contains(&tone));
            sum += tone;
        }
        assert!((0.8..1.15).contains(&(sum / 1001.0)), "mean tone {}", sum / 1001.0);
    }

    #[test]
    fn two_sizes_show_one_pattern() {
        let traits = Traits::new(9, EyeSide::Right);
        let (small, large) = (Polar::draw(&traits, 90.0, 0.0), Polar::draw(&traits, 220.0, 0.0));
        let points = || (0..4000).map(|i| (f64::from(i) * 0.618_034, f64::from(i % 97) / 97.0));
        let (a, b): (Vec<f64>, Vec<f64>) =
            points().map(|(u, v)| (f64::from(small.at(u, v)), f64::from(large.at(u, v)))).unzip();
        assert!(correlation(&a, &b) > 0.85, "correlation {}", correlation(&a, &b));
    }

    fn correlation(a: &[f64], b: &[f64]) -> f64 {
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let (ma, mb) = (mean(a), mean(b));
        let product =
            |x: &[f64], y: &[f64], mx: f64, my: f64| x.iter().zip(y).map(|(p, q)| (p - mx) * (q - my)).sum::<f64>();
        product(a, b, ma, mb) / (product(a, a, ma, ma) * product(b, b, mb, mb)).sqrt()
    }
}
