//! What was measured: stable fields for programs, a page of text for people.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use personhood::evaluation::{FMR_TARGETS, Histogram, Interval, Intervals, Moments, OperatingPoint, Pair, Scores};
use personhood::matcher::MatchPolicy;
use personhood::pipeline::Stage;
use serde::Serialize;

use super::folder::Labelled;
use super::gallery::Gallery;
use crate::args::Evaluate;
use crate::clock::CLOCK;
use crate::failure::Failure;

/// The names of [`FMR_TARGETS`] in documents.
const TARGET_NAMES: [&str; 4] = ["0.01", "0.001", "0.0001", "0.00001"];
/// Of expected false matches: with fewer, a figure at this FMR says little (rule of 30).
pub(super) const ENOUGH: f64 = 30.0;
/// Points of the curves, about: more than a plot has pixels to show.
const CURVE_POINTS: usize = 400;
/// Histogram of distances from 0 to this …
const HISTOGRAM_TO: f64 = 0.7;
/// … in ranges of 0.005.
const HISTOGRAM_BINS: usize = 140;

/// Fields of the JSON document. Rates are 0 to 1; intervals are 95 % confidence, `[low, high]`.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) folder: PathBuf,
    pub(super) images: usize,
    pub(super) classes: usize,
    pub(super) people: usize,
    pub(super) templates: usize,
    pub(super) failure_to_enrol: f64,
    pub(super) failures_by_code: BTreeMap<String, usize>,
    pub(super) failures: Vec<Refused>,
    pub(super) genuine_pairs: usize,
    pub(super) impostor_pairs: usize,
    pub(super) incomparable_genuine_pairs: usize,
    pub(super) incomparable_impostor_pairs: usize,
    pub(super) eer: Option<f64>,
    pub(super) eer_threshold: Option<f64>,
    pub(super) eer_interval: Option<[f64; 2]>,
    pub(super) fnmr_at_fmr: BTreeMap<&'static str, Option<f64>>,
    pub(super) fnmr_at_fmr_interval: BTreeMap<&'static str, Option<[f64; 2]>>,
    pub(super) threshold_at_fmr: BTreeMap<&'static str, Option<f64>>,
    pub(super) expected_false_matches: BTreeMap<&'static str, f64>,
    pub(super) policy_threshold: f64,
    pub(super) fmr_at_policy_threshold: Option<f64>,
    pub(super) fnmr_at_policy_threshold: Option<f64>,
    pub(super) d_prime: Option<f64>,
    pub(super) rank1: Option<f64>,
    pub(super) rank1_attempts: usize,
    pub(super) degrees_of_freedom: Option<f64>,
    pub(super) genuine: Option<Spread>,
    pub(super) impostor: Option<Spread>,
    pub(super) worst_genuine: Vec<WorstPair>,
    pub(super) worst_impostor: Vec<WorstPair>,
    pub(super) ms_per_image: f64,
    pub(super) ms_per_stage: BTreeMap<&'static str, f64>,
    pub(super) comparisons_per_core_per_s: f64,
    pub(super) clock: &'static str,
    pub(super) threads: usize,
    pub(super) seconds: f64,
    pub(super) bootstrap_replicates: usize,
    pub(super) histogram: Counts,
    /// `[threshold, FMR, FNMR]`, from the strictest threshold on.
    pub(super) curve: Vec<[f64; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) html: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pairs: Option<PathBuf>,
}

/// A picture that gave no template.
#[derive(Serialize)]
pub(super) struct Refused {
    pub(super) image: String,
    pub(super) error: Failure,
}

/// Distances of one kind of pair.
#[derive(Serialize)]
pub(super) struct Spread {
    pub(super) mean: f64,
    pub(super) deviation: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
}

/// A pair at the wrong end of its kind.
#[derive(Serialize)]
pub(super) struct WorstPair {
    pub(super) a: String,
    pub(super) b: String,
    /// None where the two cannot be compared.
    pub(super) distance: Option<f64>,
    /// Numbers of the two templates.
    #[serde(skip)]
    pub(super) samples: [usize; 2],
}

/// The histograms of both kinds.
#[derive(Serialize)]
pub(super) struct Counts {
    pub(super) from: f64,
    pub(super) width: f64,
    pub(super) genuine: Vec<u64>,
    pub(super) impostor: Vec<u64>,
}

/// What the clocks said.
pub(super) struct Timing {
    pub(super) started: Instant,
    pub(super) seconds_per_comparison: f64,
}

impl Report {
    pub(super) fn new(
        args: &Evaluate,
        policy: &MatchPolicy,
        labelled: &Labelled,
        gallery: &Gallery,
        scores: &Scores,
        intervals: Option<Intervals>,
        timing: Timing,
    ) -> Self {
        let name = |sample: usize| labelled.pictures[gallery.pictures[sample]].name.clone();
        let worst = |pair: &Pair| {
            let [a, b] = pair.samples();
            WorstPair { a: name(a), b: name(b), distance: pair.distance().map(f64::from), samples: [a, b] }
        };
        let many = usize::from(args.worst);
        let rates = scores.rates();
        let policy_threshold = policy.threshold.ratio();
        let at_policy = scores.at(policy_threshold);
        let by_target = |value: &dyn Fn(usize) -> Option<f64>| {
            TARGET_NAMES.into_iter().enumerate().map(|(target, name)| (name, value(target))).collect()
        };
        let ends = |interval: Interval| [interval.low, interval.high];
        let incomparable = |pairs: &[Pair]| pairs.iter().rev().take_while(|pair| pair.distance().is_none()).count();
        let identification = scores.rank_one();
        let mut failures_by_code = BTreeMap::new();
        for (_, failure) in &gallery.failures {
            *failures_by_code.entry(failure.code().to_owned()).or_default() += 1;
        }
        let Histogram { from, width, genuine, impostor, .. } = scores.histogram(0.0, HISTOGRAM_TO, HISTOGRAM_BINS);
        Self {
            folder: args.folder.clone(),
            images: labelled.pictures.len(),
            classes: labelled.classes,
            people: labelled.people,
            templates: gallery.templates.len(),
            failure_to_enrol: gallery.failures.len() as f64 / labelled.pictures.len() as f64,
            failures_by_code,
            failures: gallery
                .failures
                .iter()
                .map(|(picture, error)| Refused {
                    image: labelled.pictures[*picture].name.clone(),
                    error: error.clone(),
                })
                .collect(),
            genuine_pairs: scores.genuine().len(),
            impostor_pairs: scores.impostor().len(),
            incomparable_genuine_pairs: incomparable(scores.genuine()),
            incomparable_impostor_pairs: incomparable(scores.impostor()),
            eer: rates.map(|rates| rates.eer),
            eer_threshold: rates.map(|rates| rates.eer_threshold),
            eer_interval: intervals.map(|intervals| ends(intervals.eer)),
            fnmr_at_fmr: by_target(&|target| rates.map(|rates| rates.fnmr_at_fmr[target])),
            fnmr_at_fmr_interval: TARGET_NAMES
                .into_iter()
                .enumerate()
                .map(|(target, name)| (name, intervals.map(|intervals| ends(intervals.fnmr_at_fmr[target]))))
                .collect(),
            threshold_at_fmr: by_target(&|target| rates.map(|rates| rates.thresholds[target])),
            expected_false_matches: TARGET_NAMES
                .into_iter()
                .zip(FMR_TARGETS.map(|target| scores.expected_false_matches(target)))
                .collect(),
            policy_threshold,
            fmr_at_policy_threshold: at_policy.map(|point| point.fmr),
            fnmr_at_policy_threshold: at_policy.map(|point| point.fnmr),
            d_prime: scores.d_prime(),
            rank1: identification.rate(),
            rank1_attempts: identification.attempts,
            degrees_of_freedom: scores.degrees_of_freedom(),
            genuine: Spread::of(scores.genuine()),
            impostor: Spread::of(scores.impostor()),
            worst_genuine: scores.genuine().iter().rev().take(many).map(worst).collect(),
            worst_impostor: scores.impostor().iter().take(many).map(worst).collect(),
            ms_per_image: per_image(gallery.time.total.as_secs_f64(), labelled),
            ms_per_stage: stage_times(labelled, gallery),
            comparisons_per_core_per_s: timing.seconds_per_comparison.recip(),
            clock: CLOCK,
            threads: rayon::current_num_threads(),
            seconds: timing.started.elapsed().as_secs_f64(),
            bootstrap_replicates: intervals.map_or(0, |intervals| intervals.replicates),
            histogram: Counts { from, width, genuine, impostor },
            curve: scores
                .curve(CURVE_POINTS)
                .into_iter()
                .map(|OperatingPoint { threshold, fmr, fnmr, .. }| [threshold.min(1.0), fmr, fnmr])
                .collect(),
            html: args.html.clone(),
            pairs: args.pairs.clone(),
        }
    }

    /// FNMR at each false match rate: name, rate, interval, threshold, expected false matches.
    pub(super) fn at_targets(&self) -> impl Iterator<Item = AtTarget> + '_ {
        TARGET_NAMES.into_iter().filter_map(|name| {
            Some(AtTarget {
                name,
                fnmr: self.fnmr_at_fmr[name]?,
                interval: self.fnmr_at_fmr_interval[name],
                threshold: self.threshold_at_fmr[name]?,
                expected: self.expected_false_matches[name],
            })
        })
    }
}

/// FNMR at one false match rate.
pub(super) struct AtTarget {
    pub(super) name: &'static str,
    pub(super) fnmr: f64,
    pub(super) interval: Option<[f64; 2]>,
    pub(super) threshold: f64,
    /// False matches that there are at this rate.
    pub(super) expected: f64,
}

fn per_image(seconds: f64, labelled: &Labelled) -> f64 {
    seconds * 1e3 / labelled.pictures.len() as f64
}

/// Mean milliseconds a picture, by stage; what is left of the whole is `other`.
fn stage_times(labelled: &Labelled, gallery: &Gallery) -> BTreeMap<&'static str, f64> {
    let time = &gallery.time;
    let mut stages: BTreeMap<_, _> =
        Stage::ALL.into_iter().zip(time.stages).map(|(stage, time)| (stage.as_str(), time)).collect();
    stages.insert("decoding", time.decoding);
    let known = stages.values().sum();
    stages.insert("other", time.total.saturating_sub(known));
    stages.into_iter().map(|(stage, time)| (stage, per_image(time.as_secs_f64(), labelled))).collect()
}

impl Spread {
    fn of(pairs: &[Pair]) -> Option<Self> {
        let moments = Moments::of(pairs)?;
        let mut distances = pairs.iter().filter_map(Pair::distance).map(f64::from);
        let (least, greatest) = (distances.next()?, distances.next_back());
        Some(Self { mean: moments.mean, deviation: moments.deviation(), least, greatest: greatest.unwrap_or(least) })
    }
}

/// A rate for people, in percent.
pub(super) fn percent(rate: f64) -> String {
    let percent = rate * 100.0;
    // Two digits that say something.
    let decimals = if percent == 0.0 || percent >= 0.1 {
        2
    } else if percent >= 0.01 {
        3
    } else {
        5
    };
    format!("{percent:.decimals$} %")
}

/// An interval for people, in percent.
pub(super) fn percents(interval: Option<[f64; 2]>) -> String {
    interval.map_or_else(String::new, |[low, high]| {
        if high == 0.0 {
            return "no error seen".to_owned();
        }
        let low = percent(low);
        format!("{} to {}", low.trim_end_matches(" %"), percent(high))
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { images, classes, people, templates, .. } = self;
        write!(f, "{images} pictures of {classes} eyes")?;
        if people != classes {
            write!(f, " of {people} people")?;
        }
        writeln!(f, ": {templates} templates, failure to enrol {}", percent(self.failure_to_enrol))?;
        for (code, count) in &self.failures_by_code {
            writeln!(f, "  {count:6} {code}")?;
        }
        writeln!(f, "{} genuine and {} impostor pairs", self.genuine_pairs, self.impostor_pairs)?;
        let incomparable = self.incomparable_genuine_pairs + self.incomparable_impostor_pairs;
        if incomparable > 0 {
            writeln!(f, "  {incomparable} of them cannot be compared, and count as non-matches")?;
        }
        writeln!(f)?;
        let mut line = |what: &str, value: &str, interval: Option<[f64; 2]>| {
            let interval =
                interval.map_or_else(String::new, |interval| format!("   95 %: {}", percents(Some(interval))));
            writeln!(f, "{what:<24} {value:>10}{interval}")
        };
        if let Some(eer) = self.eer {
            line("equal error rate", &percent(eer), self.eer_interval)?;
        }
        for at in self.at_targets() {
            let few = if at.expected < ENOUGH { " *" } else { "" };
            line(&format!("FNMR at FMR {}{few}", at.name), &percent(at.fnmr), at.interval)?;
        }
        if let Some(rank1) = self.rank1 {
            line("rank-1 identification", &percent(rank1), None)?;
        }
        let numbers = [("d'", self.d_prime), ("degrees of freedom", self.degrees_of_freedom)];
        for (what, value) in numbers.into_iter().filter_map(|(what, value)| Some((what, value?))) {
            line(what, &format!("{value:.2}"), None)?;
        }
        if let (Some(fmr), Some(fnmr)) = (self.fmr_at_policy_threshold, self.fnmr_at_policy_threshold) {
            writeln!(f, "at the threshold {}: FMR {}, FNMR {}", self.policy_threshold, percent(fmr), percent(fnmr))?;
        }
        for (kind, spread) in [("genuine", &self.genuine), ("impostor", &self.impostor)] {
            if let Some(Spread { mean, deviation, least, greatest }) = spread {
                writeln!(f, "{kind:<9} {mean:.4} ± {deviation:.4}, from {least:.4} to {greatest:.4}")?;
            }
        }
        for (kind, worst) in [("furthest genuine", &self.worst_genuine), ("nearest impostor", &self.worst_impostor)] {
            if let Some(WorstPair { a, b, distance, .. }) = worst.first() {
                let distance =
                    distance.map_or_else(|| "cannot be compared".to_owned(), |distance| format!("{distance:.4}"));
                writeln!(f, "{kind} pair: {a} and {b}, {distance}")?;
            }
        }
        if self.at_targets().any(|at| at.expected < ENOUGH) {
            writeln!(f, "* fewer than {ENOUGH} false matches are expected at this rate: a hint, not a measurement")?;
        }
        write!(
            f,
            "{:.1} ms a picture, {:.0} comparisons a second and core; {:.0} s in all on {} threads",
            self.ms_per_image, self.comparisons_per_core_per_s, self.seconds, self.threads
        )
    }
}
