//! A grid of bits, one word per column: what a code and a mask have in common.

use alloc::vec::Vec;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Layout, Rotation, TemplateError};

/// The bits of one code or of one mask. Wiped when dropped; has no `Debug` on purpose.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(super) struct Plane {
    #[zeroize(skip)]
    layout: Layout,
    columns: Vec<u64>,
}

impl Plane {
    pub(super) fn from_columns(layout: Layout, mut columns: Vec<u64>) -> Result<Self, TemplateError> {
        if columns.len() != layout.columns() {
            let found = columns.len();
            columns.zeroize();
            return Err(TemplateError::ColumnCount { layout, found });
        }
        Ok(Self { layout, columns })
    }

    pub(super) fn from_fn(layout: Layout, mut bit: impl FnMut(usize, usize, usize, usize) -> bool) -> Self {
        let columns = (0..layout.columns())
            .map(|column| {
                let mut word = 0_u64;
                for part in 0..Layout::PARTS {
                    for wavelet in 0..Layout::WAVELETS {
                        for row in 0..Layout::ROWS {
                            word |= u64::from(bit(wavelet, row, column, part)) << position(wavelet, row, part);
                        }
                    }
                }
                word
            })
            .collect();
        Self { layout, columns }
    }

    /// The same word in every column.
    pub(super) fn repeat(layout: Layout, word: u64) -> Self {
        Self { layout, columns: alloc::vec![word; layout.columns()] }
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    pub(super) fn columns(&self) -> &[u64] {
        &self.columns
    }

    pub(super) fn bit(&self, wavelet: usize, row: usize, column: usize, part: usize) -> bool {
        assert!(
            wavelet < Layout::WAVELETS && row < Layout::ROWS && part < Layout::PARTS,
            "there is no bit at wavelet {wavelet}, row {row}, part {part}",
        );
        self.columns[column] >> position(wavelet, row, part) & 1 == 1
    }

    pub(super) fn count_ones(&self) -> u32 {
        self.columns.iter().map(|word| word.count_ones()).sum()
    }

    pub(super) fn map_words(&self, word: impl FnMut(u64) -> u64) -> Self {
        Self { layout: self.layout, columns: self.columns.iter().copied().map(word).collect() }
    }

    pub(super) fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = self.clone();
        turned.columns.rotate_right(rotation.modulo(self.layout));
        turned
    }

    /// The columns of each half in reverse order: what a picture flipped left to right does to the unrolled iris.
    pub(super) fn mirrored(&self) -> Self {
        let mut mirrored = self.clone();
        let (lower, upper) = mirrored.columns.split_at_mut(self.layout.columns() / 2);
        lower.reverse();
        upper.reverse();
        mirrored
    }
}

/// Where a bit lies in the word of its column.
const fn position(wavelet: usize, row: usize, part: usize) -> usize {
    part * 32 + wavelet * 16 + row
}
