//! [`sift`](super::sliced::sift) for a gallery that keeps some columns of some rows of bits, weighted.
//!
//! The probe stays complete, so every rotation is exact on the bits that are kept. A row keeps the columns that are
//! multiples of its step. At the rotations s … s+3 column x + s sees the bits x, x−1, x−2, x−3 of the probe, as in the full
//! search; but x + s must be a multiple of the step now. With a step of 8 that is another x for every other group of four
//! rotations, so there are two sets of lists, for the even and for the odd groups. With smaller steps the two are equal.
//!
//! A row of weight 2 adds its slices to level 1 of the counters instead of level 0.

use alloc::vec;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::sliced::{
    Bounds, CELL, Cell, GROUPS, LEVELS, List, Near, PASS, QUAD, SHARE, SLICE, STRIDE, SUBSETS, Slice, Vector, count,
    levels, near_lanes, sums, unroll,
};
use crate::iris::Layout;

/// Levels of a weighted count: at most 4,096.
const SUBSET_LEVELS: usize = 13;
const _: () = assert!(SUBSET_LEVELS <= LEVELS);
/// Cells of the buffer: those of a chunk, and as many empty ones as a filler is shifted by.
const BUFFER: usize = 512;
const FILLERS: usize = 16;

/// Rows of bits that keep the columns at multiples of one step, and count so many times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::matcher) struct Rows {
    /// Which of the 64 bits of a column.
    pub(in crate::matcher) bits: Vec<u8>,
    /// 2, 4 or 8; it divides the number of columns.
    pub(in crate::matcher) step: usize,
    /// 1 or 2.
    pub(in crate::matcher) weight: u32,
}

impl Rows {
    /// Cells that the last group of a pass is further than the first.
    fn continued(&self) -> usize {
        SHARE * (GROUPS - 1) / self.step + 1
    }

    /// Rows that are counted together: what fits in the buffer.
    fn chunks(&self, columns: usize) -> impl Iterator<Item = &[u8]> {
        let most = (BUFFER - FILLERS) / (columns / self.step + self.continued());
        self.bits.chunks(most.min(self.bits.len()))
    }
}

/// Lists for the even and for the odd groups of a chunk.
struct Chunk {
    step: usize,
    weight: u32,
    rows: usize,
    /// The number of the first list, and of the first behind the last, of both.
    lists: [core::ops::Range<usize>; 2],
    /// Cells between the places of the first even and the first odd group.
    odd: usize,
}

/// What is to be added where, for one probe and one choice of rows.
///
/// As with [`Program`](super::sliced::Program) every place is a byte offset into the buffer at which a slice can be loaded
/// for every group; nothing outside this file makes them.
pub(in crate::matcher) struct SubsetProgram {
    columns: usize,
    rotations: usize,
    start: usize,
    cells: usize,
    chunks: Vec<Chunk>,
    lists: Vec<List>,
    places: Zeroizing<Vec<u16>>,
    levels: [u8; SUBSETS],
}

impl SubsetProgram {
    pub(super) fn new(layout: Layout, rows: &[Rows], code: &[u64], mask: &[u64], maximum_rotation: u8) -> Self {
        let columns = layout.columns();
        assert!(code.len() == columns && mask.len() == columns, "a probe has one word per column");
        let mut program = Self {
            columns,
            rotations: 2 * usize::from(maximum_rotation) + 1,
            start: (2 * columns - usize::from(maximum_rotation)) % columns,
            cells: rows.iter().map(|rows| rows.bits.len() * columns / rows.step).sum(),
            chunks: Vec::new(),
            lists: Vec::new(),
            places: Zeroizing::new(Vec::new()),
            levels: [0; SUBSETS],
        };
        // At most two slices per place for the even and the odd groups, and every list filled up.
        let chunks: usize = rows.iter().map(|rows| rows.chunks(columns).count()).sum();
        program.places.reserve_exact(4 * program.cells + 2 * chunks * SUBSETS * QUAD);
        let mut totals = [[0_u32; SUBSETS]; 2];
        for rows in rows {
            assert!(matches!(rows.step, 2 | 4 | 8) && columns.is_multiple_of(rows.step), "a step that is known");
            assert!(matches!(rows.weight, 1 | 2), "a weight that is known");
            for bits in rows.chunks(columns) {
                // The first x of the even groups, and of the odd ones: four columns further around.
                let even = (columns - program.start) % rows.step;
                let odd = (even + 2 * rows.step - SHARE) % rows.step;
                let lists = [0, 1].map(|class| {
                    let first = program.lists.len();
                    program.list(rows, bits, [even, odd][class], code, mask, &mut totals[class]);
                    first..program.lists.len()
                });
                // Column even + start is the first cell; odd + 4 + start is the same or a few further.
                let odd = (odd + SHARE - even) / rows.step;
                program.chunks.push(Chunk { step: rows.step, weight: rows.weight, rows: bits.len(), lists, odd });
            }
        }
        for (levels_of, subset) in program.levels.iter_mut().zip(0..) {
            *levels_of = levels(totals[0][subset].max(totals[1][subset]));
        }
        program
    }

    /// Lists the places of some rows, for the groups at which the first place is column `first` of the probe.
    fn list(
        &mut self,
        rows: &Rows,
        bits: &[u8],
        first: usize,
        code: &[u64],
        mask: &[u64],
        totals: &mut [u32; SUBSETS],
    ) {
        let (columns, width) = (self.columns, self.columns / rows.step + rows.continued());
        let mut sorted: [Zeroizing<Vec<u16>>; SUBSETS] =
            core::array::from_fn(|_| Zeroizing::new(Vec::with_capacity(2 * BUFFER)));
        for (row, &bit) in bits.iter().enumerate() {
            for (cell, x) in (first..columns).step_by(rows.step).enumerate() {
                // The bits x−3 … x, the last of them lowest: rotation 0 of the group sees x.
                let [ones, zeros] = (0..SHARE).rev().fold([0, 0], |[ones, zeros], back| {
                    let x = (x + columns - back) % columns;
                    let (usable, one) = (mask[x] >> bit & 1, code[x] >> bit & 1);
                    [ones << 1 | (usable & one) as usize, zeros << 1 | (usable & !one) as usize]
                });
                let place = ((row * width + cell) * CELL) as u16;
                if ones != 0 {
                    sorted[ones].push(place);
                }
                if zeros != 0 {
                    sorted[zeros].push(place + SLICE as u16);
                }
            }
        }
        for (subset, list) in sorted.iter_mut().enumerate().filter(|(_, list)| !list.is_empty()) {
            totals[subset] += rows.weight * list.len() as u32;
            let filled = list.len().next_multiple_of(QUAD);
            list.resize(filled, ((BUFFER - FILLERS) * CELL) as u16);
            self.lists.push(List {
                subset: subset as u8,
                // Behind the level at which slices of this weight are added.
                levels: levels(totals[subset]) - (rows.weight - 1) as u8,
                start: self.places.len() as u32,
                places: list.len() as u32,
            });
            self.places.extend_from_slice(list);
        }
    }

    /// How many rotations there are.
    pub(in crate::matcher) fn rotations(&self) -> usize {
        self.rotations
    }
}

/// The memory of a scan, made once; wiped when dropped. The last cells of the buffer stay empty.
pub(in crate::matcher) struct SubsetScratch {
    buffer: Zeroizing<Vec<Cell>>,
    counters: Zeroizing<Vec<Slice>>,
}

impl SubsetScratch {
    pub(in crate::matcher) fn new() -> Self {
        Self {
            buffer: Zeroizing::new(vec![Cell::EMPTY; BUFFER]),
            counters: Zeroizing::new(vec![Slice::EMPTY; SUBSETS * GROUPS * STRIDE]),
        }
    }
}

/// [`sift`](super::sliced::sift) for the kept cells of a block, row by row in the order of the [`Rows`].
///
/// # Safety
///
/// The CPU has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn sift<V: Vector, const SIDE_BY_SIDE: usize>(
    program: &SubsetProgram,
    cells: &[Cell],
    bounds: &Bounds,
    scratch: &mut SubsetScratch,
    near: &mut Vec<Near>,
) {
    let columns = program.columns;
    assert_eq!(cells.len(), program.cells, "a block has one cell per kept bit");
    let mut first = 0;
    while first < program.rotations {
        let rotations = (program.rotations - first).min(PASS);
        scratch.counters.chunks_exact_mut(STRIDE).for_each(|counter| counter[..=SUBSET_LEVELS].fill(Slice::EMPTY));
        let mut rest = cells;
        for chunk in &program.chunks {
            let kept = columns / chunk.step;
            let width = kept + SHARE * (GROUPS - 1) / chunk.step + 1;
            let now;
            (now, rest) = rest.split_at(chunk.rows * kept);
            // The first column at or behind the start that is kept.
            let start = (program.start + first).div_ceil(chunk.step) % kept;
            for (row, buffer) in now.chunks_exact(kept).zip(scratch.buffer[..BUFFER - FILLERS].chunks_exact_mut(width))
            {
                // SAFETY: the caller says that the CPU can run V.
                unsafe { unroll::<V>(row, start, buffer) };
            }
            for (class, lists) in chunk.lists.iter().enumerate() {
                for list in &program.lists[lists.clone()] {
                    let places = &program.places[list.start as usize..][..list.places as usize];
                    // Groups of one class: 0, 2, 4, 6 or 1, 3, 5, 7; their counters lie together.
                    for slot in (0..GROUPS / 2).step_by(SIDE_BY_SIDE) {
                        let counter = (usize::from(list.subset) * GROUPS + class * (GROUPS / 2) + slot) * STRIDE;
                        let group = 2 * slot;
                        // SAFETY: the caller says that the CPU can run V. Every place of a program leaves room for a slice
                        // at the shift of the last group of its class, in a buffer for chunks of this width; the cells of
                        // fillers do too. The counters of all groups of a subset follow each other, there are `SUBSETS`
                        // times as many, and one that begins a level further up has that level less.
                        unsafe {
                            let further = class * chunk.odd + group * SHARE / chunk.step;
                            let base = scratch.buffer.as_ptr().add(further).cast::<u8>();
                            let weighted = counter + chunk.weight as usize - 1;
                            let counter = scratch.counters.as_mut_ptr().add(weighted);
                            let levels = list.levels.into();
                            match chunk.step {
                                2 => count::<V, SIDE_BY_SIDE, { 4 * CELL }>(base, places, counter, levels),
                                4 => count::<V, SIDE_BY_SIDE, { 2 * CELL }>(base, places, counter, levels),
                                _ => count::<V, SIDE_BY_SIDE, CELL>(base, places, counter, levels),
                            }
                        }
                    }
                }
            }
        }
        for group in 0..rotations.div_ceil(SHARE) {
            let slot = group % 2 * (GROUPS / 2) + group / 2;
            // SAFETY: the caller says that the CPU can run V.
            unsafe {
                let sums = sums::<V, SUBSET_LEVELS>(&scratch.counters, slot, &program.levels);
                let rotations = (rotations - group * SHARE).min(SHARE);
                near_lanes::<V, SUBSET_LEVELS>(&sums[..rotations], bounds, first + group * SHARE, near);
            }
        }
        first += PASS;
    }
}
