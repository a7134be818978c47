//! Many probes at once, and a gallery against itself.
//!
//! A block is fetched from memory once and then stays in the cache for every probe of the batch.

use alloc::vec::Vec;
use core::ops::Range;

use super::block::Block;
use super::scan::{Scan, Work};
use super::{EntryId, GallerySnapshot, SearchResult};
use crate::iris::{EncoderVersion, IrisTemplate, Layout};
use crate::matcher::compare::{Comparison, Incomparable, check, compare};
use crate::matcher::kernel::Kernel;
use crate::matcher::{Alignment, MatchPolicy};

/// Two entries that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Duplicate {
    /// The entry of the smaller name.
    pub first: EntryId,
    /// The entry of the greater name.
    pub second: EntryId,
    /// How the first, as the probe, lies best on the second.
    pub alignment: Alignment,
}

/// What a part of a self-join found; see [`GallerySnapshot::duplicates`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Duplicates {
    /// Pairs that match, by name.
    pub pairs: Vec<Duplicate>,
    /// How many pairs had too few bits in common; nothing is known about those.
    pub incomparable: u64,
}

impl GallerySnapshot {
    /// [`search`](Self::search) for many probes: the same results, in the order of the probes, in less time.
    ///
    /// # Errors
    ///
    /// [`Incomparable`] if layout or encoder of any probe differ from the gallery's; nothing is searched then.
    pub fn search_batch(
        &self,
        probes: &[IrisTemplate],
        policy: &MatchPolicy,
    ) -> Result<Vec<SearchResult>, Incomparable> {
        let scans = scans(probes, self.layout, self.encoder, policy)?;
        let mut work = Work::new(self.layout);
        let mut all = Vec::new();
        all.resize_with(probes.len(), SearchResult::default);
        for (index, block) in self.blocks.iter().enumerate() {
            for (number, (scan, found)) in scans.iter().zip(&mut all).enumerate() {
                // Fetched ahead is the beginning of what is compared next.
                let ahead = if number + 1 < scans.len() { Some(&**block) } else { self.block(index + 1) };
                scan.block(block, ahead, &mut work, found);
            }
        }
        all.iter_mut().for_each(|found| found.sort(policy.score));
        Ok(all)
    }

    /// [`search_batch`](Self::search_batch) on all threads of rayon's pool; the results are the same.
    ///
    /// # Errors
    ///
    /// As [`search_batch`](Self::search_batch).
    #[cfg(feature = "rayon")]
    pub fn par_search_batch(
        &self,
        probes: &[IrisTemplate],
        policy: &MatchPolicy,
    ) -> Result<Vec<SearchResult>, Incomparable> {
        use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

        let scans = scans(probes, self.layout, self.encoder, policy)?;
        let none = || {
            let mut none = Vec::new();
            none.resize_with(probes.len(), SearchResult::default);
            none
        };
        let mut all = self
            .blocks
            .par_iter()
            .enumerate()
            .fold(
                || (Work::new(self.layout), none()),
                |(mut work, mut all), (index, block)| {
                    for (number, (scan, found)) in scans.iter().zip(&mut all).enumerate() {
                        // Fetched ahead is the beginning of what is compared next.
                        let ahead = if number + 1 < scans.len() { Some(&**block) } else { self.block(index + 1) };
                        scan.block(block, ahead, &mut work, found);
                    }
                    (work, all)
                },
            )
            .map(|(_, all)| all)
            .reduce(none, |left, right| left.into_iter().zip(right).map(|(left, right)| left.and(right)).collect());
        all.iter_mut().for_each(|found| found.sort(policy.score));
        Ok(all)
    }

    /// Compares the entries at `places` with all entries behind them: a part of the search for people who were
    /// enrolled twice.
    ///
    /// Places are 0 to [`len`](Self::len) − 1. Whoever goes through all of them, in parts of any size and in any order, has
    /// seen every pair once. So a self-join can be watched, stopped and taken up again, and needs memory for one
    /// part only: some 100 kB per place. A few dozen places make a good part.
    ///
    /// ```
    /// use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask, Rotation};
    /// use personhood::matcher::{EntryId, Gallery, MatchPolicy};
    ///
    /// let layout = Layout::Columns200;
    /// let code = IrisCode::from_fn(layout, |_, row, column, _| (row * column) % 5 < 2);
    /// let eye = IrisTemplate::new(code, Mask::full(layout), EncoderVersion::Other(1))?;
    /// let mut gallery = Gallery::new(layout, EncoderVersion::Other(1));
    /// gallery.insert(EntryId::new(8), &eye)?;
    /// gallery.insert(EntryId::new(3), &eye.rotated(Rotation::new(2)))?;
    ///
    /// let snapshot = gallery.snapshot();
    /// let found = snapshot.duplicates(0..snapshot.len(), &MatchPolicy::default());
    /// assert_eq!(found.pairs.len(), 1);
    /// assert_eq!((found.pairs[0].first, found.pairs[0].second), (EntryId::new(3), EntryId::new(8)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn duplicates(&self, places: Range<usize>, policy: &MatchPolicy) -> Duplicates {
        let part = self.part(places, policy);
        let mut work = Work::new(self.layout);
        let mut all = Duplicates::default();
        for index in part.first_block()..self.blocks.len() {
            self.join(&part, index, &mut work, &mut all);
        }
        all.sort();
        all
    }

    /// [`duplicates`](Self::duplicates) on all threads of rayon's pool; the result is the same.
    #[cfg(feature = "rayon")]
    #[must_use]
    pub fn par_duplicates(&self, places: Range<usize>, policy: &MatchPolicy) -> Duplicates {
        use rayon::iter::{IntoParallelIterator, ParallelIterator};

        let part = self.part(places, policy);
        let mut all = (part.first_block()..self.blocks.len())
            .into_par_iter()
            .fold(
                || (Work::new(self.layout), Duplicates::default()),
                |(mut work, mut all), index| {
                    self.join(&part, index, &mut work, &mut all);
                    (work, all)
                },
            )
            .map(|(_, all)| all)
            .reduce(Duplicates::default, |mut left, right| {
                left.pairs.extend(right.pairs);
                left.incomparable += right.incomparable;
                left
            });
        all.sort();
        all
    }

    /// The entries at these places, with zeros for the bits that are not usable.
    pub fn templates(&self, places: Range<usize>) -> impl Iterator<Item = (EntryId, IrisTemplate)> {
        (places.start..places.end.min(self.len())).map(|place| {
            let (block, lane) = (&self.blocks[place / Block::ENTRIES], place % Block::ENTRIES);
            (block.names()[lane], block.template(lane, self.layout, self.encoder))
        })
    }

    fn part(&self, places: Range<usize>, policy: &MatchPolicy) -> Part {
        Part::new(places.start.min(self.len()), self.templates(places).collect(), policy)
    }

    fn join(&self, part: &Part, index: usize, work: &mut Work, all: &mut Duplicates) {
        part.join(&self.blocks[index], index, self.block(index + 1), work, all);
    }
}

/// Probes made ready, all of one layout and encoder.
pub(super) fn scans(
    probes: &[IrisTemplate],
    layout: Layout,
    encoder: EncoderVersion,
    policy: &MatchPolicy,
) -> Result<Vec<Scan>, Incomparable> {
    probes
        .iter()
        .map(|probe| {
            check(probe, layout, encoder)?;
            Ok(Scan::new(Kernel::best(), probe, policy))
        })
        .collect()
}

/// Entries of a gallery that are compared with those behind them.
pub(super) struct Part {
    /// The place of the first one.
    first: usize,
    probes: Vec<(EntryId, Scan, IrisTemplate)>,
    policy: MatchPolicy,
}

impl Part {
    /// Of the entries from place `first` on.
    pub(super) fn new(first: usize, entries: Vec<(EntryId, IrisTemplate)>, policy: &MatchPolicy) -> Self {
        let ready = |(entry, template)| (entry, Scan::new(Kernel::best(), &template, policy), template);
        Self { first, probes: entries.into_iter().map(ready).collect(), policy: *policy }
    }

    /// The first block that has entries behind the first one.
    pub(super) fn first_block(&self) -> usize {
        self.first / Block::ENTRIES
    }

    /// Compares the entries with those of a block that are behind them; `next` is the block that comes after it.
    pub(super) fn join(
        &self,
        block: &Block,
        index: usize,
        next: Option<&Block>,
        work: &mut Work,
        all: &mut Duplicates,
    ) {
        for (place, (own, scan, template)) in (self.first..).zip(&self.probes) {
            let behind = (place + 1).saturating_sub(index * Block::ENTRIES);
            if behind >= block.names().len() {
                continue;
            }
            // Fetched ahead is the beginning of what is compared next: the same block, or another one after the last probe.
            let ahead = if place + 1 < self.first + self.probes.len() { Some(block) } else { next };
            let mut found = SearchResult::default();
            scan.block(block, ahead, work, &mut found);
            // Looked up for the few that were found only.
            let lane = |entry: EntryId| block.names().iter().position(|&name| name == entry);
            let is_behind = |entry: EntryId| lane(entry).is_some_and(|lane| lane >= behind);
            all.incomparable += found.incomparable.into_iter().filter(|&entry| is_behind(entry)).count() as u64;
            for hit in found.hits.into_iter().filter(|hit| is_behind(hit.entry)) {
                let other = lane(hit.entry).map(|lane| block.template(lane, template.layout(), template.encoder()));
                // Among equal turns to both sides the choice depends on which of the two is the probe: it is the first.
                let turned = match other {
                    Some(other) if hit.entry < *own => compare(&other, template, &self.policy),
                    _ => Comparison::Match(hit.alignment),
                };
                if let Comparison::Match(alignment) = turned {
                    let (first, second) = (hit.entry.min(*own), hit.entry.max(*own));
                    all.pairs.push(Duplicate { first, second, alignment });
                }
            }
        }
    }
}

impl Duplicates {
    pub(super) fn sort(&mut self) {
        self.pairs.sort_unstable_by_key(|pair| (pair.first, pair.second));
    }
}
