//! The kernel that says what is counted, in plain Rust.

use super::{Counts, Probe};

/// See [`Kernel::count`](super::Kernel::count).
#[inline(always)]
pub(super) fn count<const COMPARED: bool>(probe: &Probe, codes: &[u64], masks: &[u64], counts: &mut [Counts]) {
    let references = codes.chunks_exact(probe.columns).zip(masks.chunks_exact(probe.columns));
    for ((code, mask), counts) in references.zip(counts.chunks_exact_mut(probe.rotations)) {
        for (index, counts) in counts.iter_mut().enumerate() {
            let (turned_code, turned_mask) = probe.turned(index);
            *counts = count_one::<COMPARED>(turned_code, turned_mask, code, mask);
        }
    }
}

#[inline(always)]
fn count_one<const COMPARED: bool>(probe_code: &[u64], probe_mask: &[u64], code: &[u64], mask: &[u64]) -> Counts {
    let mut counts = Counts::default();
    for (((probe_code, probe_mask), code), mask) in probe_code.iter().zip(probe_mask).zip(code).zip(mask) {
        let both = probe_mask & mask;
        counts.disagreeing += ((probe_code ^ code) & both).count_ones();
        if COMPARED {
            counts.compared += both.count_ones();
        }
    }
    counts
}
