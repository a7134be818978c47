//! How sharp the unrolled iris is (open-iris `SharpnessEstimation`).

use ndarray::Array2;

use crate::pipeline::normalize::NormalizedIris;
use crate::pipeline::privacy::Wiped;

/// Second derivative of the smoothing kernel below: OpenCV's Sobel kernel of aperture 11 and order 2.
const CURVATURE: [f32; 11] = [1.0, 6.0, 13.0, 8.0, -14.0, -28.0, -14.0, 8.0, 13.0, 6.0, 1.0];
/// Row 10 of Pascal's triangle.
const BINOMIAL: [f32; 11] = [1.0, 10.0, 45.0, 120.0, 210.0, 252.0, 210.0, 120.0, 45.0, 10.0, 1.0];
const REACH: usize = 5;

/// Half height and half width of the rectangle by which the mask is eroded: 29 rows by 15 columns.
const EROSION: [usize; 2] = [14, 7];

/// Standard deviation of the Laplacian of the unrolled iris (grey range 0 to 1) over its eroded mask; 0 where the
/// eroded mask is empty.
#[must_use]
pub fn sharpness(iris: &NormalizedIris) -> f64 {
    let (rows, columns) = iris.image().dim();
    if rows <= REACH || columns <= REACH {
        return 0.0;
    }
    let eroded = erode(iris.mask());
    let laplacian = Laplacian::new(iris.image());
    let (mut count, mut sum, mut squares) = (0_u32, 0.0, 0.0);
    let mut line = Wiped::filled(0.0, columns);
    for row in 0..rows {
        let valid = &eroded[row * columns..(row + 1) * columns];
        if !valid.contains(&true) {
            continue;
        }
        laplacian.row(row, &mut line);
        for (&value, &valid) in line.iter().zip(valid) {
            if valid {
                let value = f64::from(value) / 255.0;
                count += 1;
                sum += value;
                squares += value * value;
            }
        }
    }
    if count == 0 {
        return 0.0;
    }
    let mean = sum / f64::from(count);
    (squares / f64::from(count) - mean * mean).max(0.0).sqrt()
}

/// Index mirrored at the border without repeating it (…2 1 | 0 1 2…), as OpenCV's default border.
fn mirrored(index: usize, reach: usize, length: usize) -> usize {
    // `index` counts from `reach` before the first element.
    let back = reach.abs_diff(index);
    if index < reach || back < length { back } else { 2 * (length - 1) - back }
}

/// The horizontal passes. Single precision is exact here, whole numbers below 255 · 1024; sums of the vertical passes
/// reach 2²⁵ and lose at most their last bit.
struct Laplacian {
    curvature: Wiped<f32>,
    smooth: Wiped<f32>,
    rows: usize,
    columns: usize,
}

impl Laplacian {
    fn new(image: &Array2<u8>) -> Self {
        let (rows, columns) = image.dim();
        let mut curvature = Wiped::filled(0.0, rows * columns);
        let mut smooth = Wiped::filled(0.0, rows * columns);
        let mut padded = Wiped::filled(0.0_f32, columns + 2 * REACH);
        let targets = curvature.chunks_exact_mut(columns).zip(smooth.chunks_exact_mut(columns));
        for (line, (curvature, smooth)) in image.rows().into_iter().zip(targets) {
            for (i, value) in padded.iter_mut().enumerate() {
                *value = f32::from(line[mirrored(i, REACH, columns)]);
            }
            // The kernels are symmetric: taps are added in pairs before they are weighed.
            for k in 0..REACH {
                let (left, right) = (&padded[k..k + columns], &padded[2 * REACH - k..2 * REACH - k + columns]);
                for x in 0..columns {
                    let pair = left[x] + right[x];
                    curvature[x] += CURVATURE[k] * pair;
                    smooth[x] += BINOMIAL[k] * pair;
                }
            }
            let middle = &padded[REACH..REACH + columns];
            for x in 0..columns {
                curvature[x] += CURVATURE[REACH] * middle[x];
                smooth[x] += BINOMIAL[REACH] * middle[x];
            }
        }
        Self { curvature, smooth, rows, columns }
    }

    /// The vertical passes of one row: smoothed horizontal curvature plus vertical curvature of the smoothed.
    fn row(&self, row: usize, line: &mut [f32]) {
        line.fill(0.0);
        for k in 0..=2 * REACH {
            let source = mirrored(row + k, REACH, self.rows) * self.columns;
            let curvature = &self.curvature[source..source + self.columns];
            let smooth = &self.smooth[source..source + self.columns];
            for ((value, &second), &blurred) in line.iter_mut().zip(curvature).zip(smooth) {
                *value += BINOMIAL[k] * second + CURVATURE[k] * blurred;
            }
        }
    }
}

/// True where the whole rectangle around a pixel is true; what lies outside the picture does not count.
fn erode(mask: &Array2<bool>) -> Vec<bool> {
    let (rows, columns) = mask.dim();
    let [tall, wide] = EROSION;
    let mut eroded = vec![false; rows * columns];
    // First along the rows: no false pixel within `wide` to the left, nor to the right.
    let mut across = vec![false; rows * columns];
    for (row, line) in mask.rows().into_iter().enumerate() {
        let mut wanted = 0;
        for (x, &valid) in line.iter().enumerate() {
            wanted = if valid { wanted } else { x + wide + 1 };
            across[row * columns + x] = x >= wanted;
        }
        let mut wanted = 0;
        for (back, &valid) in line.iter().rev().enumerate() {
            wanted = if valid { wanted } else { back + wide + 1 };
            across[row * columns + columns - 1 - back] &= back >= wanted;
        }
    }
    for x in 0..columns {
        let column = |row: usize| across[row * columns + x];
        let mut row = 0;
        while row < rows {
            if !column(row) {
                row += 1;
                continue;
            }
            let start = row;
            while row < rows && column(row) {
                row += 1;
            }
            // A run of true pixels that touches the border reaches beyond it.
            let from = if start == 0 { 0 } else { start + tall };
            let to = if row == rows { rows } else { row.saturating_sub(tall) };
            for y in from..to {
                eroded[y * columns + x] = true;
            }
        }
    }
    eroded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive_erode(mask: &Array2<bool>) -> Vec<bool> {
        let (rows, columns) = mask.dim();
        let mut eroded = Vec::new();
        for y in 0..rows {
            for x in 0..columns {
                let all = (y.saturating_sub(14)..(y + 15).min(rows))
                    .all(|v| (x.saturating_sub(7)..(x + 8).min(columns)).all(|u| mask[[v, u]]));
                eroded.push(all);
            }
        }
        eroded
    }

    #[test]
    fn erosion_is_that_of_the_definition() {
        let mut state = 1_u32;
        for holes in [0, 1, 3, 20] {
            let mut mask = Array2::from_elem((50, 70), true);
            for _ in 0..holes {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = (state >> 8) as usize;
                mask[[at % 50, (at / 50) % 70]] = false;
            }
            assert_eq!(erode(&mask), naive_erode(&mask), "{holes} holes");
        }
    }

    #[test]
    fn a_flat_picture_has_no_sharpness() {
        let flat = NormalizedIris::new(Array2::from_elem((128, 512), 90), Array2::from_elem((128, 512), true));
        assert_eq!(flat.map(|iris| sharpness(&iris)), Some(0.0));
    }
}
