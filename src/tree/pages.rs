//! The nodes of a tree as pages of bytes, so that a tree that was hashed once need not be hashed again.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::{ARITY, CAPACITY, DEPTH, LeafIndex, Tree};
use crate::scalar::Scalar;

/// Nodes on a page: 16 KiB of them, so that a change of one leaf touches eleven pages.
const NODES: usize = 512;
const CHECKSUM: usize = 16;
/// Goes into the checksum first, so that no other page's checksum is a tree's.
const LABEL: &[u8] = b"personhood tree page";

/// A page of a level: nodes 512 n to 512 n + 511, fewer on the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePage {
    /// 0 for the leaves, 10 for the root.
    pub level: u8,
    /// Its number within the level.
    pub number: u32,
}

impl Tree {
    /// Every page that has a node above (or at) one of these places; all pages if no places are named.
    #[must_use]
    pub fn pages(&self, places: Option<&[LeafIndex]>) -> Vec<TreePage> {
        let mut pages = Vec::new();
        for (level, nodes) in (0..).zip(self.nodes.levels()) {
            let page =
                |node: usize| TreePage { level, number: u32::try_from(node / NODES).expect("2^30 nodes at most") };
            let shift = 3 * usize::from(level);
            match places {
                None => pages.extend((0..nodes.len()).step_by(NODES).map(page)),
                Some(places) => {
                    let mut touched: Vec<_> = places.iter().map(|place| page(place.as_usize() >> shift)).collect();
                    touched.sort_unstable();
                    touched.dedup();
                    pages.extend(touched);
                }
            }
        }
        pages
    }

    /// The bytes of a page; none beyond the last one.
    ///
    /// ```text
    /// offset  bytes  content
    /// 0        32 n  the nodes, canonical
    /// 32 n       16  first 16 bytes of SHA-256("personhood tree page" ‖ level ‖ number (4, little-endian) ‖ nodes)
    /// ```
    #[must_use]
    pub fn page(&self, page: TreePage) -> Option<Vec<u8>> {
        let nodes = self.nodes.levels().get(usize::from(page.level))?;
        let nodes = nodes.chunks(NODES).nth(usize::try_from(page.number).ok()?)?;
        let mut bytes = Vec::with_capacity(nodes.len() * Scalar::BYTES + CHECKSUM);
        for node in nodes {
            bytes.extend_from_slice(&node.to_bytes());
        }
        let checksum = checksum(page, &bytes);
        bytes.extend_from_slice(&checksum);
        Some(bytes)
    }

    /// The tree of `leaves` places whose pages were stored.
    ///
    /// Every node from level 2 on is hashed again from its children, an eighth of what building the tree costs: if the root
    /// is one that is known, these are its nodes. Leaves are held to their checksums only, which find accidents; whoever
    /// knows what a leaf should be compares it.
    ///
    /// # Errors
    ///
    /// [`TreePagesError`] if a page is missing, cut or changed; what `read` says if it fails.
    pub fn from_pages<E: From<TreePagesError>>(
        leaves: u32,
        mut read: impl FnMut(TreePage) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Self, E> {
        if leaves > CAPACITY {
            return Err(TreePagesError.into());
        }
        let mut levels = Vec::with_capacity(DEPTH + 1);
        let mut count = leaves as usize;
        for level in 0..=DEPTH {
            let mut nodes = Vec::new();
            for number in 0..count.div_ceil(NODES) {
                let page = TreePage {
                    level: u8::try_from(level).expect("eleven levels"),
                    number: u32::try_from(number).expect("2^30 nodes at most"),
                };
                let expected = NODES.min(count - number * NODES);
                nodes.extend(nodes_of(page, &read(page)?.ok_or(TreePagesError)?, expected)?);
            }
            levels.push(nodes);
            count = count.div_ceil(ARITY);
        }
        let mut tree = Self::new();
        if !tree.nodes.put_levels(levels) {
            return Err(TreePagesError.into());
        }
        Ok(tree)
    }
}

fn nodes_of(page: TreePage, bytes: &[u8], expected: usize) -> Result<Vec<Scalar>, TreePagesError> {
    let (nodes, stored) = bytes.split_last_chunk::<CHECKSUM>().ok_or(TreePagesError)?;
    if nodes.len() != expected * Scalar::BYTES || checksum(page, nodes) != *stored {
        return Err(TreePagesError);
    }
    let (nodes, _) = nodes.as_chunks::<{ Scalar::BYTES }>();
    nodes.iter().map(|node| Scalar::from_bytes(node).map_err(|_| TreePagesError)).collect()
}

fn checksum(page: TreePage, nodes: &[u8]) -> [u8; CHECKSUM] {
    let digest = Sha256::new()
        .chain_update(LABEL)
        .chain_update([page.level])
        .chain_update(page.number.to_le_bytes())
        .chain_update(nodes)
        .finalize();
    let mut checksum = [0; CHECKSUM];
    checksum.copy_from_slice(&digest[..CHECKSUM]);
    checksum
}

/// The pages are not those of a tree of this size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored pages are not those of a tree of this size; hash it again from its leaves")]
pub struct TreePagesError;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::leaf;
    use super::*;
    use alloc::collections::BTreeMap;

    fn stored(tree: &Tree) -> BTreeMap<TreePage, Vec<u8>> {
        tree.pages(None).into_iter().map(|page| (page, tree.page(page).unwrap())).collect()
    }

    fn read(pages: &BTreeMap<TreePage, Vec<u8>>, leaves: u32) -> Result<Tree, TreePagesError> {
        Tree::from_pages(leaves, |page| Ok(pages.get(&page).cloned()))
    }

    #[test]
    fn a_tree_comes_back_from_its_pages_and_goes_on() {
        for leaves in [0, 1, 8, 9, 511, 512, 513, 4_097] {
            let mut tree = Tree::new();
            tree.extend(&(0..leaves).map(leaf).collect::<Vec<_>>()).unwrap();
            let mut pages = stored(&tree);
            let mut again = read(&pages, leaves).unwrap();
            assert_eq!((again.len(), again.root()), (leaves, tree.root()), "{leaves}");
            // Only the pages above what changed have to be written again.
            let mut touched = Vec::new();
            for number in 0..3 {
                touched.push(tree.push(leaf(10_000 + number)).unwrap());
            }
            if leaves > 3 {
                let place = LeafIndex::new(leaves / 2).unwrap();
                tree.remove(place).unwrap();
                touched.push(place);
            }
            for page in tree.pages(Some(&touched)) {
                pages.insert(page, tree.page(page).unwrap());
            }
            again = read(&pages, tree.len()).unwrap();
            assert_eq!(again.root(), tree.root());
            assert_eq!(pages, stored(&tree));
            again.push(leaf(77)).unwrap();
            tree.push(leaf(77)).unwrap();
            assert_eq!(again.root(), tree.root());
        }
    }

    #[test]
    fn pages_that_are_cut_changed_or_exchanged_are_refused() {
        let mut tree = Tree::new();
        tree.extend(&(0..1_030).map(leaf).collect::<Vec<_>>()).unwrap();
        let pages = stored(&tree);
        assert!(read(&pages, 1_029).is_err() && read(&pages, 1_031).is_err() && read(&pages, u32::MAX).is_err());
        for page in pages.keys() {
            let with = |bytes: Option<Vec<u8>>| {
                let mut changed = pages.clone();
                match bytes {
                    Some(bytes) => drop(changed.insert(*page, bytes)),
                    None => drop(changed.remove(page)),
                }
                read(&changed, 1_030)
            };
            let bytes = &pages[page];
            assert!(with(None).is_err() && with(Some(Vec::new())).is_err());
            assert!(with(Some(bytes[..bytes.len() - 32].to_vec())).is_err());
            for at in [0, bytes.len() / 2, bytes.len() - 1] {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                assert!(with(Some(changed)).is_err(), "{page:?} byte {at}");
            }
        }
        let mut exchanged = pages.clone();
        let of = |number| TreePage { level: 0, number };
        exchanged.insert(of(0), pages[&of(1)].clone());
        assert!(read(&exchanged, 1_030).is_err());
    }
}
