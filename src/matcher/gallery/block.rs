//! How the entries of a gallery lie in memory.

use alloc::vec;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::bound::{RowCounts, row_counts};
use crate::iris::Layout;

/// A fixed number of entries, one after the other; codes and masks apart.
///
/// Blocks are allocated whole and never grow: growing would leave copies of templates in freed memory.
pub(super) struct Block {
    columns: usize,
    codes: Zeroizing<Vec<u64>>,
    masks: Zeroizing<Vec<u64>>,
    rows: Zeroizing<Vec<RowCounts>>,
}

/// A place in a block.
#[derive(Clone, Copy)]
pub(super) struct Slot(usize);

impl Slot {
    pub(super) fn new(index: usize) -> Self {
        debug_assert!(index < Block::ENTRIES);
        Self(index)
    }
}

impl Block {
    /// 200 or 256 kB of templates: a block and its counts stay in L2 while they are judged.
    pub(super) const ENTRIES: usize = 64;

    pub(super) fn new(layout: Layout) -> Self {
        let words = || Zeroizing::new(vec![0; Self::ENTRIES * layout.columns()]);
        let rows = Zeroizing::new(vec![[0; Layout::BITS_PER_COLUMN]; Self::ENTRIES]);
        Self { columns: layout.columns(), codes: words(), masks: words(), rows }
    }

    /// Codes and masks of the first entries.
    pub(super) fn first(&self, entries: usize) -> (&[u64], &[u64]) {
        let words = entries * self.columns;
        (&self.codes[..words], &self.masks[..words])
    }

    /// Usable bits per row of the entry in every slot.
    pub(super) fn rows(&self) -> &[RowCounts] {
        &self.rows
    }

    pub(super) fn read(&self, slot: Slot) -> (&[u64], &[u64]) {
        let words = self.words(slot);
        (&self.codes[words.clone()], &self.masks[words])
    }

    pub(super) fn write(&mut self, slot: Slot, code: &[u64], mask: &[u64]) {
        let words = self.words(slot);
        self.codes[words.clone()].copy_from_slice(code);
        self.masks[words].copy_from_slice(mask);
        self.rows[slot.0] = row_counts(mask);
    }

    pub(super) fn copy_within(&mut self, from: Slot, to: Slot) {
        self.rows[to.0] = self.rows[from.0];
        let (from, to) = (self.words(from), self.words(to).start);
        self.codes.copy_within(from.clone(), to);
        self.masks.copy_within(from, to);
    }

    pub(super) fn wipe(&mut self, slot: Slot) {
        use zeroize::Zeroize;
        let words = self.words(slot);
        self.codes[words.clone()].zeroize();
        self.masks[words].zeroize();
        self.rows[slot.0].zeroize();
    }

    fn words(&self, slot: Slot) -> core::ops::Range<usize> {
        slot.0 * self.columns..(slot.0 + 1) * self.columns
    }
}
