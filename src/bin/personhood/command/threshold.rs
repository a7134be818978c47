//! `personhood threshold`: which distance a wanted rate of false alarms needs, and what the one in use gives.

use std::fmt;

use personhood::evaluation::{Estimate, Search, StrangerEvidence};
use personhood::iris::EncoderVersion;
use personhood::matcher::{EyeRule, ScoreRule};
use personhood::registry::RegistryPolicy;
use serde::Serialize;

use crate::args::ThresholdFor;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::place;

/// From this rate of false alarms on, `status` warns. One newcomer in a hundred who is nobody's duplicate and is taken for one
/// is as many as a desk can look at by hand.
pub(crate) const WARNING: f64 = 0.01;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    wanted_fpir: f64,
    people: u64,
    /// The threshold at which even the highest estimate is at most what is wanted.
    threshold: f64,
    fpir: Estimate,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_use: Option<InUse>,
    model: &'static str,
    data: &'static str,
}

#[derive(Serialize)]
struct InUse {
    threshold: f64,
    fpir: Estimate,
}

const MODEL: &str = "the least of M independent normal distances of mean 1/2 (Daugman 2004)";

pub(crate) fn run(args: &ThresholdFor, output: Output) -> Result<Exit, Failure> {
    let (policy, people) = match &args.registry {
        Some(folder) => {
            let status = place::open_read_only(folder)?.status()?;
            let people = args.people.unwrap_or(status.census.active + status.census.suspended + status.census.revoked);
            (status.policy, people)
        }
        None => (RegistryPolicy::default(), args.people.unwrap_or(0)),
    };
    let search = search(&policy, people);
    let evidence = evidence(&policy).ok_or_else(|| {
        Failure::new("threshold_no_model", "there is no model of strangers for this encoder and score")
            .with_hint("measure it: `personhood evaluate FOLDER` on pictures of your camera")
    })?;
    let threshold = search
        .threshold_for(&evidence, args.fpir)
        .ok_or_else(|| Failure::new("threshold_invalid", format!("{} is no rate between 0 and 1", args.fpir)))?;
    let in_use = args.registry.is_some().then(|| {
        let threshold = policy.matching.threshold.ratio();
        InUse { threshold, fpir: search.fpir(&evidence, threshold) }
    });
    let report = Report {
        wanted_fpir: args.fpir,
        people,
        threshold,
        fpir: search.fpir(&evidence, threshold),
        in_use,
        model: MODEL,
        data: evidence.data,
    };
    output.answer(Exit::Yes, &report, &report)
}

/// What an enrolment searches.
pub(crate) fn search(policy: &RegistryPolicy, people: u64) -> Search {
    Search {
        people,
        both_eyes: policy.matching.eye_rule == EyeRule::Both,
        swapped: policy.swapped_eyes,
        mirrored: true,
    }
}

/// What is known of strangers under this policy.
pub(crate) fn evidence(policy: &RegistryPolicy) -> Option<StrangerEvidence> {
    let ours = policy.encoder == EncoderVersion::Personhood(1) && policy.matching.score == ScoreRule::Normalized;
    ours.then_some(StrangerEvidence::PERSONHOOD_1)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "threshold   {:.4} for a false alarm in at most {} of the enrolments",
            self.threshold, self.wanted_fpir
        )?;
        writeln!(f, "people      {}", self.people)?;
        writeln!(f, "expected    {}", Range(&self.fpir))?;
        if let Some(InUse { threshold, fpir }) = &self.in_use {
            writeln!(f, "in use      {threshold:.4}: {}", Range(fpir))?;
        }
        write!(f, "model       {}\ndata        {}", self.model, self.data)
    }
}

/// A rate and its bounds.
pub(crate) struct Range<'a>(pub(crate) &'a Estimate);

impl fmt::Display for Range<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1e} (between {:.1e} and {:.1e})", self.0.likely, self.0.low, self.0.high)
    }
}
