//! Signals: what a proof is made for.

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
}
