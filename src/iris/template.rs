//! A code, its mask, and who made them.

use core::fmt;

use super::{EncoderVersion, IrisCode, Layout, Mask, Rotation};

/// One iris as the matcher sees it: code, mask and the version of the encoder.
///
/// # Examples
///
/// ```
/// use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask};
///
/// let code = IrisCode::from_fn(Layout::Columns256, |_, row, column, _| (row * column) % 5 < 2);
/// let template = IrisTemplate::new(code, Mask::full(Layout::Columns256), EncoderVersion::OpenIris1112)?;
/// let bytes = template.to_bytes();
/// assert_eq!(IrisTemplate::from_bytes(&bytes)?, template);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "biometric template")]
#[derive(Clone, PartialEq, Eq)]
pub struct IrisTemplate {
    code: IrisCode,
    mask: Mask,
    encoder: EncoderVersion,
}

impl IrisTemplate {
    /// Joins a code and its mask.
    ///
    /// # Errors
    ///
    /// [`TemplateError::LayoutMismatch`] if the two have different layouts.
    pub fn new(code: IrisCode, mask: Mask, encoder: EncoderVersion) -> Result<Self, TemplateError> {
        if code.layout() != mask.layout() {
            return Err(TemplateError::LayoutMismatch { code: code.layout(), mask: mask.layout() });
        }
        Ok(Self { code, mask, encoder })
    }

    /// The bits.
    #[must_use]
    pub fn code(&self) -> &IrisCode {
        &self.code
    }

    /// Which of the bits are usable.
    #[must_use]
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// The encoder that made the template.
    #[must_use]
    pub fn encoder(&self) -> EncoderVersion {
        self.encoder
    }

    /// The sampling grid of code and mask.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.code.layout()
    }

    /// The template of the same iris after the head has turned by `rotation`.
    #[must_use]
    pub fn rotated(&self, rotation: Rotation) -> Self {
        Self { code: self.code.rotated(rotation), mask: self.mask.rotated(rotation), encoder: self.encoder }
    }

    /// The template of the same picture flipped left to right.
    ///
    /// Somebody who holds a flipped picture of a known eye before the camera looks like a stranger to the
    /// matcher, and like this to it.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self { code: self.code.mirrored(), mask: self.mask.mirrored(), encoder: self.encoder }
    }

    /// The template with [`Mask::paired`], as World's uniqueness service wants it.
    #[must_use]
    pub fn with_paired_mask(&self) -> Self {
        Self { code: self.code.clone(), mask: self.mask.paired(), encoder: self.encoder }
    }
}

impl fmt::Debug for IrisTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IrisTemplate")
            .field("layout", &self.layout())
            .field("encoder", &self.encoder)
            .finish_non_exhaustive()
    }
}

/// Why code and mask do not make a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The number of words is not the number of columns.
    #[error("{found} columns given where the layout has {}", layout.columns())]
    ColumnCount {
        /// The layout asked for.
        layout: Layout,
        /// The words given.
        found: usize,
    },
    /// Code and mask are of different layouts.
    #[error("the code has {} columns and the mask {}; both must have the same", code.columns(), mask.columns())]
    LayoutMismatch {
        /// The layout of the code.
        code: Layout,
        /// The layout of the mask.
        mask: Layout,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::{format, vec, vec::Vec};

    use super::*;

    fn counting(layout: Layout) -> IrisTemplate {
        // Multiplying by an odd number of high entropy makes every column's word different.
        let words = |salt: u64| -> Vec<u64> {
            (0..layout.columns() as u64).map(|c| (c + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect()
        };
        let code = IrisCode::from_columns(layout, words(1)).unwrap();
        let mask = Mask::from_columns(layout, words(1000)).unwrap();
        IrisTemplate::new(code, mask, EncoderVersion::OpenIris1112).unwrap()
    }

    #[test]
    fn bits_lie_where_the_picture_says() {
        let code = IrisCode::from_fn(Layout::Columns200, |w, r, c, p| (w, r, c, p) == (1, 5, 42, 1));
        assert_eq!(code.columns()[42], 1 << (32 + 16 + 5));
        assert_eq!(code.count_ones(), 1);
        assert!(code.bit(1, 5, 42, 1));
        assert!(!code.bit(1, 5, 42, 0));
    }

    #[test]
    #[should_panic(expected = "there is no bit at wavelet 0, row 16, part 0")]
    fn a_row_that_does_not_exist_is_not_a_bit_of_another_wavelet() {
        let _ = Mask::full(Layout::Columns200).bit(0, 16, 0, 0);
    }

    #[test]
    fn wrong_sizes_are_refused() {
        for (layout, found) in [(Layout::Columns200, 199), (Layout::Columns200, 256), (Layout::Columns256, 0)] {
            let expected = TemplateError::ColumnCount { layout, found };
            assert_eq!(IrisCode::from_columns(layout, vec![0; found]), Err(expected));
            assert_eq!(Mask::from_columns(layout, vec![0; found]), Err(expected));
        }
        let code = IrisCode::from_fn(Layout::Columns200, |_, _, _, _| false);
        assert_eq!(
            IrisTemplate::new(code, Mask::full(Layout::Columns256), EncoderVersion::Other(1)),
            Err(TemplateError::LayoutMismatch { code: Layout::Columns200, mask: Layout::Columns256 })
        );
    }

    #[test]
    fn positive_rotation_moves_to_higher_columns() {
        for layout in Layout::ALL {
            let template = counting(layout);
            let turned = template.rotated(Rotation::new(7));
            let last = layout.columns() - 1;
            assert_eq!(turned.code().columns()[7], template.code().columns()[0]);
            assert_eq!(turned.mask().columns()[6], template.mask().columns()[last]);
            assert_eq!(turned.rotated(Rotation::new(-7)), template);
        }
    }

    #[test]
    fn mirroring_twice_changes_nothing() {
        for layout in Layout::ALL {
            let template = counting(layout);
            assert_ne!(template.mirrored(), template);
            assert_eq!(template.mirrored().mirrored(), template);
            assert_eq!(template.mirrored().mask().count(), template.mask().count());
        }
    }

    #[test]
    fn paired_masks_have_equal_halves() {
        let paired = counting(Layout::Columns256).with_paired_mask();
        assert!(paired.mask().columns().iter().all(|word| word >> 32 == word & 0xFFFF_FFFF));
        assert_eq!(paired.with_paired_mask(), paired);
    }

    #[test]
    fn debug_tells_nothing_of_the_eye() {
        let template = counting(Layout::Columns200);
        assert_eq!(format!("{template:?}"), "IrisTemplate { layout: Columns200, encoder: OpenIris1112, .. }");
        assert_eq!(format!("{:?}", template.mask()), "Mask { layout: Columns200, .. }");
    }
}
