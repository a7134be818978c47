//! Arithmetic that gives the same bits on every machine, random streams, and lattice noise.
//!
//! `sin`, `exp` and their like come from each platform's mathematics library and differ in the last
//! bit between them. Pictures that are pinned by a hash may not: everything here is made of `+ - * /`,
//! `sqrt` and rounding, which IEEE 754 defines to the bit, and Rust never fuses or reorders them.

use core::f64::consts::{FRAC_2_PI, FRAC_PI_2, FRAC_PI_4, PI};

/// Sine and cosine of an angle in radians, to about 1e-14 for |x| below a thousand.
pub(super) fn sin_cos(x: f64) -> (f64, f64) {
    // Cody and Waite: pi/2 as a sum of two doubles, so that the reduced angle keeps its digits.
    const LOW: f64 = 6.123_233_995_736_766e-17;
    let quarters = (x * FRAC_2_PI).round();
    let r = (x - quarters * FRAC_PI_2) - quarters * LOW;
    let z = r * r;
    // Taylor series of Horner form; |r| <= pi/4 makes the first omitted terms smaller than 1e-15.
    let sine = r
        * (1.0
            - z / 6.0
                * (1.0
                    - z / 20.0
                        * (1.0
                            - z / 42.0
                                * (1.0 - z / 72.0 * (1.0 - z / 110.0 * (1.0 - z / 156.0 * (1.0 - z / 210.0)))))));
    let cosine = 1.0
        - z / 2.0
            * (1.0
                - z / 12.0
                    * (1.0
                        - z / 30.0
                            * (1.0
                                - z / 56.0
                                    * (1.0 - z / 90.0 * (1.0 - z / 132.0 * (1.0 - z / 182.0 * (1.0 - z / 240.0)))))));
    match (quarters as i64).rem_euclid(4) {
        0 => (sine, cosine),
        1 => (cosine, -sine),
        2 => (-sine, -cosine),
        _ => (-cosine, sine),
    }
}

/// Angle of the vector (x, y) in radians, −π to π; 0 for the null vector.
pub(super) fn atan2(y: f64, x: f64) -> f64 {
    let (small, large) = if y.abs() < x.abs() { (y.abs(), x.abs()) } else { (x.abs(), y.abs()) };
    if large == 0.0 {
        return 0.0;
    }
    let ratio = small / large;
    // tan(pi/8): beyond it the addition theorem with tan(pi/4) = 1 keeps the argument below 0.4143.
    let (base, t) =
        if ratio > 0.414_213_562_373_095_03 { (FRAC_PI_4, (ratio - 1.0) / (ratio + 1.0)) } else { (0.0, ratio) };
    let z = t * t;
    // Reciprocals of the odd numbers, written as divisions that the compiler carries out.
    const SERIES: [f64; 13] = [
        1.0 / 25.0,
        1.0 / 23.0,
        1.0 / 21.0,
        1.0 / 19.0,
        1.0 / 17.0,
        1.0 / 15.0,
        1.0 / 13.0,
        1.0 / 11.0,
        1.0 / 9.0,
        1.0 / 7.0,
        1.0 / 5.0,
        1.0 / 3.0,
        1.0,
    ];
    let series = SERIES.iter().fold(0.0, |sum, term| term - z * sum);
    let mut angle = base + t * series;
    if y.abs() >= x.abs() {
        angle = FRAC_PI_2 - angle;
    }
    if x < 0.0 {
        angle = PI - angle;
    }
    if y < 0.0 { -angle } else { angle }
}

/// e to the power x, for x in −700…700, to about 1e-14 relative.
pub(super) fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let doublings = (x * core::f64::consts::LOG2_E).round();
    let r = x - doublings * core::f64::consts::LN_2;
    let mut series = 1.0;
    for n in (1..14).rev() {
        series = 1.0 + series * r / f64::from(n);
    }
    // |x| <= 700 keeps the exponent field inside 1..2046.
    series * f64::from_bits(((doublings as i64 + 1023) as u64) << 52)
}

/// 0 below `low`, 1 above `high`, smooth (zero slope at both ends) between; falls where `low` > `high`.
pub(super) fn smoothstep(low: f64, high: f64, x: f64) -> f64 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A bell of height 1 and half-height half-width of about 0.64, without an exponential.
pub(super) fn bell(x: f64) -> f64 {
    let d = 1.0 + x * x;
    1.0 / (d * d)
}

/// SplitMix64's finaliser: a bijection of 64 bits whose every output bit depends on every input bit.
pub(super) fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A stream of numbers that depends on a seed and a label only (SplitMix64, Steele et al. 2014).
///
/// Each part of an eye draws from a stream of its own label, so that a change in how one part is made
/// moves no other.
#[derive(Clone, Debug)]
pub(super) struct Stream(u64);

impl Stream {
    pub(super) fn new(seed: u64, label: &str) -> Self {
        // FNV-1a over the label, then scrambled with the seed.
        let label =
            label.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3));
        Self(scramble(scramble(seed ^ 0x9E37_79B9_7F4A_7C15) ^ label))
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        scramble(self.0)
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform in [low, high).
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Nearly normal with mean 0 and standard deviation 1, never beyond ±3.5 (Irwin–Hall of four).
    pub(super) fn normal(&mut self) -> f64 {
        (self.unit() + self.unit() + self.unit() + self.unit() - 2.0) * 1.732_050_807_568_877_2
    }

    /// Normal about `mean`, held inside `low`…`high`.
    pub(super) fn about(&mut self, mean: f64, deviation: f64, low: f64, high: f64) -> f64 {
        (mean + deviation * self.normal()).clamp(low, high)
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in low…high, both included.
    pub(super) fn count(&mut self, low: u32, high: u32) -> u32 {
        low + (self.unit() * f64::from(high - low + 1)) as u32
    }
}

/// Largest whole number not above x, for |x| below 2³¹; `f64::floor` is a call on plain x86-64.
pub(super) fn floor(x: f64) -> i32 {
    let whole = x as i32;
    whole - i32::from(f64::from(whole) > x)
}

/// Remainder, never negative, of an index that is rarely outside its period: divides only then.
pub(super) fn wrap(index: i32, period: usize) -> usize {
    match usize::try_from(index) {
        Ok(index) if index < period => index,
        Ok(index) => index % period,
        Err(_) => period - 1 - (index + 1).unsigned_abs() as usize % period,
    }
}

/// Gradient noise (Perlin 1985) on a lattice that repeats in both directions.
#[derive(Clone, Debug)]
pub(super) struct Lattice {
    across: usize,
    down: usize,
    gradients: Vec<[f32; 2]>,
}

impl Lattice {
    /// A lattice of `across` × `down` random gradients.
    pub(super) fn new(stream: &mut Stream, across: usize, down: usize) -> Self {
        let (across, down) = (across.max(1), down.max(1));
        let gradients = (0..across * down)
            .map(|_| {
                let bits = stream.bits();
                let part = |b: u64| (b & 0xFFFF) as f32 * (1.0 / 32_768.0) - 1.0;
                [part(bits), part(bits >> 16)]
            })
            .collect();
        Self { across, down, gradients }
    }

    /// The noise at a point in lattice units: mean 0, standard deviation about 0.3, within ±1.5.
    pub(super) fn at(&self, x: f64, y: f64) -> f32 {
        let (column, row) = (floor(x), floor(y));
        let (fx, fy) = ((x - f64::from(column)) as f32, (y - f64::from(row)) as f32);
        let (left, top) = (wrap(column, self.across), wrap(row, self.down));
        let right = if left + 1 == self.across { 0 } else { left + 1 };
        let bottom = if top + 1 == self.down { 0 } else { top + 1 };
        let (first, second) = (&self.gradients[top * self.across..], &self.gradients[bottom * self.across..]);
        let corner = |line: &[[f32; 2]], c: usize, dx: f32, dy: f32| {
            let [gx, gy] = line[c];
            gx * dx + gy * dy
        };
        let (sx, sy) = (fade(fx), fade(fy));
        let upper = corner(first, left, fx, fy) * (1.0 - sx) + corner(first, right, fx - 1.0, fy) * sx;
        let lower = corner(second, left, fx, fy - 1.0) * (1.0 - sx) + corner(second, right, fx - 1.0, fy - 1.0) * sx;
        1.4 * (upper * (1.0 - sy) + lower * sy)
    }
}

/// A [`Lattice`] along one line of constant y: what depends on y alone is worked out once per column.
#[derive(Clone, Debug, Default)]
pub(super) struct LatticeLine {
    /// Noise near a column is `slope · (distance from it) + height`, before fading to the next.
    columns: Vec<[f32; 2]>,
}

impl LatticeLine {
    /// Moves to the line at `y` of `lattice`.
    pub(super) fn set(&mut self, lattice: &Lattice, y: f64) {
        let row = floor(y);
        let fy = (y - f64::from(row)) as f32;
        let top = wrap(row, lattice.down);
        let bottom = if top + 1 == lattice.down { 0 } else { top + 1 };
        let lower = fade(fy);
        let upper = 1.0 - lower;
        let line = |r: usize| &lattice.gradients[r * lattice.across..(r + 1) * lattice.across];
        self.columns.clear();
        self.columns.extend(line(top).iter().zip(line(bottom)).map(|(a, b)| {
            [1.4 * (a[0] * upper + b[0] * lower), 1.4 * (a[1] * fy * upper + b[1] * (fy - 1.0) * lower)]
        }));
    }

    /// The noise at `x`; the line must have been set.
    pub(super) fn at(&self, x: f64) -> f32 {
        let column = floor(x);
        let fx = (x - f64::from(column)) as f32;
        let left = wrap(column, self.columns.len());
        let right = if left + 1 == self.columns.len() { 0 } else { left + 1 };
        let ([slope, height], [next_slope, next_height]) = (self.columns[left], self.columns[right]);
        let (here, there) = (slope * fx + height, next_slope * (fx - 1.0) + next_height);
        here + (there - here) * fade(fx)
    }
}

/// Perlin's fade (2002): from 0 to 1 with vanishing first and second derivatives at both ends.
fn fade(t: f32) -> f32 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

/// Several octaves of noise summed once on a square that repeats, for quick bilinear reading.
#[derive(Clone, Debug)]
pub(super) struct Tile {
    /// Length of the square's side.
    side: f64,
    values: Vec<f32>,
}

/// Samples along each side of a [`Tile`]; a power of two.
const TILE_SAMPLES: usize = 256;

impl Tile {
    /// Sums `octaves` of (cycles per side, strength) on a square of the given side.
    pub(super) fn new(stream: &mut Stream, side: f64, octaves: &[(usize, f32)]) -> Self {
        let mut values = vec![0.0; TILE_SAMPLES * TILE_SAMPLES];
        for &(cycles, strength) in octaves {
            let lattice = Lattice::new(stream, cycles, cycles);
            let step = cycles as f64 / TILE_SAMPLES as f64;
            for (row, line) in values.chunks_exact_mut(TILE_SAMPLES).enumerate() {
                for (column, value) in line.iter_mut().enumerate() {
                    *value += strength * lattice.at(column as f64 * step, row as f64 * step);
                }
            }
        }
        Self { side, values }
    }

    pub(super) fn at(&self, x: f64, y: f64) -> f32 {
        let scale = TILE_SAMPLES as f64 / self.side;
        let (x, y) = (x * scale, y * scale);
        let (column, row) = (floor(x), floor(y));
        let (fx, fy) = ((x - f64::from(column)) as f32, (y - f64::from(row)) as f32);
        // The sign-extending cast keeps the low bits, which are all that the mask leaves.
        let cell = |c: i32, r: i32| {
            let (c, r) = (c as usize & (TILE_SAMPLES - 1), r as usize & (TILE_SAMPLES - 1));
            self.values[r * TILE_SAMPLES + c]
        };
        let (a, b) = (cell(column, row), cell(column + 1, row));
        let (c, d) = (cell(column, row + 1), cell(column + 1, row + 1));
        let (upper, lower) = (a + (b - a) * fx, c + (d - c) * fx);
        upper + (lower - upper) * fy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_agree_with_the_platform() {
        for i in -4000..4000 {
            let x = f64::from(i) * 0.0173;
            let (s, c) = sin_cos(x);
            assert!((s - x.sin()).abs() < 1e-13 && (c - x.cos()).abs() < 1e-13, "sin_cos({x})");
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-12, "exp({x})");
            let y = f64::from(i % 37) - 18.0;
            assert!((atan2(y, x) - y.atan2(x)).abs() < 1e-11, "atan2({y}, {x})");
        }
        assert_eq!(atan2(0.0, 0.0), 0.0);
    }

    #[test]
    fn streams_differ_by_label_and_seed_and_have_their_moments() {
        let mut a = Stream::new(1, "iris");
        assert_ne!(a.clone().bits(), Stream::new(2, "iris").bits());
        assert_ne!(a.clone().bits(), Stream::new(1, "lids").bits());
        let sample: Vec<f64> = (0..20_000).map(|_| a.normal()).collect();
        let mean = sample.iter().sum::<f64>() / 20_000.0;
        let variance = sample.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "mean {mean}, variance {variance}");
        assert!((0..1000).all(|_| (3..=5).contains(&a.count(3, 5))));
    }

    #[test]
    fn indices_wrap_like_euclid() {
        for period in [1_i32, 2, 7, 64] {
            for index in -300_i32..300 {
                let expected = usize::try_from(index.rem_euclid(period));
                assert_eq!(Ok(wrap(index, period.unsigned_abs() as usize)), expected);
            }
        }
        assert_eq!((wrap(i32::MIN, 7), wrap(i32::MAX, 7)), (5, 1));
    }

    #[test]
    fn noise_repeats_and_is_centred() {
        let lattice = Lattice::new(&mut Stream::new(5, "noise"), 7, 5);
        let mut sum = 0.0;
        for i in 0..7000 {
            let (x, y) = (f64::from(i) * 0.001, f64::from(i % 50) * 0.1);
            assert!((lattice.at(x, y) - lattice.at(x + 7.0, y - 5.0)).abs() < 1e-5);
            sum += f64::from(lattice.at(x, y));
        }
        assert!((sum / 7000.0).abs() < 0.15);
        let mut line = LatticeLine::default();
        for i in 0..60 {
            let y = f64::from(i) * 0.173 - 4.0;
            line.set(&lattice, y);
            for j in 0..60 {
                let x = f64::from(j) * 0.291 - 6.0;
                assert!((line.at(x) - lattice.at(x, y)).abs() < 1e-5);
            }
        }
    }
}
