//! Captures that a known station signed.
//!
//! A desk gives out a challenge, a station captures eyes and signs what it captured together with the challenge and a counter, and
//! the registry takes each such manifest once: the challenge is taken back, and the counter must have grown.
//!
//! ```text
//! offset      bytes  manifest
//! 0               4  "PHCM"
//! 4               1  version of the format: 1
//! 5               1  n: bytes of the station's name, 1 to 64
//! 6               n  the name, UTF-8
//! 6 + n          32  challenge
//! 38 + n          8  counter, little-endian, below 2^63
//! 46 + n          8  until when it holds, Unix seconds, little-endian
//! 54 + n          1  eyes: 1 left, 2 right, 3 both
//! 55 + n     32 each  SHA-256 of what was captured of each eye, left first
//! then           64  Ed25519 signature of "personhood capture manifest v1" and everything before
//! ```

use core::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use rand_core::CryptoRngCore;
use sha2::{Digest, Sha256};

use super::decision::{Action, Details, SOFTWARE};
use super::{ACCEPTED, Registry, RegistryError};
use crate::iris::EyeSide;
use crate::store::{NewDecision, StationRecord, Store, StoreError, WriteTransaction};

const MAGIC: &[u8; 4] = b"PHCM";
const VERSION: u8 = 1;
/// No name is longer, in bytes.
const MAXIMUM_NAME: usize = 64;
const SIGNATURE: usize = 64;
/// A longer manifest is none.
const MAXIMUM_BYTES: usize = 6 + MAXIMUM_NAME + 49 + 2 * 32 + SIGNATURE;
/// So that no other signature is a manifest's.
const LABEL: &[u8] = b"personhood capture manifest v1";

/// What a station says about one capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureManifest {
    /// The station's name, as the registry knows it.
    pub station: String,
    /// What the desk gave out for this capture.
    pub challenge: [u8; 32],
    /// Larger than that of every capture of this station before.
    pub counter: u64,
    /// Until when it holds, Unix seconds.
    pub expires_at: u64,
    /// SHA-256 of what was captured of the left eye.
    pub left: Option<[u8; 32]>,
    /// SHA-256 of what was captured of the right eye.
    pub right: Option<[u8; 32]>,
}

/// A manifest as it came, and what was really presented.
#[derive(Clone, Copy, Debug)]
pub struct CaptureEvidence<'a> {
    /// The signed manifest.
    pub signed: &'a [u8],
    /// SHA-256 of what was presented of the left eye: the bytes of the picture or template file.
    pub left: Option<[u8; 32]>,
    /// The same of the right eye.
    pub right: Option<[u8; 32]>,
}

/// The key with which a station signs; wiped on drop, never shown.
pub struct StationKey(SigningKey);

impl StationKey {
    /// A new one.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        Self(SigningKey::generate(rng))
    }

    /// The key of 32 secret bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// The secret bytes, to be kept by the station.
    #[must_use]
    pub fn to_bytes(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }

    /// What a registry knows the station by.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs a manifest.
    ///
    /// # Errors
    ///
    /// [`CaptureError::Malformed`] if the name is too long or no eye was captured.
    pub fn sign(&self, manifest: &CaptureManifest) -> Result<Vec<u8>, CaptureError> {
        let mut bytes = manifest.encode()?;
        let signature = self.0.sign(&labelled(&bytes));
        bytes.extend_from_slice(&signature.to_bytes());
        Ok(bytes)
    }
}

impl fmt::Debug for StationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StationKey").finish_non_exhaustive()
    }
}

fn labelled(bytes: &[u8]) -> Vec<u8> {
    [LABEL, bytes].concat()
}

/// The digest of a picture or template file, as a manifest has it.
#[must_use]
pub fn capture_digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

impl CaptureManifest {
    fn of(&self, eye: EyeSide) -> Option<[u8; 32]> {
        match eye {
            EyeSide::Left => self.left,
            EyeSide::Right => self.right,
        }
    }

    fn encode(&self) -> Result<Vec<u8>, CaptureError> {
        let malformed = |detail| Err(CaptureError::Malformed { detail });
        let name = self.station.as_bytes();
        let Some(length) = u8::try_from(name.len()).ok().filter(|length| (1..=64).contains(length)) else {
            return malformed("the name of a station has 1 to 64 bytes");
        };
        let eyes = u8::from(self.left.is_some()) | u8::from(self.right.is_some()) << 1;
        if eyes == 0 {
            return malformed("no eye was captured");
        }
        if self.counter > i64::MAX as u64 {
            return malformed("the counter is above 2^63 - 1");
        }
        let mut bytes = Vec::with_capacity(MAXIMUM_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[VERSION, length]);
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&self.challenge);
        bytes.extend_from_slice(&self.counter.to_le_bytes());
        bytes.extend_from_slice(&self.expires_at.to_le_bytes());
        bytes.push(eyes);
        for eye in EyeSide::BOTH {
            bytes.extend(self.of(eye).into_iter().flatten());
        }
        Ok(bytes)
    }

    /// Reads a signed manifest; the signature is not looked at, since the station that has to have made it is not known yet.
    ///
    /// # Errors
    ///
    /// [`CaptureError::Malformed`] for anything but one canonical encoding.
    pub fn from_bytes(signed: &[u8]) -> Result<(Self, [u8; SIGNATURE]), CaptureError> {
        let malformed = |detail| CaptureError::Malformed { detail };
        if signed.len() > MAXIMUM_BYTES {
            return Err(malformed("it is too long"));
        }
        let (bytes, signature) = signed.split_last_chunk::<SIGNATURE>().ok_or(malformed("it is too short"))?;
        let (magic, rest) = bytes.split_first_chunk::<4>().ok_or(malformed("it is too short"))?;
        let (&[version, length], rest) = rest.split_first_chunk::<2>().ok_or(malformed("it is too short"))?;
        if magic != MAGIC || version != VERSION {
            return Err(malformed("it is not a manifest of version 1"));
        }
        let (name, rest) = rest.split_at_checked(usize::from(length)).ok_or(malformed("it is too short"))?;
        let station = core::str::from_utf8(name).map_err(|_| malformed("the station's name is not UTF-8"))?.to_owned();
        let (challenge, rest) = rest.split_first_chunk::<32>().ok_or(malformed("it is too short"))?;
        let (counter, rest) = rest.split_first_chunk::<8>().ok_or(malformed("it is too short"))?;
        let (expires_at, rest) = rest.split_first_chunk::<8>().ok_or(malformed("it is too short"))?;
        let (&eyes, mut rest) = rest.split_first().ok_or(malformed("it is too short"))?;
        let mut digest = |bit: u8| -> Result<Option<[u8; 32]>, CaptureError> {
            if eyes & bit == 0 {
                return Ok(None);
            }
            let (digest, behind) = rest.split_first_chunk::<32>().ok_or(malformed("it is too short"))?;
            rest = behind;
            Ok(Some(*digest))
        };
        let (left, right) = (digest(1)?, digest(2)?);
        let manifest = Self {
            station,
            challenge: *challenge,
            counter: u64::from_le_bytes(*counter),
            expires_at: u64::from_le_bytes(*expires_at),
            left,
            right,
        };
        // The one canonical encoding: whatever else there was is not in it.
        if manifest.encode()? != bytes {
            return Err(malformed("it is not encoded canonically"));
        }
        Ok((manifest, *signature))
    }
}

/// Takes a capture, once: the station, the signature, the time, the counter, the challenge, and that it is of these eyes.
pub(super) fn take_capture(
    transaction: &mut impl WriteTransaction,
    evidence: &CaptureEvidence<'_>,
    at: u64,
) -> Result<(), CaptureError> {
    let (manifest, signature) = CaptureManifest::from_bytes(evidence.signed)?;
    let station = manifest.station.clone();
    let stations = transaction.stations()?;
    let known = stations.into_iter().find(|known| known.name == station && known.removed_at.is_none());
    let Some(known) = known else { return Err(CaptureError::UnknownStation { station }) };
    let key = VerifyingKey::from_bytes(&known.public_key)
        .map_err(|_| CaptureError::Signature { station: station.clone() })?;
    let signed = &evidence.signed[..evidence.signed.len() - SIGNATURE];
    key.verify_strict(&labelled(signed), &Signature::from_bytes(&signature))
        .map_err(|_| CaptureError::Signature { station: station.clone() })?;
    if manifest.expires_at < at {
        return Err(CaptureError::Expired { expires_at: manifest.expires_at });
    }
    if manifest.counter <= known.counter {
        return Err(CaptureError::Replayed { station, counter: manifest.counter, last: known.counter });
    }
    if (manifest.left, manifest.right) != (evidence.left, evidence.right) {
        return Err(CaptureError::OtherCapture);
    }
    match transaction.take_challenge(&manifest.challenge)? {
        Some(expires_at) if expires_at >= at => {}
        _ => return Err(CaptureError::Challenge),
    }
    transaction.put_station(&StationRecord { counter: manifest.counter, ..known })?;
    Ok(())
}

impl<S: Store> Registry<S> {
    /// Every station that is or was known, by name.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn stations(&self) -> Result<Vec<StationRecord>, RegistryError> {
        Ok(self.store.stations()?)
    }

    /// Takes captures of a station from now on.
    ///
    /// # Errors
    ///
    /// [`StationError`].
    pub fn add_station(&mut self, name: &str, public_key: [u8; 32], at: u64) -> Result<StationRecord, StationError> {
        self.require(Action::ChangeStations)?;
        if name.trim() != name || name.is_empty() || name.len() > MAXIMUM_NAME || name.chars().any(char::is_control) {
            return Err(StationError::Name { limit: MAXIMUM_NAME });
        }
        let key = VerifyingKey::from_bytes(&public_key).map_err(|_| StationError::Key)?;
        // A point of small order verifies signatures that nobody made.
        if key.is_weak() {
            return Err(StationError::Key);
        }
        let stations = self.store.stations()?;
        if let Some(other) = stations.iter().find(|other| other.name == name || other.public_key == public_key) {
            return Err(StationError::There { station: other.name.clone() });
        }
        let station = StationRecord { name: name.to_owned(), public_key, counter: 0, added_at: at, removed_at: None };
        self.keep(station, at, format!("station {name}: added"))
    }

    /// Takes no captures of a station any more. Name and key stay, and are never taken again.
    ///
    /// # Errors
    ///
    /// [`StationError`].
    pub fn revoke_station(&mut self, name: &str, at: u64) -> Result<StationRecord, StationError> {
        self.require(Action::ChangeStations)?;
        let stations = self.store.stations()?;
        let Some(station) = stations.into_iter().find(|one| one.name == name && one.removed_at.is_none()) else {
            return Err(StationError::Unknown { station: name.to_owned() });
        };
        self.keep(StationRecord { removed_at: Some(at), ..station }, at, format!("station {name}: revoked"))
    }

    fn keep(&mut self, station: StationRecord, at: u64, subject: String) -> Result<StationRecord, StationError> {
        self.refresh()?;
        let mut transaction = self.store.begin()?;
        transaction.insert_decision(&NewDecision {
            at,
            operator: &self.operator,
            action: Action::ChangeStations.as_str(),
            outcome: ACCEPTED,
            person: None,
            policy: self.policy_id,
            software: SOFTWARE,
            details: &Details::new(0, 0, &[]).about(subject).to_json(),
        })?;
        transaction.put_station(&station)?;
        transaction.commit()?;
        Ok(station)
    }

    /// Gives out a challenge for one capture: 32 bytes that the caller drew at random.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn challenge(&mut self, challenge: &[u8; 32], expires_at: u64) -> Result<(), RegistryError> {
        self.require(Action::Enrol)?;
        let mut transaction = self.store.begin()?;
        transaction.insert_challenge(challenge, expires_at)?;
        Ok(transaction.commit()?)
    }
}

/// Why a capture was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The bytes are not a manifest.
    #[error("not a capture manifest: {detail}")]
    Malformed {
        /// What is wrong with them.
        detail: &'static str,
    },
    /// The policy takes captures of known stations only.
    #[error("the capture is not signed: this registry takes captures of known stations only")]
    Unsigned,
    /// No such station is known.
    #[error("no station is known as {station:?}: add it first")]
    UnknownStation {
        /// The name in the manifest.
        station: String,
    },
    /// The signature is not the station's.
    #[error("the signature is not that of station {station}")]
    Signature {
        /// The name in the manifest.
        station: String,
    },
    /// It does not hold any more.
    #[error("the capture held until {expires_at}: capture again")]
    Expired {
        /// Until when, Unix seconds.
        expires_at: u64,
    },
    /// The counter did not grow.
    #[error("station {station} counts {counter}, and {last} was taken already: capture again")]
    Replayed {
        /// The station.
        station: String,
        /// The counter in the manifest.
        counter: u64,
        /// The counter of the last capture that was taken.
        last: u64,
    },
    /// The challenge was not given out, or was used.
    #[error("the challenge was not given out, was used, or is too old: ask for a new one")]
    Challenge,
    /// It is of other eyes than those that were presented.
    #[error("the manifest is of another capture than the one that is presented")]
    OtherCapture,
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl CaptureError {
    /// A stable word for this kind of error, as decisions record it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "capture_malformed",
            Self::Unsigned => "capture_unsigned",
            Self::UnknownStation { .. } => "capture_station_unknown",
            Self::Signature { .. } => "capture_signature",
            Self::Expired { .. } => "capture_expired",
            Self::Replayed { .. } => "capture_replayed",
            Self::Challenge => "capture_challenge",
            Self::OtherCapture => "capture_other",
            Self::Registry(error) => error.code(),
        }
    }
}

/// Why a station was not added or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StationError {
    /// The name cannot be one.
    #[error("a station's name has 1 to {limit} bytes, no control characters, and no space at its ends")]
    Name {
        /// The most bytes.
        limit: usize,
    },
    /// The key cannot be one.
    #[error("the key is not an Ed25519 public key that can be trusted")]
    Key,
    /// Name or key are taken, also by a station that was removed.
    #[error("name or key are those of station {station}")]
    There {
        /// Whose.
        station: String,
    },
    /// No such station.
    #[error("no station is known as {station:?}")]
    Unknown {
        /// The name.
        station: String,
    },
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl StationError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "station_name",
            Self::Key => "station_key",
            Self::There { .. } => "station_there",
            Self::Unknown { .. } => "station_unknown",
            Self::Registry(error) => error.code(),
        }
    }
}

impl From<StoreError> for CaptureError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}

impl From<StoreError> for StationError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}
