//! A quick first look at many templates, which may miss people; off unless it is asked for by name.
//!
//! A [`Prefilter`] keeps a tenth or a fifth of the bits of every template and estimates distances from those. Whoever looks
//! near enough is handed on to the exact comparison; whoever does not was *probably* nobody. So a search that begins here
//! has no false matches that the exact one would not have, but it has false rejects of its own, and its answer,
//! [`ApproximateSearchResult`], is not a [`SearchResult`](super::SearchResult). Enrolment does not use it.
//!
//! # The estimate
//!
//! ```text
//!   subset      coarse wavelet                    fine wavelet                      bits of 200 columns
//!   Tenth       every 2nd row, 8th column, × 2    every 4th row, 2nd column         1,200
//!   Fifth       every 2nd row, 4th column, × 2    every 2nd row, 2nd column         2,400
//!
//!   estimate = Σ weight · [the bits disagree] / Σ weight · [both bits are usable]      at each rotation
//! ```
//!
//! The weights give both wavelets the same share, as they have in the whole template, so the estimate is unbiased: it errs
//! by the luck of the sample alone. (Bits of the fine wavelet alone would tell strangers apart much better. But where the
//! fine wavelet is noisier than the coarse one, they lose one true match in twenty.) The probe stays whole, so
//! nothing is lost between rotations.
//!
//! # The threshold
//!
//! The model: the estimate at a rotation is the distance there plus a normal error whose variance falls as the number of
//! compared bits grows. An entry survives if at any rotation its estimate is below the policy's limit plus a [`Margin`] of so
//! many standard errors. A pair whose distance is d below the limit is lost with the probability
//! Φ(−(margin + d) / standard error) at most.
//!
//! # Examples
//!
//! ```
//! use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask, Rotation};
//! use personhood::matcher::approximate::{Prefilter, Subset};
//! use personhood::matcher::{EntryId, MatchPolicy};
//!
//! let layout = Layout::Columns200;
//! let eye = |seed: usize| {
//!     let code = IrisCode::from_fn(layout, |w, r, c, p| (seed * (r + 1) * (c + 1) + w + p) % 13 < 6);
//!     IrisTemplate::new(code, Mask::full(layout), EncoderVersion::Other(1))
//! };
//! let mut prefilter = Prefilter::new(layout, EncoderVersion::Other(1), Subset::Tenth);
//! prefilter.insert(EntryId::new(10), &eye(3)?)?;
//! prefilter.insert(EntryId::new(20), &eye(5)?)?;
//!
//! let (policy, margin) = (MatchPolicy::default(), Subset::Tenth.margin(3));
//! let probe = eye(5)?.rotated(Rotation::new(-6));
//! let stored = |entry: EntryId| Ok::<_, Box<dyn std::error::Error>>(eye(entry.number() as usize / 10 * 2 + 1)?);
//! let found = prefilter.search(&probe, &policy, margin, stored)?;
//! assert_eq!(found.hits[0].entry, EntryId::new(20));
//! assert_eq!(found.hits[0].alignment.distance.disagreeing(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What was found this way is not what an exact search found, and does not pass for it:
//!
//! ```compile_fail,E0308
//! # use personhood::matcher::{SearchResult, approximate::ApproximateSearchResult};
//! fn nobody_else(_: &SearchResult) {}
//! fn enrol(found: &ApproximateSearchResult) {
//!     nobody_else(found);
//! }
//! ```

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::compare::{Comparison, check, compare};
use super::gallery::{EntryId, GalleryError, Hit};
use super::kernel::{Bounds, Candidate, Cell, Kernel, LANES, Rows, Slice, SubsetProgram, SubsetScratch};
use super::{Incomparable, MatchPolicy};
use crate::iris::{EncoderVersion, IrisTemplate, Layout, Rotation};

/// Which bits of a template a [`Prefilter`] keeps; see the [module page](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subset {
    /// Three bits of 32: 1,200 of 12,800, or 1,536 of 16,384.
    Tenth,
    /// Six bits of 32: 2,400 of 12,800, or 3,072 of 16,384.
    Fifth,
}

impl Subset {
    /// The rows of bits that are kept, coarse wavelet first.
    fn rows(self) -> [Rows; 2] {
        // The coarse wavelet's rows lie a little further out than the middle and the fine one's a little further in.
        let rows = |wavelet: u8, first: u8, row_step: usize, step: usize, weight: u32| Rows {
            bits: (0..2)
                .flat_map(|part| (first..16).step_by(row_step).map(move |row| part * 32 + wavelet * 16 + row))
                .collect(),
            step,
            weight,
        };
        match self {
            Self::Tenth => [rows(0, 1, 2, 8, 2), rows(1, 1, 4, 2, 1)],
            Self::Fifth => [rows(0, 1, 2, 4, 2), rows(1, 0, 2, 2, 1)],
        }
    }

    /// The sum of the weights of all bits that are kept.
    fn total(self, layout: Layout) -> u32 {
        self.rows().iter().map(|rows| rows.weight * (rows.bits.len() * layout.columns() / rows.step) as u32).sum()
    }

    /// The standard error of the estimate where 5/8 of the bits can be compared, in thousandths of a distance.
    ///
    /// Rounded up from what was measured; `benches/RECORD.md` has the figures and how they were found.
    #[must_use]
    pub const fn standard_error_permille(self) -> u16 {
        match self {
            Self::Tenth => 15,
            Self::Fifth => 9,
        }
    }

    /// A margin of so many standard errors; 3 is a good one.
    #[must_use]
    pub const fn margin(self, standard_errors: u8) -> Margin {
        Margin { permille: self.standard_error_permille().saturating_mul(standard_errors as u16) }
    }

    /// Would an entry survive? Compares the whole templates bit by bit: for measuring margins on one's own pairs.
    ///
    /// # Errors
    ///
    /// [`Incomparable`] if layouts or encoders differ.
    pub fn passes(
        self,
        probe: &IrisTemplate,
        reference: &IrisTemplate,
        policy: &MatchPolicy,
        margin: Margin,
    ) -> Result<bool, Incomparable> {
        let estimates = self.estimates(probe, reference, policy.maximum_rotation)?;
        let limits = Limits::new(self, probe.layout(), policy, margin);
        Ok(estimates.iter().any(|estimate| limits.passes(estimate)))
    }

    /// The weighted counts of a pair at the rotations −`maximum_rotation` … +`maximum_rotation`.
    ///
    /// # Errors
    ///
    /// [`Incomparable`] if layouts or encoders differ.
    pub fn estimates(
        self,
        probe: &IrisTemplate,
        reference: &IrisTemplate,
        maximum_rotation: u8,
    ) -> Result<Vec<Estimate>, Incomparable> {
        check(probe, reference.layout(), reference.encoder())?;
        let columns = probe.layout().columns();
        let rows = self.rows();
        let kept = rows.each_ref().map(|rows| rows.bits.iter().fold(0_u64, |kept, bit| kept | 1 << bit));
        let furthest = i16::from(maximum_rotation);
        let estimate = |turn: i16| {
            let turn = Rotation::new(turn);
            let modulo = turn.modulo(probe.layout());
            let mut estimate = Estimate { rotation: turn, disagreeing: 0, compared: 0 };
            for (rows, kept) in rows.iter().zip(kept) {
                for column in (0..columns).step_by(rows.step) {
                    let from = (column + columns - modulo) % columns;
                    let both = kept & probe.mask().columns()[from] & reference.mask().columns()[column];
                    let differs = both & (probe.code().columns()[from] ^ reference.code().columns()[column]);
                    estimate.disagreeing += rows.weight * differs.count_ones();
                    estimate.compared += rows.weight * both.count_ones();
                }
            }
            estimate
        };
        Ok((-furthest..=furthest).map(estimate).collect())
    }
}

/// What a [`Subset`] says about a pair at one rotation: weighted counts, whose ratio estimates the distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The turn of the probe.
    pub rotation: Rotation,
    /// The weights of the kept bits that differ and are usable in both.
    pub disagreeing: u32,
    /// The weights of the kept bits that are usable in both; may be 0.
    pub compared: u32,
}

/// How far above the policy's limit an estimate may be; see [`Subset::margin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Margin {
    permille: u16,
}

impl Margin {
    /// In thousandths of a distance, where 5/8 of the bits can be compared; it grows as the root of their number falls.
    #[must_use]
    pub const fn from_permille(permille: u16) -> Self {
        Self { permille }
    }

    /// In thousandths of a distance, where 5/8 of the bits can be compared.
    #[must_use]
    pub const fn permille(self) -> u16 {
        self.permille
    }
}

/// For each weight of compared bits, what the weight of disagreeing ones must stay below for an entry to survive.
///
/// A [`Prefilter`] makes them itself; they are here for measuring how many of one's own pairs a margin would lose.
#[derive(Clone, Debug)]
pub struct Limits {
    bounds: Vec<u16>,
}

impl Limits {
    /// The limits of a policy, widened by a margin.
    #[must_use]
    pub fn new(subset: Subset, layout: Layout, policy: &MatchPolicy, margin: Margin) -> Self {
        let (total, bits) = (subset.total(layout), layout.bits() as u32);
        // Below this weight an estimate says nothing, and everybody passes. A quarter more than the policy asks for, because
        // this number is estimated too.
        let least = (policy.minimum_compared(layout).saturating_mul(5) / 4).saturating_mul(total).div_ceil(bits);
        let bound = |compared: u32| -> u32 {
            let Some(most) = policy.maximum_disagreeing(compared * bits / total, layout) else { return 0 };
            let limit = ((most + 1) * total).div_ceil(bits);
            // margin · √(n₀ / n) · n, where n₀ is 5/8 of everything.
            let permille = u64::from(margin.permille);
            let margin = (permille * permille * u64::from(total * 5 / 8) * u64::from(compared)).isqrt().div_ceil(1000);
            limit.saturating_add(margin.try_into().unwrap_or(u32::MAX))
        };
        let bounds = (0..=total)
            .map(|compared| if compared < least { total + 1 } else { bound(compared).min(total + 1) } as u16)
            .collect();
        Self { bounds }
    }

    /// Is the estimate near enough? One of a subset and layout other than those of the limits is answered by chance.
    #[must_use]
    pub fn passes(&self, estimate: &Estimate) -> bool {
        self.passed(estimate.disagreeing, estimate.compared)
    }

    /// How much more may disagree where more is compared, in sixteenths: about, and of any value the search is right.
    fn sixteenths(&self) -> u8 {
        let (low, high) = (self.bounds.len() / 2, self.bounds.len() * 7 / 8);
        let rise = u32::from(self.bounds[high]).saturating_sub(self.bounds[low].into());
        ((16 * rise + (high - low) as u32 / 2) / (high - low) as u32).min(16) as u8
    }

    /// For each usable weight of an entry what `disagreeing + missing · sixteenths / 16` is below at every rotation at which
    /// it passes, if the probe never has no bits for more than the weight `most_missing`.
    ///
    /// ```text
    ///   D < limit(V), V = usable − missing   ⟹   D + k·missing/16  <  k·usable/16 + max (limit(V) − k·V/16)
    /// ```
    ///
    /// where the maximum is over the V from usable − `most_missing` to usable.
    fn reach(&self, most_missing: u32, sixteenths: u8) -> Vec<u16> {
        let most_missing = most_missing as usize;
        let above = |compared: usize| 16 * i64::from(self.bounds[compared]) - i64::from(sixteenths) * signed(compared);
        // The greatest of a sliding window first, and behind it those that may become the greatest.
        let mut greatest: VecDeque<usize> = VecDeque::new();
        (0..self.bounds.len())
            .map(|usable| {
                while greatest.back().is_some_and(|&last| above(last) <= above(usable)) {
                    greatest.pop_back();
                }
                greatest.push_back(usable);
                let least = usable.saturating_sub(most_missing);
                while greatest.front().is_some_and(|&first| first < least) {
                    greatest.pop_front();
                }
                let greatest = greatest.front().map_or(0, |&first| above(first));
                let reach = (greatest + i64::from(sixteenths) * signed(usable)).div_euclid(16);
                // Beyond the whole weight everybody is below.
                reach.clamp(0, signed(self.bounds.len())) as u16
            })
            .collect()
    }

    fn passed(&self, disagreeing: u32, compared: u32) -> bool {
        disagreeing < u32::from(self.bounds[(compared as usize).min(self.bounds.len() - 1)])
    }
}

/// A part of every template of a gallery, kept for a search that may miss people; see the [module page](self).
///
/// 306 bytes an entry with [`Subset::Tenth`] and 200 columns. The bits are wiped when an entry is removed and on drop.
pub struct Prefilter {
    layout: Layout,
    encoder: EncoderVersion,
    subset: Subset,
    rows: [Rows; 2],
    /// All full but the last, which is not empty.
    blocks: Vec<Block>,
    /// Where each entry is: block × 256 + lane.
    places: BTreeMap<EntryId, u32>,
}

/// The kept bits of up to 256 entries, transposed.
#[derive(Clone)]
struct Block {
    names: Vec<EntryId>,
    /// Row by row, the kept columns of each.
    cells: Zeroizing<Vec<Cell>>,
    /// The weight of the kept usable bits of every entry.
    usable: Zeroizing<Vec<u16>>,
}

/// Who passed the first stage. Nothing is known about them yet, and nothing for certain about the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survivors {
    /// Their names, in ascending order.
    pub entries: Vec<EntryId>,
}

/// What a search says that began with a [`Prefilter`]: every hit is exact, but there may be matches that are not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApproximateSearchResult {
    /// The survivors that match, the nearest first, equally near ones by name.
    pub hits: Vec<Hit>,
    /// The survivors that had too few bits in common with the probe, by name.
    pub incomparable: Vec<EntryId>,
    /// How many entries survived and were compared exactly.
    pub survivors: usize,
}

impl Prefilter {
    /// Without entries.
    #[must_use]
    pub fn new(layout: Layout, encoder: EncoderVersion, subset: Subset) -> Self {
        Self { layout, encoder, subset, rows: subset.rows(), blocks: Vec::new(), places: BTreeMap::new() }
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

    /// Which bits are kept.
    #[must_use]
    pub const fn subset(&self) -> Subset {
        self.subset
    }

    /// Adds what is kept of a template.
    ///
    /// # Errors
    ///
    /// [`GalleryError`] if the template is incomparable with the others, or the name is taken; nothing is changed then.
    pub fn insert(&mut self, entry: EntryId, template: &IrisTemplate) -> Result<(), GalleryError> {
        check(template, self.layout, self.encoder)?;
        if self.places.contains_key(&entry) {
            return Err(GalleryError::Taken { entry });
        }
        if self.blocks.last().is_none_or(|block| block.names.len() == LANES) {
            let cells = self.rows.iter().map(|rows| rows.bits.len() * self.layout.columns() / rows.step).sum();
            self.blocks.push(Block {
                names: Vec::with_capacity(LANES),
                cells: Zeroizing::new(vec![Cell::EMPTY; cells]),
                usable: Zeroizing::new(vec![0; LANES]),
            });
        }
        let block = self.blocks.last_mut().expect("one was pushed if there was none");
        let lane = block.names.len();
        block.names.push(entry);
        let mut cells = block.cells.iter_mut();
        for rows in &self.rows {
            for bit in &rows.bits {
                let columns = template.code().columns().iter().zip(template.mask().columns());
                for ((code, mask), cell) in columns.step_by(rows.step).zip(&mut cells) {
                    cell.put(lane, mask >> bit & 1, code >> bit & 1);
                    block.usable[lane] += rows.weight as u16 * (mask >> bit & 1) as u16;
                }
            }
        }
        self.places.insert(entry, (self.places.len()) as u32);
        Ok(())
    }

    /// Removes an entry and wipes its bits; says whether there was one.
    pub fn remove(&mut self, entry: EntryId) -> bool {
        let Some(place) = self.places.remove(&entry) else {
            return false;
        };
        let (index, lane) = (place as usize / LANES, place as usize % LANES);
        // The last entry moves into the gap.
        let mut last = self.blocks.pop().expect("there is an entry, so there is a block");
        let from = last.names.len() - 1;
        let moved = last.names[from];
        if moved != entry {
            self.places.insert(moved, place);
        }
        if index == self.blocks.len() {
            last.names.swap_remove(lane);
            last.copy_within(from, lane);
        } else {
            let to = &mut self.blocks[index];
            to.names[lane] = moved;
            last.names.pop();
            for (to, from_cell) in to.cells.iter_mut().zip(last.cells.iter()) {
                to.ones.set(lane, from_cell.ones.get(from));
                to.zeros.set(lane, from_cell.zeros.get(from));
            }
            to.usable[lane] = last.usable[from];
        }
        last.clear(from);
        if !last.names.is_empty() {
            self.blocks.push(last);
        }
        true
    }

    /// Who is near enough to be compared exactly.
    ///
    /// # Errors
    ///
    /// [`Incomparable`] if layout or encoder of the probe differ from those of the entries.
    pub fn survivors(
        &self,
        probe: &IrisTemplate,
        policy: &MatchPolicy,
        margin: Margin,
    ) -> Result<Survivors, Incomparable> {
        self.survivors_with(Kernel::best(), probe, policy, margin)
    }

    /// [`survivors`](Self::survivors) with a kernel of the caller's choice, for tests and benches; the result is the same.
    ///
    /// # Errors
    ///
    /// As [`survivors`](Self::survivors).
    pub fn survivors_with(
        &self,
        kernel: Kernel,
        probe: &IrisTemplate,
        policy: &MatchPolicy,
        margin: Margin,
    ) -> Result<Survivors, Incomparable> {
        let scan = self.scan(kernel, probe, policy, margin)?;
        let mut work = Work::new();
        for index in 0..self.blocks.len() {
            scan.block(index, &mut work);
        }
        Ok(work.take())
    }

    /// [`survivors`](Self::survivors) on all threads of rayon's pool; the result is the same.
    ///
    /// # Errors
    ///
    /// As [`survivors`](Self::survivors).
    #[cfg(feature = "rayon")]
    pub fn par_survivors(
        &self,
        probe: &IrisTemplate,
        policy: &MatchPolicy,
        margin: Margin,
    ) -> Result<Survivors, Incomparable> {
        use rayon::iter::{IntoParallelIterator, ParallelIterator};

        let scan = self.scan(Kernel::best(), probe, policy, margin)?;
        let part = |mut work: Work, index| {
            scan.block(index, &mut work);
            work
        };
        let parts = (0..self.blocks.len()).into_par_iter().fold(Work::new, part);
        let mut entries: Vec<EntryId> = parts.flat_map_iter(|mut work| work.take().entries).collect();
        entries.sort_unstable();
        Ok(Survivors { entries })
    }

    /// Compares the probe with the survivors, whose templates the caller has: exact for those, silent about the others.
    ///
    /// # Errors
    ///
    /// [`Incomparable`] if layout or encoder of the probe differ from those of the entries, and whatever fetching a
    /// template fails with.
    pub fn search<E: From<Incomparable>>(
        &self,
        probe: &IrisTemplate,
        policy: &MatchPolicy,
        margin: Margin,
        mut template: impl FnMut(EntryId) -> Result<IrisTemplate, E>,
    ) -> Result<ApproximateSearchResult, E> {
        let survivors = self.survivors(probe, policy, margin)?.entries;
        let mut result = ApproximateSearchResult { survivors: survivors.len(), ..ApproximateSearchResult::default() };
        for entry in survivors {
            match compare(probe, &template(entry)?, policy) {
                Comparison::Match(alignment) => result.hits.push(Hit { entry, alignment }),
                Comparison::NonMatch(_) => {}
                Comparison::Incomparable(Incomparable::TooFewBits { .. }) => result.incomparable.push(entry),
                Comparison::Incomparable(reason) => return Err(reason.into()),
            }
        }
        result.hits.sort_by(|a, b| policy.score.order(a.alignment.distance, b.alignment.distance));
        Ok(result)
    }

    /// Copies of the blocks, until there are at least so many entries; names are no longer unique then.
    #[cfg(feature = "testing")]
    pub(super) fn repeated(mut self, entries: usize) -> Self {
        let (blocks, people) = (self.blocks.len(), self.len().max(1));
        for index in blocks..blocks * entries.div_ceil(people).max(1) {
            self.blocks.push(self.blocks[index - blocks].clone());
        }
        self
    }

    #[cfg(feature = "testing")]
    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Bytes of all blocks.
    #[cfg(feature = "testing")]
    pub(super) fn bytes(&self) -> usize {
        let of_block = |block: &Block| {
            size_of_val(&**block.cells) + size_of_val(&**block.usable) + block.names.capacity() * size_of::<EntryId>()
        };
        self.blocks.iter().map(of_block).sum()
    }

    /// A search on its way through the blocks.
    pub(super) fn scan(
        &self,
        kernel: Kernel,
        probe: &IrisTemplate,
        policy: &MatchPolicy,
        margin: Margin,
    ) -> Result<Scan<'_>, Incomparable> {
        check(probe, self.layout, self.encoder)?;
        let limits = Limits::new(self.subset, self.layout, policy, margin);
        let sixteenths = limits.sixteenths();
        let reach = limits.reach(self.most_missing(probe), sixteenths);
        let program = kernel.subset_program(&self.rows, probe, policy.maximum_rotation, sixteenths);
        Ok(Scan { prefilter: self, kernel, limits, reach, program })
    }

    /// The greatest weight that the probe has no bits for, at any turn.
    fn most_missing(&self, probe: &IrisTemplate) -> u32 {
        let mask = probe.mask().columns();
        let of_row = |rows: &Rows, bit: u8| {
            // What the kept columns meet: every step-th column of the probe from one on.
            let met = |first: usize| mask.iter().skip(first).step_by(rows.step).map(|word| (!word >> bit & 1) as u32);
            rows.weight * (0..rows.step).map(|first| met(first).sum()).max().unwrap_or(0)
        };
        self.rows.iter().flat_map(|rows| rows.bits.iter().map(|&bit| of_row(rows, bit))).sum()
    }
}

impl Block {
    /// Copies the bits of one lane over those of another.
    fn copy_within(&mut self, from: usize, to: usize) {
        for cell in self.cells.iter_mut() {
            for slice in [&mut cell.ones, &mut cell.zeros] {
                slice.set(to, slice.get(from));
            }
        }
        self.usable[to] = self.usable[from];
    }

    fn clear(&mut self, lane: usize) {
        for cell in self.cells.iter_mut() {
            cell.ones.set(lane, false);
            cell.zeros.set(lane, false);
        }
        self.usable[lane] = 0;
    }
}

/// One probe on its way through a prefilter.
pub(super) struct Scan<'a> {
    prefilter: &'a Prefilter,
    kernel: Kernel,
    limits: Limits,
    /// The bounds of the kernel, by the usable weight of an entry.
    reach: Vec<u16>,
    program: SubsetProgram,
}

/// The memory of a scan, and what it has found.
pub(super) struct Work {
    scratch: SubsetScratch,
    candidates: Vec<Candidate>,
    survivors: Vec<EntryId>,
}

impl Work {
    pub(super) fn new() -> Self {
        Self { scratch: SubsetScratch::new(), candidates: Vec::new(), survivors: Vec::new() }
    }

    /// The survivors since the last call.
    pub(super) fn take(&mut self) -> Survivors {
        let mut entries = core::mem::take(&mut self.survivors);
        entries.sort_unstable();
        Survivors { entries }
    }
}

impl Scan<'_> {
    /// Looks at a block; returns how many entries it has.
    pub(super) fn block(&self, index: usize, work: &mut Work) -> usize {
        let Work { scratch, candidates, survivors } = work;
        let block = &self.prefilter.blocks[index];
        let next = self.prefilter.blocks.get(index + 1).map_or(&[][..], |next| &next.cells);
        // Places without an entry have a bound of 0, and nobody is below that.
        let mut bounds = [0; LANES];
        for ((bound, &usable), _) in bounds.iter_mut().zip(block.usable.iter()).zip(&block.names) {
            *bound = self.reach[usize::from(usable)];
        }
        candidates.clear();
        self.kernel.sift_subset(&self.program, &block.cells, next, &Bounds::new(&bounds), scratch, candidates);
        let mut passed = Slice::EMPTY;
        for candidate in candidates.iter() {
            let lane = usize::from(candidate.lane);
            if self.limits.passed(candidate.disagreeing.into(), (block.usable[lane] - candidate.missing).into()) {
                passed.set(lane, true);
            }
        }
        survivors.extend(passed.lanes().map(|lane| block.names[lane]));
        block.names.len()
    }
}

/// A number of bits, of at most some ten thousand.
fn signed(bits: usize) -> i64 {
    i64::try_from(bits).expect("no template has so many bits")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::iris::{IrisCode, Mask};
    use crate::matcher::{ScoreRule, Threshold};

    const ENCODER: EncoderVersion = EncoderVersion::Other(1);

    /// Templates from alike to strange, some of them with next to nothing usable.
    fn template(layout: Layout, number: u64) -> IrisTemplate {
        let mut state = number;
        let mut word = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ z >> 31
        };
        let code = (0..layout.columns() as u64).map(|column| {
            let alike = (column / 3).wrapping_mul(column / 3 + 7).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            alike ^ (0..number % 4).fold(word(), |flips, _| flips & word())
        });
        let code = IrisCode::from_columns(layout, code.collect()).unwrap();
        let mask = match number % 9 {
            0 => Mask::empty(layout),
            1 => Mask::full(layout),
            2 => Mask::from_fn(layout, |_, _, column, _| column < layout.columns() / 5),
            3 => Mask::from_fn(layout, |_, row, _, _| row < 5),
            _ => Mask::from_columns(layout, (0..layout.columns()).map(|_| word() | word()).collect()).unwrap(),
        };
        IrisTemplate::new(code, mask, ENCODER).unwrap().rotated(Rotation::new((number % 23) as i16 - 11))
    }

    #[test]
    fn the_wavelets_have_equal_shares() {
        for (layout, tenth, fifth) in [(Layout::Columns200, 1_200, 2_400), (Layout::Columns256, 1_536, 3_072)] {
            for (subset, bits) in [(Subset::Tenth, tenth), (Subset::Fifth, fifth)] {
                let rows = subset.rows();
                let kept = rows.each_ref().map(|rows| rows.bits.len() * layout.columns() / rows.step);
                assert_eq!(kept[0] + kept[1], bits);
                assert_eq!(kept[0] as u32 * rows[0].weight, kept[1] as u32 * rows[1].weight);
                // Bits 0–15 and 32–47 of a column are of the coarse wavelet.
                assert!(rows[0].bits.iter().all(|bit| bit % 32 < 16) && rows[1].bits.iter().all(|bit| bit % 32 >= 16));
            }
        }
    }

    #[test]
    fn the_estimate_of_whole_templates_is_a_weighted_count() {
        let layout = Layout::Columns200;
        let (probe, reference) = (template(layout, 4), template(layout, 15));
        for subset in [Subset::Tenth, Subset::Fifth] {
            let (coarse_step, fine_rows) = if subset == Subset::Tenth { (8, 4) } else { (4, 2) };
            for estimate in subset.estimates(&probe, &reference, 15).unwrap() {
                let turned = probe.rotated(estimate.rotation);
                let (mut disagreeing, mut compared) = (0, 0);
                for column in 0..200 {
                    for row in 0..16 {
                        for part in 0..2 {
                            let coarse = column % coarse_step == 0 && row % 2 == 1;
                            let fine = column % 2 == 0 && row % fine_rows == (fine_rows == 4) as usize;
                            for (wavelet, weight) in [(0, 2 * u32::from(coarse)), (1, u32::from(fine))] {
                                let bit = |template: &IrisTemplate| template.code().bit(wavelet, row, column, part);
                                let usable = |template: &IrisTemplate| template.mask().bit(wavelet, row, column, part);
                                let both = u32::from(usable(&turned) && usable(&reference));
                                compared += weight * both;
                                disagreeing += weight * both * u32::from(bit(&turned) != bit(&reference));
                            }
                        }
                    }
                }
                assert_eq!((estimate.disagreeing, estimate.compared), (disagreeing, compared), "{subset:?}");
            }
        }
    }

    #[test]
    fn survivors_are_those_whose_estimate_is_near() {
        for layout in Layout::ALL {
            for subset in [Subset::Tenth, Subset::Fifth] {
                let entries: Vec<IrisTemplate> = (0..600).map(|number| template(layout, 1000 + number)).collect();
                let mut prefilter = Prefilter::new(layout, ENCODER, subset);
                for (number, entry) in (0..).zip(&entries) {
                    prefilter.insert(EntryId::new(number), entry).unwrap();
                }
                let (mut near, mut far) = (0, 0);
                for (probe, score, margin, maximum_rotation) in [
                    (4, ScoreRule::Fractional, subset.margin(3), 15),
                    (8, ScoreRule::Normalized, subset.margin(3), 15),
                    (15, ScoreRule::Normalized, Margin::from_permille(0), 15),
                    (1, ScoreRule::Fractional, Margin::from_permille(30), 15),
                    (2, ScoreRule::Fractional, subset.margin(1), 15),
                    (0, ScoreRule::Fractional, subset.margin(1), 15),
                    // One rotation, a few, and more than one pass has.
                    (7, ScoreRule::Normalized, subset.margin(2), 0),
                    (4, ScoreRule::Normalized, subset.margin(3), 6),
                    (8, ScoreRule::Fractional, subset.margin(3), 37),
                    (5, ScoreRule::Normalized, subset.margin(0), 255),
                ] {
                    let probe = template(layout, probe);
                    let threshold = Threshold::new(33, 100).unwrap();
                    let policy = MatchPolicy { score, threshold, maximum_rotation, ..MatchPolicy::default() };
                    let passes = |entry: &EntryId| {
                        let entry = &entries[entry.number() as usize];
                        subset.passes(&probe, entry, &policy, margin).unwrap()
                    };
                    let wanted: Vec<EntryId> = (0..600).map(EntryId::new).filter(passes).collect();
                    for kernel in Kernel::available() {
                        let found = prefilter.survivors_with(kernel, &probe, &policy, margin).unwrap();
                        assert_eq!(found.entries, wanted, "{kernel:?}, {subset:?}, {layout}");
                    }
                    #[cfg(feature = "rayon")]
                    assert_eq!(prefilter.par_survivors(&probe, &policy, margin).unwrap().entries, wanted);
                    near += wanted.len();
                    far += entries.len() - wanted.len();
                }
                assert!(near > 300 && far > 300, "{near} near, {far} far");
            }
        }
    }

    #[test]
    fn more_compared_bits_never_lower_a_limit() {
        for layout in Layout::ALL {
            for subset in [Subset::Tenth, Subset::Fifth] {
                for policy in [MatchPolicy::default(), MatchPolicy::OPEN_IRIS] {
                    let limits = Limits::new(subset, layout, &policy, subset.margin(3));
                    // An eighth of the bits and a quarter more.
                    let (unjudged, judged) = limits.bounds.split_at(limits.bounds.len() * 5 / 32 + 1);
                    assert!(judged.is_sorted());
                    assert!(unjudged[..unjudged.len() - 1].iter().all(|bound| *bound as usize == limits.bounds.len()));
                    // With everything usable the limit is the policy's, and the margin shrinks to √(5/8) of itself.
                    let total = subset.total(layout);
                    let most = policy.maximum_disagreeing(layout.bits() as u32, layout).unwrap();
                    let limit = f64::from(most) / layout.bits() as f64
                        + f64::from(subset.margin(3).permille()) / 1000.0 * 0.625_f64.sqrt();
                    assert!((f64::from(limits.bounds[total as usize]) - limit * f64::from(total)).abs() < 3.0);
                }
            }
        }
    }

    #[test]
    fn nobody_who_passes_is_out_of_reach() {
        for layout in Layout::ALL {
            for (subset, policy) in [
                (Subset::Tenth, MatchPolicy::default()),
                (Subset::Tenth, MatchPolicy::OPEN_IRIS),
                (Subset::Fifth, MatchPolicy { minimum_compared_permille: 600, ..MatchPolicy::default() }),
            ] {
                let limits = Limits::new(subset, layout, &policy, subset.margin(3));
                let total = limits.bounds.len() - 1;
                for (most_missing, sixteenths) in
                    [(0, 7), (total / 3, limits.sixteenths()), (total / 2, 0), (total, 16), (97, 5)]
                {
                    let reach = limits.reach(most_missing as u32, sixteenths);
                    let mut slack = usize::MAX;
                    for usable in (0..=total).step_by(8) {
                        for missing in 0..=most_missing.min(usable) {
                            // The most that may disagree, if anything may: no more than is compared.
                            let compared = usable - missing;
                            let Some(most) = limits.bounds[compared].checked_sub(1) else { continue };
                            let weighed = usize::from(most).min(compared) + missing * usize::from(sixteenths) / 16;
                            assert!(weighed < reach[usable].into(), "{missing} of {usable} missing, {sixteenths}/16");
                            // The reach is that of the limits alone, which do not know that no more disagrees than is compared.
                            let limit = usize::from(most) + missing * usize::from(sixteenths) / 16;
                            slack = slack.min((usize::from(reach[usable]) - 1).saturating_sub(limit));
                        }
                    }
                    assert!(slack <= 1, "it is no further than it must be");
                }
            }
        }
    }

    #[test]
    fn entries_come_and_go() {
        let layout = Layout::Columns200;
        let entries: Vec<IrisTemplate> = (0..520).map(|number| template(layout, 2000 + number)).collect();
        let mut prefilter = Prefilter::new(layout, ENCODER, Subset::Tenth);
        let mut here: Vec<u32> = Vec::new();
        let mut state = 1_u64;
        for step in 0..1_500 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = (state >> 33) as u32 % 520;
            let entry = EntryId::new(number);
            if here.contains(&number) {
                assert_eq!(prefilter.insert(entry, &entries[0]), Err(GalleryError::Taken { entry }));
                // Grows first, shrinks later.
                if step > 600 || number.is_multiple_of(3) {
                    assert!(prefilter.remove(entry));
                    here.retain(|other| *other != number);
                }
            } else if step < 1_000 {
                assert!(!prefilter.remove(entry));
                prefilter.insert(entry, &entries[number as usize]).unwrap();
                here.push(number);
            }
            assert_eq!(prefilter.len(), here.len());
            if step % 100 == 99 {
                let probe = template(layout, 4);
                let (policy, margin) = (MatchPolicy::default(), Subset::Tenth.margin(3));
                let mut wanted: Vec<EntryId> = here.iter().copied().map(EntryId::new).collect();
                wanted.sort_unstable();
                wanted.retain(|entry| {
                    Subset::Tenth.passes(&probe, &entries[entry.number() as usize], &policy, margin).unwrap()
                });
                assert_eq!(prefilter.survivors(&probe, &policy, margin).unwrap().entries, wanted, "step {step}");
            }
        }
        here.into_iter().for_each(|number| assert!(prefilter.remove(EntryId::new(number))));
        assert!(prefilter.is_empty() && prefilter.blocks.is_empty());
    }

    #[test]
    fn what_a_search_finds_is_exact_and_a_part_of_everything() {
        let layout = Layout::Columns200;
        let entries: Vec<IrisTemplate> = (0..300).map(|number| template(layout, 3000 + number)).collect();
        let mut prefilter = Prefilter::new(layout, ENCODER, Subset::Tenth);
        for (number, entry) in (0..).zip(&entries) {
            prefilter.insert(EntryId::new(number), entry).unwrap();
        }
        let policy = MatchPolicy { threshold: Threshold::new(36, 100).unwrap(), ..MatchPolicy::default() };
        let probe = template(layout, 15);
        let stored = |entry: EntryId| Ok::<_, Incomparable>(entries[entry.number() as usize].clone());
        let exact: Vec<Hit> = (0..)
            .zip(&entries)
            .filter_map(|(number, entry)| match compare(&probe, entry, &policy) {
                Comparison::Match(alignment) => Some(Hit { entry: EntryId::new(number), alignment }),
                _ => None,
            })
            .collect();
        // However wide or narrow the margin: no hit that the exact comparison does not make, in its words.
        let mut found = 0;
        for margin in [0, 15, 45, 500] {
            let result = prefilter.search(&probe, &policy, Margin::from_permille(margin), stored).unwrap();
            assert!(result.hits.iter().all(|hit| exact.contains(hit)));
            assert!(result.hits.is_sorted_by(|a, b| {
                policy.score.order(a.alignment.distance, b.alignment.distance).then(a.entry.cmp(&b.entry)).is_le()
            }));
            assert!(result.hits.len() >= found && result.survivors >= result.hits.len());
            found = result.hits.len();
        }
        // And with a margin that lets everybody pass it is the exact search.
        assert_eq!(found, exact.len());
        assert!(found > 10);
        let other = template(Layout::Columns256, 1);
        assert!(matches!(
            prefilter.survivors(&other, &policy, Margin::from_permille(0)),
            Err(Incomparable::Layout { .. })
        ));
    }
}
