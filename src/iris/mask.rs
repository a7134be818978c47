//! Which bits of an iris code may be trusted.

use alloc::vec::Vec;
use core::fmt;

use super::plane::Plane;
use super::{Layout, Rotation, TemplateError};

/// The validity of every bit of an [`IrisCode`](super::IrisCode): 1 = usable, 0 = eyelid, lash, glare or fragile.
///
/// The memory is wiped when the value is dropped (where the eyelids were is biometric data too), and
/// `Debug` shows the layout only.
#[doc(alias = "noise mask")]
#[derive(Clone, PartialEq, Eq)]
pub struct Mask(Plane);

impl Mask {
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

    /// Every bit is usable.
    #[must_use]
    pub fn full(layout: Layout) -> Self {
        Self(Plane::repeat(layout, u64::MAX))
    }

    /// No bit is usable.
    #[must_use]
    pub fn empty(layout: Layout) -> Self {
        Self(Plane::repeat(layout, 0))
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

    /// One bit: is this bit of the code usable?
    ///
    /// # Panics
    ///
    /// As indexing a slice does, if `wavelet`, `row`, `column` or `part` is outside the layout.
    #[must_use]
    pub fn bit(&self, wavelet: usize, row: usize, column: usize, part: usize) -> bool {
        self.0.bit(wavelet, row, column, part)
    }

    /// How many bits are usable.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.count_ones()
    }

    /// The mask of the same iris after the head has turned by `rotation`.
    #[must_use]
    pub fn rotated(&self, rotation: Rotation) -> Self {
        Self(self.0.rotated(rotation))
    }

    /// The mask of the same picture flipped left to right: each half of the columns reversed.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self(self.0.mirrored())
    }

    /// A bit is usable if the real *and* the imaginary bit of its response are.
    ///
    /// World's uniqueness service keeps one mask bit per response (iris-mpc cuts its mask shares to the
    /// first half), so a template on its way there must have equal pairs, or the distance computed there
    /// differs from the one computed here.
    #[must_use]
    pub fn paired(&self) -> Self {
        Self(self.0.map_words(|word| word & word.rotate_left(32)))
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mask").field("layout", &self.layout()).finish_non_exhaustive()
    }
}
