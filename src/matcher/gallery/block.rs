//! How the entries of a gallery lie in memory.

use alloc::vec;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::EntryId;
use super::bound::MissingBits;
use crate::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask};
#[cfg(feature = "std")]
use crate::matcher::kernel::Slice;
use crate::matcher::kernel::{Cell, LANES};

/// Up to 256 entries, their bits transposed.
///
/// ```text
///   cell      64 bytes: of 256 entries those with a usable 0, those with a usable 1
///   row       200 or 256 cells, one per column
///   block     64 rows, one per bit of a column                  823 or 1,049 kB
///   missing   64 × 256 bytes: unusable bits of an entry in a row             16 kB
/// ```
///
/// That is every bit of code and mask once, and a fiftieth more. A bit that is not usable is not kept: what the code had
/// there is in neither slice. Blocks are allocated whole and never grow: growing would leave copies of templates in
/// freed memory.
#[derive(Clone)]
pub(super) struct Block {
    columns: usize,
    names: Vec<EntryId>,
    cells: Zeroizing<Vec<Cell>>,
    missing: Zeroizing<Vec<MissingBits>>,
}

/// The usable bits of one entry in one row, one per column from bit 0 of word 0 on.
pub(super) type Row = [u64; 4];

impl Block {
    pub(super) const ENTRIES: usize = LANES;

    pub(super) fn new(layout: Layout) -> Self {
        Self {
            columns: layout.columns(),
            names: Vec::with_capacity(Self::ENTRIES),
            cells: Zeroizing::new(vec![Cell::EMPTY; layout.bits()]),
            missing: Zeroizing::new(vec![[u8::MAX; LANES]; Layout::BITS_PER_COLUMN]),
        }
    }

    /// The names of the entries, in the order of their lanes.
    pub(super) fn names(&self) -> &[EntryId] {
        &self.names
    }

    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    #[cfg(feature = "testing")]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&**self.cells) + size_of_val(&**self.missing) + size_of::<EntryId>() * self.names.capacity()
    }

    /// Reads every bit and does nothing with it; returns how many bytes that were.
    #[cfg(feature = "testing")]
    pub(super) fn read(&self) -> usize {
        // Four cells at a time, so that no operation waits for the one before.
        let mut sums = [Cell::EMPTY; 4];
        for cells in self.cells.as_chunks::<4>().0 {
            for (sum, cell) in sums.iter_mut().zip(cells) {
                *sum = sum.xor(cell);
            }
        }
        core::hint::black_box(sums);
        size_of_val(&**self.cells)
    }

    /// For each row the unusable bits of every entry.
    pub(super) fn missing(&self) -> &[MissingBits] {
        &self.missing
    }

    /// The usable bits of an entry in a row.
    pub(super) fn usable(&self, row: usize, lane: usize) -> Row {
        let mut usable = [0; 4];
        let cells = &self.cells[row * self.columns..][..self.columns];
        // The lane's bit goes to the end of its word and from there into the sum: fewer operations than cutting it out.
        let (word, from_end) = (lane / 64, 63 - lane % 64);
        for (bits, cells) in usable.iter_mut().zip(cells.chunks(64)) {
            *bits = cells
                .iter()
                .rev()
                .fold(0_u64, |bits, cell| bits.wrapping_mul(2).wrapping_add(cell.usable_word(word) << from_end >> 63));
        }
        usable
    }

    /// The template of an entry, with zeros for the bits that are not usable.
    pub(super) fn template(&self, lane: usize, layout: Layout, encoder: EncoderVersion) -> IrisTemplate {
        let (mut code, mut mask) = (vec![0; self.columns], vec![0; self.columns]);
        for (bit, row) in self.cells.chunks_exact(self.columns).enumerate() {
            for ((cell, code), mask) in row.iter().zip(&mut code).zip(&mut mask) {
                *code |= u64::from(cell.ones.get(lane)) << bit;
                *mask |= u64::from(cell.usable(lane)) << bit;
            }
        }
        let right = "one word per column was made";
        let code = IrisCode::from_columns(layout, code).expect(right);
        let mask = Mask::from_columns(layout, mask).expect(right);
        IrisTemplate::new(code, mask, encoder).expect("both have one layout")
    }

    /// Adds an entry behind the others; there is room, and what is behind them is empty.
    pub(super) fn push(&mut self, name: EntryId, template: &IrisTemplate) {
        let lane = self.names.len();
        self.names.push(name);
        let (code, mask) = (template.code().columns(), template.mask().columns());
        let rows = self.cells.chunks_exact_mut(self.columns).zip(self.missing.iter_mut());
        for (bit, (row, missing)) in rows.enumerate() {
            let mut usable_bits = 0;
            for ((cell, code), mask) in row.iter_mut().zip(code).zip(mask) {
                let (one, usable) = (code >> bit & 1, mask >> bit & 1);
                cell.put(lane, usable, one);
                usable_bits += usable as usize;
            }
            missing[lane] = u8::try_from(self.columns - usable_bits).unwrap_or(u8::MAX);
        }
    }

    /// Puts a copy of the last entry of `from` in the place of one of ours.
    pub(super) fn replace(&mut self, lane: usize, from: &Self) {
        let last = from.names.len() - 1;
        self.names[lane] = from.names[last];
        for (to, from) in self.cells.iter_mut().zip(from.cells.iter()) {
            to.ones.set(lane, from.ones.get(last));
            to.zeros.set(lane, from.zeros.get(last));
        }
        for (to, from) in self.missing.iter_mut().zip(from.missing.iter()) {
            to[lane] = from[last];
        }
    }

    /// Puts the last entry in the place of another, or of itself, and wipes the last place.
    pub(super) fn swap_remove(&mut self, lane: usize) {
        let last = self.names.len() - 1;
        for cell in self.cells.iter_mut() {
            for slice in [&mut cell.ones, &mut cell.zeros] {
                slice.set(lane, slice.get(last));
                slice.set(last, false);
            }
        }
        for missing in self.missing.iter_mut() {
            missing[lane] = missing[last];
            missing[last] = u8::MAX;
        }
        self.names.swap_remove(lane);
    }

    /// Removes all entries and wipes their bits.
    #[cfg(feature = "std")]
    pub(super) fn clear(&mut self) {
        self.names.clear();
        self.cells.iter_mut().for_each(|cell| *cell = Cell::EMPTY);
        self.missing.iter_mut().for_each(|missing| missing.fill(u8::MAX));
    }

    /// Appends the cells as bytes, 64 for each; see [`super::GalleryFile`].
    #[cfg(feature = "std")]
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        for cell in self.cells.iter() {
            for word in cell.zeros.words().into_iter().chain(cell.ones.words()) {
                bytes.extend_from_slice(&word.to_le_bytes());
            }
        }
    }

    /// Puts these entries in the place of all others; `bytes` are what [`Block::encode`] made of their cells.
    ///
    /// After an error the block has no defined content.
    #[cfg(feature = "std")]
    pub(super) fn decode(&mut self, names: Vec<EntryId>, bytes: &[u8]) -> Result<(), Content> {
        let mut there = [0; 4];
        for (lane, _) in names.iter().enumerate() {
            there[lane / 64] |= 1 << (lane % 64);
        }
        self.names = names;
        let rows = self.cells.chunks_exact_mut(self.columns).zip(bytes.chunks_exact(self.columns * size_of::<Cell>()));
        for ((row, bytes), missing) in rows.zip(self.missing.iter_mut()) {
            let (mut both, mut any) = ([0; 4], [0; 4]);
            let mut counter = super::bound::MissingCounter::default();
            for (cells, bytes) in row.as_chunks_mut::<8>().0.iter_mut().zip(bytes.as_chunks::<512>().0) {
                for (cell, bytes) in cells.iter_mut().zip(bytes.as_chunks::<64>().0) {
                    let words = bytes.as_chunks::<8>().0;
                    let half = |from: usize| [0, 1, 2, 3].map(|word| u64::from_le_bytes(words[from + word]));
                    let (zeros, ones) = (half(0), half(4));
                    for word in 0..4 {
                        both[word] |= zeros[word] & ones[word];
                        any[word] |= zeros[word] | ones[word];
                    }
                    *cell = Cell { zeros: Slice::from_words(zeros), ones: Slice::from_words(ones) };
                }
                counter.add(&cells.each_ref().map(|cell| [0, 1, 2, 3].map(|word| !cell.usable_word(word))));
            }
            if both != [0; 4] {
                return Err(Content::Contradiction);
            }
            if [0, 1, 2, 3].iter().any(|&word| any[word] & !there[word] != 0) {
                return Err(Content::Stray);
            }
            *missing = counter.sums();
            missing[self.names.len()..].fill(u8::MAX);
        }
        Ok(())
    }
}

/// Why bytes are not the cells of a block.
#[cfg(feature = "std")]
#[derive(Debug)]
pub(super) enum Content {
    /// An entry has a 0 and a 1 at one place.
    Contradiction,
    /// There are bits where there is no entry.
    Stray,
}
