//! Many templates, and the exact search among them.

mod block;
mod bound;

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use block::{Block, Slot};
use bound::{Bound, RowCounts, row_counts};

use super::compare::{Comparison, Incomparable, Judge, check, judge};
use super::kernel::{Counts, Kernel, Probe};
use super::{Alignment, MatchPolicy};
use crate::iris::{EncoderVersion, IrisTemplate, Layout};

/// The name of one template in a gallery; the caller gives it a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct EntryId(u32);

impl EntryId {
    /// The entry of this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Templates of one layout and one encoder, kept for searching.
///
/// A gallery lives in memory: 3,328 bytes per template with 200 columns and 4,224 with 256, wiped when an entry is removed
/// and when the gallery is dropped. How the entries lie in memory is private and will change; what a search answers
/// depends on the entries alone, not on the order in which they came and went.
///
/// # Examples
///
/// ```
/// use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask, Rotation};
/// use personhood::matcher::{EntryId, Gallery, MatchPolicy};
///
/// let layout = Layout::Columns200;
/// let eye = |seed: usize| {
///     let code = IrisCode::from_fn(layout, |w, r, c, p| (seed * (r + 1) * (c + 1) + w + p) % 13 < 6);
///     IrisTemplate::new(code, Mask::full(layout), EncoderVersion::Other(1))
/// };
/// let mut gallery = Gallery::new(layout, EncoderVersion::Other(1));
/// gallery.insert(EntryId::new(10), &eye(3)?)?;
/// gallery.insert(EntryId::new(20), &eye(5)?)?;
///
/// let found = gallery.search(&eye(5)?.rotated(Rotation::new(-6)), &MatchPolicy::default())?;
/// assert_eq!(found.hits[0].entry, EntryId::new(20));
/// assert_eq!(found.hits[0].alignment.rotation, Rotation::new(6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Gallery {
    layout: Layout,
    encoder: EncoderVersion,
    /// All full but the last, which is not empty.
    blocks: Vec<Block>,
    /// The name of the entry in every slot, in the order of the blocks.
    names: Vec<EntryId>,
    places: BTreeMap<EntryId, usize>,
}

impl Gallery {
    /// An empty gallery.
    #[must_use]
    pub fn new(layout: Layout, encoder: EncoderVersion) -> Self {
        Self { layout, encoder, blocks: Vec::new(), names: Vec::new(), places: BTreeMap::new() }
    }

    /// The layout of every entry.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The encoder of the entries; see [`EncoderVersion::is_comparable_with`].
    #[must_use]
    pub fn encoder(&self) -> EncoderVersion {
        self.encoder
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Is there no entry?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Is there an entry of this name?
    #[must_use]
    pub fn contains(&self, entry: EntryId) -> bool {
        self.places.contains_key(&entry)
    }

    /// Adds a copy of a template.
    ///
    /// # Errors
    ///
    /// [`GalleryError`] if the template is incomparable with the others, or the name is taken; nothing is changed then.
    pub fn insert(&mut self, entry: EntryId, template: &IrisTemplate) -> Result<(), GalleryError> {
        check(template, self.layout, self.encoder)?;
        if self.contains(entry) {
            return Err(GalleryError::Taken { entry });
        }
        let place = self.names.len();
        if place == self.blocks.len() * Block::ENTRIES {
            self.blocks.push(Block::new(self.layout));
        }
        let (block, slot) = split(place);
        self.blocks[block].write(slot, template.code().columns(), template.mask().columns());
        self.names.push(entry);
        self.places.insert(entry, place);
        Ok(())
    }

    /// Removes an entry and wipes its bits; says whether there was one.
    pub fn remove(&mut self, entry: EntryId) -> bool {
        let Some(place) = self.places.remove(&entry) else {
            return false;
        };
        let last = self.names.len() - 1;
        let ((to_block, to_slot), (from_block, from_slot)) = (split(place), split(last));
        if place != last {
            // The last entry moves into the gap, so that a scan never meets a hole.
            self.places.insert(self.names[last], place);
            if to_block == from_block {
                self.blocks[to_block].copy_within(from_slot, to_slot);
            } else {
                let (head, tail) = self.blocks.split_at_mut(from_block);
                let (code, mask) = tail[0].read(from_slot);
                head[to_block].write(to_slot, code, mask);
            }
        }
        self.blocks[from_block].wipe(from_slot);
        self.names.swap_remove(place);
        if self.names.len() == from_block * Block::ENTRIES {
            self.blocks.pop();
        }
        true
    }

    /// Every entry that matches, over all rotations of the policy: exact, no entry is skipped.
    ///
    /// # Errors
    ///
    /// [`Incomparable`] if layout or encoder of the probe differ from the gallery's. An empty list of hits would say
    /// "nobody", and that would be wrong.
    pub fn search(&self, probe: &IrisTemplate, policy: &MatchPolicy) -> Result<SearchResult, Incomparable> {
        self.search_with(Kernel::best(), probe, policy)
    }

    /// [`Gallery::search`] for the mirror image of the probe.
    ///
    /// A hit means that a picture flipped left to right was held before the camera: the flipped picture of an enrolled
    /// eye looks like a stranger to the plain search.
    ///
    /// # Errors
    ///
    /// As [`Gallery::search`].
    pub fn search_mirrored(&self, probe: &IrisTemplate, policy: &MatchPolicy) -> Result<SearchResult, Incomparable> {
        self.search(&probe.mirrored(), policy)
    }

    /// [`Gallery::search`] with a kernel of the caller's choice, for tests and benches; the result is the same.
    ///
    /// # Errors
    ///
    /// As [`Gallery::search`].
    pub fn search_with(
        &self,
        kernel: Kernel,
        probe: &IrisTemplate,
        policy: &MatchPolicy,
    ) -> Result<SearchResult, Incomparable> {
        let scan = self.scan(kernel, probe, policy)?;
        let found = self.blocks.iter().zip(self.names.chunks(Block::ENTRIES));
        Ok(SearchResult::gather(found.map(|(block, names)| scan.block(block, names))))
    }

    /// [`Gallery::search`] on all threads of rayon's pool; the result is the same, in the same order.
    ///
    /// # Errors
    ///
    /// As [`Gallery::search`].
    #[cfg(feature = "rayon")]
    pub fn par_search(&self, probe: &IrisTemplate, policy: &MatchPolicy) -> Result<SearchResult, Incomparable> {
        use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
        use rayon::slice::ParallelSlice;

        let scan = self.scan(Kernel::best(), probe, policy)?;
        let found: Vec<SearchResult> = self
            .blocks
            .par_iter()
            .zip(self.names.par_chunks(Block::ENTRIES))
            .map(|(block, names)| scan.block(block, names))
            .collect();
        Ok(SearchResult::gather(found))
    }

    fn scan(&self, kernel: Kernel, probe: &IrisTemplate, policy: &MatchPolicy) -> Result<Scan, Incomparable> {
        check(probe, self.layout, self.encoder)?;
        Ok(Scan {
            kernel,
            judge: Judge::new(policy, self.layout),
            rows: Zeroizing::new(row_counts(probe.mask().columns())),
            probe: Probe::new(probe, policy.maximum_rotation),
        })
    }
}

impl fmt::Debug for Gallery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gallery")
            .field("layout", &self.layout)
            .field("encoder", &self.encoder)
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}

fn split(place: usize) -> (usize, Slot) {
    (place / Block::ENTRIES, Slot::new(place % Block::ENTRIES))
}

/// One search on its way through the blocks.
struct Scan {
    kernel: Kernel,
    judge: Judge,
    rows: Zeroizing<RowCounts>,
    probe: Probe,
}

impl Scan {
    fn block(&self, block: &Block, names: &[EntryId]) -> SearchResult {
        let columns = self.probe.columns();
        let (codes, masks) = block.first(names.len());
        let mut counts = vec![Counts::default(); names.len() * self.probe.rotations()];
        self.kernel.count_disagreeing(&self.probe, codes, masks, &mut counts);
        let mut result = SearchResult::default();
        let entries = names.iter().zip(block.rows()).zip(counts.chunks_exact_mut(self.probe.rotations()));
        let templates = codes.chunks_exact(columns).zip(masks.chunks_exact(columns));
        for (((&entry, rows), counts), (code, mask)) in entries.zip(templates) {
            if Bound::new(columns, &self.rows, rows).rules_out(counts, &self.judge.policy, self.judge.minimum) {
                continue;
            }
            self.kernel.count(&self.probe, code, mask, counts);
            match judge(counts, &self.judge) {
                Comparison::Match(alignment) => result.hits.push(Hit { entry, alignment }),
                Comparison::NonMatch(_) => {}
                Comparison::Incomparable(_) => result.incomparable.push(entry),
            }
        }
        result
    }
}

/// An entry that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Hit {
    /// The name under which the template was inserted.
    pub entry: EntryId,
    /// Where and how well the probe fits.
    pub alignment: Alignment,
}

/// What a search says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SearchResult {
    /// The entries that match, the nearest first, equally near ones by name.
    pub hits: Vec<Hit>,
    /// The entries that had too few bits in common with the probe, by name; nothing is known about those.
    pub incomparable: Vec<EntryId>,
}

impl SearchResult {
    fn gather(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.hits.extend(part.hits);
            all.incomparable.extend(part.incomparable);
        }
        all.hits
            .sort_unstable_by(|a, b| a.alignment.distance.cmp_ratio(b.alignment.distance).then(a.entry.cmp(&b.entry)));
        all.incomparable.sort_unstable();
        all
    }
}

/// Why a template was not taken into a gallery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// It cannot be compared with the others.
    #[error(transparent)]
    Incomparable(#[from] Incomparable),
    /// The name is taken.
    #[error("entry {entry} is in the gallery already; remove it first")]
    Taken {
        /// The name.
        entry: EntryId,
    },
}
