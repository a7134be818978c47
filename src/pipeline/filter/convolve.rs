//! The sums of the filter bank.
//!
//! A kernel in fixed point takes the fast way: 16-bit pixels times 16-bit weights, summed in 32 bits, which compilers
//! turn into multiply-add instructions on pairs, and half as many of them where the kernel is its own mirror image. It is exact: a unit-norm kernel of n values in 1/2¹⁵ has
//! Σ|weights| ≤ √n · 2¹⁵, at most 97 · 2¹⁵, and 255 · 97 · 2¹⁵ < 2³¹. Any other kernel is summed in double precision.

use ndarray::{Array2, Axis};
use zeroize::Zeroizing;

use super::{Background, BottomEdge, Kernel, MaskRule, WaveletResponse};
use crate::pipeline::normalize::NormalizedIris;

/// Rows of weights are padded with zeros to a multiple of this.
const LANES: usize = 8;

/// What the kernels see: grey values, or their differences from the background.
pub(super) struct Picture<'a> {
    iris: &'a NormalizedIris,
    differences: Option<Zeroizing<Vec<i16>>>,
}

impl<'a> Picture<'a> {
    pub(super) fn new(iris: &'a NormalizedIris, background: Option<Background>) -> Self {
        Self { iris, differences: background.map(|background| background.remove(iris)) }
    }

    /// −255 to 255.
    fn at(&self, row: usize, column: usize) -> i16 {
        match &self.differences {
            Some(differences) => differences[row * self.iris.image().ncols() + column],
            None => self.iris.image()[[row, column]].into(),
        }
    }
}

/// A kernel ready to be applied.
#[derive(Clone)]
pub(super) struct Prepared {
    rows: usize,
    columns: usize,
    norm: [f32; 2],
    /// Rows at equal distances from the middle are equal, and sums exact.
    folds: bool,
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
trait Weight: Copy + Default + core::ops::Add<Output = Self> {
    fn from_value(value: f64) -> Self;
    fn from_pixel(pixel: i16) -> Self;
    /// Σ weights · values.
    fn dot(weights: &[Self], values: &[Self]) -> f64;
}

impl Weight for i16 {
    #[allow(clippy::cast_possible_truncation)] // `Prepared::new` has checked the range
    fn from_value(value: f64) -> Self {
        value as Self
    }

    fn from_pixel(pixel: i16) -> Self {
        pixel
    }

    fn dot(weights: &[Self], values: &[Self]) -> f64 {
        f64::from(weights.iter().zip(values).map(|(&weight, &value)| i32::from(weight) * i32::from(value)).sum::<i32>())
    }
}

impl Weight for f64 {
    fn from_value(value: f64) -> Self {
        value
    }

    fn from_pixel(pixel: i16) -> Self {
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
    fn new(picture: &Picture<'_>, reach: usize) -> Self {
        let (rows, columns) = picture.iris.image().dim();
        let width = columns + 2 * reach;
        // A padded row of weights reads up to LANES - 1 values beyond its last pixel.
        let stride = width + LANES;
        let source = |x: usize| (x + columns * reach.div_ceil(columns) - reach) % columns;
        let mut pixels = Zeroizing::new(vec![T::default(); rows * stride]);
        let mut mask = Zeroizing::new(vec![T::default(); rows * stride]);
        let mut counts = vec![0_u32; (rows + 1) * (stride + 1)];
        for row in 0..rows {
            let valid = picture.iris.mask().index_axis(Axis(0), row);
            let mut count = 0;
            for x in 0..width {
                let (grey, valid) = (picture.at(row, source(x)), valid[source(x)]);
                pixels[row * stride + x] = T::from_pixel(grey);
                mask[row * stride + x] = T::from_pixel(i16::from(valid));
                count += u32::from(valid);
                counts[(row + 1) * (stride + 1) + x + 1] = counts[row * (stride + 1) + x + 1] + count;
            }
        }
        Self { stride, pixels, mask, counts }
    }

    /// The rows under a kernel. With `folds`, the middle one and then the sums of those at equal distances from it: they
    /// meet equal weights, so that half of the products gives the same sum.
    fn stack(&self, values: &[T], [top, bottom]: [usize; 2], folds: bool) -> Zeroizing<Vec<T>> {
        let stride = self.stride;
        if !folds {
            return Zeroizing::new(values[top * stride..bottom * stride].to_vec());
        }
        let row = |at: usize| &values[at * stride..(at + 1) * stride];
        let half = (bottom - top) / 2;
        let middle = top + half;
        let mut stack = Zeroizing::new(Vec::with_capacity((half + 1) * stride));
        stack.extend_from_slice(row(middle));
        for distance in 1..=half {
            let above = row(middle - distance);
            if middle + distance < bottom {
                stack.extend(above.iter().zip(row(middle + distance)).map(|(&a, &b)| a + b));
            } else {
                stack.extend_from_slice(above);
            }
        }
        stack
    }

    /// Copies the values under a kernel together: one long sum is faster than many short ones.
    fn gather(&self, stack: &[T], column: usize, width: usize, patch: &mut [T]) {
        for (row, target) in stack.chunks_exact(self.stride).zip(patch.chunks_exact_mut(width)) {
            target.copy_from_slice(&row[column..column + width]);
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
        let mirrored = kernel.values().rows().into_iter().zip(kernel.values().rows().into_iter().rev());
        let folds = matches!(weights, Weights::Fixed(_)) && mirrored.into_iter().all(|(row, other)| row == other);
        Self { rows, columns, norm, folds, weights }
    }

    pub(super) fn respond(
        &self,
        picture: &Picture<'_>,
        rows: &[usize],
        columns: &[usize],
        mask_rule: MaskRule,
        bottom_edge: BottomEdge,
    ) -> WaveletResponse {
        match &self.weights {
            Weights::Fixed(table) => self.sums(table, picture, rows, columns, mask_rule, bottom_edge),
            Weights::Float(table) => self.sums(table, picture, rows, columns, mask_rule, bottom_edge),
        }
    }

    fn sums<T: Weight + zeroize::Zeroize>(
        &self,
        table: &Table<T>,
        picture: &Picture<'_>,
        rows: &[usize],
        columns: &[usize],
        mask_rule: MaskRule,
        bottom_edge: BottomEdge,
    ) -> WaveletResponse {
        let shape = (rows.len(), columns.len());
        let mut response =
            WaveletResponse { iris: Array2::from_elem(shape, [0.0; 2]), mask: Array2::from_elem(shape, [0.0; 2]) };
        let image_rows = picture.iris.image().nrows();
        if picture.iris.image().is_empty() {
            return response;
        }
        let wrapped: Wrapped<T> = Wrapped::new(picture, self.columns / 2);
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
            let total = [0, 1].map(|part: usize| {
                let weights = &table.absolute[part][taken.clone()];
                let ones = vec![T::from_pixel(1); weights.len()];
                // The padding weighs nothing.
                T::dot(weights, &ones)
            });
            let met = if self.folds { reach * table.stride..(reach + height / 2 + 1) * table.stride } else { taken };
            let [parts, absolute] =
                [&table.parts, &table.absolute].map(|weights| [0, 1].map(|p| &weights[p][met.clone()]));
            let pixels = wrapped.stack(&wrapped.pixels, [top, bottom], self.folds);
            let mask = wrapped.stack(&wrapped.mask, [top, bottom], self.folds);
            let mut patch = Zeroizing::new(vec![T::default(); met.len()]);
            #[allow(clippy::cast_precision_loss)] // a few dozen
            let scale = [1.0 / height as f64, 1.0 / self.columns as f64];
            for (j, &column) in columns.iter().enumerate() {
                wrapped.gather(&pixels, column, table.stride, &mut patch);
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
                wrapped.gather(&mask, column, table.stride, &mut patch);
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
