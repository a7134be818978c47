//! Measures of the whole picture: the entropy of its grey levels and its sharpness. They need no eye.

use crate::pipeline::image::EyeImage;
use crate::pipeline::privacy::Wiped;

/// Entropy of the grey levels, bits (ISO/IEC 29794-6, 6.2.5): −Σ pᵢ log₂ pᵢ over the levels that occur.
pub(super) fn grey_scale_utilisation(image: &EyeImage) -> f64 {
    // Neighbours are often equal; four tables keep one count from waiting for the one before it.
    let mut counts = [[0_u32; 256]; 4];
    let mut pixels = image.as_slice().chunks_exact(4);
    for four in &mut pixels {
        for (table, &pixel) in counts.iter_mut().zip(four) {
            table[usize::from(pixel)] += 1;
        }
    }
    for &pixel in pixels.remainder() {
        counts[0][usize::from(pixel)] += 1;
    }
    let total = image.as_slice().len() as f64;
    let levels = (0..256).map(|level| counts.iter().map(|table| f64::from(table[level])).sum::<f64>() / total);
    -levels.filter(|&share| share > 0.0).map(|share| share * share.log2()).sum::<f64>() + 0.0
}

/// The quarter of the band-pass that determines it, centre first: rows and columns 0 to 4 from the middle.
///
/// ISO/IEC 29794-6, 6.2.10: a Laplacian of a Gaussian of 9 × 9 whole numbers, sum 0.
const BAND_PASS: [[f32; 5]; 5] = [
    [-40.0, -24.0, 0.0, 5.0, 2.0],
    [-24.0, -12.0, 3.0, 5.0, 2.0],
    [0.0, 3.0, 5.0, 4.0, 1.0],
    [5.0, 5.0, 4.0, 2.0, 1.0],
    [2.0, 2.0, 1.0, 1.0, 0.0],
];
const REACH: usize = 4;
/// Every fourth row and column is filtered.
const STEP: usize = 4;
/// The power at which sharpness is 50.
const HALF_POWER: f64 = 180_000.0;

/// Sharpness, 0 to 100 (ISO/IEC 29794-6, 6.2.10): 100 p² / (p² + c²) for the mean square p of the filtered samples.
pub(super) fn sharpness(image: &EyeImage) -> f64 {
    let (width, height) = (image.width(), image.height());
    if width <= 2 * REACH || height <= 2 * REACH {
        return 0.0;
    }
    let pixels = image.as_slice();
    // The kernel is symmetric in every way: rows at equal distance are added before they are weighed, then columns. Every
    // fourth column of a row lies together, so that neighbouring samples are neighbours in memory. Single precision is
    // exact: no sum is beyond 255 times the 500 that the weights' amounts add up to.
    let (samples, room) = ((width - 2 * REACH).div_ceil(STEP), width.div_ceil(STEP));
    // The rows that the kernel sees, each in the place of one that it no longer sees.
    let mut apart = [(); PLACES].map(|()| Wiped::filled(0.0_f32, STEP * room));
    let mut folded = Wiped::filled(0.0_f32, STEP * room);
    let mut values = Wiped::filled(0.0_f32, samples);
    let (mut squares, mut rows) = (0.0, 0.0);
    let mut next = 0;
    for row in (REACH..height - REACH).step_by(STEP) {
        for below in next..=row + REACH {
            take_apart(&pixels[below * width..(below + 1) * width], &mut apart[below % PLACES]);
        }
        next = row + REACH + 1;
        values.fill(0.0);
        for (distance, weights) in BAND_PASS.iter().enumerate() {
            let (above, below) = (&apart[(row - distance) % PLACES], &apart[(row + distance) % PLACES]);
            // The middle row is added to itself.
            let share = if distance == 0 { 0.5 } else { 1.0 };
            for ((folded, above), below) in folded.iter_mut().zip(above).zip(below) {
                *folded = share * (above + below);
            }
            weigh(&folded, room, weights, &mut values);
        }
        squares += values.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>();
        rows += 1.0;
    }
    let power = squares / (rows * samples as f64);
    100.0 * power * power / (power * power + HALF_POWER * HALF_POWER)
}

/// Rows that are kept: those under the kernel, in whole steps.
const PLACES: usize = (2 * REACH + 1).next_multiple_of(STEP);

/// Pixel 4 j + p of a row becomes number j of part p; the parts follow each other.
fn take_apart(row: &[u8], parts: &mut [f32]) {
    let (fours, rest) = row.as_chunks::<STEP>();
    for (phase, part) in parts.chunks_exact_mut(row.len().div_ceil(STEP)).enumerate() {
        for (grey, four) in part.iter_mut().zip(fours) {
            // Shifts are what a compiler does for several words at once.
            let grey_of_word = (u32::from_le_bytes(*four) >> (8 * phase)) & 0xff;
            *grey = grey_of_word.cast_signed() as f32;
        }
        if let (Some(&grey), Some(last)) = (rest.get(phase), part.last_mut()) {
            *last = f32::from(grey);
        }
    }
}

/// Adds to each value what the columns around its sample weigh: column 4 j + 4 + d, for the sample j, counts `weights[|d|]`.
fn weigh(parts: &[f32], room: usize, weights: &[f32; REACH + 1], values: &mut [f32]) {
    let samples = values.len();
    let column = |d: usize| &parts[(d % STEP) * room + d / STEP..][..samples];
    let (a, b, c, d) = (column(3), column(5), column(2), column(6));
    let (e, f, g, h) = (column(1), column(7), column(0), column(8));
    let middle = column(REACH);
    for j in 0..samples {
        values[j] += weights[0] * middle[j]
            + weights[1] * (a[j] + b[j])
            + weights[2] * (c[j] + d[j])
            + weights[3] * (e[j] + f[j])
            + weights[4] * (g[j] + h[j]);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn image(width: usize, height: usize, grey: impl Fn(usize, usize) -> u8) -> EyeImage {
        EyeImage::from_pixels(Array2::from_shape_fn((height, width), |(y, x)| grey(x, y)))
    }

    #[test]
    fn entropy_of_known_histograms() {
        assert_eq!(grey_scale_utilisation(&image(64, 64, |_, _| 90)), 0.0);
        assert_eq!(grey_scale_utilisation(&image(64, 64, |x, _| if x < 32 { 3 } else { 250 })), 1.0);
        assert_eq!(grey_scale_utilisation(&image(256, 3, |x, _| u8::try_from(x).unwrap_or(0))), 8.0);
        // One quarter, one quarter, one half: 1.5 bits; and a width that four does not divide.
        let three = image(12 + 3, 4, |x, _| [0, 1, 2, 2][x % 4]);
        let share = [16.0, 16.0, 28.0].map(|count: f64| count / 60.0);
        let expected: f64 = share.iter().map(|p| -p * p.log2()).sum();
        assert!((grey_scale_utilisation(&three) - expected).abs() < 1e-12);
    }

    /// The 81 numbers as the standard lists them, tap by tap.
    const KERNEL: [[i32; 9]; 9] = [
        [0, 1, 1, 2, 2, 2, 1, 1, 0],
        [1, 2, 4, 5, 5, 5, 4, 2, 1],
        [1, 4, 5, 3, 0, 3, 5, 4, 1],
        [2, 5, 3, -12, -24, -12, 3, 5, 2],
        [2, 5, 0, -24, -40, -24, 0, 5, 2],
        [2, 5, 3, -12, -24, -12, 3, 5, 2],
        [1, 4, 5, 3, 0, 3, 5, 4, 1],
        [1, 2, 4, 5, 5, 5, 4, 2, 1],
        [0, 1, 1, 2, 2, 2, 1, 1, 0],
    ];

    fn naive(image: &EyeImage) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for y in (4..image.height() - 4).step_by(4) {
            for x in (4..image.width() - 4).step_by(4) {
                let mut value = 0;
                for (dy, weights) in KERNEL.iter().enumerate() {
                    for (dx, weight) in weights.iter().enumerate() {
                        value += weight * i32::from(image.pixels()[[y + dy - 4, x + dx - 4]]);
                    }
                }
                sum += f64::from(value * value);
                count += 1.0;
            }
        }
        let power: f64 = sum / count;
        100.0 * power.powi(2) / (power.powi(2) + 180_000.0_f64.powi(2))
    }

    #[test]
    fn sharpness_is_that_of_the_definition() {
        assert_eq!(KERNEL.as_flattened().iter().sum::<i32>(), 0);
        for (width, height) in [(9, 9), (64, 48), (67, 53), (10, 90)] {
            let mut state = 7_u32;
            let noise: Vec<u8> = (0..width * height)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 26) as u8 + 100
                })
                .collect();
            let picture = image(width, height, |x, y| noise[y * width + x]);
            assert!((sharpness(&picture) - naive(&picture)).abs() < 1e-9, "{width}x{height}");
        }
        assert_eq!(sharpness(&image(64, 64, |_, _| 90)), 0.0);
        assert_eq!(sharpness(&image(8, 64, |x, _| if x % 2 == 0 { 0 } else { 255 })), 0.0);
        // The whole range in every pixel of the kernel stays within the numbers that are used.
        assert!(sharpness(&image(64, 64, |x, y| if (x / 4 + y / 4) % 2 == 0 { 0 } else { 255 })) > 99.0);
    }
}
