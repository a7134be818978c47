//! How many comparisons this machine makes in a second, beside the kernels that everybody writes first.
//!
//! One comparison is one probe against one entry at all rotations of the policy. Machines are shared, and their clocks and
//! neighbours move by a factor of two within milliseconds. So everything that is compared takes turns in windows of well
//! under a millisecond of the thread's own time; before and after each window a short loop that touches no memory tells
//! whether the core was its own; and each [`Rate`] is the median of the windows that were undisturbed, beside that of
//! all. Compare rates of one run with each other, not the absolute ones of two.
//!
//! The results of every window are compared with those of [`compare`].

use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;
use core::time::Duration;

use super::approximate::{Limits, Margin, Prefilter, Subset, Work};
use super::compare::{Comparison, Judge, compare, judge};
use super::gallery::{EntryId, Gallery, GallerySnapshot, Hit, Search, SearchResult};
use super::kernel::{Counts, Kernel, LANES, Probe};
use super::{Incomparable, MatchPolicy};
use crate::iris::IrisTemplate;

/// Blocks of one window of the search: 1,024 comparisons.
const BLOCKS: usize = 4;
/// Probes of the batch that is measured, and blocks of its windows: 2,048 comparisons.
const BATCH: usize = 8;
const BATCH_BLOCKS: usize = 1;
/// Blocks of one window of the approximate first stage: 4,096 comparisons.
const PREFILTER_BLOCKS: usize = 16;
/// What the first stage keeps, and how many standard errors it allows for.
const SUBSET: Subset = Subset::Tenth;
const STANDARD_ERRORS: u8 = 3;
/// Rounds of adders in one window.
const ADDER_ROUNDS: usize = 50_000;
/// Comparisons of one window of a kernel that takes entries one by one.
const ONE_BY_ONE: usize = 128;
/// Entries that those kernels read: with both layouts several times what a third-level cache holds.
const PLAIN_ENTRIES: usize = 65_536;
/// Blocks whose bytes are only read, in one window.
const STREAM_BLOCKS: usize = 2;
/// A window counts as undisturbed if the loops around it took at most so much longer than the fast ones of the run: than the
/// fastest twentieth, because the very fastest may have met a clock that is never seen again.
const TOLERANCE: f64 = 1.06;
/// With fewer undisturbed windows than this, their median is not one.
const LEAST_QUIET: usize = 9;

/// A gallery, the same people one after the other, and a probe.
pub struct Subject {
    policy: MatchPolicy,
    probe: IrisTemplate,
    gallery: GallerySnapshot,
    /// How many different people there are; the others are copies.
    people: usize,
    /// The hits among the people.
    hits: Vec<Hit>,
    /// Some of the people as probes, and the hits of each.
    batch: Vec<(IrisTemplate, Vec<Hit>)>,
    codes: Vec<u64>,
    masks: Vec<u64>,
    prefilter: Prefilter,
    /// How many survivors each block of people has.
    survivors: Vec<usize>,
}

/// A median over windows, in comparisons (or bytes) per second of one thread.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Rate {
    /// Of the undisturbed windows; of all where there are too few.
    pub quiet: f64,
    /// Of all windows.
    pub all: f64,
    /// How many windows were undisturbed.
    pub quiet_windows: usize,
}

/// What [`Subject::measure`] found.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Rates {
    /// The kernel of the search.
    pub kernel: &'static str,
    /// Windows of each kind.
    pub windows: usize,
    /// Comparisons of [`Gallery::search`] per second.
    pub exact: Rate,
    /// Comparisons per second of [`GallerySnapshot::search_batch`] with eight probes.
    pub batch: Rate,
    /// Comparisons of each kernel that takes entries one by one and counts all bits, by name.
    pub one_by_one: Vec<(&'static str, Rate)>,
    /// Bytes of the gallery that are read per second when nothing is done with them.
    pub stream: Rate,
    /// Seconds for making a probe ready; once per search, not in the rates.
    pub preparation: f64,
    /// Additions of one bit of 256 entries per second, on registers and with nothing else to do: the limit of arithmetic.
    pub adders: Rate,
    /// How many of those one comparison of the search takes.
    pub adders_per_comparison: f64,
    /// Entries per second that the first stage of an approximate search looks at; who survives is not compared in this.
    pub approximate: Rate,
    /// Bytes of an entry there.
    pub approximate_bytes_per_entry: f64,
    /// The share of strangers that survive, the probe's own entry left out.
    pub approximate_pass_rate: f64,
}

impl Subject {
    /// A gallery of the people, repeated in whole blocks until there are at least `entries` of them.
    ///
    /// Copies are as good as others for measuring: each is read from its own memory. `people` should be a multiple of 256.
    ///
    /// # Errors
    ///
    /// [`Incomparable`] if a template has another layout or encoder than the probe.
    pub fn new(
        people: &[IrisTemplate],
        entries: usize,
        probe: IrisTemplate,
        policy: MatchPolicy,
    ) -> Result<Self, Incomparable> {
        let mut gallery = Gallery::new(probe.layout(), probe.encoder());
        let (mut codes, mut masks) = (Vec::new(), Vec::new());
        let hits = hits(&probe, people, &policy)?;
        for (number, template) in (0..).zip(people) {
            gallery
                .insert(EntryId::new(number), template)
                .expect("the names are new, and the template was just compared");
        }
        let batch = people.iter().step_by((people.len() / BATCH).max(1)).take(BATCH);
        let batch = batch.map(|probe| Ok((probe.clone(), self::hits(probe, people, &policy)?)));
        let batch = batch.collect::<Result<_, Incomparable>>()?;
        for template in people.iter().cycle().take(PLAIN_ENTRIES.min(entries.max(people.len()))) {
            codes.extend_from_slice(template.code().columns());
            masks.extend_from_slice(template.mask().columns());
        }
        let gallery = gallery.snapshot().repeated(entries);
        let mut prefilter = Prefilter::new(probe.layout(), probe.encoder(), SUBSET);
        let mut survivors = vec![0; people.len().div_ceil(LANES)];
        let limits = Limits::new(SUBSET, probe.layout(), &policy, margin());
        for (number, template) in (0..).zip(people) {
            prefilter.insert(EntryId::new(number), template).expect("the gallery has taken it");
            let estimates = SUBSET.estimates(&probe, template, policy.maximum_rotation)?;
            let passes = estimates.iter().any(|estimate| limits.passes(estimate));
            survivors[number as usize / LANES] += usize::from(passes);
        }
        let prefilter = prefilter.repeated(entries);
        Ok(Self { policy, probe, gallery, people: people.len(), hits, batch, codes, masks, prefilter, survivors })
    }

    /// How many entries the gallery has.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.gallery.len()
    }

    /// How many different people are among them.
    #[must_use]
    pub fn people(&self) -> usize {
        self.people
    }

    /// Bytes of the gallery in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.gallery.bytes()
    }

    /// The gallery itself, for whole searches.
    #[must_use]
    pub fn gallery(&self) -> &GallerySnapshot {
        &self.gallery
    }

    /// Takes `rounds` windows of every kind, by a clock that counts the time of this thread.
    ///
    /// # Panics
    ///
    /// If a search or a kernel finds anything else than [`compare`] did.
    #[must_use]
    pub fn measure(&self, kernel: Kernel, rounds: usize, clock: fn() -> Duration) -> Rates {
        let mut windows = Windows { clock, rest: idle(clock), idle: Vec::new() };
        let (mut search, preparation) = {
            let start = clock();
            let probe = core::slice::from_ref(&self.probe);
            let search = Search::new(&self.gallery, kernel, probe, &self.policy).expect("compared when made");
            (search, (clock() - start).as_secs_f64())
        };
        let others: Vec<Kernel> = Kernel::available().into_iter().filter(|other| *other != Kernel::PORTABLE).collect();
        let probes: Vec<IrisTemplate> = self.batch.iter().map(|(probe, _)| probe.clone()).collect();
        let mut many = Search::new(&self.gallery, kernel, &probes, &self.policy).expect("compared when made");
        let mut exact = Vec::with_capacity(rounds);
        let mut batch = Vec::with_capacity(rounds);
        let mut stream = Vec::with_capacity(rounds);
        let mut one_by_one = vec![Vec::with_capacity(rounds); others.len()];
        let mut approximate = Vec::with_capacity(rounds);
        let mut adders = Vec::with_capacity(rounds);
        let plain = Plain::new(self);
        let scan = self.prefilter.scan(kernel, &self.probe, &self.policy, margin()).expect("compared when made");
        let mut work = Work::new();
        for round in 0..rounds {
            let first = round * BLOCKS * 7 % (self.gallery.blocks() - self.gallery.blocks().min(BLOCKS) + 1);
            exact.push(windows.take(|| {
                let names = search.blocks(first..first + BLOCKS);
                self.check(search.take(), names.clone());
                names.len() as f64
            }));
            let first = round * BATCH_BLOCKS * 13 % self.gallery.blocks();
            batch.push(windows.take(|| {
                let names = many.blocks(first..first + BATCH_BLOCKS);
                for ((_, hits), found) in self.batch.iter().zip(many.take()) {
                    self.check_hits(hits, &found.hits, names.clone());
                }
                (names.len() * self.batch.len()) as f64
            }));
            for (other, windows_of) in others.iter().zip(&mut one_by_one) {
                windows_of.push(windows.take(|| plain.run(self, *other, round)));
            }
            let blocks = self.prefilter.blocks();
            let first = round * PREFILTER_BLOCKS * 7 % (blocks - blocks.min(PREFILTER_BLOCKS) + 1);
            approximate.push(windows.take(|| {
                let blocks = first..blocks.min(first + PREFILTER_BLOCKS);
                let entries: usize = blocks.clone().map(|block| scan.block(block, &mut work)).sum();
                let expected: usize = blocks.map(|block| self.survivors[block % self.survivors.len()]).sum();
                assert_eq!(work.take().entries.len(), expected, "who survives is who passes one by one");
                entries as f64
            }));
            adders.push(windows.take(|| kernel.add(ADDER_ROUNDS) as f64));
            let first = round * STREAM_BLOCKS * 11 % self.gallery.blocks();
            stream.push(windows.take(|| self.gallery.read(first..first + STREAM_BLOCKS) as f64));
        }
        windows.idle.sort_by(f64::total_cmp);
        let fastest = windows.idle.get(windows.idle.len() / 20).copied().unwrap_or(f64::INFINITY);
        Rates {
            kernel: kernel.name(),
            windows: rounds,
            exact: Rate::of(exact, fastest),
            batch: Rate::of(batch, fastest),
            one_by_one: others
                .iter()
                .zip(one_by_one)
                .map(|(other, all)| (other.name(), Rate::of(all, fastest)))
                .collect(),
            stream: Rate::of(stream, fastest),
            preparation,
            adders: Rate::of(adders, fastest),
            adders_per_comparison: kernel.program(&self.probe, self.policy.maximum_rotation).adders() as f64
                / LANES as f64,
            approximate: Rate::of(approximate, fastest),
            approximate_bytes_per_entry: self.prefilter.bytes() as f64 / (self.prefilter.blocks() * LANES) as f64,
            approximate_pass_rate: self.survivors.iter().sum::<usize>().saturating_sub(self.hits.len()) as f64
                / (self.people - self.hits.len()) as f64,
        }
    }

    /// Goes through the gallery so many times with one prepared probe, and returns how many comparisons that were.
    ///
    /// For counting instructions: what two runs with different `passes` differ in is comparisons alone.
    ///
    /// # Panics
    ///
    /// As [`Subject::measure`].
    #[must_use]
    pub fn pass(&self, kernel: Kernel, passes: usize) -> usize {
        let mut search = Search::new(&self.gallery, kernel, core::slice::from_ref(&self.probe), &self.policy)
            .expect("it was compared");
        let mut comparisons = 0;
        for _ in 0..passes {
            let places = search.blocks(0..self.gallery.blocks());
            comparisons += places.len();
            self.check(search.take(), places);
        }
        comparisons
    }

    /// [`Subject::pass`] for the approximate first stage: goes through its entries so many times, and returns how many that were.
    ///
    /// # Panics
    ///
    /// If others survive than those whose estimate passes.
    #[must_use]
    pub fn pass_approximate(&self, kernel: Kernel, passes: usize) -> usize {
        let scan = self.prefilter.scan(kernel, &self.probe, &self.policy, margin()).expect("it was compared");
        let (mut work, mut entries) = (Work::new(), 0);
        for _ in 0..passes {
            for block in 0..self.prefilter.blocks() {
                entries += scan.block(block, &mut work);
                let expected = self.survivors[block % self.survivors.len()];
                assert_eq!(work.take().entries.len(), expected, "who survives is who passes one by one");
            }
        }
        entries
    }

    /// The hits of a run of places must be those among the people, copy by copy.
    fn check(&self, found: Vec<SearchResult>, places: core::ops::Range<usize>) {
        found.iter().for_each(|found| self.check_hits(&self.hits, &found.hits, places.clone()));
    }

    fn check_hits(&self, hits: &[Hit], found: &[Hit], places: core::ops::Range<usize>) {
        let expected = places.filter(|place| hits.iter().any(|hit| hit.entry.number() as usize == place % self.people));
        assert_eq!(found.len(), expected.count(), "the search finds what a comparison of each finds");
        assert!(found.iter().all(|hit| hits.contains(hit)), "with the same alignment");
    }
}

/// The people whom a probe matches, by [`compare`].
fn hits(probe: &IrisTemplate, people: &[IrisTemplate], policy: &MatchPolicy) -> Result<Vec<Hit>, Incomparable> {
    let mut hits = Vec::new();
    for (number, template) in (0..).zip(people) {
        match compare(probe, template, policy) {
            Comparison::Match(alignment) => hits.push(Hit { entry: EntryId::new(number), alignment }),
            Comparison::NonMatch(_) | Comparison::Incomparable(Incomparable::TooFewBits { .. }) => {}
            Comparison::Incomparable(reason) => return Err(reason),
        }
    }
    Ok(hits)
}

fn margin() -> Margin {
    SUBSET.margin(STANDARD_ERRORS)
}

/// Entries one after the other, as a matcher that has not thought about it keeps them.
struct Plain {
    probe: Probe,
    judge: Judge,
}

impl Plain {
    fn new(subject: &Subject) -> Self {
        let Subject { probe, policy, .. } = subject;
        Self { probe: Probe::new(probe, policy.maximum_rotation), judge: Judge::new(policy, probe.layout()) }
    }

    fn run(&self, subject: &Subject, kernel: Kernel, round: usize) -> f64 {
        let columns = subject.probe.layout().columns();
        let entries = subject.codes.len() / columns;
        let window = ONE_BY_ONE.min(entries);
        let first = round * window * 7 % (entries - window + 1);
        let words = first * columns..(first + window) * columns;
        let mut counts = vec![Counts::default(); window * self.probe.rotations()];
        kernel.count(&self.probe, &subject.codes[words.clone()], &subject.masks[words], &mut counts);
        for (entry, counts) in counts.chunks_exact(self.probe.rotations()).enumerate() {
            let person = (first + entry) % subject.people;
            let expected = subject.hits.iter().any(|hit| hit.entry.number() as usize == person);
            assert_eq!(judge(counts, &self.judge).is_match(), expected, "{kernel:?}, person {person}");
        }
        window as f64
    }
}

/// Things done per second in one window, and how long the idle loops around it took.
#[derive(Clone, Copy)]
struct Window {
    rate: f64,
    idle: f64,
}

struct Windows {
    clock: fn() -> Duration,
    /// How long the last idle loop took.
    rest: f64,
    /// How long all of them took.
    idle: Vec<f64>,
}

impl Windows {
    fn take(&mut self, work: impl FnOnce() -> f64) -> Window {
        let start = (self.clock)();
        let done = black_box(work());
        let seconds = ((self.clock)() - start).as_secs_f64();
        let before = core::mem::replace(&mut self.rest, idle(self.clock));
        self.idle.push(self.rest);
        Window { rate: done / seconds, idle: before.max(self.rest) }
    }
}

/// Seconds of a loop that keeps every unit of a core busy and touches no memory.
fn idle(clock: fn() -> Duration) -> f64 {
    let start = clock();
    let mut words = [1_u64, 2, 3, 4, 5, 6, 7, 8];
    for step in 0..black_box(4_000_u64) {
        for word in &mut words {
            *word = (*word ^ step).rotate_left(7);
        }
    }
    black_box(words);
    (clock() - start).as_secs_f64()
}

impl Rate {
    fn of(windows: Vec<Window>, fastest: f64) -> Self {
        let median = |mut rates: Vec<f64>| {
            rates.sort_by(f64::total_cmp);
            rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let all = median(windows.iter().map(|window| window.rate).collect());
        let quiet = windows.iter().filter(|window| window.idle <= fastest * TOLERANCE);
        let quiet: Vec<f64> = quiet.map(|window| window.rate).collect();
        let quiet_windows = quiet.len();
        Self { quiet: if quiet_windows < LEAST_QUIET { all } else { median(quiet) }, all, quiet_windows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disturbed_windows_do_not_count() {
        let window = |rate: f64, idle: f64| Window { rate, idle };
        let mut windows = vec![window(10.0, 1.0); 9];
        windows.extend(vec![window(4.0, 1.5); 20]);
        assert_eq!(Rate::of(windows.clone(), 1.0), Rate { quiet: 10.0, all: 4.0, quiet_windows: 9 });
        assert_eq!(Rate::of(windows.split_off(1), 1.0), Rate { quiet: 4.0, all: 4.0, quiet_windows: 8 });
    }
}
