//! The tree of members: eight children a node, ten levels, 2^30 places.
//!
//! ```text
//! level 10   root                       node = P9(2; child 0 … child 7)
//! level  9   8 nodes
//!   …                                   a place beyond the last leaf holds the empty leaf
//! level  1   8^9 nodes                  a node over nothing but empty leaves is a constant of its level
//! level  0   8^10 = 2^30 leaves
//! ```
//!
//! Leaves are appended; a leaf can be replaced (renewal, recovery) or removed (revocation), and its place is never
//! given to somebody else. The same calls in the same order give the same roots on every machine.

mod incremental;
mod pages;
mod path;
mod roots;

pub use pages::{TreePage, TreePagesError};
pub use path::{MerklePath, MerklePathError};
pub use roots::{RootError, RootHistory, RootHistoryError};

use alloc::vec::Vec;
use core::fmt;

use crate::identity::Leaf;
use crate::poseidon::{Domain, hash};
use crate::scalar::{Scalar, public_scalar};
use incremental::Incremental;

/// Children of a node.
pub const ARITY: usize = 8;

/// Levels of nodes above the leaves.
pub const DEPTH: usize = 10;

/// Places for leaves: 8^10 = 2^30.
pub const CAPACITY: u32 = 1 << (3 * DEPTH);

public_scalar!(
    /// The root of the tree: one number for everybody who is in it.
    #[doc(alias = "anchor")]
    MerkleRoot
);

/// The place of a leaf, from 0 to 2^30 − 1, counted in the order of insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "u32", into = "u32"))]
pub struct LeafIndex(u32);

impl LeafIndex {
    /// The place with this number.
    ///
    /// # Errors
    ///
    /// [`TreeError::IndexOutOfRange`] from 2^30 on.
    pub const fn new(index: u32) -> Result<Self, TreeError> {
        if index < CAPACITY { Ok(Self(index)) } else { Err(TreeError::IndexOutOfRange { index }) }
    }

    /// The number of the place.
    #[must_use]
    pub const fn as_u32(self) -> u32 {
        self.0
    }

    const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl TryFrom<u32> for LeafIndex {
    type Error = TreeError;

    fn try_from(index: u32) -> Result<Self, TreeError> {
        Self::new(index)
    }
}

impl From<LeafIndex> for u32 {
    fn from(index: LeafIndex) -> Self {
        index.0
    }
}

/// All leaves and nodes that are not empty, so that every change costs ten hashes.
///
/// 32 bytes a leaf and an eighth of it again for the nodes above: 37 MB for a million members.
///
/// ```
/// use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
/// use personhood::tree::Tree;
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let rng = &mut ChaCha20Rng::seed_from_u64(1);
///
/// let secret = IdentitySecret::generate(rng);
/// let credential = Credential::new(1_700_000_000, 1_900_000_000, Assurance::BOTH_EYES)?;
/// let leaf = Leaf::new(&secret.commitment(), &credential);
///
/// let mut tree = Tree::new();
/// let index = tree.push(leaf)?;
/// assert_eq!(tree.path(index)?.root(&leaf), tree.root());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[doc(alias = "group")]
#[doc(alias = "LeanIMT")]
pub struct Tree {
    nodes: Incremental,
}

impl Tree {
    /// A tree without members.
    #[must_use]
    pub fn new() -> Self {
        Self { nodes: Incremental::new(DEPTH) }
    }

    /// The number of places given out, removed leaves included.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.nodes.len()).expect("the tree never grows beyond 2^30 leaves")
    }

    /// Whether no place was ever given out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The root over all places, empty ones included.
    #[must_use]
    pub fn root(&self) -> MerkleRoot {
        MerkleRoot(self.nodes.root())
    }

    /// The leaf of a place that was given out; [`Leaf::empty`] if it was removed.
    ///
    /// # Errors
    ///
    /// [`TreeError::UnknownIndex`] for a place that was not given out yet.
    pub fn leaf(&self, index: LeafIndex) -> Result<Leaf, TreeError> {
        Ok(Leaf::from_scalar(self.nodes.leaf(self.given(index)?)))
    }

    /// Appends a leaf and says its place.
    ///
    /// # Errors
    ///
    /// [`TreeError::NotAMember`] for the empty leaf and zero, [`TreeError::Full`] after 2^30 leaves. Then, as after
    /// every error here, the tree is as it was.
    pub fn push(&mut self, leaf: Leaf) -> Result<LeafIndex, TreeError> {
        let index = LeafIndex(self.len());
        self.extend(&[leaf])?;
        Ok(index)
    }

    /// The root that the tree would have after [`Tree::push`]; the tree stays as it is.
    ///
    /// A registry stores leaf and root together, and only then changes its tree.
    ///
    /// # Errors
    ///
    /// As [`Tree::push`].
    pub fn root_with(&self, leaf: &Leaf) -> Result<MerkleRoot, TreeError> {
        if self.nodes.vacant() == 0 {
            return Err(TreeError::Full { leaves: self.len(), more: 1 });
        }
        if !leaf.is_member() {
            return Err(TreeError::NotAMember);
        }
        let siblings = core::array::from_fn(|level| self.nodes.siblings(level, self.nodes.len()));
        Ok(MerklePath::new(LeafIndex(self.len()), siblings).root(leaf))
    }

    /// The root that the tree would have after several changes; the tree stays as it is.
    ///
    /// Each change puts a leaf in a place, or (`None`) takes it out; the place [`Tree::len`] is appended, then the one
    /// behind it. Of several changes of one place the last one counts.
    ///
    /// # Errors
    ///
    /// [`TreeError::NotAMember`] for the empty leaf and zero, [`TreeError::UnknownIndex`] for a place beyond the next one,
    /// or for the next one without a leaf.
    pub fn root_after(&self, changes: &[(LeafIndex, Option<Leaf>)]) -> Result<MerkleRoot, TreeError> {
        let mut leaves = self.len();
        let mut places = Vec::with_capacity(changes.len());
        for (index, leaf) in changes {
            if leaf.is_some_and(|leaf| !leaf.is_member()) {
                return Err(TreeError::NotAMember);
            }
            if index.0 > leaves || (index.0 == leaves && leaf.is_none()) {
                return Err(TreeError::UnknownIndex { index: *index, leaves });
            }
            leaves = leaves.max(index.0 + 1);
            places.push((index.as_usize(), leaf.unwrap_or_else(Leaf::empty).to_scalar()));
        }
        Ok(MerkleRoot(self.nodes.root_after(&places)))
    }

    /// Appends leaves in their order, from place [`Tree::len`] on; all of them or none.
    ///
    /// Nodes are hashed once for the whole batch: a seventh of a hash a leaf instead of ten.
    ///
    /// # Errors
    ///
    /// As [`Tree::push`].
    pub fn extend(&mut self, leaves: &[Leaf]) -> Result<(), TreeError> {
        if leaves.len() > self.nodes.vacant() {
            return Err(TreeError::Full { leaves: self.len(), more: leaves.len() });
        }
        if !leaves.iter().all(Leaf::is_member) {
            return Err(TreeError::NotAMember);
        }
        self.nodes.extend(leaves.iter().map(|leaf| leaf.to_scalar()));
        Ok(())
    }

    /// Puts another leaf in the place of one: a renewed credential, or a new device of the same person.
    ///
    /// # Errors
    ///
    /// [`TreeError::NotAMember`] for the empty leaf and zero (see [`Tree::remove`]), [`TreeError::UnknownIndex`]
    /// for a place that was not given out yet.
    pub fn replace(&mut self, index: LeafIndex, leaf: Leaf) -> Result<(), TreeError> {
        if !leaf.is_member() {
            return Err(TreeError::NotAMember);
        }
        let index = self.given(index)?;
        self.nodes.replace(index, leaf.to_scalar());
        Ok(())
    }

    /// Puts the empty leaf in a place: its holder is no member from the next root on.
    ///
    /// # Errors
    ///
    /// [`TreeError::UnknownIndex`] for a place that was not given out yet.
    pub fn remove(&mut self, index: LeafIndex) -> Result<(), TreeError> {
        let index = self.given(index)?;
        self.nodes.replace(index, Leaf::empty().to_scalar());
        Ok(())
    }

    /// The opening of a place: what its holder needs, besides their secrets, to prove membership.
    ///
    /// It changes with every change of the tree, and is valid for the present root only.
    ///
    /// # Errors
    ///
    /// [`TreeError::UnknownIndex`] for a place that was not given out yet.
    pub fn path(&self, index: LeafIndex) -> Result<MerklePath, TreeError> {
        let place = self.given(index)?;
        Ok(MerklePath::new(index, core::array::from_fn(|level| self.nodes.siblings(level, place))))
    }

    fn given(&self, index: LeafIndex) -> Result<usize, TreeError> {
        let place = index.as_usize();
        if place < self.nodes.len() { Ok(place) } else { Err(TreeError::UnknownIndex { index, leaves: self.len() }) }
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("len", &self.len()).field("root", &self.root()).finish_non_exhaustive()
    }
}

/// Why the tree refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The leaves do not fit.
    #[error("tree has {leaves} of {CAPACITY} leaves, {more} more do not fit; begin another tree")]
    Full {
        /// Places given out.
        leaves: u32,
        /// Leaves that were to be added.
        more: usize,
    },
    /// The place was not given out yet.
    #[error("leaf {index} is not in the tree, which has {leaves} leaves")]
    UnknownIndex {
        /// The place.
        index: LeafIndex,
        /// Places given out.
        leaves: u32,
    },
    /// There is no such place in any tree.
    #[error("leaf index {index} is not below {CAPACITY}")]
    IndexOutOfRange {
        /// The number.
        index: u32,
    },
    /// The leaf is zero or the empty leaf, of which nobody can be the holder.
    #[error("the empty leaf and zero are nobody's leaf; to revoke a member, remove the leaf")]
    NotAMember,
}

/// The hash of a node.
fn node(children: &[Scalar; ARITY]) -> Scalar {
    hash(Domain::Node, children)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::scalar::hash_to_scalar;

    pub(super) fn leaf(number: u32) -> Leaf {
        Leaf::from_scalar(hash_to_scalar(b"leaf", &[&number.to_le_bytes()]))
    }

    #[test]
    fn nobodys_leaves_are_refused_and_nothing_changes() {
        let mut tree = Tree::new();
        tree.push(leaf(0)).unwrap();
        let root = tree.root();
        for nobody in [Leaf::empty(), Leaf::from_bytes(&[0; 32]).unwrap()] {
            assert_eq!(tree.push(nobody), Err(TreeError::NotAMember));
            assert_eq!(tree.extend(&[leaf(1), nobody, leaf(2)]), Err(TreeError::NotAMember));
            assert_eq!(tree.replace(LeafIndex(0), nobody), Err(TreeError::NotAMember));
        }
        assert_eq!((tree.len(), tree.root()), (1, root));
    }

    #[test]
    fn a_full_tree_takes_no_more() {
        // Two levels instead of ten; the limit is where it would be with them.
        let mut tree = Tree { nodes: Incremental::new(2) };
        tree.extend(&(0..62).map(leaf).collect::<Vec<_>>()).unwrap();
        let root = tree.root();
        assert_eq!(tree.extend(&[leaf(62), leaf(63), leaf(64)]), Err(TreeError::Full { leaves: 62, more: 3 }));
        assert_eq!((tree.len(), tree.root()), (62, root));
        tree.extend(&[leaf(62), leaf(63)]).unwrap();
        assert_eq!(tree.push(leaf(64)), Err(TreeError::Full { leaves: 64, more: 1 }));
        tree.extend(&[]).unwrap();
        tree.replace(LeafIndex(63), leaf(64)).unwrap();
        assert_eq!(Tree::new().nodes.vacant(), CAPACITY as usize);
    }

    #[test]
    fn places_not_given_out_are_unknown() {
        let mut tree = Tree::new();
        let error = TreeError::UnknownIndex { index: LeafIndex(0), leaves: 0 };
        assert_eq!(tree.path(LeafIndex(0)), Err(error));
        assert_eq!(tree.leaf(LeafIndex(0)), Err(error));
        assert_eq!(tree.remove(LeafIndex(0)), Err(error));
        assert_eq!(tree.replace(LeafIndex(0), leaf(1)), Err(error));
        tree.push(leaf(1)).unwrap();
        assert!(tree.path(LeafIndex(0)).is_ok());
        assert!(matches!(tree.path(LeafIndex(CAPACITY - 1)), Err(TreeError::UnknownIndex { leaves: 1, .. })));
        assert_eq!(LeafIndex::new(CAPACITY), Err(TreeError::IndexOutOfRange { index: CAPACITY }));
        assert!(LeafIndex::new(CAPACITY - 1).is_ok());
    }

    #[test]
    fn paths_lead_to_the_root_and_only_from_their_leaf() {
        let mut tree = Tree::new();
        let leaves: Vec<Leaf> = (0..70).map(leaf).collect();
        tree.extend(&leaves).unwrap();
        for (index, leaf) in leaves.iter().enumerate().step_by(23) {
            let index = LeafIndex(u32::try_from(index).unwrap());
            let path = tree.path(index).unwrap();
            assert_eq!(path.index(), index);
            assert_eq!(path.root(leaf), tree.root());
            assert_ne!(path.root(&leaves[30]), tree.root());
            assert_eq!(tree.leaf(index).unwrap(), *leaf);
        }
    }

    #[test]
    fn the_next_root_is_known_before_the_push() {
        let mut tree = Tree::new();
        // Across the borders of the first nodes of levels 1 and 2.
        for number in 0..70 {
            let before = tree.root();
            let foretold = tree.root_with(&leaf(number)).unwrap();
            assert_eq!(tree.root(), before);
            tree.push(leaf(number)).unwrap();
            assert_eq!(tree.root(), foretold, "leaf {number}");
        }
        assert_eq!(tree.root_with(&Leaf::empty()), Err(TreeError::NotAMember));
    }

    #[test]
    fn the_root_after_changes_is_the_one_that_they_make() {
        let place = |index| LeafIndex::new(index).unwrap();
        let mut tree = Tree::new();
        tree.extend(&(0..70).map(leaf).collect::<Vec<_>>()).unwrap();
        let changes = [
            (place(70), Some(leaf(70))),
            (place(3), None),
            (place(71), Some(leaf(71))),
            (place(64), Some(leaf(900))),
            (place(70), Some(leaf(901))),
            (place(72), Some(leaf(72))),
            (place(69), None),
        ];
        for until in 0..=changes.len() {
            let mut changed = tree.clone();
            for (index, leaf) in &changes[..until] {
                match leaf {
                    Some(leaf) if index.0 == changed.len() => drop(changed.push(*leaf).unwrap()),
                    Some(leaf) => changed.replace(*index, *leaf).unwrap(),
                    None => changed.remove(*index).unwrap(),
                }
            }
            assert_eq!(tree.root_after(&changes[..until]).unwrap(), changed.root(), "{until} changes");
        }
        assert_eq!(Tree::new().root_after(&[]).unwrap(), Tree::new().root());
        assert_eq!(tree.root_after(&[(place(0), Some(Leaf::empty()))]), Err(TreeError::NotAMember));
        let beyond = [(place(71), Some(leaf(1)))];
        assert_eq!(tree.root_after(&beyond), Err(TreeError::UnknownIndex { index: place(71), leaves: 70 }));
        assert!(matches!(tree.root_after(&[(place(70), None)]), Err(TreeError::UnknownIndex { .. })));
    }

    #[test]
    fn removal_changes_the_root_and_keeps_the_place() {
        let mut tree = Tree::new();
        tree.extend(&[leaf(0), leaf(1)]).unwrap();
        let before = tree.root();
        tree.remove(LeafIndex(1)).unwrap();
        assert_ne!(tree.root(), before);
        assert_eq!(tree.leaf(LeafIndex(1)).unwrap(), Leaf::empty());
        // A removed last leaf looks like a place never given out; only the count tells.
        let mut one = Tree::new();
        one.push(leaf(0)).unwrap();
        assert_eq!(tree.root(), one.root());
        assert_eq!(tree.push(leaf(2)).unwrap(), LeafIndex(2));
        tree.replace(LeafIndex(1), leaf(1)).unwrap();
        tree.remove(LeafIndex(2)).unwrap();
        assert_eq!(tree.root(), before);
    }
}
