//! Kernels for x86-64.

mod sliced;

use core::arch::x86_64::{
    __m256i, __m512i, _mm256_add_epi8, _mm256_add_epi64, _mm256_and_si256, _mm256_extract_epi64, _mm256_loadu_si256,
    _mm256_sad_epu8, _mm256_set1_epi8, _mm256_setr_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
    _mm256_xor_si256, _mm512_add_epi64, _mm512_and_si512, _mm512_loadu_si512, _mm512_popcnt_epi64,
    _mm512_reduce_add_epi64, _mm512_setzero_si512, _mm512_ternarylogic_epi64,
};

#[cfg(feature = "testing")]
pub(super) use sliced::{add_avx2, add_avx512};
pub(super) use sliced::{sift_avx2, sift_avx512, sift_subset_avx2, sift_subset_avx512};

use super::{Counts, Probe, portable};

/// Words of one 256-bit vector.
const LANES: usize = 4;
/// Vectors whose per-byte counts fit in a byte: 31 × 8 = 248.
const VECTORS_PER_SUM: usize = 31;

pub(super) fn has_popcnt() -> bool {
    #[cfg(feature = "std")]
    let found = std::is_x86_feature_detected!("popcnt");
    #[cfg(not(feature = "std"))]
    let found = cfg!(target_feature = "popcnt");
    found
}

pub(super) fn has_avx2() -> bool {
    #[cfg(feature = "std")]
    let found = std::is_x86_feature_detected!("avx2");
    #[cfg(not(feature = "std"))]
    let found = cfg!(target_feature = "avx2");
    found
}

/// The extensions that the kernel named after AVX-512 uses: Intel has them since Ice Lake, AMD since Zen 4.
pub(super) fn has_avx512() -> bool {
    #[cfg(feature = "std")]
    let found = std::is_x86_feature_detected!("avx512f")
        && std::is_x86_feature_detected!("avx512vl")
        && std::is_x86_feature_detected!("avx512vpopcntdq");
    #[cfg(not(feature = "std"))]
    let found = cfg!(all(target_feature = "avx512f", target_feature = "avx512vl", target_feature = "avx512vpopcntdq"));
    found
}

/// The portable kernel, compiled for a CPU that counts the bits of a word in one instruction.
#[target_feature(enable = "popcnt")]
pub(super) fn count_popcnt(probe: &Probe, codes: &[u64], masks: &[u64], counts: &mut [Counts]) {
    portable::count(probe, codes, masks, counts);
}

/// Four columns at a time; bits are counted by looking up both halves of each byte in a table of sixteen.
///
/// W. Muła, N. Kurz, D. Lemire, *Faster Population Counts Using AVX2 Instructions* (Computer Journal 61(1), 2018),
/// section 3.
#[target_feature(enable = "avx2")]
pub(super) fn count_avx2(probe: &Probe, codes: &[u64], masks: &[u64], counts: &mut [Counts]) {
    let references = codes.chunks_exact(probe.columns).zip(masks.chunks_exact(probe.columns));
    for ((code, mask), counts) in references.zip(counts.chunks_exact_mut(probe.rotations)) {
        for (index, counts) in counts.iter_mut().enumerate() {
            let (turned_code, turned_mask) = probe.turned(index);
            *counts = count_one(turned_code, turned_mask, code, mask);
        }
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn count_one(probe_code: &[u64], probe_mask: &[u64], code: &[u64], mask: &[u64]) -> Counts {
    let mut disagreeing = _mm256_setzero_si256();
    let mut compared = _mm256_setzero_si256();
    let run = LANES * VECTORS_PER_SUM;
    let probe = probe_code.chunks(run).zip(probe_mask.chunks(run));
    for ((probe_code, probe_mask), (code, mask)) in probe.zip(code.chunks(run).zip(mask.chunks(run))) {
        let mut disagreeing_bytes = _mm256_setzero_si256();
        let mut compared_bytes = _mm256_setzero_si256();
        // Both layouts have a multiple of four columns, so no run leaves a rest.
        let probe = probe_code.as_chunks().0.iter().zip(probe_mask.as_chunks().0);
        let reference = code.as_chunks().0.iter().zip(mask.as_chunks().0);
        for ((probe_code, probe_mask), (code, mask)) in probe.zip(reference) {
            let both = _mm256_and_si256(load(probe_mask), load(mask));
            let differs = _mm256_and_si256(_mm256_xor_si256(load(probe_code), load(code)), both);
            disagreeing_bytes = _mm256_add_epi8(disagreeing_bytes, ones_per_byte(differs));
            compared_bytes = _mm256_add_epi8(compared_bytes, ones_per_byte(both));
        }
        disagreeing = _mm256_add_epi64(disagreeing, sum_of_bytes(disagreeing_bytes));
        compared = _mm256_add_epi64(compared, sum_of_bytes(compared_bytes));
    }
    Counts { disagreeing: sum_of_lanes(disagreeing), compared: sum_of_lanes(compared) }
}

/// Eight columns at a time, with the instruction that counts the bits of every word.
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
pub(super) fn count_avx512(probe: &Probe, codes: &[u64], masks: &[u64], counts: &mut [Counts]) {
    let references = codes.chunks_exact(probe.columns).zip(masks.chunks_exact(probe.columns));
    for ((code, mask), counts) in references.zip(counts.chunks_exact_mut(probe.rotations)) {
        for (index, counts) in counts.iter_mut().enumerate() {
            let (turned_code, turned_mask) = probe.turned(index);
            *counts = count_one_avx512(turned_code, turned_mask, code, mask);
        }
    }
}

#[target_feature(enable = "avx512f,avx512vpopcntdq")]
#[inline]
fn count_one_avx512(probe_code: &[u64], probe_mask: &[u64], code: &[u64], mask: &[u64]) -> Counts {
    let mut disagreeing = _mm512_setzero_si512();
    let mut compared = _mm512_setzero_si512();
    // Both layouts have a multiple of eight columns, so nothing is left over.
    let probe = probe_code.as_chunks::<8>().0.iter().zip(probe_mask.as_chunks::<8>().0);
    let reference = code.as_chunks::<8>().0.iter().zip(mask.as_chunks::<8>().0);
    for ((probe_code, probe_mask), (code, mask)) in probe.zip(reference) {
        let (probe_code, code) = (load_avx512(probe_code), load_avx512(code));
        let (probe_mask, mask) = (load_avx512(probe_mask), load_avx512(mask));
        let both = _mm512_and_si512(probe_mask, mask);
        // (first xor second) and third, as a table of the eight combinations.
        let differs = _mm512_ternarylogic_epi64::<0x28>(probe_code, code, both);
        disagreeing = _mm512_add_epi64(disagreeing, _mm512_popcnt_epi64(differs));
        compared = _mm512_add_epi64(compared, _mm512_popcnt_epi64(both));
    }
    Counts {
        disagreeing: _mm512_reduce_add_epi64(disagreeing) as u32,
        compared: _mm512_reduce_add_epi64(compared) as u32,
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_avx512(words: &[u64; 8]) -> __m512i {
    // SAFETY: the reference is to exactly the 64 bytes that are read, and `loadu` asks for no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(words: &[u64; LANES]) -> __m256i {
    // SAFETY: the reference is to exactly the 32 bytes that are read, and `loadu` asks for no alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

/// The number of ones in each byte, 0 to 8.
#[target_feature(enable = "avx2")]
#[inline]
fn ones_per_byte(vector: __m256i) -> __m256i {
    let ones_of_nibble = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, //
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let nibble = _mm256_set1_epi8(0x0F);
    let low = _mm256_and_si256(vector, nibble);
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(vector), nibble);
    _mm256_add_epi8(_mm256_shuffle_epi8(ones_of_nibble, low), _mm256_shuffle_epi8(ones_of_nibble, high))
}

/// The sums of eight bytes each, in four 64-bit lanes.
#[target_feature(enable = "avx2")]
#[inline]
fn sum_of_bytes(bytes: __m256i) -> __m256i {
    _mm256_sad_epu8(bytes, _mm256_setzero_si256())
}

/// The sum of the four lanes; the counts of a template (at most 16,384) are far from the sign bit.
#[target_feature(enable = "avx2")]
#[inline]
fn sum_of_lanes(lanes: __m256i) -> u32 {
    let sum = _mm256_extract_epi64::<0>(lanes)
        + _mm256_extract_epi64::<1>(lanes)
        + _mm256_extract_epi64::<2>(lanes)
        + _mm256_extract_epi64::<3>(lanes);
    sum as u32
}
