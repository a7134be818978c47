//! One probe against 256 entries at once, on bits that lie transposed.
//!
//! A [`Slice`] is one bit of 256 entries. A gallery keeps, for each of the 64 rows of bits and each column, the slice of the
//! entries with a usable 0 there and the slice of those with a usable 1 ([`Cell`]). A probe bit of 1 disagrees with exactly
//! the first, a 0 with exactly the second, and a bit that is not usable with neither: no bit of a gallery is ever XORed or
//! masked, and the disagreeing bits of 256 entries are counted by adding slices.
//!
//! # Rotations share additions
//!
//! Take [`SHARE`] = 4 neighbouring rotations together. At one place of the gallery they see four bits of the probe: those
//! rotations that see a 1 (a subset P of the four) all want the slice of zeros, those that see a 0 (a subset Q) all want the
//! slice of ones. So each place gives one slice to the counter of the subset P and one to that of Q, and nothing to an
//! empty subset. Neighbouring bits of an iris mostly agree, so there is mostly one slice for four rotations. At the end
//!
//! ```text
//!   disagreeing(r) = Σ counter(P)   over the 8 of the 15 subsets P that contain r
//! ```
//!
//! # Groups share the program
//!
//! The four rotations s … s+3 see, at column x + s of the gallery, the bits x, x−1, x−2, x−3 of the probe, whatever s is.
//! So the places of every subset are listed once ([`Program`]) and used for all eight groups of four, each with its own
//! shift. For that a row of the gallery is copied into a buffer that continues the circle for 28 columns.
//!
//! ```text
//!   buffer   │ start … columns−1 │ 0 … start−1 │ the first 28 again │      start: the column for x = 0 and the first rotation
//!   group g  reads the place x of a list at x + 4g
//! ```
//!
//! # Counting
//!
//! Counters are bit-sliced too: level k holds bit k of 256 counts. Slices are added three to two by full adders, in a tree as
//! in W. Muła, N. Kurz, D. Lemire, *Faster Population Counts Using AVX2 Instructions* (Computer Journal 61(1), 2018), section 4,
//! so that a slice costs one adder on average. One or two rows are counted before the next are looked at, because two rows of
//! slices (29 kB with 200 columns) are what L1 holds; a counter is loaded and stored once per list.

use alloc::vec;
use alloc::vec::Vec;

use zeroize::{Zeroize, Zeroizing};

use crate::iris::Layout;

/// Entries whose bits lie together.
pub(in crate::matcher) const LANES: usize = 256;

/// One bit of 256 entries: entry e is bit `e % 64` of word `e / 64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(32))]
pub(in crate::matcher) struct Slice([u64; 4]);

impl Slice {
    pub(in crate::matcher) const EMPTY: Self = Self([0; 4]);

    /// 64 entries to the word.
    #[cfg(feature = "std")]
    #[inline]
    pub(in crate::matcher) const fn from_words(words: [u64; 4]) -> Self {
        Self(words)
    }

    #[cfg(feature = "std")]
    #[inline]
    pub(in crate::matcher) const fn words(self) -> [u64; 4] {
        self.0
    }

    #[inline]
    pub(in crate::matcher) fn get(&self, lane: usize) -> bool {
        self.0[lane / 64] >> (lane % 64) & 1 == 1
    }

    #[inline]
    pub(in crate::matcher) fn set(&mut self, lane: usize, bit: bool) {
        let word = &mut self.0[lane / 64];
        *word = *word & !(1 << (lane % 64)) | u64::from(bit) << (lane % 64);
    }

    /// The entries whose bit is set, in ascending order.
    pub(in crate::matcher) fn lanes(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(index, word)| {
            let mut rest = word;
            core::iter::from_fn(move || {
                let lane = (rest != 0).then(|| index * 64 + rest.trailing_zeros() as usize);
                rest &= rest.wrapping_sub(1);
                lane
            })
        })
    }
}

impl Zeroize for Slice {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// What 256 entries have at one row of bits and one column; one line of the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub(in crate::matcher) struct Cell {
    /// The entries with a usable 0.
    pub(in crate::matcher) zeros: Slice,
    /// The entries with a usable 1.
    pub(in crate::matcher) ones: Slice,
}

impl Cell {
    pub(in crate::matcher) const EMPTY: Self = Self { zeros: Slice::EMPTY, ones: Slice::EMPTY };

    #[cfg(feature = "testing")]
    #[inline]
    pub(in crate::matcher) fn xor(&self, other: &Self) -> Self {
        let xor = |a: Slice, b: Slice| Slice([0, 1, 2, 3].map(|word| a.0[word] ^ b.0[word]));
        Self { zeros: xor(self.zeros, other.zeros), ones: xor(self.ones, other.ones) }
    }

    /// Writes the bit of an entry that had none: `usable` and `one` are 0 or 1.
    #[inline]
    pub(in crate::matcher) fn put(&mut self, lane: usize, usable: u64, one: u64) {
        self.ones.0[lane / 64] |= (usable & one) << (lane % 64);
        self.zeros.0[lane / 64] |= (usable & !one) << (lane % 64);
    }

    /// Is the bit of this entry usable?
    #[inline]
    pub(in crate::matcher) fn usable(&self, lane: usize) -> bool {
        self.usable_word(lane / 64) >> (lane % 64) & 1 == 1
    }

    /// Of 64 entries those whose bit is usable.
    #[inline]
    pub(in crate::matcher) fn usable_word(&self, word: usize) -> u64 {
        self.zeros.0[word] | self.ones.0[word]
    }
}

impl Zeroize for Cell {
    fn zeroize(&mut self) {
        self.zeros.zeroize();
        self.ones.zeroize();
    }
}

/// Rotations that share their additions. Three need 1.24 times as many slices; five fewer, but twice the counters.
const SHARE: usize = 4;
/// Subsets of them, the empty one included.
const SUBSETS: usize = 1 << SHARE;
/// Groups of rotations in one pass through a block.
const GROUPS: usize = 8;
/// Rotations in one pass: 32, so that the usual 31 are one pass.
pub(super) const PASS: usize = SHARE * GROUPS;
/// Columns by which the last group of a pass is shifted.
const SHIFT: usize = SHARE * (GROUPS - 1);
/// Rows of bits that are counted together at most: what fits in L1 beside the counters.
///
/// With two rows the lists are twice as long, and counters are loaded half as often: 4,670 instructions per comparison with AVX2
/// instead of 5,550. Where an adder is two instructions, one row is faster all the same, because the counters stay in L1.
const MOST_ROWS: usize = 2;
/// Bits of a count: all 16,384 bits of a template may be in one counter.
pub(super) const LEVELS: usize = 15;
/// Slices from one counter to the next.
pub(super) const STRIDE: usize = LEVELS + 1;
/// Lists have a multiple of so many places.
pub(super) const QUAD: usize = 4;
/// Cells of zeros behind the rows of the buffer, for the places that fill up a list, at any shift.
const FILLERS: usize = SHIFT + 1;

pub(super) const CELL: usize = size_of::<Cell>();
pub(super) const SLICE: usize = size_of::<Slice>();

/// The operations on slices that an instruction set must have.
///
/// A value of an implementing type exists only where the CPU has its instructions, because making one is unsafe; that is
/// why the others are not.
pub(super) trait Vector: Copy {
    /// # Safety
    ///
    /// The CPU has the instructions of this type, and `from` points to a readable [`Slice`].
    unsafe fn load(from: *const Slice) -> Self;

    /// # Safety
    ///
    /// `to` points to a writable [`Slice`].
    unsafe fn store(self, to: *mut Slice);

    /// # Safety
    ///
    /// The CPU has the instructions of this type.
    unsafe fn zero() -> Self;

    /// A full adder: leaves the sum bit of a + b + sum in `sum` and returns the carry.
    fn add(a: Self, b: Self, sum: &mut Self) -> Self;

    /// [`Vector::add`] of the slices at two distances in bytes from `base`.
    ///
    /// # Safety
    ///
    /// There is a slice at both.
    #[inline(always)]
    unsafe fn add_loaded(base: *const u8, [a, b]: [usize; 2], sum: &mut Self) -> Self {
        // SAFETY: the caller says that there are slices, and `sum` shows that the CPU has the instructions.
        unsafe { Self::add(Self::load(base.add(a).cast()), Self::load(base.add(b).cast()), sum) }
    }

    /// A half adder: leaves the sum bit of a + sum in `sum` and returns the carry.
    fn half_add(a: Self, sum: &mut Self) -> Self;

    /// The borrow for the next bit when `b` and `borrow` are taken from `a`: the majority of not a, b and borrow.
    fn borrow(a: Self, b: Self, borrow: Self) -> Self;

    /// Asks for a line of memory that will be read soon.
    fn prefetch(_from: &Cell) {}
}

/// The places of one subset in one chunk.
#[derive(Clone, Copy)]
pub(super) struct List {
    pub(super) subset: u8,
    /// Bits that the subset's count can have after this list, at any input.
    pub(super) levels: u8,
    pub(super) start: u32,
    pub(super) places: u32,
}

/// What is to be added where, for one probe.
///
/// Made once per search; some 30 kB. Every place is a byte offset into the buffer such that a slice can be loaded there at
/// every shift; this is what makes the unchecked loads of [`sift`] sound, so nothing outside this file makes programs.
pub(in crate::matcher) struct Program {
    columns: usize,
    rotations: usize,
    /// The column of the gallery that the probe's column 0 meets at the first rotation.
    start: usize,
    /// Rows of bits that are counted together; divides 64, and is at most [`MOST_ROWS`].
    rows: usize,
    lists: Vec<List>,
    /// For each chunk of rows the end of its lists.
    ends: Vec<usize>,
    places: Zeroizing<Vec<u16>>,
    /// Bits of the whole count of each subset.
    levels: [u8; SUBSETS],
}

impl Program {
    /// The program for a probe of this code and mask at the rotations −`maximum_rotation` … +`maximum_rotation`.
    ///
    /// `rows`, 1 or 2, are counted together: whatever the kernel that will run it likes best.
    pub(super) fn new(layout: Layout, code: &[u64], mask: &[u64], maximum_rotation: u8, rows: usize) -> Self {
        let columns = layout.columns();
        assert!(code.len() == columns && mask.len() == columns, "a probe has one word per column");
        assert!((1..=MOST_ROWS).contains(&rows) && Layout::BITS_PER_COLUMN.is_multiple_of(rows), "chunks are whole");
        let width = columns + SHIFT;
        let chunks = Layout::BITS_PER_COLUMN / rows;
        let mut program = Self {
            columns,
            rotations: 2 * usize::from(maximum_rotation) + 1,
            start: (2 * columns - usize::from(maximum_rotation)) % columns,
            rows,
            lists: Vec::with_capacity(chunks * SUBSETS),
            ends: Vec::with_capacity(chunks),
            // At most two slices per place, and every list filled up.
            places: Zeroizing::new(Vec::with_capacity(2 * layout.bits() + Layout::BITS_PER_COLUMN * SUBSETS * QUAD)),
            levels: [0; SUBSETS],
        };
        let mut totals = [0_u32; SUBSETS];
        let mut sorted: [Zeroizing<Vec<u16>>; SUBSETS] =
            core::array::from_fn(|_| Zeroizing::new(Vec::with_capacity(rows * columns * 2)));
        for chunk in 0..chunks {
            for row in 0..rows {
                let bit = chunk * rows + row;
                // The bits x, x−1, x−2, x−3 of the probe, as the rotations 0, 1, 2, 3 of a group see them.
                let (mut ones, mut zeros) = (0_usize, 0_usize);
                for x in (columns + 1 - SHARE..columns).chain(0..columns).enumerate() {
                    let (step, x) = x;
                    let (usable, one) = (mask[x] >> bit & 1, code[x] >> bit & 1);
                    ones = (ones << 1 | (usable & one) as usize) % SUBSETS;
                    zeros = (zeros << 1 | (usable & !one) as usize) % SUBSETS;
                    if step + 1 < SHARE {
                        continue;
                    }
                    let place = ((row * width + x) * CELL) as u16;
                    if ones != 0 {
                        sorted[ones].push(place);
                    }
                    if zeros != 0 {
                        sorted[zeros].push(place + SLICE as u16);
                    }
                }
            }
            let filler = (MOST_ROWS * width * CELL) as u16;
            for (subset, list) in sorted.iter_mut().enumerate().filter(|(_, list)| !list.is_empty()) {
                totals[subset] += list.len() as u32;
                let filled = list.len().next_multiple_of(QUAD);
                list.resize(filled, filler);
                program.lists.push(List {
                    subset: subset as u8,
                    levels: levels(totals[subset]),
                    start: program.places.len() as u32,
                    places: list.len() as u32,
                });
                program.places.extend_from_slice(list);
                list.clear();
            }
            program.ends.push(program.lists.len());
        }
        program.levels = totals.map(levels);
        program
    }

    /// How many rotations there are.
    pub(in crate::matcher) fn rotations(&self) -> usize {
        self.rotations
    }

    /// Slices that are added for a block: as many full adders at least.
    #[cfg(feature = "testing")]
    pub(in crate::matcher) fn adders(&self) -> usize {
        self.places.len() * self.rotations.div_ceil(SHARE)
    }
}

/// Full adders of six chains that do not wait for each other; returns how many.
///
/// # Safety
///
/// The CPU has the instructions of `V`.
#[cfg(feature = "testing")]
#[inline(always)]
pub(super) unsafe fn add_on_registers<V: Vector>(rounds: usize) -> usize {
    let slices: [Slice; 7] = core::array::from_fn(|index| Slice([0x9E37_79B9_7F4A_7C15 << index; 4]));
    let mut left = core::hint::black_box(slices);
    // SAFETY: as the caller promises; the pointers are those of references.
    unsafe {
        let other = V::load(&left[6]);
        let mut sums = [V::zero(); 6];
        let mut carries: [V; 6] = core::array::from_fn(|index| V::load(&left[index]));
        for _ in 0..rounds {
            for (carry, sum) in carries.iter_mut().zip(&mut sums) {
                *carry = V::add(*carry, other, sum);
            }
        }
        for (carry, left) in carries.into_iter().zip(&mut left) {
            carry.store(left);
        }
    }
    core::hint::black_box(left);
    6 * rounds
}

/// Bits of the numbers up to `count`.
pub(super) fn levels(count: u32) -> u8 {
    (u32::BITS - count.leading_zeros()) as u8
}

const _: () = {
    let last = MOST_ROWS * (256 + SHIFT) * CELL;
    assert!(last <= u16::MAX as usize, "every place fits 16 bits");
};

/// The memory of a scan, made once; wiped when dropped.
pub(in crate::matcher) struct Scratch {
    columns: usize,
    buffer: Zeroizing<Vec<Cell>>,
    counters: Zeroizing<Vec<Slice>>,
}

impl Scratch {
    pub(in crate::matcher) fn new(layout: Layout) -> Self {
        let cells = MOST_ROWS * (layout.columns() + SHIFT) + FILLERS;
        Self {
            columns: layout.columns(),
            buffer: Zeroizing::new(vec![Cell::EMPTY; cells]),
            counters: Zeroizing::new(vec![Slice::EMPTY; SUBSETS * GROUPS * STRIDE]),
        }
    }
}

/// The bounds of 256 entries, transposed: level k holds bit k of each.
pub(in crate::matcher) struct Bounds([Slice; LEVELS]);

impl Bounds {
    /// From one number per entry, each at most 16,385.
    pub(in crate::matcher) fn new(bounds: &[u16; LANES]) -> Self {
        let mut slices = [Slice::EMPTY; LEVELS];
        for (eight, bounds) in bounds.as_chunks::<8>().0.iter().enumerate() {
            let low = transposed(u64::from_le_bytes(bounds.map(|bound| bound.to_le_bytes()[0])));
            let high = transposed(u64::from_le_bytes(bounds.map(|bound| bound.to_le_bytes()[1])));
            let levels = low.to_le_bytes().into_iter().chain(high.to_le_bytes());
            for (slice, bits) in slices.iter_mut().zip(levels) {
                slice.0[eight / 8] |= u64::from(bits) << (eight % 8 * 8);
            }
        }
        Self(slices)
    }
}

/// Bit m of byte n becomes bit n of byte m: swaps of ever greater squares (H. S. Warren, *Hacker's Delight*, 2nd ed., section 7-3).
pub(in crate::matcher) const fn transposed(bits: u64) -> u64 {
    const fn swapped(bits: u64, mask: u64, distance: u32) -> u64 {
        let differs = (bits ^ bits >> distance) & mask;
        bits ^ differs ^ differs << distance
    }
    let bits = swapped(bits, 0x00AA_00AA_00AA_00AA, 7);
    let bits = swapped(bits, 0x0000_CCCC_0000_CCCC, 14);
    swapped(bits, 0x0000_0000_F0F0_F0F0, 28)
}

/// A rotation at which an entry disagrees in fewer bits than its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::matcher) struct Near {
    pub(in crate::matcher) lane: u8,
    /// 0 is the most negative rotation.
    pub(in crate::matcher) rotation: u16,
    pub(in crate::matcher) disagreeing: u16,
}

/// Finds every entry and rotation that disagree in fewer bits than the entry's bound.
///
/// `cells` are those of a block, row by row; `next` are those of the block that will be asked for next, if there is one.
///
/// # Safety
///
/// The CPU has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn sift<V: Vector, const SIDE_BY_SIDE: usize>(
    program: &Program,
    cells: &[Cell],
    next: &[Cell],
    bounds: &Bounds,
    scratch: &mut Scratch,
    near: &mut Vec<Near>,
) {
    let columns = program.columns;
    assert_eq!(cells.len(), Layout::BITS_PER_COLUMN * columns, "a block has one cell per bit");
    assert_eq!(scratch.columns, columns, "the scratch memory is made for this layout");
    let mut first = 0;
    while first < program.rotations {
        let rotations = (program.rotations - first).min(PASS);
        let groups = rotations.div_ceil(SHARE).next_multiple_of(SIDE_BY_SIDE);
        // Level by level, and not all memory at once: that would be a call that fills bytes.
        scratch.counters.chunks_exact_mut(STRIDE).for_each(|counter| counter[..LEVELS].fill(Slice::EMPTY));
        let mut list = 0;
        for (chunk, &end) in program.ends.iter().enumerate() {
            let length = program.rows * columns;
            let rows = &cells[chunk * length..];
            let start = (program.start + first) % columns;
            for (row, buffer) in
                rows.chunks_exact(columns).zip(scratch.buffer.chunks_exact_mut(columns + SHIFT)).take(program.rows)
            {
                // SAFETY: the caller says that the CPU can run V.
                unsafe { unroll::<V>(row, start, buffer) };
            }
            let ahead = rows.get(length..).filter(|rows| !rows.is_empty()).unwrap_or(next);
            let mut ahead = &ahead[..ahead.len().min(length)];
            let lists = &program.lists[list..end];
            let lines = length.div_ceil(lists.len().max(1)).next_multiple_of(4);
            for list in lists {
                let now;
                (now, ahead) = ahead.split_at(lines.min(ahead.len()));
                for [a, b, c, d] in now.as_chunks().0 {
                    [a, b, c, d].into_iter().for_each(V::prefetch);
                }
                let places = &program.places[list.start as usize..][..list.places as usize];
                for group in (0..groups).step_by(SIDE_BY_SIDE) {
                    let counter = (usize::from(list.subset) * GROUPS + group) * STRIDE;
                    // SAFETY: the caller says that the CPU can run V. Every place of a program leaves room for a slice at
                    // the shift of the last group, in a buffer for its number of columns (asserted above), and `group` and
                    // those beside it are below GROUPS, which SIDE_BY_SIDE divides. The counters of all groups of a subset
                    // follow each other, and there are `SUBSETS` times as many.
                    unsafe {
                        let base = scratch.buffer.as_ptr().add(group * SHARE).cast::<u8>();
                        let counter = scratch.counters.as_mut_ptr().add(counter);
                        count::<V, SIDE_BY_SIDE, { SHARE * CELL }, STRIDE>(base, places, counter, list.levels.into());
                    }
                }
            }
            list = end;
        }
        for group in 0..rotations.div_ceil(SHARE) {
            let rotations = (rotations - group * SHARE).min(SHARE);
            // SAFETY: the caller says that the CPU can run V.
            unsafe {
                let sums = sums::<V, LEVELS>(&scratch.counters, group, &program.levels);
                near_lanes::<V, LEVELS>(&sums[..rotations], bounds, first + group * SHARE, near);
            }
        }
        first += PASS;
    }
}

/// Lists the entries whose count at one of these rotations, of which the first has the number `first`, is below their bound.
///
/// # Safety
///
/// The CPU has the instructions of `V`.
#[inline(always)]
unsafe fn near_lanes<V: Vector, const N: usize>(
    sums: &[[Slice; N]],
    bounds: &Bounds,
    first: usize,
    near: &mut Vec<Near>,
) {
    for (turn, sum) in sums.iter().enumerate() {
        // SAFETY: as the caller promises.
        for lane in unsafe { below::<V>(sum, bounds) }.lanes() {
            near.push(Near { lane: lane as u8, rotation: (first + turn) as u16, disagreeing: number(sum, lane) });
        }
    }
}

/// The entries whose number is below their bound.
///
/// # Safety
///
/// The CPU has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn below<V: Vector>(numbers: &[Slice], bounds: &Bounds) -> Slice {
    // SAFETY: as the caller promises; the pointers are those of references.
    unsafe {
        let mut borrow = V::zero();
        for (number, bound) in numbers.iter().zip(&bounds.0) {
            borrow = V::borrow(V::load(number), V::load(bound), borrow);
        }
        let mut below = Slice::EMPTY;
        borrow.store(&mut below);
        below
    }
}

/// The number of one entry.
pub(super) fn number(numbers: &[Slice], lane: usize) -> u16 {
    numbers.iter().rev().fold(0, |bits, slice| bits << 1 | u16::from(slice.get(lane)))
}

/// Copies a row from column `start` on, once around and further until the buffer is full.
///
/// # Safety
///
/// The CPU has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn unroll<V: Vector>(row: &[Cell], start: usize, buffer: &mut [Cell]) {
    let (head, tail) = row.split_at(start);
    let mut rest = buffer;
    for part in [tail, head, tail, head] {
        let length = part.len().min(rest.len());
        let (now, later) = rest.split_at_mut(length);
        for (to, from) in now.iter_mut().zip(part) {
            // SAFETY: as the caller promises; the pointers are those of references.
            unsafe {
                V::load(&from.zeros).store(&mut to.zeros);
                V::load(&from.ones).store(&mut to.ones);
            }
        }
        rest = later;
    }
}

/// Adds the slices of a list, once for each of `N` groups that are `APART` bytes apart in the buffer, to a counter of each.
///
/// # Safety
///
/// The CPU has the instructions of `V`; at `base` and every place, and at the shifts of the groups from there, there is a
/// slice; `counter` is the first of `N` counters, `BETWEEN` slices from one to the next, of which no level from `levels` on
/// is needed.
#[inline(always)]
pub(super) unsafe fn count<V: Vector, const N: usize, const APART: usize, const BETWEEN: usize>(
    base: *const u8,
    places: &[u16],
    counter: *mut Slice,
    levels: usize,
) {
    // SAFETY: all pointers are inside of what the caller promises: `next` is moved on by as many places as are left.
    unsafe {
        let zero = [V::zero(); N];
        let mut sums = [zero; 5];
        for (level, sums) in sums.iter_mut().enumerate() {
            for (group, sum) in sums.iter_mut().enumerate() {
                *sum = V::load(counter.add(group * BETWEEN + level));
            }
        }
        let mut next = places.as_ptr();
        let mut left = places.len();
        while left >= 32 {
            let eights = (
                add_eight::<V, N, APART>(base, next, &mut sums),
                add_eight::<V, N, APART>(base, next.add(8), &mut sums),
            );
            let sixteen = add(eights.0, eights.1, &mut sums[3]);
            let eights = (
                add_eight::<V, N, APART>(base, next.add(16), &mut sums),
                add_eight::<V, N, APART>(base, next.add(24), &mut sums),
            );
            let sixteens = (sixteen, add(eights.0, eights.1, &mut sums[3]));
            carry::<V, N, BETWEEN>(counter, levels, add(sixteens.0, sixteens.1, &mut sums[4]));
            next = next.add(32);
            left -= 32;
        }
        // Fewer than 32 are left, and a multiple of four. The same branches are taken for all groups of a list.
        let mut sixteen = zero;
        if left & 16 != 0 {
            let eights = (
                add_eight::<V, N, APART>(base, next, &mut sums),
                add_eight::<V, N, APART>(base, next.add(8), &mut sums),
            );
            sixteen = add(eights.0, eights.1, &mut sums[3]);
            next = next.add(16);
        }
        if left & 12 == 0 {
            if left & 16 != 0 {
                carry::<V, N, BETWEEN>(counter, levels, half_add(sixteen, &mut sums[4]));
            }
        } else {
            let mut eight = zero;
            if left & 8 != 0 {
                eight = add_eight::<V, N, APART>(base, next, &mut sums);
                next = next.add(8);
            }
            if left & 4 != 0 {
                let four = add_four::<V, N, APART>(base, next, &mut sums);
                let other = half_add(four, &mut sums[2]);
                eight = if left & 8 != 0 { add(eight, other, &mut sums[3]) } else { half_add(other, &mut sums[3]) };
            } else {
                eight = half_add(eight, &mut sums[3]);
            }
            let thirty_two =
                if left & 16 != 0 { add(sixteen, eight, &mut sums[4]) } else { half_add(eight, &mut sums[4]) };
            carry::<V, N, BETWEEN>(counter, levels, thirty_two);
        }
        for (level, sums) in sums.iter().enumerate() {
            for (group, sum) in sums.iter().enumerate() {
                sum.store(counter.add(group * BETWEEN + level));
            }
        }
    }
}

/// Adds a slice of weight 32 to the levels from 5 on.
///
/// # Safety
///
/// As [`count`].
#[inline(always)]
unsafe fn carry<V: Vector, const N: usize, const BETWEEN: usize>(
    counter: *mut Slice,
    levels: usize,
    mut carry: [V; N],
) {
    for level in 5..levels {
        for (group, carry) in carry.iter_mut().enumerate() {
            // SAFETY: levels are at most LEVELS, and there are N counters of that many slices.
            unsafe {
                let at = counter.add(group * BETWEEN + level);
                let mut sum = V::load(at);
                *carry = V::half_add(*carry, &mut sum);
                sum.store(at);
            }
        }
    }
}

/// Adds eight slices to the levels 0, 1 and 2; returns the carry, of weight 8.
///
/// # Safety
///
/// As [`count`], and eight places can be read.
#[inline(always)]
unsafe fn add_eight<V: Vector, const N: usize, const APART: usize>(
    base: *const u8,
    places: *const u16,
    sums: &mut [[V; N]; 5],
) -> [V; N] {
    // SAFETY: as the caller promises.
    unsafe {
        let four = add_four::<V, N, APART>(base, places, sums);
        let other = add_four::<V, N, APART>(base, places.add(4), sums);
        add(four, other, &mut sums[2])
    }
}

/// Adds four slices to the levels 0 and 1; returns the carry, of weight 4.
///
/// # Safety
///
/// As [`count`], and four places can be read.
#[inline(always)]
unsafe fn add_four<V: Vector, const N: usize, const APART: usize>(
    base: *const u8,
    places: *const u16,
    sums: &mut [[V; N]; 5],
) -> [V; N] {
    // SAFETY: as the caller promises.
    unsafe {
        let two = add_two::<V, N, APART>(base, places, &mut sums[0]);
        let other = add_two::<V, N, APART>(base, places.add(2), &mut sums[0]);
        add(two, other, &mut sums[1])
    }
}

/// Adds the slices at two places; returns the carry.
///
/// # Safety
///
/// As [`count`], and two places can be read.
#[inline(always)]
unsafe fn add_two<V: Vector, const N: usize, const APART: usize>(
    base: *const u8,
    places: *const u16,
    sums: &mut [V; N],
) -> [V; N] {
    // SAFETY: as the caller promises.
    unsafe {
        let places = [usize::from(*places), usize::from(*places.add(1))];
        let mut carry = *sums;
        for (group, (carry, sum)) in carry.iter_mut().zip(sums).enumerate() {
            *carry = V::add_loaded(base.add(group * APART), places, sum);
        }
        carry
    }
}

#[inline(always)]
fn add<V: Vector, const N: usize>(a: [V; N], b: [V; N], sum: &mut [V; N]) -> [V; N] {
    let mut carry = a;
    for ((carry, b), sum) in carry.iter_mut().zip(b).zip(sum) {
        *carry = V::add(*carry, b, sum);
    }
    carry
}

#[inline(always)]
fn half_add<V: Vector, const N: usize>(a: [V; N], sum: &mut [V; N]) -> [V; N] {
    let mut carry = a;
    for (carry, sum) in carry.iter_mut().zip(sum) {
        *carry = V::half_add(*carry, sum);
    }
    carry
}

/// The counts of the four rotations of a group.
///
/// # Safety
///
/// The CPU has the instructions of `V`.
#[inline(always)]
unsafe fn sums<V: Vector, const N: usize>(
    counters: &[Slice],
    group: usize,
    levels: &[u8; SUBSETS],
) -> [[Slice; N]; SHARE] {
    // First over the subsets that agree in two of the four rotations, so that the two others share additions.
    let mut sums = [[Slice::EMPTY; N]; SHARE];
    for pair in [0, 2] {
        let mut partial = [[Slice::EMPTY; N]; 4];
        for (seen, partial) in partial.iter_mut().enumerate().skip(1) {
            let counter = |unseen: usize| {
                let subset = seen << pair | unseen << (2 - pair);
                &counters[(subset * GROUPS + group) * STRIDE..][..levels[subset].into()]
            };
            let first = counter(0);
            partial[..first.len()].copy_from_slice(first);
            for unseen in 1..4 {
                // SAFETY: as the caller promises.
                unsafe { add_count::<V, N>(partial, counter(unseen)) };
            }
        }
        for (turn, sum) in sums[pair..pair + 2].iter_mut().enumerate() {
            *sum = partial[1 << turn];
            // SAFETY: as the caller promises.
            unsafe { add_count::<V, N>(sum, &partial[3]) };
        }
    }
    sums
}

/// Adds a number, of at most `N` bits, to another that has room for the sum.
///
/// # Safety
///
/// The CPU has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn add_count<V: Vector, const N: usize>(sum: &mut [Slice; N], count: &[Slice]) {
    // SAFETY: as the caller promises; the pointers are those of references.
    unsafe {
        let mut carry = V::zero();
        let (low, high) = sum.split_at_mut(count.len());
        for (sum, count) in low.iter_mut().zip(count) {
            let mut bit = V::load(sum);
            carry = V::add(carry, V::load(count), &mut bit);
            bit.store(sum);
        }
        for sum in high {
            let mut bit = V::load(sum);
            carry = V::half_add(carry, &mut bit);
            bit.store(sum);
        }
    }
}
