//! Many templates, and the exact search among them.

mod batch;
mod block;
mod bound;
#[cfg(feature = "std")]
mod checksum;
#[cfg(feature = "std")]
mod file;
mod people;
mod scan;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

pub use batch::{Duplicate, Duplicates};
use block::Block;
#[cfg(feature = "std")]
pub use file::{GalleryFile, GalleryFileError, GalleryWriter};
pub use people::{EyePair, PeopleFound, PeopleGallery, PeopleSearch, PeopleSnapshot, PersonHit, Sighting};
use scan::{Scan, Work};

use super::compare::{Incomparable, check};
use super::kernel::Kernel;
use super::{Alignment, MatchPolicy, ScoreRule};
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
/// A gallery lives in memory, in blocks of 256 entries: 3,268 bytes per template with 200 columns and 4,164 with 256 in full
/// blocks, and some twenty for finding an entry by its name. The bits are wiped when an entry is removed and when
/// the last that refers to them is dropped. How the entries lie in memory is private and will change; what a search answers depends
/// on the entries alone, not on the order in which they came and went.
///
/// Adding an entry touches one block and removing one two, however many there are. To search while others are added, take a
/// [`snapshot`](Self::snapshot).
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
    entries: GallerySnapshot,
    /// Where each entry is: block × 256 + lane.
    places: BTreeMap<EntryId, u32>,
}

impl Gallery {
    /// An empty gallery.
    #[must_use]
    pub fn new(layout: Layout, encoder: EncoderVersion) -> Self {
        let entries = GallerySnapshot { layout, encoder, blocks: Arc::default() };
        Self { entries, places: BTreeMap::new() }
    }

    /// The layout of every entry.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.entries.layout
    }

    /// The encoder of the entries; see [`EncoderVersion::is_comparable_with`].
    #[must_use]
    pub fn encoder(&self) -> EncoderVersion {
        self.entries.encoder
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Is there no entry?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
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
        let GallerySnapshot { layout, encoder, ref mut blocks } = self.entries;
        check(template, layout, encoder)?;
        if self.places.contains_key(&entry) {
            return Err(GalleryError::Taken { entry });
        }
        let blocks = Arc::make_mut(blocks);
        if blocks.last().is_none_or(|block| block.names().len() == Block::ENTRIES) {
            blocks.push(Arc::new(Block::new(layout)));
        }
        let place = self.places.len() as u32;
        Arc::make_mut(blocks.last_mut().expect("one was pushed if there was none")).push(entry, template);
        self.places.insert(entry, place);
        Ok(())
    }

    /// Removes an entry and wipes its bits; says whether there was one.
    ///
    /// Snapshots that have the entry keep it, and keep its bits in memory, until they are dropped.
    pub fn remove(&mut self, entry: EntryId) -> bool {
        let Some(place) = self.places.remove(&entry) else {
            return false;
        };
        let (index, lane) = (place as usize / Block::ENTRIES, place as usize % Block::ENTRIES);
        let blocks = Arc::make_mut(&mut self.entries.blocks);
        // The last entry moves into the gap, so that a scan never meets a hole.
        let last = blocks.len() - 1;
        let moved = blocks[last].names()[blocks[last].names().len() - 1];
        if moved != entry {
            self.places.insert(moved, place);
        }
        let (head, tail) = blocks.split_at_mut(last);
        let tail = Arc::make_mut(&mut tail[0]);
        if index == last {
            tail.swap_remove(lane);
        } else {
            Arc::make_mut(&mut head[index]).replace(lane, tail);
            tail.swap_remove(tail.names().len() - 1);
        }
        if tail.names().is_empty() {
            blocks.pop();
        }
        true
    }

    /// The entries as they are now, for searches that what comes later does not change or hold up.
    ///
    /// Nothing is copied now. Afterwards, the first change to a block of 256 entries copies that block once.
    #[must_use]
    pub fn snapshot(&self) -> GallerySnapshot {
        self.entries.clone()
    }

    /// Every entry that matches, over all rotations of the policy: exact, no entry is skipped.
    ///
    /// # Errors
    ///
    /// [`Incomparable`] if layout or encoder of the probe differ from the gallery's. An empty list of hits would say
    /// "nobody", and that would be wrong.
    pub fn search(&self, probe: &IrisTemplate, policy: &MatchPolicy) -> Result<SearchResult, Incomparable> {
        self.entries.search(probe, policy)
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
        self.entries.search(&probe.mirrored(), policy)
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
        self.entries.search_with(kernel, probe, policy)
    }

    /// [`Gallery::search`] on all threads of rayon's pool; the result is the same, in the same order.
    ///
    /// # Errors
    ///
    /// As [`Gallery::search`].
    #[cfg(feature = "rayon")]
    pub fn par_search(&self, probe: &IrisTemplate, policy: &MatchPolicy) -> Result<SearchResult, Incomparable> {
        self.entries.par_search(probe, policy)
    }
}

impl fmt::Debug for Gallery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gallery")
            .field("layout", &self.layout())
            .field("encoder", &self.encoder())
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}

/// The entries that a [`Gallery`] had at one moment; see [`Gallery::snapshot`].
///
/// A snapshot can be sent to another thread and searched there while entries come and go.
///
/// # Examples
///
/// ```
/// use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask};
/// use personhood::matcher::{EntryId, Gallery, MatchPolicy};
///
/// let layout = Layout::Columns200;
/// let code = IrisCode::from_fn(layout, |_, row, column, _| (row * column) % 5 < 2);
/// let eye = IrisTemplate::new(code, Mask::full(layout), EncoderVersion::Other(1))?;
/// let mut gallery = Gallery::new(layout, EncoderVersion::Other(1));
/// let before = gallery.snapshot();
/// gallery.insert(EntryId::new(1), &eye)?;
/// assert!(before.search(&eye, &MatchPolicy::default())?.hits.is_empty());
/// assert_eq!(gallery.search(&eye, &MatchPolicy::default())?.hits.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct GallerySnapshot {
    layout: Layout,
    encoder: EncoderVersion,
    /// All full but the last, which is not empty.
    blocks: Arc<Vec<Arc<Block>>>,
}

impl GallerySnapshot {
    /// The layout of every entry.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The encoder of the entries.
    #[must_use]
    pub fn encoder(&self) -> EncoderVersion {
        self.encoder
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * Block::ENTRIES + last.names().len())
    }

    /// Is there no entry?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// As [`Gallery::search`].
    ///
    /// # Errors
    ///
    /// As [`Gallery::search`].
    pub fn search(&self, probe: &IrisTemplate, policy: &MatchPolicy) -> Result<SearchResult, Incomparable> {
        self.search_with(Kernel::best(), probe, policy)
    }

    /// As [`Gallery::search_with`].
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
        check(probe, self.layout, self.encoder)?;
        let scan = Scan::new(kernel, probe, policy);
        let mut work = Work::new(self.layout);
        let mut found = SearchResult::default();
        for (index, block) in self.blocks.iter().enumerate() {
            scan.block(block, self.block(index + 1), &mut work, &mut found);
        }
        found.sort(policy.score);
        Ok(found)
    }

    /// As [`Gallery::par_search`].
    ///
    /// # Errors
    ///
    /// As [`Gallery::search`].
    #[cfg(feature = "rayon")]
    pub fn par_search(&self, probe: &IrisTemplate, policy: &MatchPolicy) -> Result<SearchResult, Incomparable> {
        use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

        check(probe, self.layout, self.encoder)?;
        let scan = Scan::new(Kernel::best(), probe, policy);
        let mut found = self
            .blocks
            .par_iter()
            .enumerate()
            .map_init(
                || Work::new(self.layout),
                |work, (index, block)| {
                    let mut found = SearchResult::default();
                    scan.block(block, self.block(index + 1), work, &mut found);
                    found
                },
            )
            .reduce(SearchResult::default, SearchResult::and);
        found.sort(policy.score);
        Ok(found)
    }

    /// As many copies of the blocks, each in memory of its own, as make at least `entries`.
    #[cfg(feature = "testing")]
    pub(super) fn repeated(&self, entries: usize) -> Self {
        let copies = entries.div_ceil(self.len().max(1)).max(1);
        let blocks = (0..copies).flat_map(|_| self.blocks.iter().map(|block| Arc::new(Block::clone(block))));
        Self { layout: self.layout, encoder: self.encoder, blocks: Arc::new(blocks.collect()) }
    }

    #[cfg(feature = "testing")]
    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    #[cfg(feature = "testing")]
    pub(super) fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.bytes()).sum()
    }

    /// Reads all bits of some blocks and returns how many bytes that were.
    #[cfg(feature = "testing")]
    pub(super) fn read(&self, blocks: core::ops::Range<usize>) -> usize {
        let blocks = &self.blocks[blocks.start.min(self.blocks.len())..blocks.end.min(self.blocks.len())];
        blocks.iter().map(|block| block.read()).sum()
    }

    fn block(&self, index: usize) -> Option<&Block> {
        self.blocks.get(index).map(|block| &**block)
    }
}

/// A search for some probes that is carried on block by block, for measuring.
#[cfg(feature = "testing")]
pub(super) struct Search<'a> {
    gallery: &'a GallerySnapshot,
    scans: Vec<Scan>,
    work: Work,
    found: Vec<SearchResult>,
}

#[cfg(feature = "testing")]
impl<'a> Search<'a> {
    pub(super) fn new(
        gallery: &'a GallerySnapshot,
        kernel: Kernel,
        probes: &[IrisTemplate],
        policy: &MatchPolicy,
    ) -> Result<Self, Incomparable> {
        let scan = |probe| {
            check(probe, gallery.layout, gallery.encoder)?;
            Ok(Scan::new(kernel, probe, policy))
        };
        let scans = probes.iter().map(scan).collect::<Result<Vec<_>, Incomparable>>()?;
        let mut search = Self { gallery, scans, work: Work::new(gallery.layout), found: Vec::new() };
        search.take();
        Ok(search)
    }

    /// Searches the blocks that there are of these; returns the places of their entries.
    pub(super) fn blocks(&mut self, blocks: core::ops::Range<usize>) -> core::ops::Range<usize> {
        let end = blocks.end.min(self.gallery.blocks.len());
        for index in blocks.start..end {
            let (block, next) = (&self.gallery.blocks[index], self.gallery.block(index + 1));
            for (number, (scan, found)) in self.scans.iter().zip(&mut self.found).enumerate() {
                let ahead = if number + 1 < self.scans.len() { Some(&**block) } else { next };
                scan.block(block, ahead, &mut self.work, found);
            }
        }
        blocks.start * Block::ENTRIES..(end * Block::ENTRIES).min(self.gallery.len())
    }

    /// The hits of each probe since the last call.
    pub(super) fn take(&mut self) -> Vec<SearchResult> {
        let mut none = Vec::new();
        none.resize_with(self.scans.len(), SearchResult::default);
        core::mem::replace(&mut self.found, none)
    }
}

impl fmt::Debug for GallerySnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GallerySnapshot")
            .field("layout", &self.layout)
            .field("encoder", &self.encoder)
            .field("entries", &self.len())
            .finish_non_exhaustive()
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
    /// Both lists of both.
    #[cfg(feature = "rayon")]
    fn and(mut self, other: Self) -> Self {
        self.hits.extend(other.hits);
        self.incomparable.extend(other.incomparable);
        self
    }

    fn sort(&mut self, score: ScoreRule) {
        self.hits.sort_unstable_by(|a, b| {
            score.order(a.alignment.distance, b.alignment.distance).then(a.entry.cmp(&b.entry))
        });
        self.incomparable.sort_unstable();
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
