//! Pictures of eyes: decoding with limits, and the pixels themselves.

use core::fmt;

use ndarray::Array2;

use super::privacy;

mod decode;
mod info;
#[cfg(feature = "jpeg2000")]
mod jpeg2000;

pub use decode::{ImageError, Limits, decode};
pub use info::{FileFormat, ImageInfo, inspect};

/// An 8-bit grey picture of one eye; its pixels are wiped when it is dropped.
///
/// Axes are `[row][column]`, the first row on top. `Debug` shows the size, never a pixel.
#[derive(Clone)]
pub struct EyeImage {
    pixels: Array2<u8>,
}

impl EyeImage {
    /// Takes pixels as `[row][column]`; any memory layout is accepted and kept as row-major.
    #[must_use]
    pub fn from_pixels(mut pixels: Array2<u8>) -> Self {
        if pixels.is_standard_layout() {
            return Self { pixels };
        }
        let rows = pixels.as_standard_layout().into_owned();
        wipe(&mut pixels);
        Self { pixels: rows }
    }

    /// The pixels, `[row][column]`, contiguous and row-major.
    #[must_use]
    pub fn pixels(&self) -> &Array2<u8> {
        &self.pixels
    }

    /// The pixels row after row: pixel (x, y) is at `y * width + x`.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.pixels.as_slice().expect("the constructor leaves row-major pixels")
    }

    /// Columns of the picture.
    #[must_use]
    pub fn width(&self) -> usize {
        self.pixels.ncols()
    }

    /// Rows of the picture.
    #[must_use]
    pub fn height(&self) -> usize {
        self.pixels.nrows()
    }

    /// The picture seen in a mirror (left and right exchanged).
    #[must_use]
    pub fn mirrored(&self) -> Self {
        let width = self.width().max(1);
        let mut pixels = self.pixels.clone();
        let rows = pixels.as_slice_mut().expect("the constructor leaves row-major pixels");
        rows.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        Self { pixels }
    }

    /// The picture with top and bottom exchanged.
    #[must_use]
    pub fn upside_down(&self) -> Self {
        let mut turned = self.mirrored();
        // All rows backwards, and each row turned round once more.
        turned.pixels.as_slice_mut().expect("the constructor leaves row-major pixels").reverse();
        turned
    }
}

impl fmt::Debug for EyeImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EyeImage").field("width", &self.width()).field("height", &self.height()).finish_non_exhaustive()
    }
}

impl Drop for EyeImage {
    fn drop(&mut self) {
        wipe(&mut self.pixels);
    }
}

/// Overwrites every element, whatever the layout.
pub(crate) fn wipe(pixels: &mut Array2<u8>) {
    match pixels.as_slice_memory_order_mut() {
        Some(slice) => privacy::wipe(slice),
        None => pixels.iter_mut().for_each(zeroize::Zeroize::zeroize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_layout_becomes_row_major() {
        let columns = Array2::from_shape_fn((3, 5), |(y, x)| u8::try_from(10 * y + x).unwrap_or(0)).reversed_axes();
        let image = EyeImage::from_pixels(columns.clone());
        assert_eq!((image.width(), image.height()), (3, 5));
        assert_eq!(image.pixels(), &columns);
        assert_eq!(image.as_slice()[..4], [0, 10, 20, 1]);
    }

    #[test]
    fn mirroring_twice_is_nothing() {
        let image =
            EyeImage::from_pixels(Array2::from_shape_fn((2, 3), |(y, x)| u8::try_from(10 * y + x).unwrap_or(0)));
        assert_eq!(image.mirrored().as_slice(), [2, 1, 0, 12, 11, 10]);
        assert_eq!(image.mirrored().mirrored().as_slice(), image.as_slice());
        assert_eq!(image.upside_down().as_slice(), [10, 11, 12, 0, 1, 2]);
    }

    #[test]
    fn debug_shows_no_pixel() {
        let image = EyeImage::from_pixels(Array2::from_elem((2, 2), 77));
        assert_eq!(format!("{image:?}"), "EyeImage { width: 2, height: 2, .. }");
    }

    #[test]
    fn wiping_overwrites_every_pixel() {
        let mut pixels = Array2::from_elem((4, 6), 9_u8);
        wipe(&mut pixels);
        assert!(pixels.iter().all(|&pixel| pixel == 0));
        let mut strided = Array2::from_elem((4, 6), 9_u8);
        strided.slice_collapse(ndarray::s![..;2, ..;3]);
        wipe(&mut strided);
        assert!(strided.iter().all(|&pixel| pixel == 0));
    }
}
