//! [`sift`](super::sliced::sift) for a gallery that keeps some columns of some rows of bits, weighted.
//!
//! The probe stays complete, so every rotation is exact on the bits that are kept. A row keeps the columns that are
//! multiples of its step, and counts once or twice: a row of weight 2 adds its slices to level 1 of the counters
//! instead of level 0.
//!
//! # Two rotations share additions
//!
//! At the rotations s and s+1 the column x + s of the gallery sees the bits x and x−1 of the probe, as in the full search; but x + s
//! must be a multiple of the step. With a step of 2 that is the same x for all groups of two; with a step of 8 there are
//! four classes of groups, each with lists of its own. There are only two rotations to a group here, and not four: with a
//! tenth of the bits the lists of four would be so short that loading counters, and adding up the fifteen of a group in the
//! end, would take longer than what is saved.
//!
//! # What cannot be compared is counted too
//!
//! An entry has `usable` weight among the kept bits, and at a rotation r the probe has no bit for `missing(r)` of it, so that
//! `usable − missing(r)` is compared. The missing is a quarter, and counted with counters of its own from the slices
//! of usable bits. What may disagree at most hardly bends where the compared weight grows, so for one
//! slope k/16
//!
//! ```text
//!   disagreeing(r) + ⌊k/16 · missing(r)⌋  <  bound
//! ```
//!
//! holds, with a bound for each entry that does not depend on the rotation, wherever an entry is near enough, and hardly ever
//! where it is not. Both counts of those that are found are handed on, and the caller judges them exactly.

use alloc::vec;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::sliced::{
    Bounds, CELL, Cell, LEVELS, List, PASS, QUAD, SLICE, STRIDE, Slice, Vector, add_count, below, count, levels,
    number, unroll,
};
use crate::iris::Layout;

/// Rotations that share their additions.
const SHARE: usize = 2;
/// Subsets of them, the empty one included.
const SUBSETS: usize = 1 << SHARE;
/// What is counted: slices that disagree, slices that the probe has no bit for.
const KINDS: usize = 2;
/// Groups of rotations in one pass through a block.
const GROUPS: usize = PASS / SHARE;
/// Levels of a weighted count: at most 4,096.
const SUBSET_LEVELS: usize = 13;
const _: () = assert!(SUBSET_LEVELS <= LEVELS);
/// Cells of the buffer for the rows of a chunk: what stays in L1 beside the counters.
const ROOM: usize = 384;
/// Empty cells behind them: as many as a filler is shifted by.
const FILLERS: usize = SHARE * GROUPS;
/// Where the usable bits of the rows begin, in the first halves of as many cells.
const USABLE: usize = ROOM + FILLERS;
const BUFFER: usize = USABLE + ROOM;
const _: () = assert!(BUFFER * CELL <= u16::MAX as usize, "every place fits 16 bits");

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
    /// Cells of a row in the buffer: once around, and on to the last group of a pass.
    fn width(columns: usize, step: usize) -> usize {
        columns / step + SHARE * (GROUPS - 1) / step + 1
    }

    /// Rows that are counted together: what fits in the buffer, all chunks alike if possible.
    fn chunks(&self, columns: usize) -> impl Iterator<Item = &[u8]> {
        let most = ROOM / Self::width(columns, self.step);
        let chunks = self.bits.len().div_ceil(most).max(1);
        self.bits.chunks(self.bits.len().div_ceil(chunks).max(1))
    }
}

/// An entry that may be near enough at a rotation, and its weights there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::matcher) struct Candidate {
    pub(in crate::matcher) lane: u8,
    pub(in crate::matcher) disagreeing: u16,
    /// Usable in the entry, but not in the probe.
    pub(in crate::matcher) missing: u16,
}

/// The lists of some rows.
struct Chunk {
    step: usize,
    weight: u32,
    rows: usize,
    /// For each class of groups the number of its first list, and of the first behind the last.
    lists: Vec<core::ops::Range<usize>>,
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
    sixteenths: u8,
    chunks: Vec<Chunk>,
    /// The number of a list's subset is `kind · SUBSETS + subset`.
    lists: Vec<List>,
    places: Zeroizing<Vec<u16>>,
    /// Bits of the whole counts.
    levels: [u8; KINDS * SUBSETS],
}

impl SubsetProgram {
    /// `sixteenths` is the k of the module page, at most 16.
    pub(super) fn new(
        layout: Layout,
        rows: &[Rows],
        code: &[u64],
        mask: &[u64],
        maximum_rotation: u8,
        sixteenths: u8,
    ) -> Self {
        let columns = layout.columns();
        assert!(code.len() == columns && mask.len() == columns, "a probe has one word per column");
        assert!(sixteenths <= 16, "a slope of at most 1");
        let mut program = Self {
            columns,
            rotations: 2 * usize::from(maximum_rotation) + 1,
            start: (2 * columns - usize::from(maximum_rotation)) % columns,
            cells: rows.iter().map(|rows| rows.bits.len() * columns / rows.step).sum(),
            sixteenths,
            chunks: Vec::new(),
            lists: Vec::new(),
            places: Zeroizing::new(Vec::new()),
            levels: [0; KINDS * SUBSETS],
        };
        // At most SHARE slices per place in each of at most four classes, and every list filled up.
        let chunks: usize = rows.iter().map(|rows| rows.chunks(columns).count()).sum();
        program.places.reserve_exact(4 * (SHARE * program.cells + chunks * KINDS * SUBSETS * QUAD));
        let mut totals = [[0_u32; KINDS * SUBSETS]; GROUPS];
        for rows in rows {
            assert!(matches!(rows.step, 2 | 4 | 8) && columns.is_multiple_of(rows.step), "a step that is known");
            assert!(matches!(rows.weight, 1 | 2), "a weight that is known");
            for bits in rows.chunks(columns) {
                let lists = (0..rows.step / SHARE).map(|class| {
                    let first = program.lists.len();
                    program.list(rows, bits, class, code, mask, &mut totals);
                    first..program.lists.len()
                });
                let lists = lists.collect();
                program.chunks.push(Chunk { step: rows.step, weight: rows.weight, rows: bits.len(), lists });
            }
        }
        for (index, levels_of) in program.levels.iter_mut().enumerate() {
            *levels_of = levels(totals.iter().map(|totals| totals[index]).max().unwrap_or(0));
        }
        program
    }

    /// Lists the places of some rows for one class of groups.
    fn list(
        &mut self,
        rows: &Rows,
        bits: &[u8],
        class: usize,
        code: &[u64],
        mask: &[u64],
        totals: &mut [[u32; KINDS * SUBSETS]; GROUPS],
    ) {
        let (columns, width) = (self.columns, Rows::width(self.columns, rows.step));
        let mut sorted: [Zeroizing<Vec<u16>>; KINDS * SUBSETS] =
            core::array::from_fn(|_| Zeroizing::new(Vec::with_capacity(2 * ROOM)));
        // The first column of the probe that meets a kept one at the first rotation of these groups.
        let first = (rows.step - (self.start + SHARE * class) % rows.step) % rows.step;
        for (row, &bit) in bits.iter().enumerate() {
            for (cell, x) in (first..columns).step_by(rows.step).enumerate() {
                // The bits x−1 and x, the last of them lowest: rotation 0 of the group sees x.
                let [ones, zeros, missing] = (0..SHARE).rev().fold([0, 0, 0], |[ones, zeros, missing], back| {
                    let x = (x + columns - back) % columns;
                    let (usable, one) = (mask[x] >> bit & 1, code[x] >> bit & 1);
                    [ones << 1 | usable & one, zeros << 1 | usable & !one, missing << 1 | usable ^ 1]
                });
                let place = ((row * width + cell) * CELL) as u16;
                for (subset, place) in [
                    (ones as usize, place),
                    (zeros as usize, place + SLICE as u16),
                    (SUBSETS + missing as usize, place + (USABLE * CELL) as u16),
                ] {
                    if !subset.is_multiple_of(SUBSETS) {
                        sorted[subset].push(place);
                    }
                }
            }
        }
        for (subset, list) in sorted.iter_mut().enumerate().filter(|(_, list)| !list.is_empty()) {
            let mut most = 0;
            for totals in totals.iter_mut().skip(class).step_by(rows.step / SHARE) {
                totals[subset] += rows.weight * list.len() as u32;
                most = most.max(totals[subset]);
            }
            let filled = list.len().next_multiple_of(QUAD);
            list.resize(filled, (ROOM * CELL) as u16);
            self.lists.push(List {
                subset: subset as u8,
                // Behind the level at which slices of this weight are added.
                levels: levels(most) - (rows.weight - 1) as u8,
                start: self.places.len() as u32,
                places: list.len() as u32,
            });
            self.places.extend_from_slice(list);
        }
    }
}

/// The memory of a scan, made once; wiped when dropped. The cells of fillers stay empty.
pub(in crate::matcher) struct SubsetScratch {
    buffer: Zeroizing<Vec<Cell>>,
    counters: Zeroizing<Vec<Slice>>,
}

impl SubsetScratch {
    pub(in crate::matcher) fn new() -> Self {
        Self {
            buffer: Zeroizing::new(vec![Cell::EMPTY; BUFFER]),
            counters: Zeroizing::new(vec![Slice::EMPTY; KINDS * SUBSETS * GROUPS * STRIDE]),
        }
    }
}

/// Finds the entries that may be near enough, among the kept cells of a block, row by row in the order of the [`Rows`].
///
/// `bounds` are those of the module page; `next` are the cells of the block that will be asked for next, if any.
///
/// # Safety
///
/// The CPU has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn sift<V: Vector, const SIDE_BY_SIDE: usize>(
    program: &SubsetProgram,
    cells: &[Cell],
    next: &[Cell],
    bounds: &Bounds,
    scratch: &mut SubsetScratch,
    candidates: &mut Vec<Candidate>,
) {
    let columns = program.columns;
    assert_eq!(cells.len(), program.cells, "a block has one cell per kept bit");
    let mut first = 0;
    while first < program.rotations {
        let rotations = (program.rotations - first).min(PASS);
        let groups = rotations.div_ceil(SHARE);
        for counter in scratch.counters.chunks_exact_mut(STRIDE) {
            counter[..=SUBSET_LEVELS].fill(Slice::EMPTY);
        }
        let mut rest = cells;
        for chunk in &program.chunks {
            let kept = columns / chunk.step;
            let now;
            (now, rest) = rest.split_at(chunk.rows * kept);
            let ahead = if rest.is_empty() { next } else { rest };
            let mut ahead = &ahead[..ahead.len().min(now.len())];
            let classes = chunk.step / SHARE;
            // What is needed next is asked for in as many parts as there are calls, so that none of them waits for it.
            let calls: usize = chunk.lists.iter().map(|lists| lists.len()).sum();
            let lines = now.len().div_ceil((calls * groups.div_ceil(classes * SIDE_BY_SIDE)).max(1));
            // The first column at or behind the start that is kept.
            let start = (program.start + first).div_ceil(chunk.step) % kept;
            let width = Rows::width(columns, chunk.step);
            let (pairs, usable) = scratch.buffer.split_at_mut(USABLE);
            let buffers = pairs[..ROOM].chunks_exact_mut(width).zip(usable.chunks_exact_mut(width));
            for (row, (pairs, usable)) in now.chunks_exact(kept).zip(buffers) {
                // SAFETY: the caller says that the CPU can run V; the pointers are those of references.
                unsafe {
                    unroll::<V>(row, start, pairs);
                    for (pair, usable) in pairs.iter().zip(usable) {
                        // Nobody has both a 0 and a 1 there.
                        let mut either = V::load(&pair.zeros);
                        V::half_add(V::load(&pair.ones), &mut either);
                        either.store(&mut usable.zeros);
                    }
                }
            }
            // The first kept column at or behind where a group begins, counted in cells.
            let begin = |group: usize| (program.start % chunk.step + SHARE * group).div_ceil(chunk.step);
            for (class, lists) in chunk.lists.iter().enumerate() {
                let first_of_class = begin(class) - begin(0);
                for list in &program.lists[lists.clone()] {
                    let places = &program.places[list.start as usize..][..list.places as usize];
                    for (call, group) in (class..groups).step_by(classes * SIDE_BY_SIDE).enumerate() {
                        let soon;
                        (soon, ahead) = ahead.split_at(lines.min(ahead.len()));
                        soon.iter().for_each(V::prefetch);
                        let counter = (usize::from(list.subset) * GROUPS + group) * STRIDE + chunk.weight as usize - 1;
                        let further = first_of_class + call * SIDE_BY_SIDE;
                        // SAFETY: the caller says that the CPU can run V. Every place of a program leaves room for a slice
                        // at the shift of the last group, in a buffer for rows of this width, and so do the cells of
                        // fillers; SIDE_BY_SIDE groups of a class are below GROUPS, because both divide it. The groups
                        // of a class are one cell apart, and between their counters are those of the other classes. There are
                        // STRIDE slices in each, and one that begins a level further up has that level less.
                        unsafe {
                            let base = scratch.buffer.as_ptr().add(further).cast::<u8>();
                            let counter = scratch.counters.as_mut_ptr().add(counter);
                            let levels = list.levels.into();
                            match classes {
                                1 => count::<V, SIDE_BY_SIDE, CELL, STRIDE>(base, places, counter, levels),
                                2 => count::<V, SIDE_BY_SIDE, CELL, { 2 * STRIDE }>(base, places, counter, levels),
                                _ => count::<V, SIDE_BY_SIDE, CELL, { 4 * STRIDE }>(base, places, counter, levels),
                            }
                        }
                    }
                }
            }
        }
        for rotation in 0..rotations {
            // SAFETY: the caller says that the CPU can run V.
            unsafe { judge::<V>(program, &scratch.counters, rotation, bounds, candidates) };
        }
        first += PASS;
    }
}

/// Lists who may be near enough at this rotation of a pass.
///
/// # Safety
///
/// The CPU has the instructions of `V`.
#[inline(always)]
unsafe fn judge<V: Vector>(
    program: &SubsetProgram,
    counters: &[Slice],
    rotation: usize,
    bounds: &Bounds,
    candidates: &mut Vec<Candidate>,
) {
    // SAFETY: as the caller promises.
    let ((disagreeing, _), (missing, top)) =
        unsafe { (total::<V>(program, counters, 0, rotation), total::<V>(program, counters, 1, rotation)) };
    let mut weighed = disagreeing;
    for power in (0..=4).filter(|power| program.sixteenths >> power & 1 == 1) {
        // Rounded down, part by part: that makes nobody seem further away.
        // SAFETY: as the caller promises.
        unsafe { add_count::<V, SUBSET_LEVELS>(&mut weighed, missing[..top].get(4 - power..).unwrap_or_default()) };
    }
    // SAFETY: as the caller promises.
    for lane in unsafe { below::<V>(&weighed, bounds) }.lanes() {
        let (disagreeing, missing) = (number(&disagreeing, lane), number(&missing, lane));
        candidates.push(Candidate { lane: lane as u8, disagreeing, missing });
    }
}

/// The count of one kind at a rotation, and how many bits it has at most.
///
/// A function and not a closure: closures are compiled without the instructions of `V`.
///
/// # Safety
///
/// The CPU has the instructions of `V`.
#[inline(always)]
unsafe fn total<V: Vector>(
    program: &SubsetProgram,
    counters: &[Slice],
    kind: usize,
    rotation: usize,
) -> ([Slice; SUBSET_LEVELS], usize) {
    let (group, own) = (rotation / SHARE, 1 << (rotation % SHARE));
    let counter = |subset: usize| {
        let index = kind * SUBSETS + subset;
        &counters[(index * GROUPS + group) * STRIDE..][..usize::from(program.levels[index]).min(SUBSET_LEVELS)]
    };
    // What this rotation has alone, and what it has in common with the other one.
    let (alone, both) = (counter(own), counter(SUBSETS - 1));
    let mut sum = [Slice::EMPTY; SUBSET_LEVELS];
    sum[..both.len()].copy_from_slice(both);
    // SAFETY: as the caller promises.
    unsafe { add_count::<V, SUBSET_LEVELS>(&mut sum, alone) };
    (sum, (alone.len().max(both.len()) + 1).min(SUBSET_LEVELS))
}
