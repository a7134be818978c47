//! The sums of the filter bank.
//!
//! A kernel in fixed point takes the fast way: 16-bit pixels times 16-bit weights, summed in 32 bits, which compilers
//! turn into multiply-add instructions on pairs. It is exact: a unit-norm kernel of n values in 1/2¹⁵ has
//! Σ|weights| ≤ √n · 2¹⁵, at most 97 · 2¹⁵, and 255 · 97 · 2¹⁵ < 2³¹. Any other kernel is summed in double precision.

use ndarray::{Array2, Axis};
use zeroize::Zeroizing;

use super::{BottomEdge, Kernel, MaskRule, WaveletResponse};
use crate::pipeline::normalize::NormalizedIris;

/// Rows of weights are padded with zeros to a multiple of this.
const LANES: usize = 8;

/// A kernel ready to be applied.
#[derive(Clone)]
pub(super) struct Prepared {
    rows: usize,
    columns: usize,
    norm: [f32; 2],
    weights: Weights,
}

#[derive(Clone)]
enum Weights {
    Fixed(Table<i16>),
    Float(Table<f64>),
}

/// Weights and their absolute values, each `[real, imaginary]`, rows of `stride` values one after another.
#[derive(Clone)]
struct Table<T> {
    stride: usize,
    parts: [Vec<T>; 2],
    absolute: [Vec<T>; 2],
}

/// What a sum is made of.
trait Weight: Copy + Default {
    fn from_value(value: f64) -> Self;
    fn from_pixel(pixel: u8) -> Self;
    /// Σ weights · values.
    fn dot(weights: &[Self], values: &[Self]) -> f64;
}

impl Weight for i16 {
    #[allow(clippy::cast_possible_truncation)] // `Prepared::new` has checked the range
    fn from_value(value: f64) -> Self {
        value as Self
    }

    fn from_pixel(pixel: u8) -> Self {
        Self::from(pixel)
    }

    fn dot(weights: &[Self], values: &[Self]) -> f64 {
        f64::from(weights.iter().zip(values).map(|(&weight, &value)| i32::from(weight) * i32::from(value)).sum::<i32>())
    }
}

impl Weight for f64 {
    fn from_value(value: f64) -> Self {
        value
    }

    fn from_pixel(pixel: u8) -> Self {
        Self::from(pixel)
    }

    fn dot(weights: &[Self], values: &[Self]) -> f64 {
        weights.iter().zip(values).map(|(weight, value)| weight * value).sum()
    }
}

impl<T: Weight> Table<T> {
    fn new(kernel: &Kernel) -> Self {
        let (rows, columns) = kernel.values().dim();
        let stride = columns.next_multiple_of(LANES);
        let part = |part: usize, of: fn(f64) -> f64| {
            let mut weights = vec![T::default(); rows * stride];
            for ((row, column), value) in kernel.values().indexed_iter() {
                weights[row * stride + column] = T::from_value(of(value[part]));
            }
            weights
        };
        let same = |value: f64| value;
        Self { stride, parts: [part(0, same), part(1, same)], absolute: [part(0, f64::abs), part(1, f64::abs)] }
    }
}

/// The unrolled iris, closed around the eye: `reach` columns repeated on either side, and padding behind.
struct Wrapped<T: zeroize::Zeroize> {
    stride: usize,
    pixels: Zeroizing<Vec<T>>,
    mask: Zeroizing<Vec<T>>,
    /// Valid pixels above and to the left of each corner, rows + 1 by stride + 1.
    counts: Vec<u32>,
}

impl<T: Weight + zeroize::Zeroize> Wrapped<T> {
    fn new(iris: &NormalizedIris, reach: usize) -> Self {
        let (rows, columns) = iris.image().dim();
        let width = columns + 2 * reach;
        // A padded row of weights reads up to LANES - 1 values beyond its last pixel.
        let stride = width + LANES;
        let source = |x: usize| (x + columns * reach.div_ceil(columns) - reach) % columns;
        let mut pixels = Zeroizing::new(vec![T::default(); rows * stride]);
        let mut mask = Zeroizing::new(vec![T::default(); rows * stride]);
        let mut counts = vec![0_u32; (rows + 1) * (stride + 1)];
        for row in 0..rows {
            let (grey, valid) = (iris.image().index_axis(Axis(0), row), iris.mask().index_axis(Axis(0), row));
            let mut count = 0;
            for x in 0..width {
                let (grey, valid) = (grey[source(x)], valid[source(x)]);
                pixels[row * stride + x] = T::from_pixel(grey);
                mask[row * stride + x] = T::from_pixel(u8::from(valid));
                count += u32::from(valid);
                counts[(row + 1) * (stride + 1) + x + 1] = counts[row * (stride + 1) + x + 1] + count;
            }
        }
        Self { stride, pixels, mask, counts }
    }

    /// Copies the pixels under a kernel together: one long sum is faster than many short ones.
    fn gather(&self, values: &[T], rows: [usize; 2], column: usize, width: usize, patch: &mut [T]) {
        for (row, target) in (rows[0]..rows[1]).zip(patch.chunks_exact_mut(width)) {
            let start = row * self.stride + column;
            target.copy_from_slice(&values[start..start + width]);
        }
    }

    /// Valid pixels in the rectangle.
    fn valid(&self, rows: [usize; 2], columns: [usize; 2]) -> u32 {
        let at = |row: usize, column: usize| self.counts[row * (self.stride + 1) + column];
        (at(rows[1], columns[1]) + at(rows[0], columns[0])) - (at(rows[0], columns[1]) + at(rows[1], columns[0]))
    }
}

impl Prepared {
    pub(super) fn new(kernel: &Kernel) -> Self {
        let (rows, columns) = kernel.values().dim();
        let is_fixed = |value: &f64| value.fract() == 0.0 && value.abs() <= f64::from(i16::MAX);
        let weights = if kernel.values().iter().all(|value| value.iter().all(is_fixed)) {
            Weights::Fixed(Table::new(kernel))
        } else {
            Weights::Float(Table::new(kernel))
        };
        #[allow(clippy::cast_possible_truncation)] // numpy divides the stored answers in single precision
        let norm = kernel.norm().map(|norm| norm as f32);
        Self { rows, columns, norm, weights }
    }

    pub(super) fn respond(
        &self,
        iris: &NormalizedIris,
        rows: &[usize],
        columns: &[usize],
        mask_rule: MaskRule,
        bottom_edge: BottomEdge,
    ) -> WaveletResponse {
        match &self.weights {
            Weights::Fixed(table) => self.sums(table, iris, rows, columns, mask_rule, bottom_edge),
            Weights::Float(table) => self.sums(table, iris, rows, columns, mask_rule, bottom_edge),
        }
    }

    fn sums<T: Weight + zeroize::Zeroize>(
        &self,
        table: &Table<T>,
        iris: &NormalizedIris,
        rows: &[usize],
        columns: &[usize],
        mask_rule: MaskRule,
        bottom_edge: BottomEdge,
    ) -> WaveletResponse {
        let shape = (rows.len(), columns.len());
        let mut response =
            WaveletResponse { iris: Array2::from_elem(shape, [0.0; 2]), mask: Array2::from_elem(shape, [0.0; 2]) };
        let image_rows = iris.image().nrows();
        if iris.image().is_empty() {
            return response;
        }
        let wrapped: Wrapped<T> = Wrapped::new(iris, self.columns / 2);
        let last_row = match bottom_edge {
            BottomEdge::Full => image_rows,
            BottomEdge::WithoutLastRow => image_rows - 1,
        };
        for (i, &row) in rows.iter().enumerate() {
            let reach = self.rows / 2;
            let (top, bottom) = (row.saturating_sub(reach), (row + reach + 1).min(last_row));
            let height = bottom.saturating_sub(top);
            if height == 0 {
                continue;
            }
            // At the edges the kernel is cut around its own middle, not around the probe: open-iris does so.
            let kernel_top = reach - height / 2;
            let taken = kernel_top * table.stride..(kernel_top + height) * table.stride;
            let [parts, absolute] =
                [&table.parts, &table.absolute].map(|weights| [0, 1].map(|p| &weights[p][taken.clone()]));
            let total = absolute.map(|weights| {
                let ones = vec![T::from_pixel(1); weights.len()];
                // The padding weighs nothing.
                T::dot(weights, &ones)
            });
            let mut patch = Zeroizing::new(vec![T::default(); height * table.stride]);
            #[allow(clippy::cast_precision_loss)] // a few dozen
            let scale = [1.0 / height as f64, 1.0 / self.columns as f64];
            for (j, &column) in columns.iter().enumerate() {
                wrapped.gather(&wrapped.pixels, [top, bottom], column, table.stride, &mut patch);
                let [real, imaginary] = parts.map(|weights| T::dot(weights, &patch));
                // Complex division by a whole number is a multiplication in numpy, one number after the other.
                #[allow(clippy::cast_possible_truncation)]
                let stored = [real, imaginary].map(|sum| (sum * scale[0] * scale[1]) as f32);
                response.iris[[i, j]] = [stored[0] / self.norm[0], stored[1] / self.norm[1]];
                if stored == [0.0; 2] {
                    continue;
                }
                let valid = wrapped.valid([top, bottom], [column, column + self.columns]) as usize;
                if valid == 0 {
                    continue;
                }
                if valid == height * self.columns {
                    response.mask[[i, j]] = [1.0; 2];
                    continue;
                }
                wrapped.gather(&wrapped.mask, [top, bottom], column, table.stride, &mut patch);
                #[allow(clippy::cast_possible_truncation)]
                let share = |part: usize| (T::dot(absolute[part], &patch) / total[part]) as f32;
                response.mask[[i, j]] = match mask_rule {
                    MaskRule::Separate => [share(0), share(1)],
                    MaskRule::Duplicated => [share(1); 2],
                };
            }
        }
        response
    }
}
