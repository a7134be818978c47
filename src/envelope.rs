//! What holders, registries and services hand to one another, as JSON documents.
//!
//! ```text
//! registry ──MembershipFile──▶ holder ──ProofFile──▶ service
//! ```
//!
//! Each document names its kind and its version, has no field that is not known, and none twice. The bytes inside
//! (path, proof) are hexadecimal text of their own canonical formats. Neither document holds a secret; a membership file
//! says whose leaf it is, so it goes to the holder and to nobody else.
//!
//! ```
//! use personhood::envelope::ProofFile;
//!
//! let refused = ProofFile::from_json(br#"{"format": "personhood-proof", "version": 2}"#).unwrap_err();
//! assert_eq!(refused.code(), "proof_file_version");
//! ```

mod membership_file;
mod proof_file;

pub use membership_file::MembershipFile;
pub use proof_file::ProofFile;

use alloc::string::{String, ToString};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::membership::ProofDecodeError;

/// Why bytes are not the document that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// There are more bytes than such a document can have.
    #[error("{kind} file has {found} bytes, more than {limit}; it is another kind of file")]
    TooLong {
        /// What was asked for.
        kind: DocumentKind,
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The bytes are not JSON, or not with the fields of this document.
    #[error("not a {kind} file: {detail}; a {kind} file is what {} writes", kind.writer())]
    Malformed {
        /// What was asked for.
        kind: DocumentKind,
        /// What is wrong, and where.
        detail: String,
    },
    /// The document is of a version that this release does not read.
    #[error(
        "the {kind} file's version is {}, and this release reads version {expected}; install the release that wrote it",
        found.map_or("missing".to_string(), |version| version.to_string())
    )]
    Version {
        /// What was asked for.
        kind: DocumentKind,
        /// The version found, if there is one.
        found: Option<u32>,
        /// The version that is read.
        expected: u32,
    },
    /// The bytes of the proof are not a proof.
    #[error(transparent)]
    Proof(#[from] ProofDecodeError),
}

impl EnvelopeError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { kind, .. } | Self::Malformed { kind, .. } => match kind {
                DocumentKind::Proof => "proof_malformed",
                DocumentKind::Membership => "membership_malformed",
            },
            Self::Version { kind: DocumentKind::Proof, .. } => "proof_file_version",
            Self::Version { kind: DocumentKind::Membership, .. } => "membership_file_version",
            Self::Proof(error) => error.code(),
        }
    }
}

/// The kinds of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DocumentKind {
    /// A [`ProofFile`].
    Proof,
    /// A [`MembershipFile`].
    Membership,
}

impl DocumentKind {
    /// The word in the document's field `format`.
    const fn format(self) -> &'static str {
        match self {
            Self::Proof => "personhood-proof",
            Self::Membership => "personhood-membership",
        }
    }

    /// The version that is written, and the only one that is read.
    const fn version(self) -> u32 {
        match self {
            Self::Proof | Self::Membership => 1,
        }
    }

    const fn writer(self) -> &'static str {
        match self {
            Self::Proof => "`personhood prove --out FILE`",
            Self::Membership => "`personhood membership COMMITMENT --out FILE`",
        }
    }
}

impl core::fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Proof => "proof",
            Self::Membership => "membership",
        })
    }
}

/// Read before the rest, so that a newer document is called newer and not malformed.
#[derive(Deserialize)]
struct Header {
    format: Option<String>,
    version: Option<u32>,
}

/// Reads a document of one kind, of at most `limit` bytes.
fn read<T: DeserializeOwned>(kind: DocumentKind, limit: usize, json: &[u8]) -> Result<T, EnvelopeError> {
    if json.len() > limit {
        return Err(EnvelopeError::TooLong { kind, found: json.len(), limit });
    }
    let malformed = |error: serde_json::Error| EnvelopeError::Malformed { kind, detail: error.to_string() };
    let header: Header = serde_json::from_slice(json).map_err(malformed)?;
    if header.format.as_deref() != Some(kind.format()) {
        let detail = alloc::format!("its format is not \"{}\"", kind.format());
        return Err(EnvelopeError::Malformed { kind, detail });
    }
    if header.version != Some(kind.version()) {
        return Err(EnvelopeError::Version { kind, found: header.version, expected: kind.version() });
    }
    serde_json::from_slice(json).map_err(malformed)
}
