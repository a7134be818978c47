//! The sums of the filter bank.
//!
//! A kernel in fixed point takes the fast way: 16-bit pixels times 16-bit weights, summed in 32 bits, which compilers
//! turn into multiply-add instructions on pairs, and half as many of them where the kernel is its own mirror image. It is exact: a unit-norm kernel of n values in 1/2¹⁵ has
//! Σ|weights| ≤ √n · 2¹⁵, at most 97 · 2¹⁵, and 255 · 97 · 2¹⁵ < 2³¹. Any other kernel is summed in double precision.
//!
//! What lies under a kernel is kept column after column, so that a probe sees one piece of memory, its neighbour the
//! piece a few values on, and one long sum serves each: nothing is copied together for a probe.

use ndarray::{Array2, ArrayView2};

use super::{Background, BottomEdge, Kernel, MaskRule, WaveletResponse};
use crate::pipeline::normalize::NormalizedIris;
use crate::pipeline::privacy::Wiped;

/// Values of one fixed sum. For 16 and 32 values LLVM finds the multiply-add of pairs by itself, for shorter, longer and
/// unbounded sums it does not.
const GROUP: usize = 32;

/// What the kernels see, closed around the eye: `reach` columns are repeated on either side.
pub(super) struct Picture {
    rows: usize,
    columns: usize,
    reach: usize,
    /// Grey values or their differences from the background, −255 to 255; row-major, as wide as a row with its repeated ends.
    grey: Wiped<i16>,
    /// 1 where the pixel is valid.
    valid: Wiped<i16>,
}

impl Picture {
    /// A picture for kernels of up to `widest` columns.
    pub(super) fn new(iris: &NormalizedIris, background: Option<Background>, widest: usize) -> Self {
        let (rows, columns) = iris.image().dim();
        let reach = if columns == 0 { 0 } else { widest / 2 };
        let valid: Wiped<i16> = iris.mask().iter().map(|&valid| i16::from(valid)).collect();
        let grey = match background {
            Some(background) => background.remove(iris),
            None => iris.image().iter().map(|&grey| i16::from(grey)).collect(),
        };
        let [grey, valid] = [grey, valid].map(|values| closed(&values, columns, reach));
        Self { rows, columns, reach, grey, valid }
    }
}

/// Repeats `reach` values at either end of each row, around the eye.
fn closed(values: &[i16], columns: usize, reach: usize) -> Wiped<i16> {
    let width = columns + 2 * reach;
    let mut closed = Wiped::filled(0, values.len() / columns.max(1) * width);
    for (row, target) in values.chunks_exact(columns.max(1)).zip(closed.chunks_exact_mut(width.max(1))) {
        target[reach..reach + columns].copy_from_slice(row);
        for x in 0..reach {
            target[reach + columns + x] = row[x % columns];
            target[reach - 1 - x] = row[columns - 1 - x % columns];
        }
    }
    closed
}

/// A kernel ready to be applied.
#[derive(Clone)]
pub(super) struct Prepared {
    kernel: Kernel,
    norm: [f32; 2],
    /// Every value is a whole number of 16 bits.
    is_fixed: bool,
    /// Rows at equal distances from the middle are equal, and sums exact.
    folds: bool,
}

/// What a sum is made of.
trait Weight: Copy + Default + core::ops::Add<Output = Self> {
    fn from_value(value: f64) -> Self;
    fn from_pixel(pixel: i16) -> Self;
    /// Σ weights · values, for two sets of weights in whole groups; more values may follow.
    fn dots(weights: &[Vec<Self>; 2], values: &[Self]) -> [f64; 2];
}

impl Weight for i16 {
    #[allow(clippy::cast_possible_truncation)] // `Prepared::new` has checked the range
    fn from_value(value: f64) -> Self {
        value as Self
    }

    fn from_pixel(pixel: i16) -> Self {
        pixel
    }

    fn dots(weights: &[Vec<Self>; 2], values: &[Self]) -> [f64; 2] {
        weights.each_ref().map(|weights| f64::from(dot(weights, values)))
    }
}

/// Σ weights · values. Not inlined: two sums over the same values would share their conversions to 32 bits, and then no
/// product is left that belongs to a pair.
#[inline(never)]
fn dot(weights: &[i16], values: &[i16]) -> i32 {
    let mut sum = 0;
    for (weights, values) in weights.as_chunks::<GROUP>().0.iter().zip(values.as_chunks::<GROUP>().0) {
        let mut group = 0;
        for i in 0..GROUP {
            group += i32::from(weights[i]) * i32::from(values[i]);
        }
        sum += group;
    }
    sum
}

impl Weight for f64 {
    fn from_value(value: f64) -> Self {
        value
    }

    fn from_pixel(pixel: i16) -> Self {
        Self::from(pixel)
    }

    fn dots(weights: &[Vec<Self>; 2], values: &[Self]) -> [f64; 2] {
        weights.each_ref().map(|weights| weights.iter().zip(values).map(|(weight, value)| weight * value).sum())
    }
}

/// The rows of the picture under the kernels of one row of probes, column after column.
///
/// With `folds`, the middle row and then the sums of those at equal distances from it: they meet equal weights, so that
/// half of the products gives the same sum.
#[derive(Clone, Copy)]
struct Band {
    top: usize,
    bottom: usize,
    folds: bool,
}

impl Band {
    fn height(self) -> usize {
        self.bottom - self.top
    }

    /// Values of a column.
    fn count(self) -> usize {
        if self.folds { self.height() / 2 + 1 } else { self.height() }
    }

    /// The rows that make the `k`-th value of a column, counted from `top`.
    fn rows(self, k: usize) -> (usize, Option<usize>) {
        let middle = self.height() / 2;
        match (self.folds, k) {
            (false, _) => (k, None),
            (true, 0) => (middle, None),
            (true, _) => (middle - k, Some(middle + k).filter(|&row| row < self.height())),
        }
    }

    /// Lays out `values` (rows of the picture) for a kernel of `width` columns.
    fn stack<T: Weight>(self, picture: &Picture, values: &[i16], width: usize, stack: &mut [T]) {
        let (stride, count) = (picture.columns + 2 * picture.reach, self.count());
        let begin = picture.reach - width / 2;
        let row = |at: usize| &values[(self.top + at) * stride + begin..][..picture.columns + 2 * (width / 2)];
        for k in 0..count {
            let (row, other) = match self.rows(k) {
                (one, None) => (row(one), None),
                (one, Some(other)) => (row(one), Some(row(other))),
            };
            let columns = stack.chunks_exact_mut(count);
            match other {
                Some(other) => columns
                    .zip(row.iter().zip(other))
                    .for_each(|(column, (&a, &b))| column[k] = T::from_pixel(a) + T::from_pixel(b)),
                None => columns.zip(row).for_each(|(column, &a)| column[k] = T::from_pixel(a)),
            }
        }
    }

    /// The weights that meet a stack, of the kernel's real and of its imaginary part, in whole groups.
    ///
    /// At the edges the kernel is cut around its own middle, not around the probe: open-iris does so.
    fn weights<T: Weight>(self, kernel: ArrayView2<'_, [f64; 2]>, of: fn(f64) -> f64) -> [Vec<T>; 2] {
        let first = self.cut(kernel.nrows());
        [0, 1].map(|part: usize| {
            let mut weights: Vec<T> = kernel
                .columns()
                .into_iter()
                .flat_map(|column| (0..self.count()).map(move |k| column[first + self.rows(k).0][part]))
                .map(|value| T::from_value(of(value)))
                .collect();
            weights.resize(weights.len().next_multiple_of(GROUP), T::default());
            weights
        })
    }

    /// The first row of the kernel that is used.
    fn cut(self, rows: usize) -> usize {
        rows / 2 - self.height() / 2
    }

    /// Valid pixels in the columns before each one, for a kernel of `width` columns.
    fn valid_before(self, picture: &Picture, width: usize, before: &mut [u32]) {
        let stride = picture.columns + 2 * picture.reach;
        let begin = picture.reach - width / 2;
        let counts = &mut before[1..];
        counts.fill(0);
        for row in self.top..self.bottom {
            for (count, &valid) in counts.iter_mut().zip(&picture.valid[row * stride + begin..(row + 1) * stride]) {
                *count += u32::from(valid.unsigned_abs());
            }
        }
        let mut sum = 0;
        for count in counts {
            sum += *count;
            *count = sum;
        }
    }
}

impl Prepared {
    pub(super) fn new(kernel: &Kernel) -> Self {
        let whole = |value: &f64| value.fract() == 0.0 && value.abs() <= f64::from(i16::MAX);
        let is_fixed = kernel.values().iter().flatten().all(whole);
        #[allow(clippy::cast_possible_truncation)] // numpy divides the stored answers in single precision
        let norm = kernel.norm().map(|norm| norm as f32);
        let mirrored = kernel.values().rows().into_iter().zip(kernel.values().rows().into_iter().rev());
        let folds = is_fixed && mirrored.into_iter().all(|(row, other)| row == other);
        Self { kernel: kernel.clone(), norm, is_fixed, folds }
    }

    /// Columns of the kernel.
    pub(super) fn columns(&self) -> usize {
        self.kernel.values().ncols()
    }

    pub(super) fn respond(
        &self,
        picture: &Picture,
        rows: &[usize],
        columns: &[usize],
        mask_rule: MaskRule,
        bottom_edge: BottomEdge,
    ) -> WaveletResponse {
        if self.is_fixed {
            self.sums::<i16>(picture, rows, columns, mask_rule, bottom_edge)
        } else {
            self.sums::<f64>(picture, rows, columns, mask_rule, bottom_edge)
        }
    }

    fn sums<T: Weight>(
        &self,
        picture: &Picture,
        rows: &[usize],
        columns: &[usize],
        mask_rule: MaskRule,
        bottom_edge: BottomEdge,
    ) -> WaveletResponse {
        let shape = (rows.len(), columns.len());
        let mut response =
            WaveletResponse { iris: Array2::from_elem(shape, [0.0; 2]), mask: Array2::from_elem(shape, [0.0; 2]) };
        if picture.rows == 0 || picture.columns == 0 {
            return response;
        }
        let kernel = self.kernel.values().view();
        let (reach, width) = (kernel.nrows() / 2, kernel.ncols());
        let last_row = match bottom_edge {
            BottomEdge::Full => picture.rows,
            BottomEdge::WithoutLastRow => picture.rows - 1,
        };
        // Room for the tallest band; the last probe's last group may end behind its last column.
        let room = (picture.columns + 2 * (width / 2)) * kernel.nrows() + GROUP;
        let mut pixels = Wiped::filled(T::default(), room);
        let mut mask = Wiped::filled(T::default(), room);
        let mut before = vec![0; picture.columns + 2 * (width / 2) + 1];
        // Bands of one height meet the same weights, and most bands have the height of the kernel.
        let mut known: Option<(usize, Met<T>)> = None;
        for (i, &row) in rows.iter().enumerate() {
            let band =
                Band { top: row.saturating_sub(reach), bottom: (row + reach + 1).min(last_row), folds: self.folds };
            if band.top >= band.bottom {
                continue;
            }
            let (height, count) = (band.height(), band.count());
            #[allow(clippy::cast_precision_loss)] // a few dozen
            let scale = [1.0 / height as f64, 1.0 / width as f64];
            let met = match known.take() {
                Some((of_height, met)) if of_height == height => met,
                _ => Met::new(band, kernel),
            };
            let (_, met) = known.insert((height, met));
            band.stack(picture, &picture.grey, width, &mut pixels);
            band.valid_before(picture, width, &mut before);
            // Laid out for the first probe that sees valid and invalid pixels.
            let mut has_mask = false;
            for (j, &column) in columns.iter().enumerate() {
                let sums = T::dots(&met.weights, &pixels[column * count..]);
                // Complex division by a whole number is a multiplication in numpy, one number after the other.
                #[allow(clippy::cast_possible_truncation)]
                let stored = sums.map(|sum| (sum * scale[0] * scale[1]) as f32);
                response.iris[[i, j]] = [stored[0] / self.norm[0], stored[1] / self.norm[1]];
                let valid = (before[column + width] - before[column]) as usize;
                if stored == [0.0; 2] || valid == 0 {
                    continue;
                }
                response.mask[[i, j]] = if valid == height * width {
                    [1.0; 2]
                } else {
                    if !has_mask {
                        band.stack(picture, &picture.valid, width, &mut mask);
                        has_mask = true;
                    }
                    let [real, imaginary] = met.shares(&mask[column * count..]);
                    match mask_rule {
                        MaskRule::Separate => [real, imaginary],
                        MaskRule::Duplicated => [imaginary; 2],
                    }
                };
            }
        }
        response
    }
}

/// What of a kernel meets a band.
struct Met<T> {
    weights: [Vec<T>; 2],
    absolute: [Vec<T>; 2],
    /// Σ |weights|.
    total: [f64; 2],
}

impl<T: Weight> Met<T> {
    fn new(band: Band, kernel: ArrayView2<'_, [f64; 2]>) -> Self {
        let first = band.cut(kernel.nrows());
        let used = kernel.slice_move(ndarray::s![first..first + band.height(), ..]);
        let total = [0, 1].map(|part: usize| used.iter().map(|value| value[part].abs()).sum());
        Self { weights: band.weights(kernel, |value| value), absolute: band.weights(kernel, f64::abs), total }
    }

    /// How much of the weight lies on valid pixels.
    fn shares(&self, mask: &[T]) -> [f32; 2] {
        let sums = T::dots(&self.absolute, mask);
        #[allow(clippy::cast_possible_truncation)]
        [0, 1].map(|part| (sums[part] / self.total[part]) as f32)
    }
}
