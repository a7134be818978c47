//! Pictures of eyes: decoding with limits, and the pixels themselves.

use core::fmt;

use ndarray::Array2;
use zeroize::Zeroize as _;

/// An 8-bit grey picture of one eye; its pixels are wiped when it is dropped.
///
/// Axes are `[row][column]`, the first row on top. `Debug` shows the size, never a pixel.
#[derive(Clone)]
pub struct EyeImage {
    pixels: Array2<u8>,
}

impl EyeImage {
    /// Takes pixels as `[row][column]`, in standard (row-major) layout.
    #[must_use]
    pub fn from_pixels(pixels: Array2<u8>) -> Self {
        Self { pixels: pixels.as_standard_layout().into_owned() }
    }

    /// The pixels, `[row][column]`, contiguous and row-major.
    #[must_use]
    pub fn pixels(&self) -> &Array2<u8> {
        &self.pixels
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
}

impl fmt::Debug for EyeImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EyeImage").field("width", &self.width()).field("height", &self.height()).finish_non_exhaustive()
    }
}

impl Drop for EyeImage {
    fn drop(&mut self) {
        if let Some(pixels) = self.pixels.as_slice_memory_order_mut() {
            pixels.zeroize();
        }
    }
}
