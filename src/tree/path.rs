//! The opening of one leaf.

use core::fmt;
use core::str::FromStr;

use super::{ARITY, CAPACITY, DEPTH, LeafIndex, MerkleRoot, node};
use crate::bytes::{HexError, Reader, WrongLength, from_hex, to_hex};
use crate::identity::Leaf;
use crate::scalar::{Scalar, ScalarError};

/// Where a leaf is, and the seven siblings on each level between it and the root.
///
/// It is not secret, but it names its leaf: who asks a registry for a path says who they are.
///
/// ```text
/// offset  bytes  content
///      0      1  version of the format: 1
///      1      4  place of the leaf, little-endian, below 2^30
///      5   2240  for each level from the leaves up, the seven siblings in their order, 32 bytes each
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "merkle proof")]
#[doc(alias = "inclusion proof")]
pub struct MerklePath {
    index: LeafIndex,
    siblings: [[Scalar; ARITY - 1]; DEPTH],
}

impl MerklePath {
    /// The length of an encoded path.
    pub const BYTES: usize = 1 + 4 + DEPTH * (ARITY - 1) * Scalar::BYTES;

    /// The version of the format that is written, and the only one that is read.
    pub const FORMAT_VERSION: u8 = 1;

    pub(super) fn new(index: LeafIndex, siblings: [[Scalar; ARITY - 1]; DEPTH]) -> Self {
        Self { index, siblings }
    }

    /// The place of the leaf.
    #[must_use]
    pub fn index(&self) -> LeafIndex {
        self.index
    }

    /// The other children of every node above the leaf, leaf side first.
    ///
    /// For a prover, who places the node of the path among them without letting its position show in the timing.
    pub(crate) fn siblings(&self) -> &[[Scalar; ARITY - 1]; DEPTH] {
        &self.siblings
    }

    /// The root of the tree in which `leaf` is at this place.
    ///
    /// A path shows that a leaf is in a tree exactly if this is the root of the tree.
    #[must_use]
    pub fn root(&self, leaf: &Leaf) -> MerkleRoot {
        MerkleRoot((0..DEPTH).fold(leaf.to_scalar(), |below, level| node(&self.children(level, below))))
    }

    /// The eight children of the node above `level`, with `own` in its position.
    pub(crate) fn children(&self, level: usize, own: Scalar) -> [Scalar; ARITY] {
        let position = self.position(level);
        let siblings = &self.siblings[level];
        core::array::from_fn(|child| match child.cmp(&position) {
            core::cmp::Ordering::Less => siblings[child],
            core::cmp::Ordering::Equal => own,
            core::cmp::Ordering::Greater => siblings[child - 1],
        })
    }

    /// Which child of its parent the node of the path on `level` is; 0 to 7.
    pub(crate) fn position(&self, level: usize) -> usize {
        (self.index.as_usize() >> (3 * level)) % ARITY
    }

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0] = Self::FORMAT_VERSION;
        bytes[1..5].copy_from_slice(&self.index.as_u32().to_le_bytes());
        for (chunk, sibling) in bytes[5..].chunks_exact_mut(Scalar::BYTES).zip(self.siblings.as_flattened()) {
            chunk.copy_from_slice(&sibling.to_bytes());
        }
        bytes
    }

    /// Reads what [`MerklePath::to_bytes`] writes, and nothing else.
    ///
    /// # Errors
    ///
    /// [`MerklePathError`] for any other length or version, a place that does not exist, and a sibling that is not
    /// a canonical scalar.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MerklePathError> {
        let wrong_length = |WrongLength| MerklePathError::Length { expected: Self::BYTES, found: bytes.len() };
        if bytes.len() != Self::BYTES {
            return Err(wrong_length(WrongLength));
        }
        let mut reader = Reader::new(bytes);
        let [version] = reader.array().map_err(wrong_length)?;
        if version != Self::FORMAT_VERSION {
            return Err(MerklePathError::Version { expected: Self::FORMAT_VERSION, found: version });
        }
        let index = u32::from_le_bytes(reader.array().map_err(wrong_length)?);
        let index = LeafIndex::new(index).map_err(|_| MerklePathError::Index { index })?;
        let mut siblings = [[Scalar::ZERO; ARITY - 1]; DEPTH];
        for sibling in siblings.as_flattened_mut() {
            *sibling = Scalar::from_bytes(&reader.array().map_err(wrong_length)?)?;
        }
        reader.finish().map_err(wrong_length)?;
        Ok(Self { index, siblings })
    }
}

impl fmt::Display for MerklePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.to_bytes()))
    }
}

impl FromStr for MerklePath {
    type Err = MerklePathError;

    fn from_str(text: &str) -> Result<Self, MerklePathError> {
        Self::from_bytes(&from_hex::<{ Self::BYTES }>(text)?)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for MerklePath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for MerklePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::bytes::deserialize_text(deserializer)
    }
}

/// Why bytes or a text are not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MerklePathError {
    /// There are too few or too many bytes.
    #[error("path has {found} bytes instead of {expected}")]
    Length {
        /// Bytes that the format has.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The first byte names another version of the format.
    #[error("path has format version {found}, this release reads {expected}; ask the registry for a new path")]
    Version {
        /// The version that is read.
        expected: u8,
        /// The version that is there.
        found: u8,
    },
    /// There is no such place in any tree.
    #[error("path is for leaf {index}, which is not below {CAPACITY}")]
    Index {
        /// The number of the place.
        index: u32,
    },
    /// A sibling is not a canonical scalar.
    #[error("path has a sibling that is no value: {0}")]
    Sibling(#[from] ScalarError),
    /// The text is not hexadecimal.
    #[error(transparent)]
    Hex(#[from] HexError),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::leaf;
    use super::super::{CAPACITY, Tree};
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn path() -> MerklePath {
        let mut tree = Tree::new();
        tree.extend(&(0..80).map(leaf).collect::<Vec<_>>()).unwrap();
        tree.path(LeafIndex::new(74).unwrap()).unwrap()
    }

    #[test]
    fn round_trip() {
        let path = path();
        assert_eq!(MerklePath::from_bytes(&path.to_bytes()).unwrap(), path);
        assert_eq!(path.to_string().parse::<MerklePath>().unwrap(), path);
        assert!(matches!(path.to_string().to_uppercase().parse::<MerklePath>(), Err(MerklePathError::Hex(_))));
    }

    #[test]
    fn every_byte_is_read_and_none_is_optional() {
        let bytes = path().to_bytes();
        let refused = |bytes: &[u8]| MerklePath::from_bytes(bytes).unwrap_err();
        for length in [0, 1, 5, MerklePath::BYTES - 1] {
            assert_eq!(refused(&bytes[..length]), MerklePathError::Length { expected: 2245, found: length });
        }
        assert!(matches!(refused(&[bytes.as_slice(), &[0]].concat()), MerklePathError::Length { found: 2246, .. }));
        let changed = |offset: usize, value: &[u8]| {
            let mut bytes = bytes;
            bytes[offset..offset + value.len()].copy_from_slice(value);
            bytes
        };
        assert_eq!(refused(&changed(0, &[2])), MerklePathError::Version { expected: 1, found: 2 });
        assert_eq!(refused(&changed(1, &CAPACITY.to_le_bytes())), MerklePathError::Index { index: CAPACITY });
        assert!(MerklePath::from_bytes(&changed(1, &(CAPACITY - 1).to_le_bytes())).is_ok());
        for sibling in 0..DEPTH * (ARITY - 1) {
            let error = refused(&changed(5 + 32 * sibling, &[0xff; 32]));
            assert_eq!(error, MerklePathError::Sibling(ScalarError::NotCanonical));
        }
    }

    #[test]
    fn every_sibling_and_the_index_lead_elsewhere_when_changed() {
        let path = path();
        let root = path.root(&leaf(74));
        for level in 0..DEPTH {
            let position = path.position(level);
            assert_eq!(position, [2, 1, 1, 0, 0, 0, 0, 0, 0, 0][level]);
            for sibling in 0..ARITY - 1 {
                let mut changed = path.clone();
                changed.siblings[level][sibling] += Scalar::ONE;
                assert_ne!(changed.root(&leaf(74)), root);
            }
            let mut changed = path.clone();
            changed.index = LeafIndex::new(path.index.as_u32() ^ 1 << (3 * level)).unwrap();
            assert_ne!(changed.root(&leaf(74)), root);
        }
    }

    #[test]
    fn a_sibling_cannot_be_passed_off_as_the_leaf() {
        let path = path();
        let children = path.children(0, leaf(74).to_scalar());
        let expected: Vec<Scalar> = (72..80).map(|number| leaf(number).to_scalar()).collect();
        assert_eq!(children.as_slice(), expected);
    }
}
