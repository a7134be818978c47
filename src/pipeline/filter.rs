//! Answers of complex wavelets on the unrolled iris, sampled on a grid (open-iris `ConvFilterBank`).

mod background;
mod convolve;
mod kernel;

use core::fmt;

use ndarray::Array2;

use super::normalize::NormalizedIris;
use super::privacy::wipe;
use convolve::{Picture, Prepared};

pub use background::Background;
pub use kernel::{Gabor, Kernel, KernelError, LogGabor};

/// Complex answers on the probe grid, `[row][column]`, as `[real, imaginary]`.
pub type Responses = Array2<[f32; 2]>;

/// The answers of one wavelet.
#[derive(Clone)]
pub struct WaveletResponse {
    /// Answers of the wavelet; their signs become the code.
    pub iris: Responses,
    /// How much of each answer rests on valid pixels, 0 to 1; thresholded, it becomes the mask.
    pub mask: Responses,
}

/// The answers of all wavelets; wiped when dropped, for they say as much as the code.
#[derive(Clone)]
pub struct IrisResponse {
    /// One entry per wavelet, in the order of the code.
    pub wavelets: Vec<WaveletResponse>,
}

impl fmt::Debug for IrisResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IrisResponse").field("wavelets", &self.wavelets.len()).finish_non_exhaustive()
    }
}

impl Drop for IrisResponse {
    fn drop(&mut self) {
        for values in self.wavelets.iter_mut().flat_map(|wavelet| [&mut wavelet.iris, &mut wavelet.mask]) {
            if let Some(values) = values.as_slice_memory_order_mut() {
                wipe(values);
            }
        }
    }
}

/// Which rows of the unrolled iris the lowest probes see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BottomEdge {
    /// All rows: open-iris from 1.11.2 on.
    Full,
    /// All but the last row: open-iris up to 1.11.0. Only the last row of the code differs.
    WithoutLastRow,
}

/// How the two mask bits of one answer relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskRule {
    /// The real and the imaginary part have masks of their own: open-iris' default.
    Separate,
    /// Both parts have the imaginary part's mask. iris-mpc's secret sharing counts on that.
    Duplicated,
}

/// Wavelets and the grid on which they are asked.
#[derive(Clone)]
pub struct FilterBank {
    kernels: Vec<Prepared>,
    rows: usize,
    columns: usize,
    mask_rule: MaskRule,
    bottom_edge: BottomEdge,
    background: Option<Background>,
}

impl FilterBank {
    /// A bank that asks every kernel on a regular grid of `rows` × `columns` probes.
    ///
    /// Rows are spread from the pupil to 1/16 before the limbus, columns evenly around the eye.
    #[must_use]
    pub fn new(kernels: &[Kernel], rows: usize, columns: usize, mask_rule: MaskRule, bottom_edge: BottomEdge) -> Self {
        let kernels = kernels.iter().map(Prepared::new).collect();
        Self { kernels, rows, columns, mask_rule, bottom_edge, background: None }
    }

    /// Takes the mean of the surroundings away from every pixel before the kernels see it.
    #[must_use]
    pub fn with_background(mut self, background: Option<Background>) -> Self {
        self.background = background;
        self
    }

    /// Asks every wavelet at every probe.
    #[must_use]
    pub fn respond(&self, iris: &NormalizedIris) -> IrisResponse {
        let (image_rows, image_columns) = iris.image().dim();
        let rows = probe_rows(self.rows, image_rows);
        let columns = probe_columns(self.columns, image_columns);
        let widest = self.kernels.iter().map(Prepared::columns).max().unwrap_or(0);
        let picture = Picture::new(iris, self.background, widest);
        let wavelets = self
            .kernels
            .iter()
            .map(|kernel| kernel.respond(&picture, &rows, &columns, self.mask_rule, self.bottom_edge))
            .collect();
        IrisResponse { wavelets }
    }
}

impl fmt::Debug for FilterBank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilterBank")
            .field("kernels", &self.kernels.len())
            .field("rows", &self.rows)
            .field("columns", &self.columns)
            .field("mask_rule", &self.mask_rule)
            .field("bottom_edge", &self.bottom_edge)
            .field("background", &self.background)
            .finish()
    }
}

/// Share of the radius before the limbus that no probe enters.
const OUTER_MARGIN: f64 = 0.0625;

/// Rows of the unrolled iris (of `length` rows) under the probes, evenly from the first to 15/16 of the radius.
#[must_use]
pub fn probe_rows(count: usize, length: usize) -> Vec<usize> {
    let last = 1.0 - OUTER_MARGIN;
    #[allow(clippy::cast_precision_loss)] // a few dozen
    let at = |i: usize| if i > 0 && i + 1 == count { last } else { i as f64 * (last / (count.max(2) - 1) as f64) };
    (0..count).map(|i| nearest(at(i), length)).collect()
}

/// Columns of the unrolled iris (of `length` columns) under the probes, evenly around, the first at 0.
#[must_use]
pub fn probe_columns(count: usize, length: usize) -> Vec<usize> {
    #[allow(clippy::cast_precision_loss)] // a few hundred
    (0..count).map(|j| nearest(j as f64 * (1.0 / count as f64), length)).collect()
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to the length
fn nearest(position: f64, length: usize) -> usize {
    ((position * length as f64).round_ties_even() as usize).min(length.saturating_sub(1))
}
