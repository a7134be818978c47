//! What prover and verifier compute once: no secrets, no trusted set-up.

use sha2::{Digest, Sha512};

use super::generators::Generators;
use super::inner_product::LENGTH;
use super::relation;
use super::sumcheck::Interpolation;
use crate::scalar::SUITE;

/// Generators, interpolation constants and the digest of the circuit.
///
/// Everything is derived from public strings; there is nothing to trust and nothing to download.
/// Deriving it takes some milliseconds, so [`super::prove`] and [`super::verify`] keep one copy for the
/// process when the feature `std` is on. Without it they derive it in every call: hold one of these.
pub struct Parameters {
    pub(super) generators: Generators,
    pub(super) interpolation: Interpolation,
    /// Digest of everything above and of the equations: a proof is bound to it.
    pub(super) digest: [u8; 32],
}

impl Default for Parameters {
    fn default() -> Self {
        Self::new()
    }
}

impl Parameters {
    /// Derives the parameters.
    #[must_use]
    pub fn new() -> Self {
        let generators = Generators::new(LENGTH);
        let interpolation = Interpolation::new();
        let digest = digest(&generators, &interpolation);
        Self { generators, interpolation, digest }
    }

    /// The digest of generators, constants and equations that every proof is bound to.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// SHA-512, cut to 32 bytes, over the suite, the equations and the generators.
fn digest(generators: &Generators, interpolation: &Interpolation) -> [u8; 32] {
    let mut hash = Sha512::new();
    hash.update(SUITE);
    hash.update(b"/circuit");
    relation::absorb_into(&mut hash, interpolation);
    hash.update((LENGTH as u64).to_le_bytes());
    generators.absorb_into(&mut hash);
    let wide: [u8; 64] = hash.finalize().into();
    core::array::from_fn(|i| wide[i])
}

/// The copy of the process.
#[cfg(feature = "std")]
pub(super) fn shared() -> &'static Parameters {
    static PARAMETERS: std::sync::OnceLock<Parameters> = std::sync::OnceLock::new();
    PARAMETERS.get_or_init(Parameters::new)
}

/// A fresh copy: without `std` there is nowhere safe to keep one.
#[cfg(not(feature = "std"))]
pub(super) fn shared() -> Parameters {
    Parameters::new()
}
