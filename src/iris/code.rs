//! The bits of an iris.

use alloc::vec::Vec;
use core::fmt;

use super::plane::Plane;
use super::{Layout, Rotation, TemplateError};

/// The signs of the wavelets' responses, as one bit per wavelet, row, column and part.
///
/// A code says nothing by itself: bits over an eyelid are there too. Read it through its [`Mask`](super::Mask).
/// The memory is wiped when the value is dropped, and `Debug` shows the layout only.
///
/// # Examples
///
/// ```
/// use personhood::iris::{IrisCode, Layout};
///
/// let code = IrisCode::from_fn(Layout::Columns200, |_wavelet, row, column, _part| row == 3 && column == 7);
/// assert!(code.bit(0, 3, 7, 0));
/// assert_eq!(code.columns()[7].count_ones(), 4);
/// assert_eq!(format!("{code:?}"), "IrisCode { layout: Columns200, .. }");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct IrisCode(Plane);

impl IrisCode {
    /// Takes one word per column; the [module page](super) draws the word.
    ///
    /// # Errors
    ///
    /// [`TemplateError::ColumnCount`] if there are not exactly [`Layout::columns`] words; they are wiped then.
    pub fn from_columns(layout: Layout, columns: Vec<u64>) -> Result<Self, TemplateError> {
        Plane::from_columns(layout, columns).map(Self)
    }

    /// Asks for every bit by `(wavelet, row, column, part)`, where part 0 is real and 1 is imaginary.
    #[must_use]
    pub fn from_fn(layout: Layout, bit: impl FnMut(usize, usize, usize, usize) -> bool) -> Self {
        Self(Plane::from_fn(layout, bit))
    }

    /// The sampling grid.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.0.layout()
    }

    /// One word per column; the [module page](super) draws the word.
    #[must_use]
    pub fn columns(&self) -> &[u64] {
        self.0.columns()
    }

    /// One bit.
    ///
    /// # Panics
    ///
    /// As indexing a slice does, if `wavelet`, `row`, `column` or `part` is outside the layout.
    #[must_use]
    pub fn bit(&self, wavelet: usize, row: usize, column: usize, part: usize) -> bool {
        self.0.bit(wavelet, row, column, part)
    }

    /// How many bits are set.
    #[must_use]
    pub fn count_ones(&self) -> u32 {
        self.0.count_ones()
    }

    /// The code of the same iris after the head has turned by `rotation`.
    #[must_use]
    pub fn rotated(&self, rotation: Rotation) -> Self {
        Self(self.0.rotated(rotation))
    }

    /// The code of the same picture flipped left to right.
    ///
    /// Each half of the columns is reversed. The imaginary bits are inverted, because the imaginary part of
    /// a Gabor wavelet is odd along the columns.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        const IMAGINARY: u64 = 0xFFFF_FFFF_0000_0000;
        Self(self.0.mirrored().map_words(|word| word ^ IMAGINARY))
    }
}

impl fmt::Debug for IrisCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IrisCode").field("layout", &self.layout()).finish_non_exhaustive()
    }
}
