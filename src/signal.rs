//! Signals: what a proof is made for.

use sha3::{Digest as _, Keccak256};

use crate::scalar::{hash_to_scalar, public_scalar};

public_scalar!(
    /// The digest of the message that a proof is bound to: a vote, a public key, an order.
    ///
    /// Whoever sees a proof can neither alter its signal nor move it to another proof. The digest is the hash to a
    /// scalar of "signal" over the bytes of the message; equal digests mean equal messages, so a verifier always
    /// computes it from the message that it acts on, and never takes it from the sender.
    ///
    /// ```
    /// use personhood::signal::Signal;
    ///
    /// assert_eq!(Signal::new(b"yes"), Signal::new(b"yes"));
    /// assert_ne!(Signal::new(b"yes"), Signal::new(b"no"));
    /// ```
    ///
    /// Services in the shapes of World ID hear of the message only its [`world_hash`]. To them a proof is about these 32
    /// bytes: its signal is [`Signal::from_world_hash`].
    #[doc(alias = "message")]
    #[doc(alias = "signal hash")]
    #[doc(alias = "hashToField")]
    Signal
);

impl Signal {
    /// The signal of a message of any length, the empty one included.
    #[must_use]
    pub fn new(message: &[u8]) -> Self {
        Self(hash_to_scalar(b"signal", &[message]))
    }

    /// The signal of a message of which only World ID's `signal_hash` is known: that of the 32 bytes of the hash.
    ///
    /// # Errors
    ///
    /// [`WorldHashError`] if the first byte is not zero, as it is in every such hash.
    pub fn from_world_hash(hash: &[u8; 32]) -> Result<Self, WorldHashError> {
        if hash[0] == 0 { Ok(Self::new(hash)) } else { Err(WorldHashError { found: hash[0] }) }
    }
}

/// World ID's `signal_hash` of a message: Keccak-256, shifted right by 8 bits as a number, big-endian.
///
/// World ID's libraries hash a text that is "0x" and hexadecimal digits as the bytes that it spells; give those bytes then.
///
/// ```
/// use personhood::bytes::to_hex;
/// use personhood::signal::world_hash;
///
/// let empty = "00c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a4";
/// assert_eq!(to_hex(&world_hash(b"")), empty);
/// ```
#[must_use]
pub fn world_hash(message: &[u8]) -> [u8; 32] {
    let digest = Keccak256::digest(message);
    let mut hash = [0; 32];
    hash[1..].copy_from_slice(&digest[..31]);
    hash
}

/// Bytes are not World ID's hash of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signal hash begins with the byte 00, not {found:02x}; shift the Keccak-256 digest right by 8 bits")]
pub struct WorldHashError {
    /// The first byte.
    pub found: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `hashToField` of @worldcoin/idkit-core 2.1.0.
    #[test]
    fn hashes_are_those_of_idkit() {
        for (message, hash) in [
            ("", "00c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a4"),
            ("user-123", "00d28530b6afaa88aa57413e064b9fbd2dcb9584dac7516d013bacdb0ac319b5"),
        ] {
            assert_eq!(crate::bytes::to_hex(&world_hash(message.as_bytes())), hash, "{message}");
        }
    }

    #[test]
    fn a_hash_is_a_message_of_its_own() {
        let hash = world_hash(b"yes");
        assert_eq!(Signal::from_world_hash(&hash), Ok(Signal::new(&hash)));
        assert_ne!(Signal::from_world_hash(&hash), Ok(Signal::new(b"yes")));
        // The digest as it is, when the shift was forgotten.
        let digest: [u8; 32] = Keccak256::digest(b"yes").into();
        assert_eq!(Signal::from_world_hash(&digest), Err(WorldHashError { found: digest[0] }));
    }
}
