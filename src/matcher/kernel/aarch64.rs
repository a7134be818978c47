//! The kernel for aarch64: NEON, which nearly every such CPU has and Rust's usual targets promise.

use alloc::vec::Vec;
use core::arch::aarch64::{
    uint16x8_t, uint64x2_t, vaddlvq_u16, vandq_u64, vbslq_u64, vcntq_u8, vdupq_n_u16, vdupq_n_u64, veorq_u64,
    vld1q_u64, vpadalq_u8, vreinterpretq_u8_u64, vst1q_u64,
};
use core::arch::asm;

use super::sliced::{self, Bounds, Cell, Near, Program, Scratch, Slice, Vector};
use super::subset::{self, Candidate, SubsetProgram, SubsetScratch};
use super::{Counts, Probe};

pub(super) fn has_neon() -> bool {
    #[cfg(feature = "std")]
    let found = std::arch::is_aarch64_feature_detected!("neon");
    #[cfg(not(feature = "std"))]
    let found = cfg!(target_feature = "neon");
    found
}

/// Two columns at a time, with the instruction that counts the bits of every byte.
#[target_feature(enable = "neon")]
pub(super) fn count_neon(probe: &Probe, codes: &[u64], masks: &[u64], counts: &mut [Counts]) {
    let references = codes.chunks_exact(probe.columns).zip(masks.chunks_exact(probe.columns));
    for ((code, mask), counts) in references.zip(counts.chunks_exact_mut(probe.rotations)) {
        for (index, counts) in counts.iter_mut().enumerate() {
            let (turned_code, turned_mask) = probe.turned(index);
            *counts = count_one(turned_code, turned_mask, code, mask);
        }
    }
}

#[target_feature(enable = "neon")]
#[inline]
fn count_one(probe_code: &[u64], probe_mask: &[u64], code: &[u64], mask: &[u64]) -> Counts {
    // Eight sums of two bytes' counts each, at most 16 more per step; the 128 steps of 256 columns make 2,048.
    let mut disagreeing = vdupq_n_u16(0);
    let mut compared = vdupq_n_u16(0);
    // Both layouts have an even number of columns, so nothing is left over.
    let probe = probe_code.as_chunks::<2>().0.iter().zip(probe_mask.as_chunks::<2>().0);
    let reference = code.as_chunks::<2>().0.iter().zip(mask.as_chunks::<2>().0);
    for ((probe_code, probe_mask), (code, mask)) in probe.zip(reference) {
        let both = vandq_u64(load(probe_mask), load(mask));
        let differs = vandq_u64(veorq_u64(load(probe_code), load(code)), both);
        disagreeing = add_ones(disagreeing, differs);
        compared = add_ones(compared, both);
    }
    // The sum of all lanes is at most 16,384.
    Counts { disagreeing: vaddlvq_u16(disagreeing), compared: vaddlvq_u16(compared) }
}

#[target_feature(enable = "neon")]
#[inline]
fn add_ones(sums: uint16x8_t, words: uint64x2_t) -> uint16x8_t {
    vpadalq_u8(sums, vcntq_u8(vreinterpretq_u8_u64(words)))
}

#[target_feature(enable = "neon")]
#[inline]
fn load(words: &[u64; 2]) -> uint64x2_t {
    // SAFETY: the reference is to exactly the 16 bytes that are read.
    unsafe { vld1q_u64(words.as_ptr()) }
}

/// See [`Kernel::sift`](super::Kernel::sift).
#[target_feature(enable = "neon")]
pub(super) fn sift_neon(
    program: &Program,
    cells: &[Cell],
    next: &[Cell],
    bounds: &Bounds,
    scratch: &mut Scratch,
    near: &mut Vec<Near>,
) {
    // SAFETY: this function has the feature that the type needs.
    unsafe { sliced::sift::<Neon, 1>(program, cells, next, bounds, scratch, near) }
}

/// See [`Kernel::sift_subset`](super::Kernel::sift_subset).
#[target_feature(enable = "neon")]
pub(super) fn sift_subset_neon(
    program: &SubsetProgram,
    cells: &[Cell],
    next: &[Cell],
    bounds: &Bounds,
    scratch: &mut SubsetScratch,
    candidates: &mut Vec<Candidate>,
) {
    // SAFETY: this function has the feature that the type needs.
    unsafe { subset::sift::<Neon, 1>(program, cells, next, bounds, scratch, candidates) }
}

/// See [`Kernel::add`](super::Kernel::add).
#[cfg(feature = "testing")]
#[target_feature(enable = "neon")]
pub(super) fn add_neon(rounds: usize) -> usize {
    // SAFETY: this function has the feature that the type needs.
    unsafe { sliced::add_on_registers::<Neon>(rounds) }
}

/// 256 bits in two registers. One group at a time: its five sums are ten of the 32 registers, and the two halves are
/// independent, which is what the CPU needs to be busy.
#[derive(Clone, Copy)]
struct Neon(uint64x2_t, uint64x2_t);

impl Vector for Neon {
    #[inline(always)]
    unsafe fn load(from: *const Slice) -> Self {
        // SAFETY: the caller says that the CPU has NEON and that there is a slice, which is four words.
        unsafe { Self(vld1q_u64(from.cast()), vld1q_u64(from.cast::<u64>().add(2))) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut Slice) {
        // SAFETY: the caller says that there is a slice, which is four words; a value shows that the CPU has NEON.
        unsafe {
            vst1q_u64(to.cast(), self.0);
            vst1q_u64(to.cast::<u64>().add(2), self.1);
        }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller says that the CPU has NEON.
        unsafe { Self(vdupq_n_u64(0), vdupq_n_u64(0)) }
    }

    /// Three operations: where a and b differ the carry is the third bit, elsewhere it is what they agree on.
    #[inline(always)]
    fn add(a: Self, b: Self, sum: &mut Self) -> Self {
        // SAFETY: there are values of this type, so the CPU has NEON.
        unsafe {
            let differs = (veorq_u64(a.0, b.0), veorq_u64(a.1, b.1));
            let carry = Self(vbslq_u64(differs.0, sum.0, a.0), vbslq_u64(differs.1, sum.1, a.1));
            *sum = Self(veorq_u64(differs.0, sum.0), veorq_u64(differs.1, sum.1));
            carry
        }
    }

    #[inline(always)]
    fn half_add(a: Self, sum: &mut Self) -> Self {
        // SAFETY: there are values of this type, so the CPU has NEON.
        unsafe {
            let carry = Self(vandq_u64(a.0, sum.0), vandq_u64(a.1, sum.1));
            *sum = Self(veorq_u64(a.0, sum.0), veorq_u64(a.1, sum.1));
            carry
        }
    }

    /// Where a and b differ the borrow is b taken from nothing or nothing taken from a: b itself. Elsewhere it stays.
    #[inline(always)]
    fn borrow(a: Self, b: Self, borrow: Self) -> Self {
        // SAFETY: there are values of this type, so the CPU has NEON.
        unsafe {
            let of = |a, b, borrow| vbslq_u64(veorq_u64(a, b), b, borrow);
            Self(of(a.0, b.0, borrow.0), of(a.1, b.1, borrow.1))
        }
    }

    #[inline(always)]
    fn prefetch(from: &Cell) {
        // The intrinsic is not stable. A line of a cell is 64 bytes here too.
        // SAFETY: prefetching is harmless at any address and changes nothing but the cache.
        unsafe {
            asm!("prfm pldl2keep, [{}]", in(reg) core::ptr::from_ref(from), options(readonly, nostack, preserves_flags))
        }
    }
}
