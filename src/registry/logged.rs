//! The registry's part in the transparency log: its changes as entries.
//!
//! The log is derived from the store. It can lag behind, because a process was killed between the two; whoever comes next
//! completes it, and gets the same entries. It cannot be ahead: then the store was put back to an earlier state, and members
//! who were told that they are in would be out.
//!
//! | change | entry |
//! |---|---|
//! | enrolled, reinstated | insert |
//! | suspended, revoked or erased, if the leaf was in the tree | delete |
//! | recovered, renewed | update |
//! | policy adopted | policy |
//! | anything else | none: the root stays |

use core::num::NonZeroU32;

use super::decision::SOFTWARE;
use crate::log::{DocumentDigest, Entry, LogError, LogPublicKey, LogWriter, Step};
use crate::store::{Change, ChangeRecord, ReadStore, Sequence, StoreError};
use crate::tree::{MerkleRoot, Tree};

/// Changes that are read, and entries that are appended, at once.
const AT_ONCE: u32 = 4096;

/// Why a log was not brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoggedError {
    /// The log has changes that the registry does not have.
    #[error(
        "the log goes on to change {log}, and the registry ends with {registry}; was it restored from a backup? then restore a later one"
    )]
    Ahead {
        /// The last change in the log.
        log: u64,
        /// The last change in the registry.
        registry: u64,
    },
    /// The log and the registry are about different lives.
    #[error(
        "after change {sequence} the log has the root {log}, and the registry {registry}; is it this registry's log?"
    )]
    Disagrees {
        /// The last change in the log.
        sequence: u64,
        /// The root in the log.
        log: MerkleRoot,
        /// The root in the registry.
        registry: MerkleRoot,
    },
    /// The log could not be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The registry could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoggedError {
    /// A stable word for this kind of error, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ahead { .. } => "log_ahead_of_registry",
            Self::Disagrees { .. } => "log_disagrees_with_registry",
            Self::Log(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}

/// The software that runs, as decisions name it.
#[must_use]
pub const fn software() -> &'static str {
    SOFTWARE
}

/// The first entries of a registry's log: that it was created, and the log's key.
///
/// # Errors
///
/// [`StoreError`], also if the registry was not created yet.
pub fn first_entries(store: &impl ReadStore, key: &LogPublicKey, now: u64) -> Result<[Entry; 2], StoreError> {
    let genesis = store.genesis()?.ok_or(StoreError::NotInitialised)?;
    let root = Tree::new().root();
    let step = Step::Genesis(DocumentDigest::of(genesis.policy.as_bytes()));
    let first = Entry { sequence: 0, at: genesis.created_at, leaves: 0, old_root: root, new_root: root, step };
    let step = Step::Key(DocumentDigest::of(key.to_string().as_bytes()));
    Ok([first, Entry { at: now.max(first.at), step, ..first }])
}

/// Appends an entry for each change that the log does not have yet. Returns how many entries.
///
/// # Errors
///
/// [`LoggedError`]; entries of earlier changes may be in the log then, and those of later ones are not.
pub fn catch_up(store: &impl ReadStore, writer: &mut LogWriter) -> Result<u64, LoggedError> {
    same_life(store, writer.last())?;
    let before = writer.log().size();
    let mut after = Sequence::new(writer.last().sequence)?;
    loop {
        let changes = store.changes_since(after, AT_ONCE)?;
        let Some(newest) = changes.last() else { break };
        after = newest.sequence;
        let mut entries = Vec::new();
        let mut last = *writer.last();
        for change in &changes {
            if let Some(entry) = entry(store, change, &last)? {
                entries.push(entry);
                last = entry;
            }
        }
        writer.append(&entries)?;
    }
    Ok(writer.log().size() - before)
}

/// The registry uses another key from now on, `digest` of which is logged.
///
/// # Errors
///
/// [`LogError`].
pub fn append_key(writer: &mut LogWriter, digest: DocumentDigest, now: u64) -> Result<(), LogError> {
    append_document(writer, Step::Key(digest), now)
}

/// The registry runs other software from now on, `digest` of which is logged.
///
/// # Errors
///
/// [`LogError`].
pub fn append_software(writer: &mut LogWriter, digest: DocumentDigest, now: u64) -> Result<(), LogError> {
    append_document(writer, Step::Software(digest), now)
}

fn append_document(writer: &mut LogWriter, step: Step, now: u64) -> Result<(), LogError> {
    let last = *writer.last();
    let root = last.new_root;
    writer.append(&[Entry { at: now.max(last.at), old_root: root, new_root: root, step, ..last }])
}

/// Whether the registry's past is the one in the log.
fn same_life(store: &impl ReadStore, last: &Entry) -> Result<(), LoggedError> {
    let head = store.head()?.as_u64();
    if head < last.sequence {
        return Err(LoggedError::Ahead { log: last.sequence, registry: head });
    }
    let root = match last.sequence.checked_sub(1) {
        None => Tree::new().root(),
        Some(before) => {
            let record = store.roots_since(Sequence::new(before)?, 1)?;
            record.first().ok_or_else(|| StoreError::corrupted(format!("change {} has no root", last.sequence)))?.root
        }
    };
    if root == last.new_root {
        return Ok(());
    }
    Err(LoggedError::Disagrees { sequence: last.sequence, log: last.new_root, registry: root })
}

fn entry(store: &impl ReadStore, record: &ChangeRecord, last: &Entry) -> Result<Option<Entry>, StoreError> {
    const ONE: NonZeroU32 = NonZeroU32::MIN;
    let mut at = record.root.at;
    let step = match &record.change {
        Change::Enrolled { .. } | Change::Reinstated { .. } => Step::Insert(ONE),
        Change::Suspended { .. }
        | Change::Revoked { removed: Some(_), .. }
        | Change::Erased { removed: Some(_), .. } => Step::Delete(ONE),
        Change::Recovered { .. } | Change::Renewed { .. } => Step::Update(ONE),
        Change::PolicyAdopted { policy } => {
            let policy = store.policy_of(*policy)?.ok_or_else(|| {
                StoreError::corrupted(format!("change {} adopts a policy that is not there", record.sequence))
            })?;
            at = policy.adopted_at;
            Step::Policy(DocumentDigest::of(policy.document.as_bytes()))
        }
        Change::Refreshed { .. } | Change::Revoked { removed: None, .. } | Change::Erased { removed: None, .. } => {
            return Ok(None);
        }
    };
    // A renewal to the dates that a leaf has already leaves the root as it is.
    if step.count() > 0 && record.root.root == last.new_root {
        return Ok(None);
    }
    Ok(Some(Entry {
        sequence: record.sequence.as_u64(),
        // A clock that was put back does not put the log back.
        at: at.max(last.at),
        leaves: record.root.leaves,
        old_root: last.new_root,
        new_root: record.root.root,
        step,
    }))
}
