//! What can be wrong with a log, with what somebody says about it, and with the disk under it.

use std::path::PathBuf;

/// Why a log, a proof from it or a checkpoint of it is not accepted, or could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    // The bytes are not what they should be.
    /// Bytes from outside have another form.
    #[error("not a {what}: {detail}")]
    Malformed {
        /// What was read, for example "checkpoint".
        what: &'static str,
        /// How it differs.
        detail: String,
    },
    /// There are more bytes than anything of this kind has.
    #[error("a {what} has at most {limit} bytes, this has {found}")]
    TooLong {
        /// What was read.
        what: &'static str,
        /// Bytes found.
        found: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// A file of the log is missing or damaged.
    #[error("{} is damaged: {detail}; copy the log again from a place that still has it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How.
        detail: String,
    },

    // Somebody says what is not so.
    /// The checkpoint is of another log.
    #[error("the checkpoint is of the log {found:?}, not of {expected:?}")]
    Origin {
        /// The log that was asked about.
        expected: String,
        /// The log that the checkpoint names.
        found: String,
    },
    /// The log's own signature is missing.
    #[error("the checkpoint has no signature of {name:?}")]
    Unsigned {
        /// Whose signature was looked for.
        name: String,
    },
    /// There is a signature in the name of a known key, and it is not that key's.
    #[error("the signature of {name:?} is not of its key and this text")]
    Signature {
        /// In whose name it was made.
        name: String,
    },
    /// The entry is not in the tree of the checkpoint.
    #[error("entry {index} is not in the log of {size} entries that the checkpoint speaks of")]
    NotIncluded {
        /// The place of the entry.
        index: u64,
        /// Entries under the checkpoint.
        size: u64,
    },
    /// A later tree does not continue an earlier one: entries were changed or taken out, or there are two logs.
    #[error("the log of {new} entries does not continue the log of {old} entries: its history was changed")]
    NotConsistent {
        /// Entries in the earlier tree.
        old: u64,
        /// Entries in the later tree.
        new: u64,
    },
    /// The entries contradict each other.
    #[error("entry {index} does not follow from the entries before it: {detail}")]
    Discontinuous {
        /// The place of the entry.
        index: u64,
        /// The contradiction.
        detail: String,
    },
    /// The tree of the entries is not the one that was signed.
    #[error("the {size} entries have the tree hash {found}, and the checkpoint says {expected}")]
    Root {
        /// Entries.
        size: u64,
        /// Hash in the checkpoint.
        expected: String,
        /// Hash of the entries.
        found: String,
    },

    // A rule of the verifier refuses.
    /// The entry is about another root of members.
    #[error("the entry is about another root than the one that was shown")]
    OtherRoot,
    /// Fewer witnesses than needed have signed.
    #[error("{found} of the known witnesses have signed the checkpoint, {needed} are needed")]
    TooFewWitnesses {
        /// Witnesses that have.
        found: usize,
        /// Witnesses that must have.
        needed: usize,
    },
    /// The checkpoint was not seen by enough witnesses recently.
    #[error("enough witnesses last saw the checkpoint {age} seconds ago, more than {max_age}: fetch a newer bundle")]
    TooOld {
        /// Seconds since then.
        age: u64,
        /// Seconds allowed.
        max_age: u64,
    },
    /// A witness has signed with a time that is not yet.
    #[error(
        "the witness {name:?} signed {ahead} seconds in the future, more than {allowed}: one of two clocks is wrong"
    )]
    FromTheFuture {
        /// The witness.
        name: String,
        /// Seconds ahead of the present.
        ahead: u64,
        /// Seconds allowed.
        allowed: u64,
    },
    /// The checkpoint has later entries, so this root was no longer, or not certainly, the present one.
    #[error("entry {index} is not the last of the {size} under the checkpoint: fetch the bundle of the last one")]
    Superseded {
        /// The place of the entry.
        index: u64,
        /// Entries under the checkpoint.
        size: u64,
    },

    // The caller misused us.
    /// A verifier's rules contradict themselves.
    #[error("these rules cannot be: {detail}")]
    Rules {
        /// Why.
        detail: String,
    },
    /// The entry does not follow from the log's last one, so it was not appended.
    #[error("not appended: {detail}")]
    Refused {
        /// Why.
        detail: String,
    },
    /// There is a log already.
    #[error("{} is a log already", path.display())]
    AlreadyExists {
        /// The folder.
        path: PathBuf,
    },
    /// There is no such entry.
    #[error("there is no entry {index}: the log has {size}, counted from 0")]
    NoSuchEntry {
        /// The place asked for.
        index: u64,
        /// Entries in the log.
        size: u64,
    },
    /// There is no log.
    #[error("{} is not a log: it has no checkpoint", path.display())]
    NotFound {
        /// The folder.
        path: PathBuf,
    },

    // The machine failed.
    /// The disk failed; what was acknowledged before is still there.
    #[error("{} failed ({detail}): nothing was acknowledged", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// The system's words.
        detail: String,
    },
}

impl LogError {
    /// A stable word for this kind of error, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "log_malformed",
            Self::TooLong { .. } => "log_too_long",
            Self::Damaged { .. } => "log_damaged",
            Self::Origin { .. } => "log_other_origin",
            Self::Unsigned { .. } => "log_unsigned",
            Self::Signature { .. } => "log_signature_invalid",
            Self::NotIncluded { .. } => "log_not_included",
            Self::NotConsistent { .. } => "log_not_consistent",
            Self::Discontinuous { .. } => "log_discontinuous",
            Self::Root { .. } => "log_root_mismatch",
            Self::OtherRoot => "log_other_root",
            Self::TooFewWitnesses { .. } => "log_too_few_witnesses",
            Self::TooOld { .. } => "log_too_old",
            Self::FromTheFuture { .. } => "log_from_the_future",
            Self::Superseded { .. } => "log_superseded",
            Self::Rules { .. } => "log_rules_invalid",
            Self::Refused { .. } => "log_append_refused",
            Self::AlreadyExists { .. } => "log_already_exists",
            Self::NoSuchEntry { .. } => "log_no_such_entry",
            Self::NotFound { .. } => "log_not_found",
            Self::Disk { .. } => "log_disk_failed",
        }
    }

    /// Whether this is a refusal: what was shown is not so, or not enough. Everything else is a failure to decide.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. }
                | Self::Origin { .. }
                | Self::Unsigned { .. }
                | Self::Signature { .. }
                | Self::NotIncluded { .. }
                | Self::NotConsistent { .. }
                | Self::Discontinuous { .. }
                | Self::Root { .. }
                | Self::OtherRoot
                | Self::TooFewWitnesses { .. }
                | Self::TooOld { .. }
                | Self::FromTheFuture { .. }
                | Self::Superseded { .. }
        )
    }

    pub(super) fn malformed(what: &'static str, detail: impl Into<String>) -> Self {
        Self::Malformed { what, detail: detail.into() }
    }

    pub(super) fn disk(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::Disk { path: path.to_owned(), detail: error.to_string() }
    }
}
