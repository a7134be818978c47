//! The nodes of a tree of any depth: appended, replaced, and hashed only where something changed.
//!
//! The depth is a value, so that the tests can compare small trees with a naive twin leaf by leaf.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use super::{ARITY, node};
use crate::identity::Leaf;
use crate::scalar::Scalar;

#[derive(Clone)]
pub(super) struct Incremental {
    /// `levels[0]` are the leaves; `levels[k]` has ⌈leaves/8^k⌉ nodes, and `levels[depth]` the root if there is a leaf.
    levels: Vec<Vec<Scalar>>,
    /// The node of each level over nothing but empty leaves.
    empty: Vec<Scalar>,
}

impl Incremental {
    pub(super) fn new(depth: usize) -> Self {
        let mut empty = vec![Leaf::empty().to_scalar()];
        for level in 0..depth {
            empty.push(node(&[empty[level]; ARITY]));
        }
        Self { levels: vec![Vec::new(); depth + 1], empty }
    }

    pub(super) fn len(&self) -> usize {
        self.levels[0].len()
    }

    /// All nodes, the leaves first; no more on a level than there are.
    pub(super) fn levels(&self) -> &[Vec<Scalar>] {
        &self.levels
    }

    /// Takes the nodes of all levels, which the caller has counted; says whether every node from level 2 on is the hash of
    /// its children.
    ///
    /// Then the nodes of level 1 are those under the root, at an eighth of what hashing all leaves costs. That the leaves are
    /// theirs is not looked at.
    pub(super) fn put_levels(&mut self, levels: Vec<Vec<Scalar>>) -> bool {
        self.levels = levels;
        (2..self.levels.len()).all(|level| {
            self.levels[level].iter().enumerate().all(|(index, stored)| {
                let children = core::array::from_fn(|child| self.at(level - 1, index * ARITY + child));
                *stored == node(&children)
            })
        })
    }

    /// How many more leaves fit.
    pub(super) fn vacant(&self) -> usize {
        power(self.levels.len() - 1) - self.len()
    }

    pub(super) fn leaf(&self, place: usize) -> Scalar {
        self.levels[0][place]
    }

    pub(super) fn root(&self) -> Scalar {
        let depth = self.levels.len() - 1;
        self.at(depth, 0)
    }

    /// Appends leaves; the caller has checked that they fit.
    pub(super) fn extend(&mut self, leaves: impl Iterator<Item = Scalar>) {
        let first = self.len();
        self.levels[0].extend(leaves);
        if self.len() > first {
            self.rehash(first, self.len() - 1);
        }
    }

    /// Changes a leaf that is there.
    pub(super) fn replace(&mut self, place: usize, leaf: Scalar) {
        self.levels[0][place] = leaf;
        self.rehash(place, place);
    }

    /// The root with other leaves in some places; what is above them is hashed once each.
    pub(super) fn root_after(&self, places: &[(usize, Scalar)]) -> Scalar {
        let mut changed: BTreeMap<usize, Scalar> = places.iter().copied().collect();
        for level in 1..self.levels.len() {
            let parents: BTreeSet<usize> = changed.keys().map(|index| index / ARITY).collect();
            let hashed = parents.into_iter().map(|parent| {
                let child = |child| {
                    let index = parent * ARITY + child;
                    changed.get(&index).copied().unwrap_or_else(|| self.at(level - 1, index))
                };
                (parent, node(&core::array::from_fn(child)))
            });
            changed = hashed.collect();
        }
        changed.get(&0).copied().unwrap_or_else(|| self.root())
    }

    /// The seven other children of the node above the one that covers `place` on `level`, in their order.
    pub(super) fn siblings(&self, level: usize, place: usize) -> [Scalar; ARITY - 1] {
        let own = place / power(level);
        let family = own - own % ARITY;
        core::array::from_fn(|sibling| self.at(level, family + sibling + usize::from(sibling >= own % ARITY)))
    }

    /// Hashes every node above the leaves from `first` to `last` anew.
    fn rehash(&mut self, mut first: usize, mut last: usize) {
        for level in 1..self.levels.len() {
            (first, last) = (first / ARITY, last / ARITY);
            for index in first..=last {
                let children = core::array::from_fn(|child| self.at(level - 1, index * ARITY + child));
                let hash = node(&children);
                let nodes = &mut self.levels[level];
                match nodes.get_mut(index) {
                    Some(node) => *node = hash,
                    // `first` is at most the number of nodes, so this is the next one.
                    None => nodes.push(hash),
                }
            }
        }
    }

    fn at(&self, level: usize, index: usize) -> Scalar {
        self.levels[level].get(index).copied().unwrap_or(self.empty[level])
    }
}

/// The number of leaves below a node of a level: 8^level, at most 2^30.
fn power(level: usize) -> usize {
    1 << (3 * level)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::leaf;
    use super::*;
    use proptest::prelude::*;

    /// The whole tree from the leaves up, every node hashed, empty or not.
    fn naive_levels(leaves: &[Scalar], depth: u32) -> Vec<Vec<Scalar>> {
        let mut level = leaves.to_vec();
        level.resize(ARITY.pow(depth), Leaf::empty().to_scalar());
        let mut levels = vec![level];
        for _ in 0..depth {
            let below = levels.last().unwrap();
            let above = below.chunks(ARITY).map(|children| node(children.try_into().unwrap())).collect();
            levels.push(above);
        }
        levels
    }

    fn assert_equal(tree: &Incremental, leaves: &[Scalar], depth: u32) {
        let naive = naive_levels(leaves, depth);
        assert_eq!(tree.len(), leaves.len());
        assert_eq!(tree.root(), naive[depth as usize][0]);
        for place in [0, leaves.len() / 2, leaves.len().saturating_sub(1)] {
            for (level, nodes) in naive[..depth as usize].iter().enumerate() {
                let own = place / ARITY.pow(u32::try_from(level).unwrap());
                let mut family = nodes[own - own % ARITY..][..ARITY].to_vec();
                family.remove(own % ARITY);
                assert_eq!(tree.siblings(level, place).as_slice(), family);
            }
        }
        // Only what is filled is kept.
        for (level, nodes) in tree.levels.iter().enumerate() {
            assert_eq!(nodes.len(), leaves.len().div_ceil(ARITY.pow(u32::try_from(level).unwrap())));
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(u32),
        Extend(u32, usize),
        Replace(usize, u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => any::<u32>().prop_map(Step::Push),
            1 => (any::<u32>(), 0..12usize).prop_map(|(from, count)| Step::Extend(from, count)),
            2 => (any::<usize>(), any::<u32>()).prop_map(|(place, number)| Step::Replace(place, number)),
        ]
    }

    fn leaf_at(number: u32) -> Scalar {
        leaf(number).to_scalar()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn any_history_equals_the_naive_tree(steps in prop::collection::vec(step(), 0..20)) {
            const DEPTH: u32 = 2;
            let (mut tree, mut leaves) = (Incremental::new(DEPTH as usize), Vec::new());
            for step in steps {
                match step {
                    Step::Push(number) if leaves.len() < 64 => {
                        tree.extend([leaf_at(number)].into_iter());
                        leaves.push(leaf_at(number));
                    }
                    Step::Extend(from, count) if leaves.len() + count <= 64 => {
                        let batch: Vec<Scalar> = (0..count).map(|i| leaf_at(from ^ i as u32)).collect();
                        tree.extend(batch.iter().copied());
                        leaves.extend(batch);
                    }
                    Step::Replace(place, number) if !leaves.is_empty() => {
                        let place = place % leaves.len();
                        tree.replace(place, leaf_at(number));
                        leaves[place] = leaf_at(number);
                    }
                    _ => {}
                }
                assert_equal(&tree, &leaves, DEPTH);
            }
        }
    }

    #[test]
    fn every_size_around_a_node_equals_the_naive_tree() {
        let leaves: Vec<Scalar> = (0..130).map(leaf_at).collect();
        for size in [0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129] {
            let mut batch = Incremental::new(3);
            batch.extend(leaves[..size].iter().copied());
            assert_equal(&batch, &leaves[..size], 3);
            let mut single = Incremental::new(3);
            for leaf in &leaves[..size] {
                single.extend([*leaf].into_iter());
            }
            assert_eq!(single.levels, batch.levels);
        }
    }

    #[test]
    fn a_full_tree_equals_the_naive_tree() {
        let leaves: Vec<Scalar> = (0..64).map(leaf_at).collect();
        let mut tree = Incremental::new(2);
        tree.extend(leaves.iter().copied());
        assert_equal(&tree, &leaves, 2);
    }
}
