//! One search on its way through the blocks.
//!
//! 1. The rows' usable bits bound what each entry can have in common with the probe ([`CommonBits`]).
//! 2. The kernel finds the rotations at which an entry disagrees in fewer bits than the policy allows for that bound: none
//!    at all for nearly every stranger.
//! 3. For those that it finds the bound is replaced, row by row, by the bits that really are common, until the rotation is out
//!    or the last row makes the count exact.

use alloc::vec;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::block::{Block, Row};
use super::bound::{CommonBits, RowCounts, least_in_row, most_in_row, row_counts};
use super::{Hit, SearchResult};
use crate::iris::{IrisTemplate, Layout, Rotation};
use crate::matcher::kernel::{Bounds, Kernel, LANES, Near, Program, Scratch};
use crate::matcher::{Alignment, FractionalHammingDistance, MatchPolicy};

/// A probe and a policy made ready for any number of blocks.
pub(super) struct Scan {
    kernel: Kernel,
    layout: Layout,
    policy: MatchPolicy,
    minimum: u32,
    /// For each number of compared bits the first number of disagreeing ones that is no match.
    bounds: Vec<u16>,
    program: Program,
    /// The mask of the probe, row by row, and how much of each is usable.
    mask: Zeroizing<Vec<Row>>,
    rows: Zeroizing<RowCounts>,
    /// The rows, those first in which most is open about the common bits.
    order: Zeroizing<[u8; Layout::BITS_PER_COLUMN]>,
}

/// The memory that a scan needs, for one block after the other.
pub(super) struct Work {
    scratch: Scratch,
    near: Vec<Near>,
    lanes: Lanes,
}

impl Work {
    pub(super) fn new(layout: Layout) -> Self {
        Self { scratch: Scratch::new(layout), near: Vec::new(), lanes: Lanes::default() }
    }
}

/// What a scan finds in one block: places in it, in ascending order.
#[derive(Default)]
pub(super) struct Lanes {
    pub(super) hits: Vec<(u8, Alignment)>,
    pub(super) incomparable: Vec<u8>,
}

impl Lanes {
    pub(super) fn clear(&mut self) {
        self.hits.clear();
        self.incomparable.clear();
    }

    /// How this place fits, if it matches.
    pub(super) fn hit(&self, lane: u8) -> Option<Alignment> {
        self.hits.binary_search_by_key(&lane, |hit| hit.0).ok().map(|index| self.hits[index].1)
    }
}

impl Scan {
    pub(super) fn new(kernel: Kernel, probe: &IrisTemplate, policy: &MatchPolicy) -> Self {
        let layout = probe.layout();
        let mask = probe.mask().columns();
        let row = |bit: usize| {
            let mut row = [0; 4];
            for (word, columns) in row.iter_mut().zip(mask.chunks(64)) {
                *word = columns.iter().rev().fold(0, |bits, column| bits << 1 | column >> bit & 1);
            }
            row
        };
        let rows = Zeroizing::new(row_counts(mask));
        // Where p bits of a row are usable, from what the reference has in it, the common bits are known up to p and up to
        // the other columns' number; in a row without a masked bit they are known.
        let mut order = Zeroizing::new(core::array::from_fn(|row| row as u8));
        order.sort_by_key(|&row| {
            let usable = rows[usize::from(row)];
            core::cmp::Reverse(usable.min(layout.columns() as u16 - usable))
        });
        Self {
            kernel,
            layout,
            policy: *policy,
            minimum: policy.minimum_compared(layout),
            bounds: bounds(policy, layout),
            program: kernel.program(probe, policy.maximum_rotation),
            mask: Zeroizing::new((0..Layout::BITS_PER_COLUMN).map(row).collect()),
            rows,
            order,
        }
    }

    /// Adds what a block has to the result; `next` is the block that will be searched after it, if any.
    pub(super) fn block(&self, block: &Block, next: Option<&Block>, work: &mut Work, result: &mut SearchResult) {
        let mut lanes = core::mem::take(&mut work.lanes);
        self.lanes(block, next, work, &mut lanes);
        let name = |lane: u8| block.names()[usize::from(lane)];
        result.hits.extend(lanes.hits.iter().map(|&(lane, alignment)| Hit { entry: name(lane), alignment }));
        result.incomparable.extend(lanes.incomparable.iter().map(|&lane| name(lane)));
        work.lanes = lanes;
    }

    /// What a block has, instead of what is in `found`; `next` is the block that will be searched after it, if any.
    pub(super) fn lanes(&self, block: &Block, next: Option<&Block>, work: &mut Work, found: &mut Lanes) {
        let common = CommonBits::new(self.layout.columns(), &self.rows, block.missing());
        let entries = block.names().len();
        let mut bounds = [0; LANES];
        for (bound, &at_most) in bounds.iter_mut().zip(&common.at_most[..entries]) {
            *bound = self.bounds[usize::from(at_most)];
        }
        let next = next.map_or(&[][..], Block::cells);
        let Work { scratch, near, .. } = work;
        near.clear();
        self.kernel.sift(&self.program, block.cells(), next, &Bounds::new(&bounds), scratch, near);
        near.sort_unstable_by_key(|near| near.lane);
        found.clear();
        for near in near.chunk_by_mut(|a, b| a.lane == b.lane) {
            let lane = near[0].lane;
            if let Some(alignment) = self.verify(block, lane.into(), common.at_most[usize::from(lane)], near) {
                found.hits.push((lane, alignment));
            }
        }
        for (lane, index) in (0..=u8::MAX).zip(0..entries) {
            if u32::from(common.at_least[index]) < self.minimum
                && found.hit(lane).is_none()
                && (u32::from(common.at_most[index]) < self.minimum || !self.comparable(block, index))
            {
                found.incomparable.push(lane);
            }
        }
    }

    /// The best of these rotations, if one is a match.
    fn verify(&self, block: &Block, lane: usize, at_most: u16, near: &[Near]) -> Option<Alignment> {
        let mut open: Vec<(Near, u16)> = near.iter().map(|near| (*near, at_most)).collect();
        for row in self.order.iter().copied().map(usize::from) {
            let (mask, probe, missing) = (&self.mask[row], self.rows[row], block.missing()[row][lane]);
            let most = most_in_row(self.layout.columns(), probe, missing);
            if most == least_in_row(probe, missing) {
                continue;
            }
            let usable = block.usable(row, lane);
            open.retain_mut(|(near, compared)| {
                *compared -= most - common_bits(&usable, &turned(mask, self.rotation(near), self.layout));
                near.disagreeing < self.bounds[usize::from(*compared)]
            });
            if open.is_empty() {
                return None;
            }
        }
        open.into_iter()
            .map(|(near, compared)| Alignment {
                distance: FractionalHammingDistance::new(near.disagreeing.into(), compared.into())
                    .expect("a match has compared bits, and the kernel counts disagreeing among compared ones"),
                rotation: self.rotation(&near),
            })
            // The rotation that is tried first wins among equals: the smaller turn, then the negative one.
            .min_by(|a, b| {
                let turn =
                    |alignment: &Alignment| (alignment.rotation.columns().abs(), alignment.rotation.columns() > 0);
                self.policy.score.order(a.distance, b.distance).then_with(|| turn(a).cmp(&turn(b)))
            })
    }

    /// Are enough bits common at any rotation?
    fn comparable(&self, block: &Block, lane: usize) -> bool {
        let mut compared = vec![0_u32; self.program.rotations()];
        let furthest = i16::from(self.policy.maximum_rotation);
        for (row, mask) in self.mask.iter().enumerate() {
            let usable = block.usable(row, lane);
            for (compared, columns) in compared.iter_mut().zip(-furthest..=furthest) {
                *compared += u32::from(common_bits(&usable, &turned(mask, Rotation::new(columns), self.layout)));
            }
        }
        compared.into_iter().any(|compared| compared >= self.minimum)
    }

    fn rotation(&self, near: &Near) -> Rotation {
        Rotation::new(near.rotation.cast_signed() - i16::from(self.policy.maximum_rotation))
    }
}

/// For each number of compared bits the fewest disagreeing ones that are no match; 0 where nothing is a match.
fn bounds(policy: &MatchPolicy, layout: Layout) -> Vec<u16> {
    let mut bound = 0;
    let accepts = |disagreeing: u16, compared: u32| {
        FractionalHammingDistance::new(disagreeing.into(), compared)
            .is_some_and(|counts| policy.accepts(counts, layout))
    };
    // Acceptance ends where disagreement grows, and later where more is compared: one walk finds every end.
    (0..=layout.bits() as u32)
        .map(|compared| {
            while accepts(bound, compared) {
                bound += 1;
            }
            bound
        })
        .collect()
}

fn common_bits(a: &Row, b: &Row) -> u16 {
    a.iter().zip(b).map(|(a, b)| (a & b).count_ones()).sum::<u32>() as u16
}

/// A row of the probe after a turn: the bit of column c moves to column c + turn.
fn turned(row: &Row, turn: Rotation, layout: Layout) -> Row {
    let turn = turn.modulo(layout);
    let (up, down) = (shifted_up(row, turn), shifted_down(row, layout.columns() - turn));
    let mut turned = [0; 4];
    for (index, word) in turned.iter_mut().enumerate() {
        let columns = layout.columns().saturating_sub(64 * index).min(64);
        *word = (up[index] | down[index]) & u64::MAX >> (64 - columns);
    }
    turned
}

fn shifted_up(row: &Row, by: usize) -> Row {
    let (words, bits) = (by / 64, by % 64);
    let at = |index: usize| index.checked_sub(words).map_or(0, |from| row[from]);
    [0, 1, 2, 3].map(|index| {
        let low = if bits == 0 || index == 0 { 0 } else { at(index - 1) >> (64 - bits) };
        at(index) << bits | low
    })
}

fn shifted_down(row: &Row, by: usize) -> Row {
    let (words, bits) = (by / 64, by % 64);
    let at = |index: usize| row.get(index + words).copied().unwrap_or(0);
    [0, 1, 2, 3].map(|index| {
        let high = if bits == 0 { 0 } else { at(index + 1) << (64 - bits) };
        at(index) >> bits | high
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iris::Mask;
    use crate::matcher::ScoreRule;

    #[test]
    fn bounds_are_the_limits_of_the_policy() {
        for layout in Layout::ALL {
            for score in [ScoreRule::Fractional, ScoreRule::Normalized] {
                let policy = MatchPolicy { score, ..MatchPolicy::default() };
                for (compared, bound) in bounds(&policy, layout).into_iter().enumerate() {
                    let limit = policy.maximum_disagreeing(compared as u32, layout);
                    assert_eq!(u32::from(bound), limit.map_or(0, |limit| limit + 1), "{compared}");
                }
            }
        }
    }

    #[test]
    fn rows_turn_as_masks_do() {
        for layout in Layout::ALL {
            let columns = layout.columns();
            let mask = Mask::from_fn(layout, |w, r, c, p| (c * c + r + w + p) % 5 < 2);
            let row = |mask: &Mask| -> Row {
                let mut row = [0; 4];
                for column in 0..columns {
                    row[column / 64] |= u64::from(mask.bit(0, 3, column, 0)) << (column % 64);
                }
                row
            };
            for turn in -300..=300 {
                let turn = Rotation::new(turn);
                assert_eq!(turned(&row(&mask), turn, layout), row(&mask.rotated(turn)), "{layout}, {turn}");
            }
        }
    }
}
