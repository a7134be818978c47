//! A picture as open-iris 1.11.2 prepares it for its network, and the network's answer brought back to the picture's size.
//!
//! `MultilabelSegmentationInterface.preprocess` and `postprocess_segmap` of open-iris, with the arithmetic of the OpenCV
//! functions that they call. The vectors of testdata/onnx hold it to OpenCV.

use ndarray::Array2;

/// `cv2.resize` with bilinear interpolation of 8-bit pixels: fixed point with eleven fractional bits.
///
/// OpenCV halves a picture in both directions by the mean of four pixels instead.
pub(super) fn resize(pixels: &Array2<u8>, width: usize, height: usize) -> Array2<u8> {
    let (rows, columns) = pixels.dim();
    if (rows, columns) == (height, width) {
        return pixels.clone();
    }
    if (rows, columns) == (2 * height, 2 * width) {
        return Array2::from_shape_fn((height, width), |(y, x)| {
            let sum: u16 = [(0, 0), (0, 1), (1, 0), (1, 1)]
                .iter()
                .map(|(down, right)| u16::from(pixels[[2 * y + down, 2 * x + right]]))
                .sum();
            ((sum + 2) >> 2).to_be_bytes()[1]
        });
    }
    let across = taps(columns, width);
    let down = taps(rows, height);
    Array2::from_shape_fn((height, width), |(y, x)| {
        let ([column, next], [left, right]) = match across[x] {
            // Beyond the first and the last column there is one pixel; beyond the rows there are two equal ones, which are
            // rounded apart.
            (places, _) if places[0] == places[1] => (places, [2048, 0]),
            tap => tap,
        };
        let ([row, following], [above, below]) = down[y];
        let along = |row: usize| i32::from(pixels[[row, column]]) * left + i32::from(pixels[[row, next]]) * right;
        let (upper, lower) = (along(row), along(following));
        let sum = ((above * (upper >> 4)) >> 16) + ((below * (lower >> 4)) >> 16);
        u8::try_from(((sum + 2) >> 2).clamp(0, 255)).unwrap_or(u8::MAX)
    })
}

/// For each target position the two source positions around it, within the picture, and their weights in 2048ths.
fn taps(source: usize, target: usize) -> Vec<([usize; 2], [i32; 2])> {
    let scale = source as f64 / target as f64;
    let within = |place: f32| (place.max(0.0) as usize).min(source - 1);
    (0..target)
        .map(|at| {
            // Single precision, as in OpenCV.
            let exact = ((at as f64 + 0.5) * scale - 0.5) as f32;
            let before = exact.floor();
            let part = exact - before;
            let weights = [1.0 - part, part].map(|part| (part * 2048.0).round_ties_even() as i32);
            ([within(before), within(before + 1.0)], weights)
        })
        .collect()
}

/// `cv2.bilateralFilter` with a diameter of 5, σ 75 in grey and 10 in space, except where the picture is darker than 75.
pub(super) fn denoise(pixels: &Array2<u8>) -> Array2<u8> {
    const RADIUS: isize = 2;
    const DARK: u8 = 75;
    let weight = |distance: f64, sigma: f64| (distance * distance * (-0.5 / (sigma * sigma))).exp() as f32;
    let of_grey: Vec<f32> = (0..=255_u8).map(|difference| weight(difference.into(), 75.0)).collect();
    let mut places = Vec::new();
    for down in -RADIUS..=RADIUS {
        for right in -RADIUS..=RADIUS {
            let distance = ((down * down + right * right) as f64).sqrt();
            if distance <= RADIUS as f64 && distance > 0.0 {
                places.push((down, right, weight(distance, 10.0)));
            }
        }
    }
    let (rows, columns) = pixels.dim();
    Array2::from_shape_fn((rows, columns), |(y, x)| {
        let centre = pixels[[y, x]];
        if centre < DARK {
            return centre;
        }
        let (mut weights, mut sum) = (1.0_f32, f32::from(centre));
        for &(down, right, of_place) in &places {
            let level = pixels[[mirrored(y, down, rows), mirrored(x, right, columns)]];
            let weight = of_place * of_grey[usize::from(level.abs_diff(centre))];
            weights += weight;
            sum += weight * f32::from(level);
        }
        (sum / weights).round_ties_even() as u8
    })
}

/// A place beside `at`; beyond the border the picture is mirrored, and the border's own pixels are not repeated.
fn mirrored(at: usize, offset: isize, length: usize) -> usize {
    let (last, steps) = (length - 1, offset.unsigned_abs());
    if offset < 0 {
        return at.abs_diff(steps);
    }
    // Both are the same place at the border, and the mirrored one is the nearer one beyond it.
    (at + steps).min((2 * last).saturating_sub(at + steps))
}

/// Precision of the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    Single,
    /// Half precision; the engine computes in single precision from values that were rounded to half.
    Half,
}

/// What each grey level becomes in each of three channels: torchvision's `ToTensor` and `Normalize`, in double precision and
/// rounded once.
pub(super) fn normalised(precision: Precision) -> [[f32; 256]; 3] {
    // Mean and deviation of ImageNet's red, green and blue, which open-iris takes over.
    const MEANS: [f64; 3] = [0.485, 0.456, 0.406];
    const DEVIATIONS: [f64; 3] = [0.229, 0.224, 0.225];
    let mut table = [[0.0; 256]; 3];
    for ((levels, mean), deviation) in table.iter_mut().zip(MEANS).zip(DEVIATIONS) {
        for (level, value) in (0..=u8::MAX).zip(levels.iter_mut()) {
            let exact = (f64::from(level) / 255.0 - mean) / deviation;
            *value = match precision {
                Precision::Single => single(exact),
                Precision::Half => half(exact),
            };
        }
    }
    table
}

fn single(exact: f64) -> f32 {
    exact as f32
}

/// The nearest number of half precision (11 significant bits), ties to even.
fn half(exact: f64) -> f32 {
    if exact == 0.0 {
        return 0.0;
    }
    // Below 2^-14 the step no longer shrinks.
    let step = (exact.abs().log2().floor() - 10.0).max(-24.0).exp2();
    single((exact / step).round_ties_even() * step)
}

/// For each target position the source position that `cv2.resize` takes with `INTER_NEAREST`.
pub(super) fn nearest(source: usize, target: usize) -> Vec<usize> {
    let scale = 1.0 / (target as f64 / source as f64);
    (0..target).map(|at| ((at as f64 * scale).floor() as usize).min(source - 1)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::pipeline::image::{EyeImage, Limits, decode};

    fn picture(name: &str) -> EyeImage {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
        decode(&std::fs::read(path).unwrap(), &Limits { min_dimension: 1, ..Limits::default() }).unwrap()
    }

    #[test]
    fn resizing_is_opencvs_pixel_by_pixel() {
        let grey = picture("jpeg2000/grey.png");
        for (width, height) in [(48, 40), (64, 48), (61, 47), (140, 120), (192, 160)] {
            let expected = picture(&format!("onnx/resized-{width}x{height}.png"));
            assert_eq!(&resize(grey.pixels(), width, height), expected.pixels(), "{width}x{height}");
        }
    }

    #[test]
    fn denoising_is_opencvs() {
        let expected = picture("onnx/denoised.png");
        let found = denoise(picture("jpeg2000/grey.png").pixels());
        assert_eq!(&found, expected.pixels());
    }

    #[test]
    fn normalised_levels_are_numpys() {
        let tables = [Precision::Single, Precision::Half].map(normalised);
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/onnx/normalised.csv");
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.lines().count(), 3 * 256);
        for (at, line) in text.lines().enumerate() {
            for (table, expected) in tables.iter().zip(line.split(',')) {
                let expected: f32 = expected.parse().unwrap();
                assert_eq!(table[at / 256][at % 256].to_bits(), expected.to_bits(), "line {at}");
            }
        }
    }

    #[test]
    fn the_nearest_pixel_is_the_one_before() {
        assert_eq!(nearest(640, 320), (0..320).map(|at| 2 * at).collect::<Vec<_>>());
        assert_eq!(nearest(4, 6), [0, 0, 1, 2, 2, 3]);
        assert_eq!(nearest(480, 480), (0..480).collect::<Vec<_>>());
    }
}
