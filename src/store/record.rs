//! A template as the store keeps it: bytes with a format byte and a checksum.

use core::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::iris::IrisTemplate;

/// Format 1: the template in clear.
const FORMAT_CLEAR: u8 = 1;
/// Format 2: sealed; [`vault`](crate::vault) has the rest of it.
const FORMAT_SEALED: u8 = 2;
/// Bytes of the checksum.
const CHECKSUM: usize = 16;
/// No record is longer: twice what the larger layout takes, so that a damaged length allocates nothing.
const MAXIMUM_BYTES: usize = 16 * 1024;
/// Goes into the checksum first, so that no other file's checksum is a record's.
const LABEL: &[u8] = b"personhood template record";

/// A template as a store keeps it; it cannot be compared without being opened.
///
/// Format 2 is sealed: [`Vault::seal`](crate::vault::Vault::seal) makes it, and only a [`SealedStore`](super::SealedStore) opens it. Format 1:
///
/// ```text
/// offset  bytes   content
/// 0       1       record format: 1 = in clear
/// 1       n       the template (IrisTemplate::to_bytes)
/// 1 + n   16      first 16 bytes of SHA-256("personhood template record" ‖ bytes 0 .. 1 + n)
/// ```
///
/// The checksum finds accidents (a bad sector, a cut backup), which SQLite does not look for inside a
/// value; it is no protection against somebody who can write the file. The bytes are wiped on drop and
/// `Debug` omits them.
#[derive(Clone, PartialEq, Eq)]
pub struct TemplateRecord(Zeroizing<Vec<u8>>);

/// The bytes are not a template record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Too short or too long for any record.
    #[error("template record of {found} bytes (a record has {minimum} to {maximum})")]
    Length {
        /// Bytes given.
        found: usize,
        /// The fewest.
        minimum: usize,
        /// The most.
        maximum: usize,
    },
    /// A record format of another release.
    #[error("template record of format {found}, and this release reads formats up to {supported}")]
    Format {
        /// Format byte given.
        found: u8,
        /// The newest format that this release reads.
        supported: u8,
    },
    /// The record is sealed, and was not opened on the way out of its store.
    #[error("template record is sealed: open the registry with its master key")]
    Sealed,
    /// The bytes have changed since they were written.
    #[error("template record fails its checksum")]
    Checksum,
    /// The checksum holds, yet the content is no template.
    #[error("template record holds no template ({0})")]
    Template(String),
}

impl TemplateRecord {
    /// Puts a template into a record.
    #[must_use]
    pub fn clear(template: &IrisTemplate) -> Self {
        let template = Zeroizing::new(template.to_bytes());
        // Reserved in one go: a growing vector would leave copies of the template behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(1 + template.len() + CHECKSUM));
        bytes.push(FORMAT_CLEAR);
        bytes.extend_from_slice(&template);
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        Self(bytes)
    }

    /// Takes what a vault sealed.
    ///
    /// # Errors
    ///
    /// [`RecordError::Length`], [`RecordError::Format`].
    pub fn sealed(bytes: Vec<u8>) -> Result<Self, RecordError> {
        let record = Self::from_bytes(bytes)?;
        if record.is_sealed() {
            Ok(record)
        } else {
            Err(RecordError::Format { found: record.0[0], supported: FORMAT_SEALED })
        }
    }

    /// Whether it has to be opened with keys.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.0[0] == FORMAT_SEALED
    }

    /// Accepts stored bytes: format and length, and the checksum of those in clear.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, RecordError> {
        let bytes = Zeroizing::new(bytes);
        let minimum = 1 + CHECKSUM;
        if bytes.len() < minimum || bytes.len() > MAXIMUM_BYTES {
            return Err(RecordError::Length { found: bytes.len(), minimum, maximum: MAXIMUM_BYTES });
        }
        match bytes[0] {
            FORMAT_CLEAR => {}
            // Its own tag says whether it was changed, to whoever has the key.
            FORMAT_SEALED => return Ok(Self(bytes)),
            found => return Err(RecordError::Format { found, supported: FORMAT_SEALED }),
        }
        let (content, stored) = bytes.split_at(bytes.len() - CHECKSUM);
        if !bool::from(checksum(content).ct_eq(stored)) {
            return Err(RecordError::Checksum);
        }
        Ok(Self(bytes))
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes the template out.
    ///
    /// # Errors
    ///
    /// [`RecordError::Sealed`], [`RecordError::Template`] if the content is none.
    pub fn open(&self) -> Result<IrisTemplate, RecordError> {
        if self.is_sealed() {
            return Err(RecordError::Sealed);
        }
        IrisTemplate::from_bytes(&self.0[1..self.0.len() - CHECKSUM])
            .map_err(|error| RecordError::Template(error.to_string()))
    }
}

impl fmt::Debug for TemplateRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateRecord").field("bytes", &self.0.len()).finish_non_exhaustive()
    }
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM] {
    let digest = Sha256::new().chain_update(LABEL).chain_update(content).finalize();
    let mut checksum = [0; CHECKSUM];
    checksum.copy_from_slice(&digest[..CHECKSUM]);
    checksum
}
