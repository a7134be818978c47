//! The measures of open-iris 1.11, for comparing results with its.
//!
//! They are floating point, and none of them decides anything in this crate. [`Measure::Plain`] is the fractional Hamming
//! distance; the others distrust distances that rest on few bits:
//!
//! ```text
//!   normalised(d, c) = max(0, m − (m − d/c) · (g·c + 1/2))       d = disagreeing, c = compared, m = 0.45, g = 5e−5
//! ```
//!
//! which leaves a distance alone at c = 10,000. [`Measure::NormalisedHalves`] is the default of `HammingDistanceMatcher`.
//! It counts the upper half (columns from the middle on) and the lower half of the iris apart, takes every count twice (so
//! that a half weighs like a whole), and gives the mean of two values: the normalised distance of all counts, and the mean
//! of the halves' normalised distances, weighted by their compared bits. By that a template is at distance 0.005 to itself,
//! two strangers may be beyond 0.5, and the measure changes when probe and reference are exchanged.

use alloc::vec::Vec;

use super::Incomparable;
use super::compare::check;
use crate::iris::{IrisTemplate, Layout, Rotation};

/// The numbers of the normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation {
    /// The distance expected of two strangers. Default 0.45.
    pub mean: f64,
    /// How much trust one compared bit brings. Default 0.00005.
    pub gradient: f64,
}

impl Default for Normalisation {
    fn default() -> Self {
        Self { mean: 0.45, gradient: 5e-5 }
    }
}

impl Normalisation {
    /// The formula of the [module page](self); `compared` is not zero.
    fn apply(self, counts: FloatCounts) -> f64 {
        let trust = self.gradient * counts.compared + 0.5;
        f64::max(0.0, self.mean - (self.mean - counts.disagreeing / counts.compared) * trust)
    }
}

/// How open-iris can be told to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// Disagreeing by compared: `SimpleHammingDistanceMatcher`, and `HammingDistanceMatcher` with `normalise=False`.
    Plain,
    /// `normalise=True, separate_half_matching=False`.
    Normalised(Normalisation),
    /// `normalise=True, separate_half_matching=True`.
    NormalisedHalves(Normalisation),
}

impl Measure {
    fn distance(self, [upper, lower]: [FloatCounts; 2]) -> f64 {
        let whole = upper + lower;
        match self {
            Self::Plain => whole.disagreeing / whole.compared,
            Self::Normalised(normalisation) => normalisation.apply(whole),
            Self::NormalisedHalves(normalisation) => {
                let (upper, lower) = (upper + upper, lower + lower);
                let whole = upper + lower;
                // open-iris asks twice whether the upper half has bits, never whether the lower half has. Without
                // lower bits its 0/0 has weight 0.
                let half = |half: FloatCounts| match (upper.compared > 0.0, half.compared > 0.0) {
                    (true, true) => normalisation.apply(half),
                    (true, false) => 0.0,
                    (false, _) => normalisation.mean,
                };
                let halves = (half(upper) * upper.compared + half(lower) * lower.compared) / whole.compared;
                (normalisation.apply(whole) + halves) / 2.0
            }
        }
    }
}

/// A distance in open-iris' sense.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The smallest distance.
    pub distance: f64,
    /// The turn of the probe that leads there.
    pub rotation: Rotation,
}

/// How much every bit counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    layout: Layout,
    /// By wavelet, row, column, part; scaled so that the weights of one wavelet have the mean 1.
    scaled: Vec<f64>,
}

impl Weights {
    /// Takes one weight per bit, in the order wavelet, row, column, part of open-iris' arrays.
    ///
    /// None if there is not one weight for each bit, or if one is negative or not finite, or if all weights of one
    /// wavelet are zero.
    #[must_use]
    pub fn new(layout: Layout, mut weights: Vec<f64>) -> Option<Self> {
        if weights.len() != layout.bits() || weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0) {
            return None;
        }
        for wavelet in weights.chunks_exact_mut(layout.bits() / Layout::WAVELETS) {
            let mean = wavelet.iter().sum::<f64>() / wavelet.len() as f64;
            if mean == 0.0 || !mean.is_finite() {
                return None;
            }
            wavelet.iter_mut().for_each(|weight| *weight /= mean);
        }
        Some(Self { layout, scaled: weights })
    }

    fn of(&self, wavelet: usize, row: usize, column: usize, part: usize) -> f64 {
        self.scaled[((wavelet * Layout::ROWS + row) * self.layout.columns() + column) * Layout::PARTS + part]
    }
}

/// Measures as open-iris does, at every rotation up to `maximum_rotation`; the smallest distance wins, the nearer rotation
/// among equal ones.
///
/// # Errors
///
/// [`Incomparable`] if layouts or encoders differ, or no rotation leaves a common bit. (open-iris says 1 there.)
///
/// # Examples
///
/// ```
/// use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask};
/// use personhood::matcher::openiris::{Measure, Normalisation, distance};
///
/// let layout = Layout::Columns256;
/// let code = IrisCode::from_fn(layout, |_, row, column, part| (row * column + part) % 7 < 3);
/// let template = IrisTemplate::new(code, Mask::full(layout), EncoderVersion::OpenIris1112)?;
/// let halves = Measure::NormalisedHalves(Normalisation::default());
/// assert_eq!(distance(&template, &template, 15, halves)?.distance, 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn distance(
    probe: &IrisTemplate,
    reference: &IrisTemplate,
    maximum_rotation: u8,
    measure: Measure,
) -> Result<Score, Incomparable> {
    best(probe, reference, maximum_rotation, measure, halves)
}

/// [`distance`] with a weight for every bit of the reference's positions.
///
/// # Errors
///
/// As [`distance`]; also [`Incomparable::Layout`] if the weights are of another layout.
pub fn weighted_distance(
    probe: &IrisTemplate,
    reference: &IrisTemplate,
    maximum_rotation: u8,
    measure: Measure,
    weights: &Weights,
) -> Result<Score, Incomparable> {
    if weights.layout != reference.layout() {
        return Err(Incomparable::Layout { probe: weights.layout, reference: reference.layout() });
    }
    let counts =
        |probe: &IrisTemplate, reference: &IrisTemplate, rotation| weighted_halves(probe, reference, rotation, weights);
    best(probe, reference, maximum_rotation, measure, counts)
}

fn best(
    probe: &IrisTemplate,
    reference: &IrisTemplate,
    maximum_rotation: u8,
    measure: Measure,
    counts: impl Fn(&IrisTemplate, &IrisTemplate, Rotation) -> [FloatCounts; 2],
) -> Result<Score, Incomparable> {
    check(probe, reference.layout(), reference.encoder())?;
    let mut best: Option<Score> = None;
    for rotation in Rotation::nearest_first(maximum_rotation) {
        let halves = counts(probe, reference, rotation);
        if halves[0].compared + halves[1].compared == 0.0 {
            continue;
        }
        let distance = measure.distance(halves);
        if best.is_none_or(|best| distance < best.distance) {
            best = Some(Score { distance, rotation });
        }
    }
    best.ok_or(Incomparable::TooFewBits { compared: 0, minimum: 1 })
}

/// Counts as open-iris has them: of floats, because weights make them so.
#[derive(Clone, Copy, Debug, Default)]
struct FloatCounts {
    disagreeing: f64,
    compared: f64,
}

impl core::ops::Add for FloatCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { disagreeing: self.disagreeing + other.disagreeing, compared: self.compared + other.compared }
    }
}

/// The bits of each column that differ, and those that are compared, with the probe turned.
fn columns<'a>(
    probe: &'a IrisTemplate,
    reference: &'a IrisTemplate,
    rotation: Rotation,
) -> impl Iterator<Item = (u64, u64)> + 'a {
    let count = probe.layout().columns();
    let turn = count - rotation.modulo(probe.layout());
    (0..count).map(move |column| {
        let from = (column + turn) % count;
        let both = probe.mask().columns()[from] & reference.mask().columns()[column];
        let differs = probe.code().columns()[from] ^ reference.code().columns()[column];
        (differs & both, both)
    })
}

/// Columns from the middle on (upper half of the iris), and those before (lower half).
fn halves(probe: &IrisTemplate, reference: &IrisTemplate, rotation: Rotation) -> [FloatCounts; 2] {
    let middle = probe.layout().columns() / 2;
    let mut halves = [FloatCounts::default(); 2];
    for (column, (differs, both)) in columns(probe, reference, rotation).enumerate() {
        let half = &mut halves[usize::from(column < middle)];
        half.disagreeing += f64::from(differs.count_ones());
        half.compared += f64::from(both.count_ones());
    }
    halves
}

fn weighted_halves(
    probe: &IrisTemplate,
    reference: &IrisTemplate,
    rotation: Rotation,
    weights: &Weights,
) -> [FloatCounts; 2] {
    let middle = probe.layout().columns() / 2;
    let mut halves = [FloatCounts::default(); 2];
    for (column, (differs, both)) in columns(probe, reference, rotation).enumerate() {
        let half = &mut halves[usize::from(column < middle)];
        for bit in 0..Layout::BITS_PER_COLUMN {
            if both >> bit & 1 == 1 {
                let weight = weights.of(bit / 16 % 2, bit % 16, column, bit / 32);
                half.compared += weight;
                half.disagreeing += if differs >> bit & 1 == 1 { weight } else { 0.0 };
            }
        }
    }
    halves
}
