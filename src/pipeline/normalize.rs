//! Unrolls the iris into a rectangle: rows from pupil to limbus, columns around the eye.
//!
//! Column 0 lies on the eye's axis in the direction of +x; columns follow the contours' points, towards +y (the lower
//! half of the iris first). Row 0 lies on the pupil's boundary, the last row on the limbus.

mod grid;
mod perspective;

use core::fmt;
use std::borrow::Cow;

use ndarray::{Array2, ArrayView2};

use super::error::PipelineError;
use super::geometry::{EyePolygons, Point, axis_offset, diameter};
use super::image::{EyeImage, wipe};
use super::raster::{fill_polygon, round_points};

pub use grid::radial_grid;
pub use perspective::Perspective;

/// An unrolled iris; its pixels are wiped when it is dropped.
#[derive(Clone)]
pub struct NormalizedIris {
    image: Array2<u8>,
    mask: Array2<bool>,
}

impl NormalizedIris {
    /// Pairs unrolled pixels with their validity; `None` when the two differ in size.
    #[must_use]
    pub fn new(image: Array2<u8>, mask: Array2<bool>) -> Option<Self> {
        if image.dim() != mask.dim() {
            return None;
        }
        // The pixels are kept as they are, or wiped once they are copied into rows.
        let mut iris = Self { image, mask };
        if !(iris.image.is_standard_layout() && iris.mask.is_standard_layout()) {
            let rows = (iris.image.as_standard_layout().into_owned(), iris.mask.as_standard_layout().into_owned());
            iris = Self { image: rows.0, mask: rows.1 };
        }
        Some(iris)
    }

    /// Grey values, `[row][column]`, row-major.
    #[must_use]
    pub fn image(&self) -> &Array2<u8> {
        &self.image
    }

    /// True where the pixel shows iris: inside limbus and lids, no lash, no reflection; row-major.
    #[must_use]
    pub fn mask(&self) -> &Array2<bool> {
        &self.mask
    }

    /// Pixels and mask, row after row.
    pub(in crate::pipeline) fn as_slices(&self) -> (&[u8], &[bool]) {
        let rows = "the constructor leaves rows one after another";
        (self.image.as_slice().expect(rows), self.mask.as_slice().expect(rows))
    }
}

impl fmt::Debug for NormalizedIris {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, columns) = self.image.dim();
        f.debug_struct("NormalizedIris").field("rows", &rows).field("columns", &columns).finish_non_exhaustive()
    }
}

impl Drop for NormalizedIris {
    fn drop(&mut self) {
        wipe(&mut self.image);
        self.mask.fill(false);
    }
}

/// How the iris is stretched between its two boundaries.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Unrolling {
    /// In proportion (Daugman's rubber sheet); open-iris' default.
    Linear,
    /// By a fixed radial law that spends more rows near the pupil, the more the narrower the pupil is.
    Nonlinear(RadialLaw),
    /// Patch by patch with a projective map and bilinear interpolation.
    Perspective(Perspective),
}

/// Where the rows of a non-linear unrolling lie between pupil and limbus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RadialLaw {
    /// open-iris' default: squares of consecutive integers.
    Squares,
    /// Wyatt's model of the iris as a mesh that deforms with the pupil (Vision Research 40, 2000).
    Wyatt,
}

/// Parameters of the unrolling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalizationConfig {
    /// The stretching.
    pub unrolling: Unrolling,
    /// Rows, at least 2.
    pub rows: u16,
    /// Pixels this bright or brighter are reflections.
    pub oversaturated: u8,
}

impl NormalizationConfig {
    /// open-iris' defaults: linear, 128 rows, reflections from 254 on.
    pub const OPEN_IRIS: Self = Self { unrolling: Unrolling::Linear, rows: 128, oversaturated: 254 };
}

/// Unrolls the iris between two completed boundaries.
///
/// `noise` has the picture's size, true = not iris. `orientation` is the tilt of the eye in radians.
///
/// # Errors
/// [`PipelineError::UnequalBoundaries`] when the boundaries differ in length, [`PipelineError::PupilNotSmaller`] where
/// a radial law needs a pupil smaller than the iris, [`PipelineError::MaskSize`].
pub fn normalize(
    image: &EyeImage,
    noise: ArrayView2<'_, bool>,
    polygons: &EyePolygons,
    orientation: f64,
    config: &NormalizationConfig,
) -> Result<NormalizedIris, PipelineError> {
    let (pupil, iris) = (polygons.pupil.len(), polygons.iris.len());
    if pupil != iris {
        return Err(PipelineError::UnequalBoundaries { pupil, iris });
    }
    let (width, height) = (image.width(), image.height());
    if noise.dim() != (height, width) {
        let (found_height, found_width) = noise.dim();
        return Err(PipelineError::MaskSize { mask: "noise", found_width, found_height, width, height });
    }
    let valid = Validity::new(image, noise, polygons, config.oversaturated);
    let offset = axis_offset(orientation, pupil);
    let turned = |points: &[Point]| {
        let (front, back) = points.split_at(offset.min(points.len()));
        [back, front].concat()
    };
    let (pupil, iris) = (turned(&polygons.pupil), turned(&polygons.iris));
    let rows = usize::from(config.rows.max(2));
    let radii = match config.unrolling {
        Unrolling::Linear => {
            let last = f64::from(config.rows.max(2) - 1);
            // The last one is set, not computed, as in numpy's linspace.
            (0..config.rows.max(2))
                .map(|k| if f64::from(k) == last { 1.0 } else { f64::from(k) * (1.0 / last) })
                .collect()
        }
        Unrolling::Nonlinear(law) => {
            let (pupil, iris) = (diameter(&polygons.pupil), diameter(&polygons.iris));
            let ratio = pupil / iris;
            if !(ratio > 0.0 && ratio < 1.0) {
                return Err(PipelineError::PupilNotSmaller { pupil, iris });
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 100
            let percent = (100.0 * ratio).round_ties_even() as u8;
            radial_grid(law, percent, rows)
        }
        Unrolling::Perspective(perspective) => {
            return Ok(perspective.unroll(image, &valid, &pupil, &iris, rows));
        }
    };
    Ok(sample(image, &valid, &pupil, &iris, &radii))
}

/// Which pixels of the picture may become valid pixels of the unrolled iris. The pupil is not cut out.
struct Validity<'a> {
    /// [`IRIS`] and [`EYEBALL`] of each pixel.
    layers: Vec<u8>,
    noise: Cow<'a, [bool]>,
    pixels: &'a [u8],
    oversaturated: u8,
    width: usize,
}

const IRIS: u8 = 1;
const EYEBALL: u8 = 2;

impl<'a> Validity<'a> {
    fn new(image: &'a EyeImage, noise: ArrayView2<'a, bool>, polygons: &EyePolygons, oversaturated: u8) -> Self {
        let (width, height) = (image.width(), image.height());
        let mut layers = vec![0; width * height];
        for (points, layer) in [(&polygons.iris, IRIS), (&polygons.eyeball, EYEBALL)] {
            fill_polygon(&mut layers, width, height, &round_points(points), |pixel| *pixel |= layer);
        }
        let noise = noise.to_slice().map_or_else(|| noise.iter().copied().collect(), Cow::Borrowed);
        Self { layers, noise, pixels: image.as_slice(), oversaturated, width }
    }

    fn at(&self, row: usize, column: usize) -> bool {
        self.at_place(row * self.width + column)
    }

    /// Of the pixel at this place of the rows one after another.
    fn at_place(&self, place: usize) -> bool {
        (self.layers[place] == IRIS | EYEBALL) & (self.pixels[place] < self.oversaturated) & !self.noise[place]
    }
}

/// Nearest-neighbour samples at pupil + radius · (iris − pupil), in single precision, rounded half to even.
fn sample(image: &EyeImage, valid: &Validity<'_>, pupil: &[Point], iris: &[Point], radii: &[f64]) -> NormalizedIris {
    let (width, height) = (image.width(), image.height());
    let pixels = image.as_slice();
    let columns = pupil.len();
    let mut grey = vec![0_u8; radii.len() * columns];
    let mut mask = vec![false; radii.len() * columns];
    // Places are computed for a whole row, which the compiler does for several at once; only then pixels are fetched.
    let mut places = vec![[0_i32; 2]; columns];
    let rows = grey.chunks_exact_mut(columns.max(1)).zip(mask.chunks_exact_mut(columns.max(1)));
    for (&radius, (grey, mask)) in radii.iter().zip(rows) {
        #[allow(clippy::cast_possible_truncation)] // numpy casts the scalar to the array's type
        let radius = radius as f32;
        for (place, (&[px, py], &[ix, iy])) in places.iter_mut().zip(pupil.iter().zip(iris)) {
            *place = [nearest_whole(px + radius * (ix - px)), nearest_whole(py + radius * (iy - py))];
        }
        for ((grey, mask), &[x, y]) in grey.iter_mut().zip(mask).zip(&places) {
            // Negative ones are large without their sign.
            let (column, row) = (x.cast_unsigned() as usize, y.cast_unsigned() as usize);
            if column < width && row < height {
                let place = row * width + column;
                *grey = pixels[place];
                *mask = valid.at_place(place);
            }
        }
    }
    let shape = (radii.len(), columns);
    NormalizedIris {
        image: Array2::from_shape_vec(shape, grey).expect("one sample per row and column"),
        mask: Array2::from_shape_vec(shape, mask).expect("one sample per row and column"),
    }
}

/// Nearest whole number, halves to even, for |value| below 2²²; without a call into the C library.
///
/// Adding 1.5·2²³ leaves no room for a fraction, the hardware rounds halves to even, and the whole number is what was
/// added to the bits. Larger values, and what is no number, come out at 2²² or more or below −2²², outside every picture.
fn nearest_whole(value: f32) -> i32 {
    const SHIFTER: f32 = 12_582_912.0;
    (value + SHIFTER).to_bits().wrapping_sub(SHIFTER.to_bits()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_agrees_with_the_library() {
        for i in -32_000_i16..=32_000 {
            let value = f32::from(i) / 8.0;
            #[allow(clippy::cast_possible_truncation)] // at most 4000
            let expected = value.round_ties_even() as i32;
            assert_eq!(nearest_whole(value), expected, "{value}");
        }
        // What is far away stays far away, on whichever side.
        for far in [4_194_304.0, 8_388_608.0, 12_582_912.0, 1e9, 1e30, f32::MAX, f32::INFINITY, f32::NAN] {
            for value in [far, -far] {
                assert!(nearest_whole(value).cast_unsigned() >= 1 << 22, "{value}: {}", nearest_whole(value));
            }
        }
    }
}
