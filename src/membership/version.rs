//! Versions of the proof system.

use core::fmt;

/// A version of relation, protocol and encoding together; the first byte of every proof.
///
/// A new relation, hash, group or encoding is a new version. A verifier accepts the versions it lists
/// and no other; nothing is negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProofVersion {
    /// Suite `PoP-R255-P9-v1`: ristretto255, Poseidon of nine elements, an 8-ary tree of depth 10.
    V1,
}

impl ProofVersion {
    /// The version that this crate writes.
    pub const CURRENT: Self = Self::V1;

    /// Reads the version byte of a proof.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::V1),
            _ => None,
        }
    }

    /// The version byte.
    #[must_use]
    pub fn to_byte(self) -> u8 {
        match self {
            Self::V1 => 1,
        }
    }
}

impl fmt::Display for ProofVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_byte())
    }
}
