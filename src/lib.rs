//! Proof of personhood: from a picture of an eye to a proof that anybody can check.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

// Floor 0: vocabulary.
pub mod bytes;
pub mod iris;
pub mod scalar;

// Floor 1: crypto nouns.
pub mod identity;
pub mod nullifier;
pub mod poseidon;
pub mod signal;
pub mod tree;

// Floor 2: engines.
pub mod matcher;
pub mod membership;

// Floor 3: worlds.
#[cfg(feature = "image")]
pub mod pipeline;
#[cfg(feature = "store")]
pub mod store;

// Floor 4: use cases.
#[cfg(feature = "store")]
pub mod registry;
pub mod verify;

// Beside the house: what tests, benches and simulators stand on.
#[cfg(feature = "testing")]
pub mod testing;

pub mod error;
pub use error::Error;
