//! Requests of a relying party: signed, for one app, one action and one signal, once and for a while.
//!
//! A holder who is asked for a proof has to know *who* asks, or a page in between asks in another's name and shows the
//! proof there. So the relying party signs what it asks for, and the holder refuses what is not from the key that they know,
//! is for another app, has expired, or asks for something they did not mean to say.
//!
//! ```text
//! offset  bytes  content
//!      0      1  version of the format: 1
//!      1     32  Ed25519 key of the relying party
//!     33     32  nonce
//!     65      8  issued at, seconds since 1970, little-endian, as all numbers
//!     73      8  expires at
//!     81      9  latest time of issue of the leaf: 0 and zeros, or 1 and the time
//!     90      9  earliest time of expiry of the leaf, likewise
//!     99      1  least assurance of the leaf
//!    100     32  World ID's hash of the signal
//!    132      2  length a of the app, then a bytes of UTF-8
//!  134+a      2  length b of the action, then b bytes
//!     …       2  length c of the period, 0 for none, then c bytes
//!   last     64  Ed25519 signature over "personhood request" ‖ 0 ‖ all before
//! ```
//!
//! ```
//! use ed25519_dalek::SigningKey;
//! use personhood::nullifier::Scope;
//! use personhood::request::{Asked, SignedRequest};
//! use personhood::signal::world_hash;
//!
//! let key = SigningKey::from_bytes(&[7; 32]);
//! let asked = Asked {
//!     scope: Scope::new("polls.example", "mayor 2026")?,
//!     signal_hash: world_hash(b"yes"),
//!     nonce: [9; 32],
//!     issued_at: 1_800_000_000,
//!     expires_at: 1_800_000_300,
//!     issued_no_later_than: None,
//!     expires_no_earlier_than: None,
//!     assurance_at_least: 0,
//! };
//! let bytes = SignedRequest::sign(&asked, &key)?.to_bytes();
//!
//! // The holder, who knows the key of the poll.
//! let request = SignedRequest::from_bytes(&bytes)?;
//! request.check(&key.verifying_key().to_bytes(), "polls.example", 1_800_000_100)?;
//! assert!(request.check(&key.verifying_key().to_bytes(), "polls.example", 1_800_000_300).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::string::String;
use alloc::vec::Vec;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::nullifier::{Scope, ScopeError};

const VERSION: u8 = 1;
const PREFIX: &[u8] = b"personhood request\0";
/// Everything before the three texts.
const FIXED: usize = 132;

/// What a relying party asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// App, action and period.
    pub scope: Scope,
    /// World ID's hash of the signal; see [`world_hash`](crate::signal::world_hash).
    pub signal_hash: [u8; 32],
    /// A number that is used once.
    pub nonce: [u8; 32],
    /// From when the request counts, in seconds since 1970.
    pub issued_at: u64,
    /// Until when, in seconds since 1970; at this time it has expired.
    pub expires_at: u64,
    /// The bound on the issue of the leaf.
    pub issued_no_later_than: Option<u64>,
    /// The bound on the expiry of the leaf.
    pub expires_no_earlier_than: Option<u64>,
    /// The bound on the assurance of the leaf.
    pub assurance_at_least: u8,
}

/// A request and the signature that was found to be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    asked: Asked,
    key: [u8; 32],
    signature: [u8; 64],
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The bytes are not of this format.
    #[error("the request is malformed at byte {offset}; it was cut, padded or altered")]
    Malformed {
        /// Where.
        offset: usize,
    },
    /// It is of another version.
    #[error("the request has version {found}, and this release reads version 1; update it")]
    Version {
        /// The version found.
        found: u8,
    },
    /// A name cannot be part of a scope.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// It expires before it is issued.
    #[error("the request expires at {expires_at}, not after {issued_at}, when it was issued")]
    Times {
        /// Issue in seconds since 1970.
        issued_at: u64,
        /// Expiry in seconds since 1970.
        expires_at: u64,
    },
    /// The signature is not that of the key in the request.
    #[error("the request is not signed by the key in it; do not answer it")]
    Signature,
    /// It is signed by somebody else than the relying party that is known.
    #[error("the request is signed by another key than that of the relying party; do not answer it")]
    OtherKey,
    /// It asks in the name of another app.
    #[error("the request is of another app; do not answer it")]
    OtherApp,
    /// It is not valid yet.
    #[error("the request counts from {issued_at} on, and it is {now}; is the clock right?")]
    NotYet {
        /// Issue in seconds since 1970.
        issued_at: u64,
        /// The present time.
        now: u64,
    },
    /// It has expired.
    #[error("the request expired at {expires_at}, and it is {now}; ask for another")]
    Expired {
        /// Expiry in seconds since 1970.
        expires_at: u64,
        /// The present time.
        now: u64,
    },
}

impl RequestError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "request_malformed",
            Self::Version { .. } => "request_version",
            Self::Scope(_) => "scope_invalid",
            Self::Times { .. } => "request_times",
            Self::Signature => "request_signature",
            Self::OtherKey => "request_other_key",
            Self::OtherApp => "request_other_app",
            Self::NotYet { .. } => "request_not_yet",
            Self::Expired { .. } => "request_expired",
        }
    }
}

impl SignedRequest {
    /// The longest encoding: three names of 256 bytes.
    pub const MAX_BYTES: usize = FIXED + 3 * (2 + Scope::MAX_PART_BYTES) + 64;

    /// How many seconds a holder's clock may be behind the relying party's.
    pub const CLOCK_DIFFERENCE: u64 = 60;

    /// Signs a request.
    ///
    /// # Errors
    ///
    /// [`RequestError::Times`].
    pub fn sign(asked: &Asked, key: &SigningKey) -> Result<Self, RequestError> {
        if asked.expires_at <= asked.issued_at {
            let Asked { issued_at, expires_at, .. } = *asked;
            return Err(RequestError::Times { issued_at, expires_at });
        }
        let public = key.verifying_key().to_bytes();
        let signature = key.sign(&signed(&body(asked, &public))).to_bytes();
        Ok(Self { asked: asked.clone(), key: public, signature })
    }

    /// What is asked for. Act on it only after [`SignedRequest::check`].
    #[must_use]
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The encoding drawn above.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = body(&self.asked, &self.key);
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// Reads a request and verifies its signature.
    ///
    /// That it is signed by *some* key says nothing: [`SignedRequest::check`] asks by whose.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for everything that [`SignedRequest::to_bytes`] does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RequestError> {
        let mut reader = Reader { bytes, at: 0 };
        let [version] = reader.array()?;
        if version != VERSION {
            return Err(RequestError::Version { found: version });
        }
        let key: [u8; 32] = reader.array()?;
        let nonce = reader.array()?;
        let issued_at = u64::from_le_bytes(reader.array()?);
        let expires_at = u64::from_le_bytes(reader.array()?);
        let issued_no_later_than = reader.time()?;
        let expires_no_earlier_than = reader.time()?;
        let [assurance_at_least] = reader.array()?;
        let signal_hash: [u8; 32] = reader.array()?;
        if signal_hash[0] != 0 {
            return Err(RequestError::Malformed { offset: FIXED - 32 });
        }
        let mut scope = Scope::new(reader.text()?, reader.text()?)?;
        let period = reader.text()?;
        if !period.is_empty() {
            scope = scope.in_period(period)?;
        }
        let end = reader.at;
        let signature: [u8; 64] = reader.array()?;
        if reader.at != bytes.len() {
            return Err(RequestError::Malformed { offset: reader.at });
        }
        if expires_at <= issued_at {
            return Err(RequestError::Times { issued_at, expires_at });
        }
        VerifyingKey::from_bytes(&key)
            .and_then(|key| key.verify_strict(&signed(&bytes[..end]), &Signature::from_bytes(&signature)))
            .map_err(|_| RequestError::Signature)?;
        let asked = Asked {
            scope,
            signal_hash,
            nonce,
            issued_at,
            expires_at,
            issued_no_later_than,
            expires_no_earlier_than,
            assurance_at_least,
        };
        Ok(Self { asked, key, signature })
    }

    /// Whether a holder may answer: it is from this key, for this app, and it counts now (seconds since 1970).
    ///
    /// # Errors
    ///
    /// [`RequestError`] says why not.
    pub fn check(&self, key: &[u8; 32], app: &str, now: u64) -> Result<(), RequestError> {
        let Asked { issued_at, expires_at, ref scope, .. } = self.asked;
        if self.key != *key {
            return Err(RequestError::OtherKey);
        }
        if scope.app() != app {
            return Err(RequestError::OtherApp);
        }
        if now.saturating_add(Self::CLOCK_DIFFERENCE) < issued_at {
            return Err(RequestError::NotYet { issued_at, now });
        }
        if now >= expires_at {
            return Err(RequestError::Expired { expires_at, now });
        }
        Ok(())
    }
}

fn signed(body: &[u8]) -> Vec<u8> {
    [PREFIX, body].concat()
}

fn body(asked: &Asked, key: &[u8; 32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SignedRequest::MAX_BYTES);
    bytes.push(VERSION);
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(&asked.nonce);
    bytes.extend_from_slice(&asked.issued_at.to_le_bytes());
    bytes.extend_from_slice(&asked.expires_at.to_le_bytes());
    for time in [asked.issued_no_later_than, asked.expires_no_earlier_than] {
        bytes.push(u8::from(time.is_some()));
        bytes.extend_from_slice(&time.unwrap_or(0).to_le_bytes());
    }
    bytes.push(asked.assurance_at_least);
    bytes.extend_from_slice(&asked.signal_hash);
    for text in [asked.scope.app(), asked.scope.action(), asked.scope.period().unwrap_or_default()] {
        let length = u16::try_from(text.len()).expect("a part of a scope has at most 256 bytes");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// Reads from the front; every error says where.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], RequestError> {
        let offset = self.at;
        let taken = self.bytes.get(offset..offset + length).ok_or(RequestError::Malformed { offset })?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RequestError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn time(&mut self) -> Result<Option<u64>, RequestError> {
        let offset = self.at;
        let ([flag], time) = (self.array()?, u64::from_le_bytes(self.array()?));
        match (flag, time) {
            (0, 0) => Ok(None),
            (1, time) => Ok(Some(time)),
            _ => Err(RequestError::Malformed { offset }),
        }
    }

    fn text(&mut self) -> Result<String, RequestError> {
        let offset = self.at;
        let length = usize::from(u16::from_le_bytes(self.array()?));
        if length > Scope::MAX_PART_BYTES {
            return Err(RequestError::Malformed { offset });
        }
        let text = core::str::from_utf8(self.take(length)?).map_err(|_| RequestError::Malformed { offset })?;
        Ok(String::from(text))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn asked() -> Asked {
        Asked {
            scope: Scope::new("polls.example", "mayor").unwrap().in_period("2027").unwrap(),
            signal_hash: crate::signal::world_hash(b"yes"),
            nonce: [9; 32],
            issued_at: NOW,
            expires_at: NOW + 300,
            issued_no_later_than: Some(NOW - 1),
            expires_no_earlier_than: None,
            assurance_at_least: 2,
        }
    }

    #[test]
    fn a_request_travels_and_is_what_was_asked() {
        let signed = SignedRequest::sign(&asked(), &key()).unwrap();
        let bytes = signed.to_bytes();
        let read = SignedRequest::from_bytes(&bytes).unwrap();
        assert_eq!((read.asked(), read.to_bytes()), (&asked(), bytes));
        let public = key().verifying_key().to_bytes();
        for (now, expected) in [
            (NOW - 61, Err("request_not_yet")),
            (NOW - 60, Ok(())),
            (NOW + 299, Ok(())),
            (NOW + 300, Err("request_expired")),
        ] {
            assert_eq!(read.check(&public, "polls.example", now).map_err(|error| error.code()), expected, "{now}");
        }
        assert_eq!(read.check(&public, "pol1s.example", NOW), Err(RequestError::OtherApp));
        let other = SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
        assert_eq!(read.check(&other, "polls.example", NOW), Err(RequestError::OtherKey));
    }

    /// Every byte and every length, each refused: there is one encoding, and it is signed as a whole.
    #[test]
    fn nothing_can_be_altered() {
        let bytes = SignedRequest::sign(&asked(), &key()).unwrap().to_bytes();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut altered = bytes.clone();
                altered[at] ^= 1 << bit;
                assert!(SignedRequest::from_bytes(&altered).is_err(), "byte {at}, bit {bit}");
            }
            assert!(SignedRequest::from_bytes(&bytes[..at]).is_err(), "cut to {at}");
        }
        assert!(SignedRequest::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
    }

    /// A signature by another key is one of another request: the key is among what is signed.
    #[test]
    fn a_key_cannot_be_put_in_the_place_of_another() {
        let mut bytes = SignedRequest::sign(&asked(), &key()).unwrap().to_bytes();
        bytes[1..33].copy_from_slice(&SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes());
        assert_eq!(SignedRequest::from_bytes(&bytes), Err(RequestError::Signature));
    }

    /// Written byte by byte and signed by Node 20's `crypto`, after the drawing alone.
    #[test]
    fn the_encoding_is_the_one_that_is_drawn() {
        let drawn = "01ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c0909090909090909090909090909090909\
            09090909090909090909090909090900d2496b000000002cd3496b0000000001ffd1496b0000000000000000000000000002\
            00050505050505050505050505050505050505050505050505050505050505050d00706f6c6c732e6578616d706c6505006d\
            61796f72040032303237d59b52401bd6e94fe1c0d4f83fd5cd857674d981b951ac3a6b927f6fbf4f253120bcfb4db4036b28\
            2add07e33e714a7309a1f20f3ff9f3a22ad0c1c84b8fce0f";
        let asked = Asked { signal_hash: core::array::from_fn(|at| if at == 0 { 0 } else { 5 }), ..asked() };
        assert_eq!(crate::bytes::to_hex(&SignedRequest::sign(&asked, &key()).unwrap().to_bytes()), drawn);
    }

    #[test]
    fn times_have_to_make_sense() {
        let never = Asked { expires_at: NOW, ..asked() };
        assert_eq!(SignedRequest::sign(&never, &key()).unwrap_err().code(), "request_times");
    }
}
