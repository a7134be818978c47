//! The kernels that say what is counted, in plain Rust.

use super::sliced::{Slice, Vector};
use super::{Counts, Probe};

/// See [`Kernel::count`](super::Kernel::count).
#[inline(always)]
pub(super) fn count(probe: &Probe, codes: &[u64], masks: &[u64], counts: &mut [Counts]) {
    let references = codes.chunks_exact(probe.columns).zip(masks.chunks_exact(probe.columns));
    for ((code, mask), counts) in references.zip(counts.chunks_exact_mut(probe.rotations)) {
        for (index, counts) in counts.iter_mut().enumerate() {
            let (turned_code, turned_mask) = probe.turned(index);
            *counts = count_one(turned_code, turned_mask, code, mask);
        }
    }
}

#[inline(always)]
fn count_one(probe_code: &[u64], probe_mask: &[u64], code: &[u64], mask: &[u64]) -> Counts {
    let mut counts = Counts::default();
    for (((probe_code, probe_mask), code), mask) in probe_code.iter().zip(probe_mask).zip(code).zip(mask) {
        let both = probe_mask & mask;
        counts.disagreeing += ((probe_code ^ code) & both).count_ones();
        counts.compared += both.count_ones();
    }
    counts
}

/// Four words; compilers know what to do with them where there are wider registers.
///
/// For WebAssembly with `simd128` they do as well as intrinsics would: 2.2 times as fast as without, and a kernel written
/// with `core::arch::wasm32` was not faster (Node 20, `benches/wasm/kernels.mjs`). So there is none.
#[derive(Clone, Copy)]
pub(super) struct Words([u64; 4]);

impl Words {
    #[inline(always)]
    fn each(a: Self, b: Self, c: Self, of: impl Fn(u64, u64, u64) -> u64) -> Self {
        Self([0, 1, 2, 3].map(|i| of(a.0[i], b.0[i], c.0[i])))
    }
}

impl Vector for Words {
    #[inline(always)]
    unsafe fn load(from: *const Slice) -> Self {
        // SAFETY: the caller says that there is a slice, and a slice is four words.
        Self(unsafe { *from.cast() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut Slice) {
        // SAFETY: the caller says that there is a slice, and a slice is four words.
        unsafe { *to.cast() = self.0 }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0; 4])
    }

    #[inline(always)]
    fn add(a: Self, b: Self, sum: &mut Self) -> Self {
        let carry = Self::each(a, b, *sum, |a, b, sum| (a ^ b) & (a ^ sum) ^ a);
        *sum = Self::each(a, b, *sum, |a, b, sum| a ^ b ^ sum);
        carry
    }

    #[inline(always)]
    fn half_add(a: Self, sum: &mut Self) -> Self {
        let carry = Self::each(a, *sum, a, |a, sum, _| a & sum);
        *sum = Self::each(a, *sum, a, |a, sum, _| a ^ sum);
        carry
    }

    #[inline(always)]
    fn borrow(a: Self, b: Self, borrow: Self) -> Self {
        Self::each(a, b, borrow, |a, b, borrow| !a & b | !(a ^ b) & borrow)
    }
}
