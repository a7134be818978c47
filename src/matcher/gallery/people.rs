//! People with one eye or two, and the search for a person among them in one pass.
//!
//! Whoever has both eyes in the gallery has them at the same place of two galleries that grow and shrink together, so that
//! block n of the one holds the left eyes of the people whose right eyes block n of the other holds. People with one eye are
//! apart. A search goes through the people block by block, and holds everything that is asked about a block (both eyes of
//! the probe, each as its own side and as the other one, each also mirrored) against it while it is in the cache.
//!
//! With [`EyeRule::Both`] a person is found only if the eye that is compared first matches or cannot be compared. So the
//! right eyes of a block are looked at only if one of its left eyes was of that kind: nearly never.

use alloc::vec::Vec;
use core::fmt;

use super::block::Block;
use super::scan::{Lanes, Scan, Work};
use super::{EntryId, Gallery, GalleryError, GallerySnapshot};
use crate::iris::{EncoderVersion, EyeSide, IrisTemplate, Layout};
use crate::matcher::compare::{Incomparable, check};
use crate::matcher::kernel::Kernel;
use crate::matcher::{Alignment, EyeRule, MatchPolicy, ScoreRule};

/// The eyes of one person, presented or enrolled.
#[derive(Clone, Copy, Debug, Default)]
pub struct EyePair<'a> {
    /// The left eye.
    pub left: Option<&'a IrisTemplate>,
    /// The right eye.
    pub right: Option<&'a IrisTemplate>,
}

impl<'a> EyePair<'a> {
    /// The eye of this side, if it is there.
    #[must_use]
    pub const fn of(&self, side: EyeSide) -> Option<&'a IrisTemplate> {
        match side {
            EyeSide::Left => self.left,
            EyeSide::Right => self.right,
        }
    }

    /// The eyes that are there, left first.
    pub fn present(&self) -> impl Iterator<Item = (EyeSide, &'a IrisTemplate)> + use<'a> {
        let eyes = *self;
        EyeSide::BOTH.into_iter().filter_map(move |side| eyes.of(side).map(|template| (side, template)))
    }
}

/// What is asked about a person; see [`PeopleGallery::search`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeopleSearch {
    /// What counts as the same eye, and with [`MatchPolicy::eye_rule`] as the same person.
    pub policy: MatchPolicy,
    /// Is each eye also compared with those of the other side, in case left was shown as right?
    pub swapped: bool,
    /// Is the mirror image of each eye searched for too, in case a flipped picture was shown?
    pub mirrored: bool,
}

/// An eye of the probe that matches an eye of a person in the gallery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which of the person's eyes in the gallery.
    pub eye: EyeSide,
    /// Which eye of the probe; the other one if left and right were exchanged.
    pub probe: EyeSide,
    /// Where and how well it fits.
    pub alignment: Alignment,
}

/// A person whom the probe matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonHit {
    /// The name under which the person was inserted.
    pub entry: EntryId,
    /// The eyes that match, the nearest first; at least one.
    pub sightings: Vec<Sighting>,
}

/// What a search for a person says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleFound {
    /// The people who match, the nearest first, equally near ones by name.
    pub hits: Vec<PersonHit>,
    /// Those who match the mirror images of the eyes, in the same order. Empty if that was not asked.
    pub mirrored: Vec<PersonHit>,
    /// The people of whom an eye was compared with the eye of the same side, and none had enough bits in common, by
    /// name; nothing is known about those.
    pub incomparable: Vec<EntryId>,
}

impl PeopleFound {
    #[cfg(feature = "rayon")]
    fn and(mut self, other: Self) -> Self {
        self.hits.extend(other.hits);
        self.mirrored.extend(other.mirrored);
        self.incomparable.extend(other.incomparable);
        self
    }

    fn sort(&mut self, score: ScoreRule) {
        for hits in [&mut self.hits, &mut self.mirrored] {
            hits.sort_unstable_by(|a, b| {
                let [nearest, other] = [a, b].map(|hit| hit.sightings[0].alignment.distance);
                score.order(nearest, other).then(a.entry.cmp(&b.entry))
            });
        }
        self.incomparable.sort_unstable();
    }
}

/// People of one layout and one encoder, each with one eye or two, kept for searching.
///
/// Everything that [`Gallery`] says of its entries holds for these too.
///
/// # Examples
///
/// ```
/// use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask};
/// use personhood::matcher::{EntryId, EyePair, EyeRule, MatchPolicy, PeopleGallery, PeopleSearch};
///
/// let layout = Layout::Columns200;
/// let eye = |seed: usize| {
///     let code = IrisCode::from_fn(layout, |w, r, c, p| (seed * (r + 1) * (c + 1) + w + p) % 13 < 6);
///     IrisTemplate::new(code, Mask::full(layout), EncoderVersion::Other(1))
/// };
/// let (left, right) = (eye(3)?, eye(5)?);
/// let mut people = PeopleGallery::new(layout, EncoderVersion::Other(1));
/// people.insert(EntryId::new(7), EyePair { left: Some(&left), right: Some(&right) })?;
///
/// let policy = MatchPolicy { eye_rule: EyeRule::Both, ..MatchPolicy::default() };
/// let exchanged = EyePair { left: Some(&right), right: Some(&left) };
/// let plain = people.search(exchanged, &PeopleSearch { policy, ..PeopleSearch::default() })?;
/// assert!(plain.hits.is_empty());
/// let found = people.search(exchanged, &PeopleSearch { policy, swapped: true, mirrored: true })?;
/// assert_eq!((found.hits[0].entry, found.hits[0].sightings.len()), (EntryId::new(7), 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PeopleGallery {
    /// Left eyes and right eyes of those who have both, each person at one place of both galleries: every insertion and
    /// removal is done to both.
    both: [Gallery; 2],
    /// Those who have one eye, by its side.
    single: [Gallery; 2],
}

impl PeopleGallery {
    /// Nobody.
    #[must_use]
    pub fn new(layout: Layout, encoder: EncoderVersion) -> Self {
        let empty = || [Gallery::new(layout, encoder), Gallery::new(layout, encoder)];
        Self { both: empty(), single: empty() }
    }

    /// The layout of every template.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.both[0].layout()
    }

    /// The encoder of the templates; see [`EncoderVersion::is_comparable_with`].
    #[must_use]
    pub fn encoder(&self) -> EncoderVersion {
        self.both[0].encoder()
    }

    /// How many people there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.both[0].len() + self.single[0].len() + self.single[1].len()
    }

    /// Is there nobody?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many people have an eye of this side here.
    #[must_use]
    pub fn eyes(&self, side: EyeSide) -> usize {
        self.both[0].len() + self.single[side as usize].len()
    }

    /// Is there a person of this name?
    #[must_use]
    pub fn contains(&self, entry: EntryId) -> bool {
        self.both[0].contains(entry) || self.single.iter().any(|gallery| gallery.contains(entry))
    }

    /// Adds copies of a person's templates; somebody without any is not added, and that is no error.
    ///
    /// # Errors
    ///
    /// [`GalleryError`] if a template is incomparable with the others, or the name is taken; nothing is changed then.
    pub fn insert(&mut self, entry: EntryId, eyes: EyePair<'_>) -> Result<(), GalleryError> {
        if self.contains(entry) {
            return Err(GalleryError::Taken { entry });
        }
        for (_, template) in eyes.present() {
            check(template, self.layout(), self.encoder())?;
        }
        match (eyes.left, eyes.right) {
            (Some(left), Some(right)) => {
                self.both[0].insert(entry, left)?;
                self.both[1].insert(entry, right)
            }
            _ => eyes.present().try_for_each(|(side, template)| self.single[side as usize].insert(entry, template)),
        }
    }

    /// Removes a person and wipes the bits; says whether there was one. As [`Gallery::remove`].
    pub fn remove(&mut self, entry: EntryId) -> bool {
        let [left, right] = &mut self.both;
        if left.remove(entry) {
            return right.remove(entry);
        }
        self.single.iter_mut().any(|gallery| gallery.remove(entry))
    }

    /// The people as they are now, for searches that what comes later does not change or hold up. As [`Gallery::snapshot`].
    #[must_use]
    pub fn snapshot(&self) -> PeopleSnapshot {
        let snapshots = |galleries: &[Gallery; 2]| galleries.each_ref().map(Gallery::snapshot);
        PeopleSnapshot { both: snapshots(&self.both), single: snapshots(&self.single) }
    }

    /// Everybody whom a person's eyes match, over all rotations of the policy: exact, nobody is skipped.
    ///
    /// The eyes of the probe are paired with a person's: left with left and right with right, and, if
    /// [`swapped`](PeopleSearch::swapped) ones are asked for, each with the other one. With [`EyeRule::Either`] a pairing in
    /// which an eye matches makes the person a hit; with [`EyeRule::Both`] one in which an eye matches and none differs, so
    /// that masking one eye does not undo the match of the other. All that match in such pairings are
    /// the person's sightings. Mirror images are judged apart, in the same way.
    ///
    /// All of this is one pass through the people, and the result is the one of as many single searches.
    ///
    /// # Errors
    ///
    /// [`Incomparable`] if layout or encoder of an eye differ from the gallery's. A probe without eyes finds nobody.
    pub fn search(&self, probe: EyePair<'_>, search: &PeopleSearch) -> Result<PeopleFound, Incomparable> {
        self.snapshot().search(probe, search)
    }

    /// [`PeopleGallery::search`] on all threads of rayon's pool; the result is the same, in the same order.
    ///
    /// # Errors
    ///
    /// As [`PeopleGallery::search`].
    #[cfg(feature = "rayon")]
    pub fn par_search(&self, probe: EyePair<'_>, search: &PeopleSearch) -> Result<PeopleFound, Incomparable> {
        self.snapshot().par_search(probe, search)
    }

    /// [`PeopleGallery::search`] for many people in one pass: every block of the gallery is held against all of them while it
    /// is in the cache. One answer for each, in their order, and the same ones.
    ///
    /// # Errors
    ///
    /// As [`PeopleGallery::search`], for the first probe that cannot be compared.
    pub fn search_batch(
        &self,
        probes: &[EyePair<'_>],
        search: &PeopleSearch,
    ) -> Result<Vec<PeopleFound>, Incomparable> {
        self.snapshot().search_batch(probes, search)
    }

    /// [`PeopleGallery::search_batch`] on all threads of rayon's pool; the result is the same, in the same order.
    ///
    /// # Errors
    ///
    /// As [`PeopleGallery::search_batch`].
    #[cfg(feature = "rayon")]
    pub fn par_search_batch(
        &self,
        probes: &[EyePair<'_>],
        search: &PeopleSearch,
    ) -> Result<Vec<PeopleFound>, Incomparable> {
        self.snapshot().par_search_batch(probes, search)
    }
}

impl fmt::Debug for PeopleGallery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeopleGallery")
            .field("layout", &self.layout())
            .field("encoder", &self.encoder())
            .field("people", &self.len())
            .finish_non_exhaustive()
    }
}

/// The people that a [`PeopleGallery`] had at one moment; see [`PeopleGallery::snapshot`].
#[derive(Clone, Debug)]
pub struct PeopleSnapshot {
    both: [GallerySnapshot; 2],
    single: [GallerySnapshot; 2],
}

impl PeopleSnapshot {
    /// How many people there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.both[0].len() + self.single[0].len() + self.single[1].len()
    }

    /// Is there nobody?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As [`PeopleGallery::search`].
    ///
    /// # Errors
    ///
    /// As [`PeopleGallery::search`].
    pub fn search(&self, probe: EyePair<'_>, search: &PeopleSearch) -> Result<PeopleFound, Incomparable> {
        let plan = self.plan(probe, search)?;
        let mut work = PlanWork::new(&plan, self.both[0].layout);
        let mut found = PeopleFound::default();
        for place in 0..self.blocks() {
            plan.block(self.eyes(place), self.eyes(place + 1), &mut work, &mut found);
        }
        found.sort(search.policy.score);
        Ok(found)
    }

    /// As [`PeopleGallery::par_search`].
    ///
    /// # Errors
    ///
    /// As [`PeopleGallery::search`].
    #[cfg(feature = "rayon")]
    pub fn par_search(&self, probe: EyePair<'_>, search: &PeopleSearch) -> Result<PeopleFound, Incomparable> {
        use rayon::iter::{IntoParallelIterator, ParallelIterator};

        let plan = self.plan(probe, search)?;
        let mut found = (0..self.blocks())
            .into_par_iter()
            .fold(
                || (PlanWork::new(&plan, self.both[0].layout), PeopleFound::default()),
                |(mut work, mut found), place| {
                    plan.block(self.eyes(place), self.eyes(place + 1), &mut work, &mut found);
                    (work, found)
                },
            )
            .map(|(_, found)| found)
            .reduce(PeopleFound::default, PeopleFound::and);
        found.sort(search.policy.score);
        Ok(found)
    }

    /// As [`PeopleGallery::search_batch`].
    ///
    /// # Errors
    ///
    /// As [`PeopleGallery::search_batch`].
    pub fn search_batch(
        &self,
        probes: &[EyePair<'_>],
        search: &PeopleSearch,
    ) -> Result<Vec<PeopleFound>, Incomparable> {
        let plans = self.plans(probes, search)?;
        let mut works = self.works(&plans);
        for place in 0..self.blocks() {
            self.hold_against(&plans, place, &mut works);
        }
        Ok(Self::sorted(works.into_iter().map(|(_, found)| found).collect(), search.policy.score))
    }

    /// As [`PeopleGallery::par_search_batch`].
    ///
    /// # Errors
    ///
    /// As [`PeopleGallery::search_batch`].
    #[cfg(feature = "rayon")]
    pub fn par_search_batch(
        &self,
        probes: &[EyePair<'_>],
        search: &PeopleSearch,
    ) -> Result<Vec<PeopleFound>, Incomparable> {
        use rayon::iter::{IntoParallelIterator, ParallelIterator};

        let plans = self.plans(probes, search)?;
        let found = (0..self.blocks())
            .into_par_iter()
            .fold(
                || self.works(&plans),
                |mut works, place| {
                    self.hold_against(&plans, place, &mut works);
                    works
                },
            )
            .map(|works| works.into_iter().map(|(_, found)| found).collect::<Vec<_>>())
            .reduce_with(|some, others| some.into_iter().zip(others).map(|(some, other)| some.and(other)).collect());
        let nobody = || plans.iter().map(|_| PeopleFound::default()).collect();
        Ok(Self::sorted(found.unwrap_or_else(nobody), search.policy.score))
    }

    fn plans(&self, probes: &[EyePair<'_>], search: &PeopleSearch) -> Result<Vec<Plan>, Incomparable> {
        probes.iter().map(|probe| self.plan(*probe, search)).collect()
    }

    fn works(&self, plans: &[Plan]) -> Vec<(PlanWork, PeopleFound)> {
        plans.iter().map(|plan| (PlanWork::new(plan, self.both[0].layout), PeopleFound::default())).collect()
    }

    fn hold_against(&self, plans: &[Plan], place: usize, works: &mut [(PlanWork, PeopleFound)]) {
        let eyes = self.eyes(place);
        for (at, (plan, (work, found))) in plans.iter().zip(works).enumerate() {
            // The next probe wants the same block; only the last one has another to look forward to.
            let next = if at + 1 == plans.len() { self.eyes(place + 1) } else { eyes };
            plan.block(eyes, next, work, found);
        }
    }

    fn sorted(mut found: Vec<PeopleFound>, score: ScoreRule) -> Vec<PeopleFound> {
        found.iter_mut().for_each(|found| found.sort(score));
        found
    }

    fn plan(&self, probe: EyePair<'_>, search: &PeopleSearch) -> Result<Plan, Incomparable> {
        let GallerySnapshot { layout, encoder, .. } = self.both[0];
        for (_, template) in probe.present() {
            check(template, layout, encoder)?;
        }
        Ok(Plan::new(Kernel::best(), probe, search))
    }

    /// Blocks of people: those with both eyes, then those with a left one, then those with a right one.
    fn blocks(&self) -> usize {
        self.both[0].blocks.len() + self.single[0].blocks.len() + self.single[1].blocks.len()
    }

    /// The left and the right eyes of the people of a block; neither behind the last one.
    fn eyes(&self, block: usize) -> [Option<&Block>; 2] {
        let Some(after) = block.checked_sub(self.both[0].blocks.len()) else {
            return [self.both[0].block(block), self.both[1].block(block)];
        };
        match after.checked_sub(self.single[0].blocks.len()) {
            None => [self.single[0].block(after), None],
            Some(after) => [None, self.single[1].block(after)],
        }
    }
}

/// Everything that is asked about every person, made ready for any number of blocks.
struct Plan {
    rule: EyeRule,
    score: ScoreRule,
    /// The eyes of the probe, and behind them their mirror images.
    probes: Vec<Probe>,
    /// Are probes compared with eyes of the other side?
    swapped: bool,
}

struct Probe {
    side: EyeSide,
    mirrored: bool,
    scan: Scan,
}

/// The memory of a plan: what every probe found among the left and the right eyes of a block.
struct PlanWork {
    work: Work,
    found: Vec<[Lanes; 2]>,
    /// Which of these were asked for in this block.
    asked: Vec<[bool; 2]>,
}

impl PlanWork {
    fn new(plan: &Plan, layout: Layout) -> Self {
        let mut found = Vec::new();
        found.resize_with(plan.probes.len(), <[Lanes; 2]>::default);
        Self { work: Work::new(layout), asked: alloc::vec![[false; 2]; found.len()], found }
    }
}

impl Plan {
    fn new(kernel: Kernel, eyes: EyePair<'_>, search: &PeopleSearch) -> Self {
        let mut probes = Vec::with_capacity(4);
        for mirrored in [false, true] {
            if mirrored && !search.mirrored {
                break;
            }
            for (side, template) in eyes.present() {
                let scan = if mirrored {
                    Scan::new(kernel, &template.mirrored(), &search.policy)
                } else {
                    Scan::new(kernel, template, &search.policy)
                };
                probes.push(Probe { side, mirrored, scan });
            }
        }
        Self { rule: search.policy.eye_rule, score: search.policy.score, probes, swapped: search.swapped }
    }

    /// Is this probe compared with the eyes of this side?
    fn compares(&self, probe: &Probe, eye: EyeSide) -> bool {
        self.swapped || probe.side == eye
    }

    /// The probe that is compared with the other eye of a person in the same pairing, by its index.
    fn partner(&self, probe: &Probe) -> Option<usize> {
        self.probes.iter().position(|other| other.mirrored == probe.mirrored && other.side != probe.side)
    }

    /// Adds what a block of people has; `next` are the eyes of the block that will be asked about after it.
    fn block(
        &self,
        eyes: [Option<&Block>; 2],
        next: [Option<&Block>; 2],
        work: &mut PlanWork,
        result: &mut PeopleFound,
    ) {
        let PlanWork { work, found, asked } = work;
        let mut anything = false;
        for side in EyeSide::BOTH {
            let Some(block) = eyes[side as usize] else {
                asked.iter_mut().for_each(|asked| asked[side as usize] = false);
                continue;
            };
            for (index, probe) in self.probes.iter().enumerate() {
                // A pairing whose first eye differs from everybody's is over.
                let matters = self.rule == EyeRule::Either
                    || side == EyeSide::Left
                    || self.partner(probe).is_none_or(|partner| {
                        !asked[partner][0]
                            || !found[partner][0].hits.is_empty()
                            || !found[partner][0].incomparable.is_empty()
                    });
                asked[index][side as usize] = self.compares(probe, side) && matters;
            }
            let last = asked.iter().rposition(|asked| asked[side as usize]);
            for index in 0..self.probes.len() {
                if !asked[index][side as usize] {
                    continue;
                }
                // What is fetched ahead: the beginning of the same block for the next probe, then another block.
                let ahead = if Some(index) != last {
                    Some(block)
                } else if side == EyeSide::Left && self.rule == EyeRule::Either && eyes[1].is_some() {
                    eyes[1]
                } else {
                    next[0].or(next[1])
                };
                let lanes = &mut found[index][side as usize];
                self.probes[index].scan.lanes(block, ahead, work, lanes);
                anything |= !lanes.hits.is_empty() || !lanes.incomparable.is_empty();
            }
        }
        if !anything {
            return;
        }
        let Some(names) = eyes[0].or(eyes[1]).map(Block::names) else { return };
        for (lane, &entry) in (0..=u8::MAX).zip(names) {
            let verdict = |index: usize, side: EyeSide| -> Option<Verdict> {
                asked[index][side as usize].then(|| {
                    let found = &found[index][side as usize];
                    match found.hit(lane) {
                        Some(alignment) => Verdict::Match(alignment),
                        None if found.incomparable.binary_search(&lane).is_ok() => Verdict::Incomparable,
                        None => Verdict::NonMatch,
                    }
                })
            };
            for (mirrored, hits) in [(false, &mut result.hits), (true, &mut result.mirrored)] {
                let sightings = self.sightings(mirrored, &verdict);
                if !sightings.is_empty() {
                    hits.push(PersonHit { entry, sightings });
                }
            }
            let plain = (0..self.probes.len()).filter(|&index| !self.probes[index].mirrored);
            let mut straight = plain.filter_map(|index| verdict(index, self.probes[index].side)).peekable();
            if straight.peek().is_some() && straight.all(|verdict| matches!(verdict, Verdict::Incomparable)) {
                result.incomparable.push(entry);
            }
        }
    }

    /// The matching eyes of one person in those pairings that make the probe this person.
    fn sightings(&self, mirrored: bool, verdict: &impl Fn(usize, EyeSide) -> Option<Verdict>) -> Vec<Sighting> {
        let mut all = Vec::new();
        for crossed in [false, true] {
            let first = all.len();
            let mut differs = false;
            for (index, probe) in self.probes.iter().enumerate().filter(|(_, probe)| probe.mirrored == mirrored) {
                let eye = if crossed { other(probe.side) } else { probe.side };
                match verdict(index, eye) {
                    Some(Verdict::Match(alignment)) => all.push(Sighting { eye, probe: probe.side, alignment }),
                    Some(Verdict::NonMatch) => differs = true,
                    Some(Verdict::Incomparable) | None => {}
                }
            }
            if differs && self.rule == EyeRule::Both {
                all.truncate(first);
            }
        }
        all.sort_by(|a, b| self.score.order(a.alignment.distance, b.alignment.distance));
        all
    }
}

enum Verdict {
    Match(Alignment),
    NonMatch,
    Incomparable,
}

const fn other(side: EyeSide) -> EyeSide {
    match side {
        EyeSide::Left => EyeSide::Right,
        EyeSide::Right => EyeSide::Left,
    }
}
