//! Counting bits: the inner loop of every comparison.
//!
//! A kernel takes a [`Probe`] and a block of references and counts, for every reference and every rotation, the
//! disagreeing and the compared bits. It decides nothing: what the counts mean is judged by code that all kernels share.
//!
//! The portable kernel is the readable one and the oracle; the others must give its counts on every input.

#![allow(unsafe_code)]

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

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
    code: Zeroizing<Vec<u64>>,
    mask: Zeroizing<Vec<u64>>,
}

impl Probe {
    pub(super) fn new(template: &IrisTemplate, maximum_rotation: u8) -> Self {
        let furthest = usize::from(maximum_rotation);
        let columns = template.layout().columns();
        // The template turned so far to the right that the run of the greatest rotation begins at its column 0.
        let open = |words: &[u64]| -> Zeroizing<Vec<u64>> {
            let start = columns - Rotation::new(i16::from(maximum_rotation)).modulo(template.layout());
            let circle = words.iter().copied().cycle().skip(start % columns);
            Zeroizing::new(circle.take(columns + 2 * furthest).collect())
        };
        Self {
            columns,
            rotations: 2 * furthest + 1,
            code: open(template.code().columns()),
            mask: open(template.mask().columns()),
        }
    }

    /// How many columns the template has.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// How many rotations there are; an odd number.
    pub(super) fn rotations(&self) -> usize {
        self.rotations
    }

    /// Code and mask at rotation number `index`, where 0 is the most negative one.
    fn turned(&self, index: usize) -> (&[u64], &[u64]) {
        let start = self.rotations - 1 - index;
        (&self.code[start..start + self.columns], &self.mask[start..start + self.columns])
    }
}

/// A way of counting that this machine can run.
///
/// All kernels give the same counts, so nobody needs to choose: [`Kernel::best`] is what [`compare`](super::compare) and
/// [`Gallery::search`](super::Gallery::search) use. Tests and benches compare them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kernel(Kind);

/// Values other than `Portable` exist only after the CPU has been asked; this is what makes [`Kernel::count`] sound.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Popcnt,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Kernel {
    /// Plain Rust without any instruction set extension; the oracle of the others.
    pub const PORTABLE: Self = Self(Kind::Portable);

    /// Every kernel that this machine can run, the portable one first and the fastest last.
    ///
    /// Without the feature `std` only those that the whole program is compiled for.
    #[must_use]
    pub fn available() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
        let mut kernels = alloc::vec![Self::PORTABLE];
        #[cfg(target_arch = "x86_64")]
        {
            kernels.extend(x86_64::has_popcnt().then_some(Self(Kind::Popcnt)));
            kernels.extend(x86_64::has_avx2().then_some(Self(Kind::Avx2)));
        }
        kernels
    }

    /// The fastest kernel that this machine can run.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if x86_64::has_avx2() {
                return Self(Kind::Avx2);
            }
            if x86_64::has_popcnt() {
                return Self(Kind::Popcnt);
            }
        }
        Self::PORTABLE
    }

    /// The name: `portable`, `popcnt`, `avx2`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Popcnt => "popcnt",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
        }
    }

    /// Counts one probe against whole references.
    ///
    /// `codes` and `masks` hold the columns of one reference after the other; `counts` gets, for each of them, the counts
    /// of every rotation from the most negative one on.
    pub(super) fn count(self, probe: &Probe, codes: &[u64], masks: &[u64], counts: &mut [Counts]) {
        self.dispatch::<true>(probe, codes, masks, counts);
    }

    /// [`Kernel::count`] in half of the time: the disagreeing bits alone, with 0 for the compared ones.
    pub(super) fn count_disagreeing(self, probe: &Probe, codes: &[u64], masks: &[u64], counts: &mut [Counts]) {
        self.dispatch::<false>(probe, codes, masks, counts);
    }

    fn dispatch<const COMPARED: bool>(self, probe: &Probe, codes: &[u64], masks: &[u64], counts: &mut [Counts]) {
        let references = codes.len() / probe.columns;
        assert_eq!(codes.len(), references * probe.columns, "codes are whole references");
        assert_eq!(masks.len(), codes.len(), "every code has its mask");
        assert_eq!(counts.len(), references * probe.rotations, "there is room for exactly these counts");
        match self.0 {
            Kind::Portable => portable::count::<COMPARED>(probe, codes, masks, counts),
            // SAFETY: this kind is made only where `has_popcnt` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Popcnt => unsafe { x86_64::count_popcnt::<COMPARED>(probe, codes, masks, counts) },
            // SAFETY: this kind is made only where `has_avx2` said yes, and CPUs do not lose instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86_64::count_avx2::<COMPARED>(probe, codes, masks, counts) },
        }
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
