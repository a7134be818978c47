//! The Fiat-Shamir transcript: every label, and how values enter it.
//!
//! The order of the messages is drawn in `docs/proof-system.md`. A value that the verifier uses and that
//! is not in the transcript before the next challenge can be chosen after that challenge, and then
//! anything can be proven; the tests leave each of them out in turn and forge a proof.

#[cfg(test)]
use alloc::vec::Vec;

use merlin::TranscriptRngBuilder;

use super::commitment::Point;
use crate::scalar::Scalar;

/// Every label of the transcript; one place, so that two meanings never share one.
pub(super) mod label {
    /// Name of the protocol: separates this transcript from every other use of merlin.
    pub(in crate::membership) const PROTOCOL: &[u8] = b"PoP-R255-P9-v1 membership";

    pub(in crate::membership) const VERSION: &[u8] = b"version";
    pub(in crate::membership) const SUITE: &[u8] = b"suite";
    pub(in crate::membership) const DEPTH: &[u8] = b"depth";
    pub(in crate::membership) const CIRCUIT: &[u8] = b"circuit";
    pub(in crate::membership) const ROOT: &[u8] = b"root";
    pub(in crate::membership) const EXTERNAL_NULLIFIER: &[u8] = b"ext";
    pub(in crate::membership) const USE_INDEX: &[u8] = b"k";
    pub(in crate::membership) const NULLIFIER: &[u8] = b"nf";
    pub(in crate::membership) const SIGNAL: &[u8] = b"signal";
    pub(in crate::membership) const NONCE: &[u8] = b"nonce";
    pub(in crate::membership) const ISSUED: &[u8] = b"issued";
    pub(in crate::membership) const EXPIRES: &[u8] = b"expires";
    pub(in crate::membership) const ASSURANCE: &[u8] = b"assurance";

    pub(in crate::membership) const COLUMNS: &[u8] = b"W";
    pub(in crate::membership) const TAU: &[u8] = b"tau";
    pub(in crate::membership) const GATE_ROUND: &[u8] = b"P";
    pub(in crate::membership) const GATE_POINT: &[u8] = b"r";
    pub(in crate::membership) const EVALUATIONS: &[u8] = b"ev";
    pub(in crate::membership) const GAMMA: &[u8] = b"gamma";
    pub(in crate::membership) const SLOT_ROUND: &[u8] = b"Q";
    pub(in crate::membership) const SLOT_POINT: &[u8] = b"r'";
    pub(in crate::membership) const XI: &[u8] = b"xi";
    pub(in crate::membership) const RHO: &[u8] = b"rho";
    pub(in crate::membership) const MASK: &[u8] = b"S";
    pub(in crate::membership) const MASK_VALUE: &[u8] = b"cm";
    pub(in crate::membership) const CHI: &[u8] = b"chi";
    pub(in crate::membership) const ZETA: &[u8] = b"zeta";
    pub(in crate::membership) const Y: &[u8] = b"y";
    pub(in crate::membership) const FOLD_LOW: &[u8] = b"L";
    pub(in crate::membership) const FOLD_HIGH: &[u8] = b"R";
    pub(in crate::membership) const FOLD_POINT: &[u8] = b"x";

    /// Witness bytes that rekey the prover's generator; never on the wire.
    pub(in crate::membership) const WITNESS: &[u8] = b"witness";
    /// One statement-and-proof pair of a batch.
    pub(in crate::membership) const BATCH: &[u8] = b"PoP-R255-P9-v1 batch";
    pub(in crate::membership) const BATCH_PROOF: &[u8] = b"proof";
    pub(in crate::membership) const BATCH_WEIGHT: &[u8] = b"weight";
}

/// A merlin transcript that speaks in scalars and points.
#[derive(Clone)]
pub(super) struct Transcript {
    inner: merlin::Transcript,
    /// Test builds only: labels whose messages are left out, to show the forgery that this allows.
    #[cfg(test)]
    omitted: &'static [&'static [u8]],
    /// Test builds only: every challenge that was drawn.
    #[cfg(test)]
    trace: Vec<Scalar>,
}

impl Transcript {
    /// An empty transcript of `protocol`.
    pub(super) fn new(protocol: &'static [u8]) -> Self {
        Self {
            inner: merlin::Transcript::new(protocol),
            #[cfg(test)]
            omitted: &[],
            #[cfg(test)]
            trace: Vec::new(),
        }
    }

    /// A deliberately broken transcript that never absorbs messages under `labels`.
    #[cfg(test)]
    pub(super) fn without(protocol: &'static [u8], labels: &'static [&'static [u8]]) -> Self {
        Self { omitted: labels, ..Self::new(protocol) }
    }

    /// Every challenge that was drawn, in order.
    #[cfg(test)]
    pub(super) fn trace(&self) -> &[Scalar] {
        &self.trace
    }

    /// Absorbs bytes.
    pub(super) fn append(&mut self, label: &'static [u8], message: &[u8]) {
        #[cfg(test)]
        if self.omitted.contains(&label) {
            return;
        }
        self.inner.append_message(label, message);
    }

    /// Absorbs an integer as eight bytes, little endian.
    pub(super) fn append_u64(&mut self, label: &'static [u8], value: u64) {
        self.append(label, &value.to_le_bytes());
    }

    /// Absorbs a scalar in its canonical encoding.
    pub(super) fn append_scalar(&mut self, label: &'static [u8], scalar: &Scalar) {
        self.append(label, &scalar.to_bytes());
    }

    /// Absorbs a point in its canonical encoding.
    pub(super) fn append_point(&mut self, label: &'static [u8], point: &Point) {
        self.append(label, point.as_bytes());
    }

    /// Draws a scalar: 64 bytes reduced, so within 2^-259 of uniform.
    pub(super) fn challenge(&mut self, label: &'static [u8]) -> Scalar {
        let mut wide = [0; 64];
        self.inner.challenge_bytes(label, &mut wide);
        let challenge = Scalar::from_bytes_wide(&wide);
        #[cfg(test)]
        self.trace.push(challenge);
        challenge
    }

    /// Draws one scalar per coordinate.
    pub(super) fn challenges<const N: usize>(&mut self, label: &'static [u8]) -> [Scalar; N] {
        core::array::from_fn(|_| self.challenge(label))
    }

    /// Begins a generator whose output depends on everything absorbed so far.
    pub(super) fn build_rng(&self) -> TranscriptRngBuilder {
        self.inner.build_rng()
    }
}
