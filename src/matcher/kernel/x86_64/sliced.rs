//! Adding slices on x86-64.

use alloc::vec::Vec;
use core::arch::asm;
use core::arch::x86_64::{
    __m256i, _MM_HINT_T1, _mm_prefetch, _mm256_and_si256, _mm256_andnot_si256, _mm256_load_si256, _mm256_or_si256,
    _mm256_setzero_si256, _mm256_store_si256, _mm256_ternarylogic_epi64, _mm256_xor_si256,
};

use crate::matcher::kernel::sliced::{self, Bounds, Cell, Near, Program, Scratch, Slice, Vector};
use crate::matcher::kernel::subset::{self, Candidate, SubsetProgram, SubsetScratch};

/// See [`Kernel::sift`](super::super::Kernel::sift).
#[target_feature(enable = "avx2")]
pub(in crate::matcher::kernel) fn sift_avx2(
    program: &Program,
    cells: &[Cell],
    next: &[Cell],
    bounds: &Bounds,
    scratch: &mut Scratch,
    near: &mut Vec<Near>,
) {
    // SAFETY: this function has the feature that the type needs.
    unsafe { sliced::sift::<Avx2, 2>(program, cells, next, bounds, scratch, near) }
}

/// See [`Kernel::sift`](super::super::Kernel::sift).
///
/// Registers of 256 bits are used although there are wider ones: an adder is two instructions instead of five, after
/// which loads are what limits it, and CPUs load as many bytes per cycle in two halves as at once.
#[target_feature(enable = "avx512f,avx512vl")]
pub(in crate::matcher::kernel) fn sift_avx512(
    program: &Program,
    cells: &[Cell],
    next: &[Cell],
    bounds: &Bounds,
    scratch: &mut Scratch,
    near: &mut Vec<Near>,
) {
    // SAFETY: this function has the features that the type needs.
    unsafe { sliced::sift::<Avx512, 2>(program, cells, next, bounds, scratch, near) }
}

/// See [`Kernel::sift_subset`](super::super::Kernel::sift_subset).
#[target_feature(enable = "avx2")]
pub(in crate::matcher::kernel) fn sift_subset_avx2(
    program: &SubsetProgram,
    cells: &[Cell],
    next: &[Cell],
    bounds: &Bounds,
    scratch: &mut SubsetScratch,
    candidates: &mut Vec<Candidate>,
) {
    // SAFETY: this function has the feature that the type needs.
    unsafe { subset::sift::<Avx2, 2>(program, cells, next, bounds, scratch, candidates) }
}

/// See [`Kernel::sift_subset`](super::super::Kernel::sift_subset).
#[target_feature(enable = "avx512f,avx512vl")]
pub(in crate::matcher::kernel) fn sift_subset_avx512(
    program: &SubsetProgram,
    cells: &[Cell],
    next: &[Cell],
    bounds: &Bounds,
    scratch: &mut SubsetScratch,
    candidates: &mut Vec<Candidate>,
) {
    // SAFETY: this function has the features that the type needs.
    unsafe { subset::sift::<Avx512, 2>(program, cells, next, bounds, scratch, candidates) }
}

/// See [`Kernel::add`](super::super::Kernel::add).
#[cfg(feature = "testing")]
#[target_feature(enable = "avx2")]
pub(in crate::matcher::kernel) fn add_avx2(rounds: usize) -> usize {
    // SAFETY: this function has the feature that the type needs.
    unsafe { sliced::add_on_registers::<Avx2>(rounds) }
}

/// See [`Kernel::add`](super::super::Kernel::add).
#[cfg(feature = "testing")]
#[target_feature(enable = "avx512f,avx512vl")]
pub(in crate::matcher::kernel) fn add_avx512(rounds: usize) -> usize {
    // SAFETY: this function has the features that the type needs.
    unsafe { sliced::add_on_registers::<Avx512>(rounds) }
}

/// 256 bits with the instructions of AVX2.
#[derive(Clone, Copy)]
struct Avx2(__m256i);

impl Vector for Avx2 {
    #[inline(always)]
    unsafe fn load(from: *const Slice) -> Self {
        // SAFETY: the caller says that there is a slice; slices are 32 bytes and aligned to 32.
        Self(unsafe { _mm256_load_si256(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut Slice) {
        // SAFETY: the caller says that there is a slice; slices are 32 bytes and aligned to 32.
        unsafe { _mm256_store_si256(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller says that the CPU has AVX2.
        Self(unsafe { _mm256_setzero_si256() })
    }

    #[inline(always)]
    fn add(a: Self, b: Self, sum: &mut Self) -> Self {
        // SAFETY: there are values of this type, so the CPU has AVX2.
        let carry = unsafe { full_adder(a.0, b.0, &mut sum.0) };
        Self(carry)
    }

    #[inline(always)]
    unsafe fn add_loaded(base: *const u8, [a, b]: [usize; 2], sum: &mut Self) -> Self {
        // SAFETY: there are values of this type, so the CPU has AVX2; the caller says that there are slices.
        let carry = unsafe { full_adder_loading(base, a, b, &mut sum.0) };
        Self(carry)
    }

    #[inline(always)]
    fn half_add(a: Self, sum: &mut Self) -> Self {
        // SAFETY: there are values of this type, so the CPU has AVX2.
        unsafe {
            let carry = _mm256_and_si256(a.0, sum.0);
            sum.0 = _mm256_xor_si256(a.0, sum.0);
            Self(carry)
        }
    }

    #[inline(always)]
    fn borrow(a: Self, b: Self, borrow: Self) -> Self {
        // SAFETY: there are values of this type, so the CPU has AVX2.
        unsafe {
            let kept = _mm256_andnot_si256(_mm256_xor_si256(a.0, b.0), borrow.0);
            Self(_mm256_or_si256(_mm256_andnot_si256(a.0, b.0), kept))
        }
    }

    #[inline(always)]
    fn prefetch(from: &Cell) {
        // SAFETY: there are values of this type, so the CPU has AVX2; prefetching is harmless at any address.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(core::ptr::from_ref(from).cast()) }
    }
}

/// The five operations that a full adder takes: carry = ((a ⊕ b) ∧ (a ⊕ sum)) ⊕ a.
///
/// In assembler, because LLVM knows a formula for the majority that is one operation shorter on paper and, without an
/// instruction for it, one longer in the end: 1.80 instead of 1.31 cycles per slice on Zen 3.
#[target_feature(enable = "avx2")]
#[inline]
fn full_adder(a: __m256i, b: __m256i, sum: &mut __m256i) -> __m256i {
    let carry;
    // SAFETY: only registers are read and written, and only as declared.
    unsafe {
        asm!(
            "vpxor {x}, {a}, {b}",
            "vpxor {y}, {a}, {sum}",
            "vpxor {sum}, {sum}, {x}",
            "vpand {x}, {x}, {y}",
            "vpxor {x}, {x}, {a}",
            a = in(ymm_reg) a,
            b = in(ymm_reg) b,
            sum = inout(ymm_reg) *sum,
            x = out(ymm_reg) carry,
            y = out(ymm_reg) _,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    carry
}

/// The same for slices in memory, at `base + a` and `base + b`: carry = ((sum ⊕ a) ∧ (sum ⊕ b)) ⊕ sum.
///
/// With the sum in the middle, a and b are only ever second operands, which may lie in memory: five instructions with the
/// loads, instead of seven. That b is loaded twice costs nothing, because the loads are not what limits the kernel here.
///
/// # Safety
///
/// There is a slice, aligned to 32 bytes, at both addresses.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn full_adder_loading(base: *const u8, a: usize, b: usize, sum: &mut __m256i) -> __m256i {
    let carry;
    // SAFETY: only registers are written, as declared, and only the two slices are read.
    unsafe {
        asm!(
            "vpxor {x}, {sum}, ymmword ptr [{base} + {a}]",
            "vpxor {y}, {sum}, ymmword ptr [{base} + {b}]",
            "vpand {y}, {y}, {x}",
            "vpxor {y}, {y}, {sum}",
            "vpxor {sum}, {x}, ymmword ptr [{base} + {b}]",
            base = in(reg) base,
            a = in(reg) a,
            b = in(reg) b,
            sum = inout(ymm_reg) *sum,
            x = out(ymm_reg) _,
            y = out(ymm_reg) carry,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    carry
}

/// 256 bits with the instructions that AVX-512 brought for them.
#[derive(Clone, Copy)]
struct Avx512(__m256i);

impl Vector for Avx512 {
    #[inline(always)]
    unsafe fn load(from: *const Slice) -> Self {
        // SAFETY: the caller says that there is a slice; slices are 32 bytes and aligned to 32.
        Self(unsafe { _mm256_load_si256(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut Slice) {
        // SAFETY: the caller says that there is a slice; slices are 32 bytes and aligned to 32.
        unsafe { _mm256_store_si256(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller says that the CPU has AVX-512.
        Self(unsafe { _mm256_setzero_si256() })
    }

    /// Any function of three bits is one instruction, given its table: 0x96 is their parity, 0xE8 their majority.
    #[inline(always)]
    fn add(a: Self, b: Self, sum: &mut Self) -> Self {
        // SAFETY: there are values of this type, so the CPU has AVX-512.
        unsafe {
            let carry = _mm256_ternarylogic_epi64::<0xE8>(a.0, b.0, sum.0);
            sum.0 = _mm256_ternarylogic_epi64::<0x96>(a.0, b.0, sum.0);
            Self(carry)
        }
    }

    #[inline(always)]
    fn half_add(a: Self, sum: &mut Self) -> Self {
        // SAFETY: there are values of this type, so the CPU has AVX-512.
        unsafe {
            let carry = _mm256_and_si256(a.0, sum.0);
            sum.0 = _mm256_xor_si256(a.0, sum.0);
            Self(carry)
        }
    }

    /// 0x8E is the majority of the first inverted and the other two.
    #[inline(always)]
    fn borrow(a: Self, b: Self, borrow: Self) -> Self {
        // SAFETY: there are values of this type, so the CPU has AVX-512.
        Self(unsafe { _mm256_ternarylogic_epi64::<0x8E>(a.0, b.0, borrow.0) })
    }

    #[inline(always)]
    fn prefetch(from: &Cell) {
        // SAFETY: there are values of this type, so the CPU has AVX-512; prefetching is harmless at any address.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(core::ptr::from_ref(from).cast()) }
    }
}
