//! How sharp the unrolled iris is (open-iris `SharpnessEstimation`).

use crate::pipeline::normalize::NormalizedIris;
use crate::pipeline::privacy::Wiped;

/// Row 8 of Pascal's triangle, its middle first: half of the smoothing kernel, which is the same on both sides.
const BINOMIAL: [f32; 5] = [70.0, 56.0, 28.0, 8.0, 1.0];
const REACH: usize = BINOMIAL.len() - 1;
/// Reach of the whole operator.
const WHOLE_REACH: usize = REACH + 1;

/// Half height and half width of the rectangle by which the mask is eroded: 29 rows by 15 columns.
const EROSION: [usize; 2] = [14, 7];

/// Standard deviation of the Laplacian of the unrolled iris (grey range 0 to 1) over its eroded mask; 0 where the
/// eroded mask is empty.
///
/// The Laplacian is OpenCV's of aperture 11: the sum of two Sobel operators of order 2.
#[must_use]
pub fn sharpness(iris: &NormalizedIris) -> f64 {
    let (rows, columns) = iris.image().dim();
    if rows <= WHOLE_REACH || columns <= WHOLE_REACH {
        return 0.0;
    }
    let (grey, mask) = iris.as_slices();
    let eroded = erode(mask, columns);
    let smooth = smooth_rows_of_curvature(grey, columns);
    let (mut count, mut sums, mut squares) = (0_u32, [0.0; LANES], [0.0; LANES]);
    let mut line = Wiped::filled(0.0, columns);
    for (row, valid) in eroded.chunks_exact(columns).enumerate() {
        if !valid.contains(&1) {
            continue;
        }
        let at = |row: usize| &smooth[row * columns..][..columns];
        smooth_column(row, rows, at, &mut line);
        count += valid.iter().map(|&valid| u32::from(valid)).sum::<u32>();
        let (fours, rest) = line.as_chunks::<LANES>();
        let (valid, valid_rest) = valid.as_chunks::<LANES>();
        for (values, valid) in fours.iter().zip(valid) {
            for lane in 0..LANES {
                let value = f64::from(values[lane]) * f64::from(valid[lane]);
                sums[lane] += value;
                squares[lane] += value * value;
            }
        }
        for (&value, &valid) in rest.iter().zip(valid_rest) {
            let value = f64::from(value) * f64::from(valid);
            sums[0] += value;
            squares[0] += value * value;
        }
    }
    if count == 0 {
        return 0.0;
    }
    let [sum, squares] = [sums, squares].map(|sums| sums.iter().sum::<f64>());
    let mean = sum / f64::from(count);
    (squares / f64::from(count) - mean * mean).max(0.0).sqrt() / 255.0
}

/// Sums that are added up side by side, so that none waits for the one before it.
const LANES: usize = 4;

/// Index mirrored at the border without repeating it (…2 1 | 0 1 2…), as OpenCV's default border. `index` counts from `reach`
/// before the first element.
fn mirrored(index: usize, reach: usize, length: usize) -> usize {
    let back = reach.abs_diff(index);
    if index < reach || back < length { back } else { 2 * (length - 1) - back }
}

/// The Laplacian smoothed along the rows, but not yet along the columns.
///
/// Sobel's kernels of aperture 11 are (1 −2 1) and (1 2 1), each smoothed by (1 1) eight times, which is [`BINOMIAL`]. So the
/// whole operator is that smoothing, both ways, of
///
/// ```text
/// 1 -2  1     1  2  1     2  0  2
/// 2 -4  2  + -2 -4 -2  =  0 -8  0
/// 1 -2  1     1  2  1     2  0  2
/// ```
///
/// which is even, so that the border may be mirrored before or after each step. Numbers of this size (at most 2040 · 256)
/// are exact in single precision; sums along the columns reach 2²⁷ and lose at most their last bits.
fn smooth_rows_of_curvature(grey: &[u8], columns: usize) -> Wiped<f32> {
    let rows = grey.len() / columns;
    let mut smooth = Wiped::filled(0.0_f32, grey.len());
    // One column more to either side than the smoothing needs, for the curvature.
    let mut padded = [(); 3].map(|()| Wiped::filled(0_i16, columns + 2 * WHOLE_REACH));
    let mut curvature = Wiped::filled(0.0_f32, columns + 2 * REACH);
    for (row, target) in smooth.chunks_exact_mut(columns).enumerate() {
        for (offset, padded) in padded.iter_mut().enumerate() {
            let source = &grey[mirrored(row + offset, 1, rows) * columns..][..columns];
            for (target, &grey) in padded[WHOLE_REACH..].iter_mut().zip(source) {
                *target = i16::from(grey);
            }
            for i in (0..WHOLE_REACH).chain(WHOLE_REACH + columns..columns + 2 * WHOLE_REACH) {
                padded[i] = i16::from(source[mirrored(i, WHOLE_REACH, columns)]);
            }
        }
        let [above, middle, below] = &padded;
        let length = curvature.len();
        let (a, b, c, d) = (&above[..length], &above[2..][..length], &below[..length], &below[2..][..length]);
        let middle = &middle[1..][..length];
        for x in 0..length {
            curvature[x] = f32::from(2 * (a[x] + b[x] + c[x] + d[x]) - 8 * middle[x]);
        }
        let at = |distance: usize| &curvature[distance..][..columns];
        smooth_line(at(REACH), |k| [at(REACH - k), at(REACH + k)], target);
    }
    smooth
}

/// The smoothing along the columns, for one row of `rows`.
fn smooth_column<'a>(row: usize, rows: usize, at: impl Fn(usize) -> &'a [f32], target: &mut [f32]) {
    let at = |index: usize| at(mirrored(index, REACH, rows));
    smooth_line(at(row + REACH), |k| [at(row + REACH - k), at(row + REACH + k)], target);
}

/// Weighs the middle one and the pairs of lines at each distance from it.
fn smooth_line<'a>(middle: &'a [f32], pair: impl Fn(usize) -> [&'a [f32]; 2], target: &mut [f32]) {
    let length = target.len();
    let line = |line: &'a [f32]| &line[..length];
    let ([a, b], [c, d], [e, f], [g, h]) = (pair(1), pair(2), pair(3), pair(4));
    let (a, b, c, d) = (line(a), line(b), line(c), line(d));
    let (e, f, g, h) = (line(e), line(f), line(g), line(h));
    let middle = line(middle);
    for x in 0..length {
        target[x] = BINOMIAL[0] * middle[x]
            + BINOMIAL[1] * (a[x] + b[x])
            + BINOMIAL[2] * (c[x] + d[x])
            + BINOMIAL[3] * (e[x] + f[x])
            + BINOMIAL[4] * (g[x] + h[x]);
    }
}

/// 1 where the whole rectangle around a pixel is valid; what lies outside the picture does not count.
///
/// By windows that grow: if w pixels from each one on are known to be valid, so are w + s from those whose s-th neighbour is
/// so too, s ≤ w.
fn erode(mask: &[bool], columns: usize) -> Vec<u8> {
    let [tall, wide] = EROSION;
    let rows = mask.len() / columns;
    let mut eroded = vec![1_u8; (rows + 2 * tall) * columns];
    let mut line = vec![1_u8; columns + 2 * wide];
    let mut longer = line.clone();
    for (valid, target) in mask.chunks_exact(columns).zip(eroded[tall * columns..].chunks_exact_mut(columns)) {
        line.fill(1);
        line[wide..].iter_mut().zip(valid).for_each(|(pixel, &valid)| *pixel = u8::from(valid));
        grow(2 * wide + 1, |shift| {
            for ((both, &a), &b) in longer.iter_mut().zip(&line).zip(&line[shift..]) {
                *both = a & b;
            }
            core::mem::swap(&mut line, &mut longer);
        });
        target.copy_from_slice(&line[..columns]);
    }
    grow(2 * tall + 1, |shift| {
        for row in 0..rows + 2 * tall - shift {
            let (upper, lower) = eroded.split_at_mut((row + shift) * columns);
            for (a, &b) in upper[row * columns..][..columns].iter_mut().zip(&lower[..columns]) {
                *a &= b;
            }
        }
    });
    eroded.truncate(rows * columns);
    eroded
}

/// Calls `step` with the shifts by which a window of one grows to `length`.
fn grow(length: usize, mut step: impl FnMut(usize)) {
    let mut reach = 1;
    while reach < length {
        let shift = reach.min(length - reach);
        step(shift);
        reach += shift;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn naive_erode(mask: &Array2<bool>) -> Vec<u8> {
        let (rows, columns) = mask.dim();
        let mut eroded = Vec::new();
        for y in 0..rows {
            for x in 0..columns {
                let all = (y.saturating_sub(14)..(y + 15).min(rows))
                    .all(|v| (x.saturating_sub(7)..(x + 8).min(columns)).all(|u| mask[[v, u]]));
                eroded.push(u8::from(all));
            }
        }
        eroded
    }

    /// The state's next number, and a mask with holes.
    fn punched((rows, columns): (usize, usize), holes: usize, state: &mut u32) -> Array2<bool> {
        let mut mask = Array2::from_elem((rows, columns), true);
        for _ in 0..holes {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (*state >> 8) as usize;
            mask[[at % rows, (at / rows) % columns]] = false;
        }
        mask
    }

    #[test]
    fn erosion_is_that_of_the_definition() {
        let mut state = 1_u32;
        for size in [(50, 70), (29, 15), (28, 14), (6, 6), (128, 33)] {
            for holes in [0, 1, 3, 20] {
                let mask = punched(size, holes, &mut state);
                assert_eq!(erode(mask.as_slice().unwrap(), size.1), naive_erode(&mask), "{size:?}, {holes} holes");
            }
        }
    }

    /// The deviation of the two Sobel operators of aperture 11, tap by tap, with OpenCV's rows of weights.
    fn naive(image: &Array2<u8>, mask: &Array2<bool>) -> f64 {
        const CURVATURE: [i64; 11] = [1, 6, 13, 8, -14, -28, -14, 8, 13, 6, 1];
        const BINOMIAL: [i64; 11] = [1, 10, 45, 120, 210, 252, 210, 120, 45, 10, 1];
        let (rows, columns) = image.dim();
        let outside = |index: isize, length: usize| {
            let (back, last) = (index.unsigned_abs(), length - 1);
            if back <= last { back } else { 2 * last - back }
        };
        let eroded = naive_erode(mask);
        let mut values = Vec::new();
        for (at, _) in eroded.iter().enumerate().filter(|(_, valid)| **valid == 1) {
            let mut value = 0;
            for (dy, (cy, by)) in (-5..).zip(CURVATURE.iter().zip(&BINOMIAL)) {
                for (dx, (cx, bx)) in (-5..).zip(CURVATURE.iter().zip(&BINOMIAL)) {
                    let (y, x) = ((at / columns).cast_signed() + dy, (at % columns).cast_signed() + dx);
                    value += (cy * bx + cx * by) * i64::from(image[[outside(y, rows), outside(x, columns)]]);
                }
            }
            values.push(value as f64 / 255.0);
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    }

    #[test]
    fn sharpness_is_that_of_the_definition() {
        let mut state = 5_u32;
        for (size, holes) in [((6, 6), 0), ((40, 37), 0), ((64, 90), 2), ((128, 512), 3)] {
            let image = Array2::from_shape_fn(size, |_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            });
            let mask = punched(size, holes, &mut state);
            let expected = naive(&image, &mask);
            let found = sharpness(&NormalizedIris::new(image, mask).unwrap());
            assert!((found - expected).abs() < 1e-6 * expected, "{size:?}: {found}, expected {expected}");
        }
    }

    #[test]
    fn a_flat_picture_has_no_sharpness() {
        let flat = NormalizedIris::new(Array2::from_elem((128, 512), 90), Array2::from_elem((128, 512), true));
        assert_eq!(flat.map(|iris| sharpness(&iris)), Some(0.0));
    }
}
