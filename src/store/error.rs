//! What can go wrong between a caller and a disk.

use std::path::PathBuf;
use std::time::Duration;

/// A store could not do what was asked; nothing was half-written.
///
/// Every variant leaves the store as it was before the call. The one exception is stated where it
/// holds: an error out of [`commit`](super::WriteTransaction::commit) can mean that the whole
/// transaction reached the disk and only the acknowledgement was lost. Nobody may report success then,
/// and the next reader sees either all of it or none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    // The bytes are not what they should be.
    /// The file is something else: not SQLite, or a SQLite file of another program.
    #[error("{} is not a {expected}: {reason}", path.display())]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// What was looked for, for example "personhood registry".
        expected: &'static str,
        /// How it differs.
        reason: String,
    },
    /// A newer release wrote the file.
    #[error(
        "{} has format {found}, and this release reads formats up to {supported}: install a newer release (files are never converted backwards)",
        path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Format of the file.
        found: u32,
        /// Newest format that this release knows.
        supported: u32,
    },
    /// The file is of an older format and was opened for reading only, so it cannot be migrated.
    #[error(
        "{} has format {found} and must be migrated to format {supported}: open it once for writing",
        path.display()
    )]
    OlderFormat {
        /// The file.
        path: PathBuf,
        /// Format of the file.
        found: u32,
        /// Format that this release reads.
        supported: u32,
    },
    /// The file is empty: whoever was creating it was interrupted, or is not done yet.
    #[error("{} is empty, its creation was interrupted: create it again", path.display())]
    Unfinished {
        /// The file.
        path: PathBuf,
    },
    /// The content contradicts itself.
    #[error("the store is damaged: {detail}; restore it from a backup and do not enrol into it")]
    Corrupted {
        /// Which row or page, and what is wrong with it.
        detail: String,
    },

    /// Sealed records and the keys that were given do not come together.
    #[error(transparent)]
    Vault(#[from] crate::vault::VaultError),

    // The caller misused us.
    /// The address of a database cannot be used.
    #[error("the address of the database cannot be used: {reason}")]
    Address {
        /// Why; never a part of the address, which may hold a password.
        reason: &'static str,
    },
    /// There is no such file.
    #[error("{} does not exist", path.display())]
    NotFound {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// A store is created only where nothing is.
    #[error("{} exists already: open it, or choose another name", path.display())]
    AlreadyExists {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The store has its policy and its tree already.
    #[error("the store holds a registry already: open it instead of creating it")]
    AlreadyInitialised,
    /// The store holds no registry yet.
    #[error("the store holds no registry yet: create one in it first")]
    NotInitialised,
    /// Somebody else could read the file.
    #[error(
        "{} has mode {mode:04o}, so other users can reach biometric templates: run `chmod 600 {}`",
        path.display(),
        path.display()
    )]
    UnsafePermissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else could replace the file.
    #[error(
        "every user may replace files in {} (mode {mode:04o}): choose a folder of your own, or run `chmod o-w {}`",
        path.display(),
        path.display()
    )]
    UnsafeDirectory {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A number does not fit into the store.
    #[error("{what} {value} is too large to store (limit {limit})")]
    OutOfRange {
        /// Which number.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The largest that fits.
        limit: u64,
    },
    /// Two rows cannot both hold: the commitment is taken, or the leaf is not the next one.
    #[error("the store refuses the row: {detail}")]
    Conflict {
        /// Which rule would be broken.
        detail: String,
    },

    // The machine failed.
    /// Somebody else is writing.
    #[error("another process has been writing for {} ms: try again, or allow more time", waited.as_millis())]
    Busy {
        /// How long we waited.
        waited: Duration,
    },
    /// The file or its folder cannot be written.
    #[error("{} cannot be written ({detail})", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// The file or its folder cannot be read.
    #[error("{} cannot be read ({detail})", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// No room is left.
    #[error("no room left for {}: nothing was stored; free some space and try again", path.display())]
    Full {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// The disk failed.
    #[error("the disk under {} failed ({detail}): nothing was acknowledged", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the operating system or SQLite said.
        detail: String,
    },
    /// The file system cannot hold a write-ahead log, so durability could not be promised.
    #[error(
        "{} cannot use a write-ahead log (journal mode is \"{mode}\"): keep it on a local file system",
        path.display()
    )]
    NoWriteAheadLog {
        /// The file.
        path: PathBuf,
        /// The journal mode that SQLite fell back to.
        mode: String,
    },
    /// A database server cannot be reached, or the connection to it was lost.
    #[error("{} cannot be reached ({detail}): nothing was acknowledged, and the next attempt connects anew", path.display())]
    Unreachable {
        /// The database, without its password.
        path: PathBuf,
        /// What the server or the operating system said.
        detail: String,
    },
    /// A database server is set so that a power cut takes back what it acknowledged.
    #[error("the server of {} runs with {setting} = off, so nothing would be durable: turn it on", path.display())]
    NotDurable {
        /// The database.
        path: PathBuf,
        /// The setting.
        setting: String,
    },
    /// The database said something for which there is no kinder name.
    #[error("database error in {}: {detail}", path.display())]
    Database {
        /// The file, or the database.
        path: PathBuf,
        /// The database's words.
        detail: String,
    },
}

impl StoreError {
    /// A stable word for this kind of error, for programs and their exit codes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WrongKind { .. } => "store_wrong_kind_of_file",
            Self::NewerFormat { .. } => "store_newer_format",
            Self::OlderFormat { .. } => "store_older_format",
            Self::Unfinished { .. } => "store_unfinished",
            Self::Corrupted { .. } => "store_damaged",
            Self::Vault(error) => error.code(),
            Self::Address { .. } => "store_address",
            Self::NotFound { .. } => "store_not_found",
            Self::AlreadyExists { .. } => "store_already_exists",
            Self::AlreadyInitialised => "store_already_initialised",
            Self::NotInitialised => "store_not_initialised",
            Self::UnsafePermissions { .. } => "store_unsafe_permissions",
            Self::UnsafeDirectory { .. } => "store_unsafe_directory",
            Self::OutOfRange { .. } => "store_out_of_range",
            Self::Conflict { .. } => "store_conflict",
            Self::Busy { .. } => "store_busy",
            Self::ReadOnly { .. } => "store_read_only",
            Self::Unreadable { .. } => "store_unreadable",
            Self::Full { .. } => "store_disk_full",
            Self::Disk { .. } => "store_disk_failed",
            Self::NoWriteAheadLog { .. } => "store_no_write_ahead_log",
            Self::Unreachable { .. } => "store_unreachable",
            Self::NotDurable { .. } => "store_not_durable",
            Self::Database { .. } => "store_database",
        }
    }

    /// A `Corrupted` about one row.
    pub(crate) fn corrupted(detail: impl Into<String>) -> Self {
        Self::Corrupted { detail: detail.into() }
    }
}
