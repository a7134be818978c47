//! Counting bits: the inner loops of every comparison.
//!
//! There are two. [`Kernel::count`] takes a [`Probe`] and whole references and counts, for every reference and rotation, the
//! disagreeing and the compared bits. [`Kernel::sift`] takes a [`Program`] and 256 entries whose bits lie transposed, and finds
//! those that disagree in fewer bits than a bound; the page of [`sliced`] says how. Neither decides anything: what the
//! counts mean is judged by code that all kernels share.
//!
//! The portable kernels are the readable ones and the oracle; the others must give their counts on every input.

#![allow(unsafe_code)]

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod portable;
mod sliced;
mod subset;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroize;

#[cfg(feature = "std")]
pub(super) use sliced::transposed;
pub(super) use sliced::{Bounds, Cell, LANES, Near, Program, Scratch, Slice};
pub(super) use subset::{Candidate, Rows, SubsetProgram, SubsetScratch};

use crate::iris::{IrisTemplate, Rotation};

/// What a kernel counts at one rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) disagreeing: u32,
    pub(super) compared: u32,
}

/// A template made ready for being turned: the circle of columns, cut open and continued on both sides.
///
/// ```text
///   columns of the template     n−2 n−1 │ 0  1  2  …  n−1 │ 0  1
///   rotation +2 reads from here  ↑                              (maximum_rotation 2)
///   rotation −2 reads from here               ↑
/// ```
///
/// So every rotation is one straight run of words. With 15 rotations and 256 columns this is 4.6 kB, which stays in L1.
pub(super) struct Probe {
    columns: usize,
    rotations: usize,
    code: Circle,
    mask: Circle,
}

/// Turns in one direction for which a comparison allocates nothing.
pub(super) const USUAL_ROTATION: usize = 15;

/// The words of a cut circle; wiped when dropped.
struct Circle {
    length: usize,
    usual: [u64; 256 + 2 * USUAL_ROTATION],
    /// All words instead, where there is not enough room.
    many: Vec<u64>,
}

impl Circle {
    fn new(words: &[u64], start: usize, length: usize) -> Self {
        let mut circle = Self { length, usual: [0; 256 + 2 * USUAL_ROTATION], many: Vec::new() };
        if length > circle.usual.len() {
            circle.many.resize(length, 0);
        }
        let mut rest = circle.words_mut();
        let mut from = start;
        while !rest.is_empty() {
            let run = &words[from..words.len().min(from + rest.len())];
            let (now, later) = rest.split_at_mut(run.len());
            now.copy_from_slice(run);
            rest = later;
            from = 0;
        }
        circle
    }

    fn words(&self) -> &[u64] {
        if self.many.is_empty() { &self.usual[..self.length] } else { &self.many }
    }

    fn words_mut(&mut self) -> &mut [u64] {
        if self.many.is_empty() { &mut self.usual[..self.length] } else { &mut self.many }
    }
}

impl Drop for Circle {
    fn drop(&mut self) {
        self.words_mut().zeroize();
    }
}

impl Probe {
    pub(super) fn new(template: &IrisTemplate, maximum_rotation: u8) -> Self {
        let columns = template.layout().columns();
        let rotations = 2 * usize::from(maximum_rotation) + 1;
        // The template turned so far to the right that the run of the greatest rotation begins at its column 0.
        let start = (columns - Rotation::new(i16::from(maximum_rotation)).modulo(template.layout())) % columns;
        let open = |words: &[u64]| Circle::new(words, start, columns + rotations - 1);
        Self { columns, rotations, code: open(template.code().columns()), mask: open(template.mask().columns()) }
    }

    /// How many rotations there are; an odd number.
    pub(super) fn rotations(&self) -> usize {
        self.rotations
    }

    /// Code and mask at rotation number `index`, where 0 is the most negative one.
    fn turned(&self, index: usize) -> (&[u64], &[u64]) {
        let start = self.rotations - 1 - index;
        let run = start..start + self.columns;
        (&self.code.words()[run.clone()], &self.mask.words()[run])
    }
}

/// A way of counting that this machine can run.
///
/// All kernels give the same counts, so nobody needs to choose: [`Kernel::best`] is what [`compare`](super::compare) and
/// [`Gallery::search`](super::Gallery::search) use. Tests and benches compare them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kernel(Kind);

/// Values other than `Portable` exist only after the CPU has been asked; this is what makes a [`Kernel`]'s methods sound.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Popcnt,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Kernel {
    /// Plain Rust without any instruction set extension; the oracle of the others.
    pub const PORTABLE: Self = Self(Kind::Portable);

    /// Every kernel that this machine can run, the portable one first and the fastest last.
    ///
    /// Without the feature `std` only those that the whole program is compiled for.
    #[must_use]
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "there are targets for which there is no other")]
        let mut kernels = alloc::vec![Self::PORTABLE];
        #[cfg(target_arch = "x86_64")]
        {
            kernels.extend(x86_64::has_popcnt().then_some(Self(Kind::Popcnt)));
            kernels.extend(x86_64::has_avx2().then_some(Self(Kind::Avx2)));
            kernels.extend(x86_64::has_avx512().then_some(Self(Kind::Avx512)));
        }
        #[cfg(target_arch = "aarch64")]
        kernels.extend(aarch64::has_neon().then_some(Self(Kind::Neon)));
        kernels
    }

    /// The fastest kernel that this machine can run.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if x86_64::has_avx512() {
                return Self(Kind::Avx512);
            }
            if x86_64::has_avx2() {
                return Self(Kind::Avx2);
            }
            if x86_64::has_popcnt() {
                return Self(Kind::Popcnt);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if aarch64::has_neon() {
            return Self(Kind::Neon);
        }
        Self::PORTABLE
    }

    /// The name: `portable`, `popcnt`, `avx2`, `avx512`, `neon`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Popcnt => "popcnt",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
        }
    }

    /// Counts one probe against whole references.
    ///
    /// `codes` and `masks` hold the columns of one reference after the other; `counts` gets, for each of them, the counts
    /// of every rotation from the most negative one on.
    pub(super) fn count(self, probe: &Probe, codes: &[u64], masks: &[u64], counts: &mut [Counts]) {
        let references = codes.len() / probe.columns;
        assert_eq!(codes.len(), references * probe.columns, "codes are whole references");
        assert_eq!(masks.len(), codes.len(), "every code has its mask");
        assert_eq!(counts.len(), references * probe.rotations, "there is room for exactly these counts");
        match self.0 {
            Kind::Portable => portable::count(probe, codes, masks, counts),
            // SAFETY: this kind is made only where `has_popcnt` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Popcnt => unsafe { x86_64::count_popcnt(probe, codes, masks, counts) },
            // SAFETY: this kind is made only where `has_avx2` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86_64::count_avx2(probe, codes, masks, counts) },
            // SAFETY: this kind is made only where `has_avx512` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { x86_64::count_avx512(probe, codes, masks, counts) },
            // SAFETY: this kind is made only where `has_neon` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => unsafe { aarch64::count_neon(probe, codes, masks, counts) },
        }
    }

    /// What [`Kernel::sift`] needs of a probe.
    pub(super) fn program(self, template: &IrisTemplate, maximum_rotation: u8) -> Program {
        let rows = match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => 1,
            _ => 2,
        };
        let (code, mask) = (template.code().columns(), template.mask().columns());
        Program::new(template.layout(), code, mask, maximum_rotation, rows)
    }

    /// Finds every entry of a block and every rotation that disagree in fewer bits than the entry's bound.
    ///
    /// `cells` are those of the block, row by row; `next` are those of the block that will be asked for next, if any.
    pub(super) fn sift(
        self,
        program: &Program,
        cells: &[Cell],
        next: &[Cell],
        bounds: &Bounds,
        scratch: &mut Scratch,
        near: &mut Vec<Near>,
    ) {
        match self.0 {
            // SAFETY: these are the instructions that Rust compiles to.
            Kind::Portable => unsafe {
                sliced::sift::<portable::Words, 1>(program, cells, next, bounds, scratch, near);
            },
            // SAFETY: as above; counting words' bits is of no use here.
            #[cfg(target_arch = "x86_64")]
            Kind::Popcnt => unsafe {
                sliced::sift::<portable::Words, 1>(program, cells, next, bounds, scratch, near);
            },
            // SAFETY: this kind is made only where `has_avx2` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86_64::sift_avx2(program, cells, next, bounds, scratch, near) },
            // SAFETY: this kind is made only where `has_avx512` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { x86_64::sift_avx512(program, cells, next, bounds, scratch, near) },
            // SAFETY: this kind is made only where `has_neon` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => unsafe { aarch64::sift_neon(program, cells, next, bounds, scratch, near) },
        }
    }

    /// So many times six full adders on registers, and nothing else; how many bits they added, each of 256 entries.
    #[cfg(feature = "testing")]
    pub(super) fn add(self, rounds: usize) -> usize {
        match self.0 {
            // SAFETY: these are the instructions that Rust compiles to.
            Kind::Portable => unsafe { sliced::add_on_registers::<portable::Words>(rounds) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Popcnt => unsafe { sliced::add_on_registers::<portable::Words>(rounds) },
            // SAFETY: this kind is made only where `has_avx2` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86_64::add_avx2(rounds) },
            // SAFETY: this kind is made only where `has_avx512` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { x86_64::add_avx512(rounds) },
            // SAFETY: this kind is made only where `has_neon` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => unsafe { aarch64::add_neon(rounds) },
        }
    }

    /// What [`Kernel::sift_subset`] needs of a probe.
    pub(super) fn subset_program(
        self,
        rows: &[Rows],
        template: &IrisTemplate,
        maximum_rotation: u8,
        sixteenths: u8,
    ) -> SubsetProgram {
        let (code, mask) = (template.code().columns(), template.mask().columns());
        SubsetProgram::new(template.layout(), rows, code, mask, maximum_rotation, sixteenths)
    }

    /// [`Kernel::sift`] for a part of the bits, weighted: `cells` are the kept ones of a block, `next` of the next.
    pub(super) fn sift_subset(
        self,
        program: &SubsetProgram,
        cells: &[Cell],
        next: &[Cell],
        bounds: &Bounds,
        scratch: &mut SubsetScratch,
        candidates: &mut Vec<Candidate>,
    ) {
        match self.0 {
            // SAFETY: these are the instructions that Rust compiles to.
            Kind::Portable => unsafe {
                subset::sift::<portable::Words, 1>(program, cells, next, bounds, scratch, candidates)
            },
            // SAFETY: as above; counting words' bits is of no use here.
            #[cfg(target_arch = "x86_64")]
            Kind::Popcnt => unsafe {
                subset::sift::<portable::Words, 1>(program, cells, next, bounds, scratch, candidates)
            },
            // SAFETY: this kind is made only where `has_avx2` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86_64::sift_subset_avx2(program, cells, next, bounds, scratch, candidates) },
            // SAFETY: this kind is made only where `has_avx512` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { x86_64::sift_subset_avx512(program, cells, next, bounds, scratch, candidates) },
            // SAFETY: this kind is made only where `has_neon` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => unsafe { aarch64::sift_subset_neon(program, cells, next, bounds, scratch, candidates) },
        }
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::iris::{EncoderVersion, IrisCode, Layout, Mask};

    /// Templates whose masks are of every kind that makes counting go wrong: noise, all, nothing, one bit, one row, one half.
    fn template(layout: Layout, number: u64) -> IrisTemplate {
        let mut state = number;
        let mut word = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ z >> 31
        };
        let columns = layout.columns();
        // Neighbouring columns of some codes agree, as those of irises do; others are noise, or all alike.
        let mut last = word();
        let code = (0..columns).map(|_| {
            last = match number % 4 {
                0 => word(),
                1 | 2 => last ^ (word() & word() & word()),
                _ => last,
            };
            last
        });
        let code = IrisCode::from_columns(layout, code.collect()).unwrap();
        let mask = match number % 7 {
            0 => Mask::full(layout),
            1 => Mask::empty(layout),
            2 => Mask::from_fn(layout, |w, r, c, p| (w, r, c, p) == (1, 7, number as usize % columns, 0)),
            3 => Mask::from_fn(layout, |_, r, _, _| r == number as usize % 16),
            4 => Mask::from_fn(layout, |_, _, c, _| c < columns / 2),
            _ => Mask::from_columns(layout, (0..columns).map(|_| word() | word()).collect()).unwrap(),
        };
        IrisTemplate::new(code, mask, EncoderVersion::Other(1)).unwrap()
    }

    /// A block of such templates, and one probe: every count of every entry at every rotation, from every kernel.
    fn check(layout: Layout, probe: u64, maximum_rotation: u8) {
        let columns = layout.columns();
        let entries: Vec<IrisTemplate> = (0..LANES as u64).map(|number| template(layout, 1000 + number)).collect();
        let mut cells = alloc::vec![Cell::EMPTY; layout.bits()];
        for (lane, entry) in entries.iter().enumerate() {
            for (place, cell) in cells.iter_mut().enumerate() {
                let (bit, column) = (place / columns, place % columns);
                let usable = entry.mask().columns()[column] >> bit & 1 == 1;
                let one = entry.code().columns()[column] >> bit & 1 == 1;
                cell.ones.set(lane, usable && one);
                cell.zeros.set(lane, usable && !one);
            }
        }
        let probe = template(layout, probe);
        let rotations = 2 * usize::from(maximum_rotation) + 1;
        let furthest = i16::from(maximum_rotation);
        let naive: Vec<u32> = (-furthest..=furthest)
            .flat_map(|turn| entries.iter().map(move |entry| (Rotation::new(turn), entry)))
            .map(|(turn, entry)| {
                let turn = turn.modulo(layout);
                let disagreeing = |column: usize| {
                    let from = (column + columns - turn) % columns;
                    let differs = probe.code().columns()[from] ^ entry.code().columns()[column];
                    (differs & probe.mask().columns()[from] & entry.mask().columns()[column]).count_ones()
                };
                (0..columns).map(disagreeing).sum()
            })
            .collect();
        let mut scratch = Scratch::new(layout);
        // Nothing disagrees in 16,385 bits, so everything is found; and with 0 nothing is.
        for (bound, expected) in [(16_385, LANES * rotations), (0, 0)] {
            for kernel in Kernel::available() {
                let program = kernel.program(&probe, maximum_rotation);
                assert_eq!(program.rotations(), rotations);
                let mut near = Vec::new();
                kernel.sift(&program, &cells, &[], &Bounds::new(&[bound; LANES]), &mut scratch, &mut near);
                assert_eq!(near.len(), expected, "{kernel:?}");
                for Near { lane, rotation, disagreeing } in near {
                    let naive = naive[usize::from(rotation) * LANES + usize::from(lane)];
                    assert_eq!(u32::from(disagreeing), naive, "{kernel:?}, entry {lane}, rotation {rotation}");
                }
            }
        }
    }

    #[test]
    fn the_kernels_of_this_target_are_here() {
        let names: Vec<&str> = Kernel::available().into_iter().map(Kernel::name).collect();
        assert_eq!(names[0], "portable");
        assert_eq!(names[names.len() - 1], Kernel::best().name(), "the fastest is the last");
        // On x86-64 it depends on the machine; here there is no doubt.
        #[cfg(target_arch = "aarch64")]
        assert_eq!(names, ["portable", "neon"]);
    }

    #[test]
    fn every_kernel_counts_whole_references_as_the_twin_does() {
        for layout in Layout::ALL {
            let columns = layout.columns();
            let entries: Vec<IrisTemplate> = (0..28).map(|number| template(layout, 1000 + number)).collect();
            let words = |of: fn(&IrisTemplate) -> &[u64]| entries.iter().flat_map(of).copied().collect::<Vec<_>>();
            let codes = words(|entry| entry.code().columns());
            let masks = words(|entry| entry.mask().columns());
            for number in 0..14 {
                let template = template(layout, number);
                // Everything disagrees with everything where the probe is what the entry is not.
                let opposite: Vec<u64> = entries[1].code().columns().iter().map(|word| !word).collect();
                let opposite = IrisCode::from_columns(layout, opposite).unwrap();
                let opposite = IrisTemplate::new(opposite, Mask::full(layout), EncoderVersion::Other(1)).unwrap();
                for (template, maximum_rotation) in [(&template, 15), (&template, 0), (&opposite, 3)] {
                    let probe = Probe::new(template, maximum_rotation);
                    let furthest = i16::from(maximum_rotation);
                    let naive: Vec<Counts> = entries
                        .iter()
                        .flat_map(|entry| (-furthest..=furthest).map(move |turn| (entry, Rotation::new(turn))))
                        .map(|(entry, turn)| {
                            let turn = turn.modulo(layout);
                            let bits = |of: fn(u64, u64, u64, u64) -> u64| {
                                let column = |column: usize| {
                                    let from = (column + columns - turn) % columns;
                                    let [a, b] = [template.code().columns()[from], entry.code().columns()[column]];
                                    let [p, q] = [template.mask().columns()[from], entry.mask().columns()[column]];
                                    of(a, b, p, q).count_ones()
                                };
                                (0..columns).map(column).sum()
                            };
                            Counts {
                                disagreeing: bits(|a, b, p, q| (a ^ b) & p & q),
                                compared: bits(|_, _, p, q| p & q),
                            }
                        })
                        .collect();
                    for kernel in Kernel::available() {
                        let mut counts = alloc::vec![Counts::default(); naive.len()];
                        kernel.count(&probe, &codes, &masks, &mut counts);
                        assert_eq!(counts, naive, "{kernel:?}, {layout}, probe {number}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_count_of_every_kernel_is_that_of_the_twin() {
        for layout in Layout::ALL {
            for probe in 0..14 {
                check(layout, probe, 15);
            }
        }
    }

    #[test]
    fn any_number_of_rotations_is_counted() {
        for layout in Layout::ALL {
            for maximum_rotation in [0, 1, 2, 3, 4, 14, 16, 17, 31, 100, 255] {
                check(layout, 5, maximum_rotation);
            }
        }
    }

    /// Every weighted count of every entry at every rotation, from every kernel.
    #[test]
    fn every_weighted_count_of_every_kernel_is_that_of_the_twin() {
        let rows = |bits: &[u8], step: usize, weight: u32| Rows { bits: bits.to_vec(), step, weight };
        let all: Vec<u8> = (0..64).collect();
        for (layout, rows, maximum_rotation) in [
            (Layout::Columns200, [rows(&[0, 5, 32, 47], 8, 2), rows(&[16, 31, 63], 2, 1)], 15),
            (Layout::Columns200, [rows(&all[..20], 4, 2), rows(&all[40..], 8, 1)], 3),
            (Layout::Columns256, [rows(&all[..16], 8, 2), rows(&all[17..25], 2, 1)], 15),
            (Layout::Columns256, [rows(&[9], 2, 2), rows(&[9], 4, 1)], 40),
            (Layout::Columns200, [rows(&all[..9], 2, 1), rows(&all[..7], 8, 2)], 0),
            (Layout::Columns200, [rows(&all[8..14], 8, 1), rows(&all[14..20], 8, 2)], 255),
        ] {
            let columns = layout.columns();
            let entries: Vec<IrisTemplate> = (0..LANES as u64).map(|number| template(layout, 1000 + number)).collect();
            let kept = rows.iter().flat_map(|rows| {
                rows.bits.iter().flat_map(|&bit| (0..columns).step_by(rows.step).map(move |column| (bit, column)))
            });
            let mut cells = Vec::new();
            for (bit, column) in kept {
                let mut cell = Cell::EMPTY;
                for (lane, entry) in entries.iter().enumerate() {
                    cell.put(
                        lane,
                        entry.mask().columns()[column] >> bit & 1,
                        entry.code().columns()[column] >> bit & 1,
                    );
                }
                cells.push(cell);
            }
            let furthest = i16::from(maximum_rotation);
            for number in 0..8 {
                let probe = template(layout, number);
                // What disagrees, and what is usable in the entry and not in the probe.
                let naive = |entry: &IrisTemplate, turn: i16| -> [u32; 2] {
                    let turn = Rotation::new(turn).modulo(layout);
                    let mut naive = [0; 2];
                    for rows in &rows {
                        for &bit in &rows.bits {
                            for column in (0..columns).step_by(rows.step) {
                                let from = (column + columns - turn) % columns;
                                let differs = probe.code().columns()[from] ^ entry.code().columns()[column];
                                let usable = entry.mask().columns()[column];
                                let both = probe.mask().columns()[from] & usable;
                                naive[0] += rows.weight * ((differs & both) >> bit & 1) as u32;
                                naive[1] += rows.weight * ((usable ^ both) >> bit & 1) as u32;
                            }
                        }
                    }
                    naive
                };
                let wanted =
                    (-furthest..=furthest).flat_map(|turn| entries.iter().map(move |entry| naive(entry, turn)));
                let wanted: Vec<[u32; 2]> = wanted.collect();
                for (kernel, sixteenths) in Kernel::available().into_iter().zip([7, 0, 16, 5, 11].into_iter().cycle()) {
                    let program = kernel.subset_program(&rows, &probe, maximum_rotation, sixteenths);
                    let mut scratch = SubsetScratch::new();
                    let mut found = Vec::new();
                    // Nobody is beyond this bound: everybody is listed, rotation by rotation.
                    kernel.sift_subset(&program, &cells, &[], &Bounds::new(&[8191; LANES]), &mut scratch, &mut found);
                    assert_eq!(found.len(), wanted.len(), "{kernel:?}");
                    for (place, (candidate, wanted)) in found.iter().zip(&wanted).enumerate() {
                        assert_eq!(usize::from(candidate.lane), place % LANES);
                        let counts = [candidate.disagreeing, candidate.missing].map(u32::from);
                        assert_eq!(&counts, wanted, "{kernel:?}, entry {}, rotation {}", place % LANES, place / LANES);
                    }
                    // The second search with the same memory; and what a bound leaves out.
                    let mut found = Vec::new();
                    kernel.sift_subset(&program, &cells, &cells, &Bounds::new(&[100; LANES]), &mut scratch, &mut found);
                    let weighed = |&[disagreeing, missing]: &[u32; 2]| {
                        let parts = (0..=4).filter(|power| sixteenths >> power & 1 == 1);
                        disagreeing + parts.map(|power| missing >> (4 - power)).sum::<u32>()
                    };
                    assert_eq!(found.len(), wanted.iter().filter(|counts| weighed(counts) < 100).count(), "{kernel:?}");
                }
            }
        }
    }

    #[test]
    fn eight_bytes_are_transposed_bit_by_bit() {
        for bits in [0, 1, 1 << 63, 0x0123_4567_89AB_CDEF, 0xFEDC_BA98_0000_FFFF] {
            let mut expected = 0;
            for (n, m) in (0..8).flat_map(|n| (0..8).map(move |m| (n, m))) {
                expected |= (bits >> (8 * n + m) & 1) << (8 * m + n);
            }
            assert_eq!(transposed(bits), expected);
        }
    }

    #[test]
    fn a_bound_is_what_a_count_must_stay_below() {
        let layout = Layout::Columns200;
        let probe = template(layout, 5);
        let mut cells = alloc::vec![Cell::EMPTY; layout.bits()];
        // Entry n disagrees in n bits.
        let mut bits = 0..;
        for (place, cell) in cells.iter_mut().enumerate() {
            let (bit, column) = (place / layout.columns(), place % layout.columns());
            if probe.mask().columns()[column] >> bit & 1 == 0 {
                continue;
            }
            let one = probe.code().columns()[column] >> bit & 1 == 1;
            let number: usize = bits.next().unwrap();
            (0..LANES).for_each(|lane| {
                let disagrees = number < lane;
                cell.ones.set(lane, one != disagrees);
                cell.zeros.set(lane, one == disagrees);
            });
        }
        for bound in [0_u16, 1, 2, 100, 127, 128, 255, 256] {
            for kernel in Kernel::available() {
                let mut near = Vec::new();
                let mut scratch = Scratch::new(layout);
                let program = kernel.program(&probe, 0);
                kernel.sift(&program, &cells, &[], &Bounds::new(&[bound; LANES]), &mut scratch, &mut near);
                let lanes: Vec<u16> = near.iter().map(|near| near.lane.into()).collect();
                assert_eq!(lanes, (0..bound).collect::<Vec<_>>(), "{kernel:?}");
            }
        }
    }
}
