//! The roots of a tree through time, and which of them a verifier still takes.

use alloc::collections::BTreeMap;

use super::MerkleRoot;

/// The present root, and when each earlier one stopped being it.
///
/// A holder proves against the root that they last saw, and while they do, others enrol. So a verifier takes earlier
/// roots, too, for a while. The while begins when a root *stopped* being the present one: a root that was the
/// present one for a year and was replaced a minute ago is one minute old, because until then it was the truth.
///
/// All times are seconds since 1970, and arguments: nothing here reads a clock.
///
/// ```
/// use personhood::tree::{RootError, RootHistory, Tree};
/// # use personhood::identity::Leaf;
/// # let leaf: Leaf = "01".repeat(32).parse().map_err(|_| "leaf")?;
///
/// let mut tree = Tree::new();
/// let empty = tree.root();
/// let mut roots = RootHistory::new(empty, 1_000);
/// tree.push(leaf)?;
/// roots.advance(tree.root(), 9_000)?;
///
/// assert!(roots.check(&tree.root(), 9_060, 0).is_ok());
/// assert!(roots.check(&empty, 9_060, 60).is_ok());
/// assert_eq!(roots.check(&empty, 9_061, 60), Err(RootError::TooOld { age: 61, max_age: 60 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootHistory {
    current: MerkleRoot,
    since: u64,
    /// Earlier roots, with the latest time at which they stopped being the present one.
    earlier: BTreeMap<MerkleRoot, u64>,
}

impl RootHistory {
    /// A history that begins with one root.
    #[must_use]
    pub fn new(current: MerkleRoot, at: u64) -> Self {
        Self { current, since: at, earlier: BTreeMap::new() }
    }

    /// Makes `root` the present one from `at` on; nothing happens if it is already.
    ///
    /// # Errors
    ///
    /// [`RootHistoryError::BackInTime`] if `at` is before the present root began.
    pub fn advance(&mut self, root: MerkleRoot, at: u64) -> Result<(), RootHistoryError> {
        if at < self.since {
            return Err(RootHistoryError::BackInTime { at, since: self.since });
        }
        if root != self.current {
            self.earlier.insert(self.current, at);
            // A root can come back: when the last leaf is removed that made the difference.
            self.earlier.remove(&root);
            self.current = root;
            self.since = at;
        }
        Ok(())
    }

    /// The present root.
    #[must_use]
    pub fn current(&self) -> MerkleRoot {
        self.current
    }

    /// Since when the present root is the present one.
    #[must_use]
    pub fn since(&self) -> u64 {
        self.since
    }

    /// The earlier roots in the order of their bytes, each with the time at which it last stopped being the
    /// present one.
    pub fn earlier(&self) -> impl Iterator<Item = (MerkleRoot, u64)> + '_ {
        self.earlier.iter().map(|(root, until)| (*root, *until))
    }

    /// When an earlier root last stopped being the present one; nothing for the present root and for unknown ones.
    #[must_use]
    pub fn replaced_at(&self, root: &MerkleRoot) -> Option<u64> {
        self.earlier.get(root).copied()
    }

    /// Whether a root is the present one, or stopped being it at most `max_age` seconds before `now`.
    ///
    /// A clock that is behind the registry's counts as no time passed.
    ///
    /// # Errors
    ///
    /// [`RootError::Unknown`] for a root that never was (or was forgotten), [`RootError::TooOld`] for one that was.
    pub fn check(&self, root: &MerkleRoot, now: u64, max_age: u64) -> Result<(), RootError> {
        if *root == self.current {
            return Ok(());
        }
        let until = self.earlier.get(root).ok_or(RootError::Unknown { root: *root })?;
        match now.saturating_sub(*until) {
            age if age <= max_age => Ok(()),
            age => Err(RootError::TooOld { age, max_age }),
        }
    }

    /// Drops the roots that [`RootHistory::check`] would call too old from `now` on; they become unknown.
    pub fn forget(&mut self, now: u64, max_age: u64) {
        self.earlier.retain(|_, until| now.saturating_sub(*until) <= max_age);
    }
}

/// Why a root is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// The root never was the root of this tree, or so long ago that it was forgotten.
    #[error("root {root} is not one of this registry; fetch the list of roots, or ask for another proof")]
    Unknown {
        /// The root.
        root: MerkleRoot,
    },
    /// The root was replaced too long ago.
    #[error("root was replaced {age} seconds ago, more than {max_age}; prove again with a new path")]
    TooOld {
        /// Seconds since the root was replaced.
        age: u64,
        /// Seconds that are allowed.
        max_age: u64,
    },
    /// The root was replaced before the action opened, so that a leaf of it can have a younger twin.
    #[error(
        "root was replaced at {replaced_at}, not after {limit}, the latest time of issue; prove again with a new path"
    )]
    Superseded {
        /// When the root was replaced, in seconds since 1970.
        replaced_at: u64,
        /// The latest time of issue that the verifier takes, in seconds since 1970.
        limit: u64,
    },
}

impl RootError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "root_unknown",
            Self::TooOld { .. } => "root_too_old",
            Self::Superseded { .. } => "root_superseded",
        }
    }
}

/// Why a root was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootHistoryError {
    /// The new root would begin before the present one did.
    #[error("root of time {at} cannot follow one of time {since}; set the clock right")]
    BackInTime {
        /// When the new root was to begin, in seconds since 1970.
        at: u64,
        /// When the present root began, in seconds since 1970.
        since: u64,
    },
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
    fn the_window_counts_from_the_end_of_a_root() {
        let mut roots = RootHistory::new(root(1), 0);
        roots.advance(root(2), 1_000_000).unwrap();
        roots.advance(root(3), 1_000_010).unwrap();
        for (number, now, expected) in [
            (1, 1_000_000, Ok(())),
            (1, 1_000_100, Ok(())),
            (1, 1_000_101, Err(RootError::TooOld { age: 101, max_age: 100 })),
            (2, 1_000_110, Ok(())),
            (2, 1_000_111, Err(RootError::TooOld { age: 101, max_age: 100 })),
            (3, u64::MAX, Ok(())),
            (4, 1_000_010, Err(RootError::Unknown { root: root(4) })),
            // The verifier's clock is behind.
            (1, 5, Ok(())),
        ] {
            assert_eq!(roots.check(&root(number), now, 100), expected, "root {number} at {now}");
        }
        assert_eq!((roots.current(), roots.since()), (root(3), 1_000_010));
    }

    #[test]
    fn time_does_not_run_backwards() {
        let mut roots = RootHistory::new(root(1), 10);
        assert_eq!(roots.advance(root(2), 9), Err(RootHistoryError::BackInTime { at: 9, since: 10 }));
        assert_eq!(roots.current(), root(1));
        roots.advance(root(2), 10).unwrap();
        assert_eq!(roots.current(), root(2));
    }

    #[test]
    fn the_same_root_again_changes_nothing() {
        let mut roots = RootHistory::new(root(1), 10);
        let before = roots.clone();
        roots.advance(root(1), 20).unwrap();
        assert_eq!(roots, before);
    }

    #[test]
    fn a_root_that_comes_back_is_present_and_its_last_end_counts() {
        let mut roots = RootHistory::new(root(1), 0);
        roots.advance(root(2), 10).unwrap();
        roots.advance(root(1), 20).unwrap();
        assert_eq!(roots.check(&root(1), 9_999, 0), Ok(()));
        assert!(roots.earlier().eq([(root(2), 20)]));
        roots.advance(root(3), 50).unwrap();
        assert_eq!(roots.check(&root(1), 60, 10), Ok(()));
    }

    #[test]
    fn forgetting_keeps_what_the_window_still_takes() {
        let mut roots = RootHistory::new(root(1), 0);
        for (number, at) in [(2, 10), (3, 20), (4, 30)] {
            roots.advance(root(number), at).unwrap();
        }
        roots.forget(40, 20);
        assert!(roots.earlier().map(|(_, until)| until).eq([20, 30]));
        assert_eq!(roots.check(&root(1), 40, 1_000), Err(RootError::Unknown { root: root(1) }));
        assert_eq!(roots.check(&root(4), 40, 0), Ok(()));
    }
}
