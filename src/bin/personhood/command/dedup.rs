//! `personhood dedup`: is everybody in here once, or in both of two places?
//!
//! Every eye is held against every other one, exactly, with the policy of the registry. The work is cut into parts; after a part
//! the checkpoint, if there is one, says how far it is and what was found, so that whoever is stopped goes on there.

mod checkpoint;
mod population;

use std::fmt;
use std::time::{Duration, Instant};

use personhood::matcher::{Alignment, EntryId};
use serde::Serialize;

use crate::args::Dedup;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::report::AlignmentReport;
use checkpoint::{Checkpoint, Progress};
use population::{Name, Population};

/// Probes of one part, which are held against a block of the gallery while it is in the cache. Each takes some 100 kB.
const PART: usize = 128;
/// No more pairs than this are kept: a threshold that calls everybody the same would fill the memory.
const MAXIMUM_PAIRS: usize = 1_000_000;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    /// Eyes here, and in the other place if there is one.
    eyes: usize,
    against: Option<usize>,
    threshold: f64,
    /// Pairs of eyes that were compared, of which so many by an earlier run.
    comparisons: u64,
    resumed: u64,
    /// Pairs that had too few bits in common; nothing is known about those.
    incomparable: u64,
    /// Pairs of eyes that match, in the order of the places.
    pairs: Vec<PairReport>,
    /// Files that are no templates, or none that can be compared with the others.
    failed: Vec<Failure>,
    /// Compared by this run in a second, by the clock on the wall.
    comparisons_per_s: f64,
}

#[derive(Serialize)]
struct PairReport {
    a: Name,
    b: Name,
    #[serde(flatten)]
    alignment: AlignmentReport,
}

/// Two eyes that match, by their shelves and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    shelves: [usize; 2],
    entries: [EntryId; 2],
    alignment: Alignment,
}

/// One shelf against another, or against itself.
#[derive(Clone, Copy)]
struct Join {
    probes: usize,
    gallery: usize,
}

pub(crate) fn run(args: &Dedup, output: Output) -> Result<Exit, Failure> {
    let memory = args.memory.map(|mebibytes| mebibytes << 20);
    let mut here = Population::open(&args.place(), memory, args.scratch.as_deref(), None, output)?;
    let mut policy = here.policy();
    if let Some(threshold) = args.threshold {
        policy.threshold = crate::eye::threshold(threshold);
    }
    let there = match &args.against {
        Some(place) => Some(Population::open(place, memory, args.scratch.as_deref(), here.kind(), output)?),
        None => None,
    };
    let joins = joins(&here, there.as_ref());
    let inputs = checkpoint::digest(&here, there.as_ref(), &policy);
    let mut progress = match &args.checkpoint {
        Some(file) => Checkpoint::read(file, &inputs, |shelves, entries| {
            here.has(shelves[0], entries[0]) && there.as_ref().unwrap_or(&here).has(shelves[1], entries[1])
        })?
        .unwrap_or_default(),
        None => Progress::default(),
    };
    let resumed = progress.comparisons;
    let gallery = there.as_ref().unwrap_or(&here);
    let lengths = |join: &Join| (here.shelves[join.probes].shelf.len(), gallery.shelves[join.gallery].shelf.len());
    let own = |join: &Join| there.is_none() && join.probes == join.gallery;
    let all: u64 = joins
        .iter()
        .map(|join| match lengths(join) {
            (probes, _) if own(join) => pairs_from(probes, 0, probes),
            (probes, entries) => probes as u64 * entries as u64,
        })
        .sum();
    let bar = output.progress(usize::try_from(all).unwrap_or(usize::MAX), "comparing");
    bar.set_position(progress.comparisons);
    let (begin, mut saved) = (Instant::now(), Instant::now());
    let every = Duration::from_secs(args.checkpoint_seconds.into());
    while let Some(join) = joins.get(progress.join) {
        let (probes, entries) = lengths(join);
        let end = (progress.place + PART).min(probes);
        let (probing, reference) = (&here.shelves[join.probes], &gallery.shelves[join.gallery]);
        let places = progress.place..end;
        let found = if own(join) {
            progress.comparisons += pairs_from(probes, places.start, places.end);
            probing.shelf.duplicates(places, &policy)?
        } else {
            progress.comparisons += places.len() as u64 * entries as u64;
            let skips_own = there.is_none();
            reference.shelf.matches(probing.shelf.templates(places)?, skips_own, &policy)?
        };
        progress.incomparable += found.incomparable;
        let shelves = [join.probes, join.gallery];
        progress.pairs.extend(found.pairs.into_iter().map(|(entries, alignment)| Pair { shelves, entries, alignment }));
        if progress.pairs.len() > MAXIMUM_PAIRS {
            return Err(Failure::new("dedup_too_many", format!("more than {MAXIMUM_PAIRS} pairs of eyes match"))
                .with_hint("a lower --threshold calls fewer eyes the same"));
        }
        progress.place = end;
        if end == probes {
            (progress.join, progress.place) = (progress.join + 1, 0);
        }
        bar.set_position(progress.comparisons);
        if let Some(file) = &args.checkpoint
            && (saved.elapsed() >= every || progress.join == joins.len())
        {
            Checkpoint::write(file, &inputs, &progress)?;
            saved = Instant::now();
        }
    }
    bar.finish_and_clear();
    let seconds = begin.elapsed().as_secs_f64();
    let reported = |pair: &Pair| {
        let (layout, _) = here.kind()?;
        Some(PairReport {
            a: here.name(pair.shelves[0], pair.entries[0])?,
            b: gallery.name(pair.shelves[1], pair.entries[1])?,
            alignment: AlignmentReport::new(pair.alignment, &policy, layout),
        })
    };
    let pairs = progress.pairs.iter().filter_map(reported).collect();
    let against = there.as_ref().map(Population::eyes);
    let mut failed = core::mem::take(&mut here.failed);
    failed.extend(there.into_iter().flat_map(|there| there.failed));
    let report = Report {
        eyes: here.eyes(),
        against,
        threshold: policy.threshold.ratio(),
        comparisons: progress.comparisons,
        resumed,
        incomparable: progress.incomparable,
        pairs,
        failed,
        comparisons_per_s: (progress.comparisons - resumed) as f64 / seconds,
    };
    let answer = Exit::from_answer(report.pairs.is_empty());
    let exit = if report.failed.is_empty() { answer } else { Exit::CouldNotTell };
    output.answer(exit, &report, &report)
}

/// What is compared with what: eyes of one side, and those of both sides if the policy looks for swapped ones; eyes of
/// unknown side with all.
fn joins(here: &Population, there: Option<&Population>) -> Vec<Join> {
    let mut joins = Vec::new();
    for (probes, probing) in here.shelves.iter().enumerate() {
        for (gallery, reference) in there.unwrap_or(here).shelves.iter().enumerate() {
            let one_side = probing.side.is_none() || reference.side.is_none() || probing.side == reference.side;
            let swapped = here.swapped || there.is_some_and(|there| there.swapped);
            // Within one place, left with right is right with left.
            if (one_side || swapped) && (there.is_some() || probes <= gallery) {
                joins.push(Join { probes, gallery });
            }
        }
    }
    joins
}

/// How many pairs of `entries` have their first at these places.
fn pairs_from(entries: usize, start: usize, end: usize) -> u64 {
    (start..end).map(|place| (entries - 1 - place) as u64).sum()
}

/// Pairs of names, and how they lie; and how many could not be compared.
#[derive(Default)]
struct Found {
    pairs: Vec<([EntryId; 2], Alignment)>,
    incomparable: u64,
}

impl Dedup {
    /// The folder, or else the registry; one of them is there.
    fn place(&self) -> std::path::PathBuf {
        self.folder.clone().or_else(|| self.registry.clone()).unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for PairReport { a, b, alignment } in &self.pairs {
            writeln!(f, "{a} and {b}: {}", alignment.brief())?;
        }
        match self.against {
            Some(others) => write!(f, "{} eyes against {others}: ", self.eyes)?,
            None => write!(f, "{} eyes: ", self.eyes)?,
        }
        match self.pairs.len() {
            0 => write!(f, "no two match")?,
            1 => write!(f, "1 pair matches")?,
            pairs => write!(f, "{pairs} pairs match")?,
        }
        write!(f, " below {:.4}", self.threshold)?;
        if self.incomparable > 0 {
            write!(f, "; {} pairs had too few bits in common", self.incomparable)?;
        }
        if !self.failed.is_empty() {
            write!(f, "; {} files were left out", self.failed.len())?;
        }
        let compared = self.comparisons - self.resumed;
        write!(f, "\n{compared} comparisons, {:.0} a second", self.comparisons_per_s)?;
        if self.resumed > 0 {
            write!(f, "; {} were there already", self.resumed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_together_are_all_pairs() {
        let parts: u64 = (0..1000).step_by(PART).map(|place| pairs_from(1000, place, (place + PART).min(1000))).sum();
        assert_eq!(parts, 1000 * 999 / 2);
        assert_eq!(pairs_from(0, 0, 0), 0);
    }
}
