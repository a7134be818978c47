//! The Merkle tree of RFC 6962: hashes, and proofs about them.
//!
//! Proofs are made by the recursive definitions of RFC 6962, section 2.1, and checked by the loops of RFC 9162, sections
//! 2.1.3.2 and 2.1.4.2: two formulations that share no code.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::LogError;

/// A hash in the tree of a log: of an entry, or of everything under a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogHash([u8; 32]);

impl LogHash {
    /// The hash of the tree without entries: SHA-256 of nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// The hash of an entry.
    #[must_use]
    pub fn of_entry(bytes: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0]).chain_update(bytes).finalize().into())
    }

    /// The hash of the node above two others.
    #[must_use]
    pub fn of_node(left: Self, right: Self) -> Self {
        Self(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// A hash from its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// A hash from base64 with padding, as notes write it.
    pub(super) fn from_base64(text: &str, what: &'static str) -> Result<Self, LogError> {
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| LogError::malformed(what, "a hash is not 32 bytes in base64"))
    }
}

impl fmt::Display for LogHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for LogHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogHash({self})")
    }
}

/// Where the hashes of complete subtrees are known.
pub(super) trait Nodes {
    /// The hash over the 2^`level` entries from `index` · 2^`level` on.
    fn node(&self, level: u32, index: u64) -> Result<LogHash, LogError>;
}

/// MTH(D[low:high]); `low` is where a subtree of the whole begins.
pub(super) fn range(nodes: &impl Nodes, low: u64, high: u64) -> Result<LogHash, LogError> {
    let length = high - low;
    if length == 0 {
        return Ok(LogHash::empty());
    }
    if length.is_power_of_two() {
        return nodes.node(length.trailing_zeros(), low / length);
    }
    let middle = low + split(length);
    Ok(LogHash::of_node(range(nodes, low, middle)?, range(nodes, middle, high)?))
}

/// The largest power of two below `length`, which is at least 2.
const fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

/// PATH(index, D[size]): the hashes beside the way from an entry up to the root.
pub(super) fn prove_inclusion(nodes: &impl Nodes, index: u64, size: u64) -> Result<Vec<LogHash>, LogError> {
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            path.push(range(nodes, middle, high)?);
            high = middle;
        } else {
            path.push(range(nodes, low, middle)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// PROOF(old, D[new]): the hashes from which both roots follow; `old` is at least 1 and at most `new`.
pub(super) fn prove_consistency(nodes: &impl Nodes, old: u64, new: u64) -> Result<Vec<LogHash>, LogError> {
    let (mut low, mut high) = (0, new);
    let mut proof = Vec::new();
    // The whole of the old tree is a subtree of the new one as long as only left turns were taken.
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            proof.push(range(nodes, middle, high)?);
            high = middle;
        } else {
            proof.push(range(nodes, low, middle)?);
            low = middle;
        }
    }
    if low != 0 {
        proof.push(range(nodes, low, high)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Whether the tree of `size` entries with this root has an entry of this hash at `index`.
///
/// # Errors
///
/// [`LogError::NotIncluded`] if the proof does not show it.
pub fn check_inclusion(
    entry: LogHash,
    index: u64,
    size: u64,
    proof: &[LogHash],
    root: LogHash,
) -> Result<(), LogError> {
    let refused = || LogError::NotIncluded { index, size };
    if index >= size {
        return Err(refused());
    }
    let (mut place, mut last, mut hash) = (index, size - 1, entry);
    for beside in proof {
        if last == 0 {
            return Err(refused());
        }
        if place & 1 == 1 || place == last {
            hash = LogHash::of_node(*beside, hash);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            hash = LogHash::of_node(hash, *beside);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if last == 0 && hash == root { Ok(()) } else { Err(refused()) }
}

/// Whether the tree of `new` entries begins with the tree of `old` entries.
///
/// # Errors
///
/// [`LogError::NotConsistent`] if the proof does not show it.
pub fn check_consistency(
    (old, old_root): (u64, LogHash),
    (new, new_root): (u64, LogHash),
    proof: &[LogHash],
) -> Result<(), LogError> {
    let refused = || LogError::NotConsistent { old, new };
    // What begins with nothing is anything, and what is as long must be the same.
    if old == 0 {
        let good = proof.is_empty() && old_root == LogHash::empty() && (new > 0 || new_root == LogHash::empty());
        return if good { Ok(()) } else { Err(refused()) };
    }
    if old >= new {
        return if old == new && proof.is_empty() && old_root == new_root { Ok(()) } else { Err(refused()) };
    }
    let mut hashes = old.is_power_of_two().then_some(old_root).into_iter().chain(proof.iter().copied());
    let shift = (old - 1).trailing_ones();
    let (mut place, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let first = hashes.next().ok_or_else(refused)?;
    let (mut old_hash, mut new_hash) = (first, first);
    for beside in hashes {
        if last == 0 {
            return Err(refused());
        }
        if place & 1 == 1 || place == last {
            old_hash = LogHash::of_node(beside, old_hash);
            new_hash = LogHash::of_node(beside, new_hash);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            new_hash = LogHash::of_node(new_hash, beside);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if last == 0 && old_hash == old_root && new_hash == new_root { Ok(()) } else { Err(refused()) }
}

/// The tree of entries that come one after another, without keeping them: one hash for each complete subtree.
#[derive(Clone, Debug, Default)]
pub(super) struct Frontier {
    size: u64,
    /// From the largest subtree to the smallest, one for each bit of `size`.
    subtrees: Vec<LogHash>,
}

impl Frontier {
    pub(super) fn push(&mut self, entry: LogHash) {
        let mut hash = entry;
        for _ in 0..self.size.trailing_ones() {
            let left = self.subtrees.pop().expect("one subtree for each bit of the size");
            hash = LogHash::of_node(left, hash);
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    pub(super) fn root(&self) -> LogHash {
        self.subtrees
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| LogHash::of_node(left, right))
            .unwrap_or_else(LogHash::empty)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ct_merkle::{ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};

    use super::*;

    /// The entries themselves as the source of nodes.
    struct Entries(Vec<Vec<u8>>);

    impl Nodes for Entries {
        fn node(&self, level: u32, index: u64) -> Result<LogHash, LogError> {
            if level == 0 {
                return Ok(LogHash::of_entry(&self.0[usize::try_from(index).unwrap()]));
            }
            Ok(LogHash::of_node(self.node(level - 1, 2 * index)?, self.node(level - 1, 2 * index + 1)?))
        }
    }

    fn entries(count: u64) -> Entries {
        Entries((0..count).map(|number| format!("entry {number}").into_bytes()).collect())
    }

    type Judge = MemoryBackedTree<sha2_new::Sha256, Vec<u8>>;

    fn judge(count: u64) -> Judge {
        let mut tree = Judge::new();
        entries(count).0.into_iter().for_each(|entry| tree.push(entry));
        tree
    }

    fn digests(hashes: &[LogHash]) -> Vec<u8> {
        hashes.iter().flat_map(|hash| hash.to_bytes()).collect()
    }

    fn root(count: u64) -> LogHash {
        range(&entries(count), 0, count).unwrap()
    }

    #[test]
    fn roots_are_those_of_two_other_libraries() {
        let mut frontier = Frontier::default();
        for count in 0..=70 {
            let ours = root(count);
            assert_eq!(frontier.root(), ours, "{count}");
            assert_eq!(judge(count).root().as_bytes().as_slice(), ours.to_bytes(), "{count}");
            frontier.push(LogHash::of_entry(format!("entry {count}").as_bytes()));
        }
    }

    /// Our proofs are accepted by another library and its proofs by ours; whatever is changed is refused.
    #[test]
    fn inclusion_is_what_another_library_proves() {
        for size in 1..=33 {
            let (source, other, top) = (entries(size), judge(size), root(size));
            for index in 0..size {
                let proof = prove_inclusion(&source, index, size).unwrap();
                let entry = &source.0[usize::try_from(index).unwrap()];
                let hash = LogHash::of_entry(entry);
                assert_eq!(other.prove_inclusion(usize::try_from(index).unwrap()).as_bytes(), digests(&proof));
                let theirs: RootHash<sha2_new::Sha256> = other.root();
                theirs.verify_inclusion(entry, index, &InclusionProof::from_bytes(digests(&proof))).unwrap();
                check_inclusion(hash, index, size, &proof, top).unwrap();

                for changed in changes(&proof) {
                    assert!(check_inclusion(hash, index, size, &changed, top).is_err(), "{size} {index}");
                }
                assert!(check_inclusion(LogHash::of_entry(b"another"), index, size, &proof, top).is_err());
                assert!(check_inclusion(hash, index, size, &proof, root(size + 1)).is_err());
                for other in (0..size + 2).filter(|other| *other != index) {
                    assert!(check_inclusion(hash, other, size, &proof, top).is_err(), "{size} {index} {other}");
                }
            }
        }
    }

    #[test]
    fn consistency_is_what_another_library_proves() {
        for new in 1..=33 {
            let (source, other) = (entries(new), judge(new));
            for old in 1..=new {
                let proof = prove_consistency(&source, old, new).unwrap();
                let added = usize::try_from(new - old).unwrap();
                assert_eq!(other.prove_consistency(added).as_bytes(), digests(&proof), "{old} {new}");
                let theirs = ConsistencyProof::try_from_bytes(digests(&proof)).unwrap();
                other.root().verify_consistency(&judge(old).root(), &theirs).unwrap();
                check_consistency((old, root(old)), (new, root(new)), &proof).unwrap();

                for changed in changes(&proof) {
                    assert!(check_consistency((old, root(old)), (new, root(new)), &changed).is_err(), "{old} {new}");
                }
                assert!(check_consistency((old, root(old + 1)), (new, root(new)), &proof).is_err());
                assert!(check_consistency((old, root(old)), (new, root(new + 1)), &proof).is_err());
            }
            let nothing = (0, LogHash::empty());
            check_consistency(nothing, (new, root(new)), &[]).unwrap();
            assert!(check_consistency(nothing, (new, root(new)), &[root(new)]).is_err());
            assert!(check_consistency((new, root(new)), nothing, &[]).is_err());
            assert!(check_consistency((0, root(new)), (new, root(new)), &[]).is_err());
        }
    }

    /// Each with one bit changed, one hash missing, one too many, two exchanged.
    fn changes(proof: &[LogHash]) -> Vec<Vec<LogHash>> {
        let mut changed = vec![[proof, &[LogHash::empty()]].concat()];
        for place in 0..proof.len() {
            let mut other = proof.to_vec();
            other[place].0[0] ^= 1;
            changed.push(other);
            let mut other = proof.to_vec();
            other.remove(place);
            changed.push(other);
            if place > 0 {
                let mut other = proof.to_vec();
                other.swap(place - 1, place);
                changed.push(other);
            }
        }
        changed
    }
}
