//! Where a service learns who is a member: a registry, or a list of roots alone.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::desk::lock;
use crate::identity::IdentityCommitment;
use crate::registry::{Membership, PathError, Registry, RegistryError};
use crate::store::{Sequence, Store, StoreError};
use crate::tree::{MerkleRoot, RootHistory, RootHistoryError, Tree};

/// Roots read at a time.
const BATCH: u32 = 4096;

/// The members, as a service needs them.
pub trait Roll: Send + fmt::Debug {
    /// Learns what is new, and returns every root that the tree had.
    ///
    /// # Errors
    ///
    /// [`RollError`].
    fn refresh(&mut self) -> Result<Arc<RootHistory>, RollError>;

    /// The path of a holder.
    ///
    /// # Errors
    ///
    /// [`RollError`].
    fn membership(&mut self, commitment: IdentityCommitment) -> Result<Membership, RollError>;
}

/// Why nothing is known of the members.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollError {
    /// Nobody has this commitment.
    #[error("the commitment is not enrolled")]
    NotEnrolled,
    /// There are roots here and no members.
    #[error("this service knows roots and no members; ask one that runs with the registry")]
    RootsOnly,
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The file with the roots cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file with the roots is not one.
    #[error("{} is not a list of roots: {detail}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

impl RollError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotEnrolled => "not_enrolled",
            Self::RootsOnly => "roots_only",
            Self::Registry(error) => error.code(),
            Self::File { .. } => "file_unreadable",
            Self::Format { .. } => "roots_format",
        }
    }
}

/// A registry that is read.
#[derive(Debug)]
pub struct RegistryRoll<S> {
    registry: Arc<Mutex<Registry<S>>>,
    history: Arc<RootHistory>,
    last: Sequence,
}

impl<S: Store> RegistryRoll<S> {
    /// The members of a registry, which may be opened for reading only.
    ///
    /// # Errors
    ///
    /// [`RollError::Registry`].
    pub fn new(registry: Registry<S>) -> Result<Self, RollError> {
        Self::shared(Arc::new(Mutex::new(registry)))
    }

    /// The members of a registry that a [`Desk`](super::Desk) works on as well, so that everybody is in memory once.
    ///
    /// # Errors
    ///
    /// [`RollError::Registry`].
    pub fn shared(registry: Arc<Mutex<Registry<S>>>) -> Result<Self, RollError> {
        let created_at = lock(&registry).status().map_err(RollError::Registry)?.created_at;
        let history = Arc::new(RootHistory::new(Tree::new().root(), created_at));
        Ok(Self { registry, history, last: Sequence::START })
    }

    /// Adds the roots that are new to the history.
    fn read_roots(&mut self) -> Result<(), RegistryError> {
        let registry = lock(&self.registry);
        loop {
            let batch = registry.store().roots_since(self.last, BATCH)?;
            if batch.is_empty() {
                return Ok(());
            }
            let history = Arc::make_mut(&mut self.history);
            for root in batch {
                history.advance(root.root, root.at).map_err(|error: RootHistoryError| {
                    StoreError::corrupted(format!("root of change {}: {error}", root.sequence))
                })?;
                self.last = root.sequence;
            }
        }
    }
}

impl<S: Store + Send + fmt::Debug> Roll for RegistryRoll<S> {
    fn refresh(&mut self) -> Result<Arc<RootHistory>, RollError> {
        lock(&self.registry).refresh()?;
        self.read_roots()?;
        Ok(Arc::clone(&self.history))
    }

    fn membership(&mut self, commitment: IdentityCommitment) -> Result<Membership, RollError> {
        lock(&self.registry).path(commitment).map_err(|error| match error {
            // A leaf that is out of the tree has no inclusion proof, whatever the reason; which one it is, is not for the public.
            PathError::NotEnrolled { .. } | PathError::NotActive { .. } => RollError::NotEnrolled,
            PathError::Registry(error) => RollError::Registry(error),
        })
    }
}

/// A file with roots, read again at every refresh: for relying parties without a registry.
#[derive(Debug)]
pub struct RootsFile {
    path: PathBuf,
}

impl RootsFile {
    /// The longest file that is read: some 400,000 roots.
    pub const MAX_BYTES: u64 = 64 << 20;

    /// A file with the answer of another service to `GET /api/v1/roots`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Roll for RootsFile {
    fn refresh(&mut self) -> Result<Arc<RootHistory>, RollError> {
        use std::io::Read as _;
        let mut text = String::new();
        std::fs::File::open(&self.path)
            .and_then(|file| file.take(Self::MAX_BYTES).read_to_string(&mut text))
            .map_err(|error| RollError::File { path: self.path.clone(), error })?;
        let wrong = |detail: String| RollError::Format { path: self.path.clone(), detail };
        let roots: RootList = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        roots.history().map(Arc::new).map_err(wrong)
    }

    fn membership(&mut self, _: IdentityCommitment) -> Result<Membership, RollError> {
        Err(RollError::RootsOnly)
    }
}

/// Roots as they travel between services.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RootList {
    /// The present root.
    #[schema(value_type = String)]
    current: MerkleRoot,
    /// Since when, in seconds since 1970.
    since: u64,
    /// Those before, in the order in which they were replaced.
    earlier: Vec<Replaced>,
}

/// A root that was the present one.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Replaced {
    #[schema(value_type = String)]
    root: MerkleRoot,
    /// When another took its place, in seconds since 1970.
    replaced_at: u64,
}

impl RootList {
    /// The present root and those that were replaced at `after` or later.
    pub(super) fn new(history: &RootHistory, after: u64) -> Self {
        let mut earlier: Vec<_> = history
            .earlier()
            .filter(|(_, replaced_at)| *replaced_at >= after)
            .map(|(root, replaced_at)| Replaced { root, replaced_at })
            .collect();
        earlier.sort_by_key(|entry| entry.replaced_at);
        Self { current: history.current(), since: history.since(), earlier }
    }

    fn history(&self) -> Result<RootHistory, String> {
        let Some(first) = self.earlier.first() else {
            return Ok(RootHistory::new(self.current, self.since));
        };
        let mut history = RootHistory::new(first.root, 0);
        for pair in self.earlier.windows(2) {
            history.advance(pair[1].root, pair[0].replaced_at).map_err(|error| error.to_string())?;
        }
        let last = self.earlier.last().unwrap_or(first);
        if last.replaced_at > self.since {
            return Err(format!("the last root was replaced at {}, after the present one began", last.replaced_at));
        }
        history.advance(self.current, last.replaced_at).map_err(|error| error.to_string())?;
        Ok(history)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::scalar::Scalar;

    fn root(number: u64) -> MerkleRoot {
        MerkleRoot::from_bytes(&Scalar::from(number).to_bytes()).unwrap()
    }

    #[test]
    fn roots_travel_with_their_times() {
        let mut history = RootHistory::new(root(1), 5);
        for (number, at) in [(2, 10), (3, 20), (4, 20), (5, 30)] {
            history.advance(root(number), at).unwrap();
        }
        let json = serde_json::to_string(&RootList::new(&history, 0)).unwrap();
        let again = serde_json::from_str::<RootList>(&json).unwrap().history().unwrap();
        assert_eq!(again.current(), history.current());
        assert!(again.earlier().eq(history.earlier()));
        // Cut to what is recent, the rest is unknown.
        let recent = RootList::new(&history, 20).history().unwrap();
        assert_eq!(recent.replaced_at(&root(1)), None);
        assert_eq!(recent.replaced_at(&root(2)), Some(20));
    }

    #[test]
    fn roots_out_of_order_are_refused() {
        let list = RootList {
            current: root(3),
            since: 5,
            earlier: vec![Replaced { root: root(1), replaced_at: 9 }, Replaced { root: root(2), replaced_at: 8 }],
        };
        assert!(list.history().is_err());
        let list = RootList { current: root(3), since: 5, earlier: vec![Replaced { root: root(1), replaced_at: 9 }] };
        assert!(list.history().is_err());
        assert!(serde_json::from_str::<RootList>(r#"{"current":"00","since":0,"earlier":[]}"#).is_err());
    }
}
