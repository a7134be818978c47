//! What can go wrong between a record and its keys.

use std::path::PathBuf;

use super::transform::ProtectedFormatError;
use super::{KeyId, KeyKind};

/// A master key was not read or not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyError {
    // The bytes are not what they should be.
    /// Too short or too long.
    #[error("master key of {found} bytes instead of {expected}; it is cut off, or it is another kind of file")]
    Length {
        /// Bytes of the format.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// It does not begin with the mark of a master key.
    #[error("not a master key: it does not begin with \"PHMK\"")]
    NotAMasterKey,
    /// Another version of the format.
    #[error("master key of format version {found}, and this release reads {supported}; use the release that wrote it")]
    Version {
        /// Version given.
        found: u8,
        /// Version read here.
        supported: u8,
    },
    /// The checksum does not fit.
    #[error("checksum of the master key is wrong: it is damaged; restore it from a copy")]
    Checksum,
    /// A text form that is not lower-case hexadecimal of the right length.
    #[error("the text of a master key has {expected} lower-case hexadecimal digits and nothing else")]
    Text {
        /// Digits of the format.
        expected: usize,
    },

    // The caller misused us.
    /// There is a file already, and a master key is never overwritten.
    #[error("{} exists already: a master key is never overwritten, choose another name", path.display())]
    AlreadyExists {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else could read the file.
    #[error("{} has mode {mode:04o}, so other users can read the master key: run `chmod 600 {}`", path.display(), path.display())]
    UnsafePermissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    // The machine failed.
    /// The file was not read or written.
    #[error("{}: {detail}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        detail: String,
    },
}

impl MasterKeyError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "master_key_length",
            Self::NotAMasterKey => "master_key_magic",
            Self::Version { .. } => "master_key_version",
            Self::Checksum => "master_key_checksum",
            Self::Text { .. } => "master_key_text",
            Self::AlreadyExists { .. } => "master_key_exists",
            Self::UnsafePermissions { .. } => "master_key_unsafe_permissions",
            Self::Io { .. } => "master_key_io",
        }
    }
}

/// A key service did not wrap or unwrap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyServiceError {
    /// What was given was not wrapped by this key for this purpose. One word for every reason.
    #[error("the wrapped key is not of this master key and this registry")]
    Refused,
    /// The service cannot be reached, or failed.
    #[error("the key service failed ({detail}): try again")]
    Unavailable {
        /// In the service's words.
        detail: String,
    },
}

/// Records and their keys do not come together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    // The bytes are not what they should be.
    /// Bytes are not a keyring.
    #[error("the registry's keyring is damaged ({detail}); restore it from a backup")]
    Keyring {
        /// What is wrong, without any of its content.
        detail: &'static str,
    },
    /// A keyring of another release.
    #[error("the registry's keyring has version {found}, and this release reads {supported}: install a newer release")]
    KeyringVersion {
        /// Version found.
        found: u8,
        /// Version read here.
        supported: u8,
    },
    /// A sealed record is too short, too long, or of another format.
    #[error(
        "sealed record of {found} bytes and format {format} is not one that this release reads (format {supported})"
    )]
    Record {
        /// Bytes given.
        found: usize,
        /// Its first byte, 0 if it has none.
        format: u8,
        /// Format read here.
        supported: u8,
    },
    /// A record names a key that the keyring does not have (any more).
    #[error("the record needs {kind} key {number}, which the keyring does not have")]
    UnknownKey {
        /// Which kind.
        kind: KeyKind,
        /// Its number.
        number: u32,
    },
    /// A record does not open: it was changed, it belongs somewhere else, or its data key is another one.
    ///
    /// One word for every reason, so that nobody learns which.
    #[error("a sealed record does not open: it was changed, or it is not the record of this place")]
    Authentication,
    /// A record opened, and what was in it is no protected template.
    #[error("a sealed record holds no template ({0})")]
    Content(#[from] ProtectedFormatError),
    /// A record was sealed with the transform of another deployment.
    #[error("a sealed record holds a template of another deployment")]
    Deployment,

    // The caller misused us.
    /// None of the master keys that were given opens the keyring.
    #[error("none of the master keys given opens this registry; it needs one of: {}", wanted(wanted_ids))]
    NoMasterKey {
        /// The keys that do.
        wanted_ids: Vec<KeyId>,
    },
    /// A change of keys has to be wrapped for every master key, and one is not here.
    #[error("the keys also have to be wrapped for master key {id}, which was not given: give it, or retire it first")]
    MasterKeyAbsent {
        /// The key that is missing.
        id: KeyId,
    },
    /// The last master key cannot go.
    #[error("master key {id} is the only one left and cannot be retired: add another one first")]
    LastMasterKey {
        /// Which.
        id: KeyId,
    },
    /// No more keys fit into the keyring.
    #[error("the keyring has {limit} entries, which is as many as it takes: retire old keys first")]
    Full {
        /// The limit.
        limit: usize,
    },

    // The machine failed.
    /// The key service.
    #[error(transparent)]
    Service(#[from] KeyServiceError),
}

impl VaultError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Keyring { .. } => "vault_keyring_damaged",
            Self::KeyringVersion { .. } => "vault_keyring_version",
            Self::Record { .. } => "vault_record_format",
            Self::UnknownKey { .. } => "vault_key_unknown",
            Self::Authentication => "vault_record_refused",
            Self::Content(_) => "vault_record_content",
            Self::Deployment => "vault_other_deployment",
            Self::NoMasterKey { .. } => "vault_no_master_key",
            Self::MasterKeyAbsent { .. } => "vault_master_key_absent",
            Self::LastMasterKey { .. } => "vault_last_master_key",
            Self::Full { .. } => "vault_keyring_full",
            Self::Service(KeyServiceError::Refused) => "vault_master_key_refused",
            Self::Service(KeyServiceError::Unavailable { .. }) => "vault_key_service_unavailable",
        }
    }
}

fn wanted(ids: &[KeyId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
