//! The permutation of one layout's bits, drawn without bias.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::lanes;

/// The key stream of ChaCha20 as RFC 8439 has it, with nonce 0.
pub(super) struct Stream(ChaCha20);

impl Stream {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(ChaCha20::new(key.into(), &[0; 12].into()))
    }

    fn next(&mut self) -> u32 {
        let mut bytes = Zeroizing::new([0; 4]);
        self.0.apply_keystream(bytes.as_mut_slice());
        u32::from_le_bytes(*bytes)
    }

    /// The next words, little-endian.
    pub(super) fn words(mut self, count: usize) -> Zeroizing<Vec<u64>> {
        let mut bytes = Zeroizing::new(vec![0; 8 * count]);
        self.0.apply_keystream(&mut bytes);
        Zeroizing::new(bytes.as_chunks().0.iter().copied().map(u64::from_le_bytes).collect())
    }

    /// Evenly from 0 to `bound` − 1. Draws in the last, incomplete run of `bound` numbers below 2^32 are thrown away.
    fn below(&mut self, bound: u32) -> u32 {
        let complete = u32::MAX - (u32::MAX % bound + 1) % bound;
        loop {
            let drawn = self.next();
            if drawn <= complete {
                return drawn % bound;
            }
        }
    }
}

/// A permutation and its inverse; wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Permutation {
    source: Vec<u16>,
    inverse: Vec<u16>,
}

impl Permutation {
    /// Fisher and Yates: every permutation is as likely as any other, as far as the stream is random.
    pub(super) fn draw(places: usize, stream: &mut Stream) -> Self {
        let places = u16::try_from(places).expect("a layout has at most 16,384 bits");
        let mut source: Vec<u16> = (0..places).collect();
        for last in (1..places).rev() {
            let other = stream.below(u32::from(last) + 1);
            source.swap(usize::from(last), other as usize);
        }
        let mut inverse = vec![0; source.len()];
        for (to, from) in (0..places).zip(&source) {
            inverse[usize::from(*from)] = to;
        }
        Self { source, inverse }
    }

    pub(super) fn apply(&self, planes: &mut [Vec<Zeroizing<Vec<u64>>>]) {
        planes.iter_mut().for_each(|planes| lanes::permute(planes, &self.source));
    }

    pub(super) fn undo(&self, planes: &mut [Vec<Zeroizing<Vec<u64>>>]) {
        planes.iter_mut().for_each(|planes| lanes::permute(planes, &self.inverse));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With 2^32 not a multiple of the bound, taking a remainder alone would favour small numbers. The limit is what
    /// decides, so it is held against the definition for every bound that is used.
    #[test]
    fn the_limit_of_rejection_is_the_largest_multiple() {
        for bound in 1..=16_384_u64 {
            let complete = u32::MAX - (u32::MAX % (bound as u32) + 1) % (bound as u32);
            assert_eq!((u64::from(complete) + 1) % bound, 0);
            assert!(u64::from(complete) + 1 + bound > 1 << 32);
        }
    }

    /// All 24 orders of four places, 24,000 draws: chi-squared with 23 degrees of freedom is below 49.7 for all but one in
    /// a thousand keys. The keys are fixed, so this either always holds or never.
    #[test]
    fn every_order_is_as_likely() {
        let mut counts = std::collections::BTreeMap::<Vec<u16>, u32>::new();
        let mut stream = Stream::new(&[7; 32]);
        for _ in 0..24_000 {
            *counts.entry(Permutation::draw(4, &mut stream).source.clone()).or_default() += 1;
        }
        assert_eq!(counts.len(), 24);
        let chi: f64 = counts.values().map(|count| (f64::from(*count) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi < 49.7, "{chi}");
    }

    #[test]
    fn the_inverse_undoes() {
        let permutation = Permutation::draw(12_800, &mut Stream::new(&[1; 32]));
        for (to, from) in permutation.source.iter().enumerate() {
            assert_eq!(usize::from(permutation.inverse[usize::from(*from)]), to);
        }
    }
}
