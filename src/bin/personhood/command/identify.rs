//! `personhood identify`: whose eyes are these?

use std::fmt;

use serde::Serialize;

use crate::args::Identify;
use crate::exit::Exit;
use crate::eye::{self, EyePair};
use crate::failure::Failure;
use crate::output::Output;
use crate::place;
use crate::report::MatchReport;

/// Fields of the JSON document: everybody who matches, nearest first.
#[derive(Serialize)]
struct Report {
    candidates: Vec<MatchReport>,
    people: u64,
}

pub(crate) fn run(args: &Identify, output: Output) -> Result<Exit, Failure> {
    let mut registry = place::read_as(&args.registry)?;
    let eyes = EyePair::read(&args.eyes, &eye::pipeline_of(registry.policy(), &args.segmentation)?)?;
    let found = registry.identify(eyes.left.as_ref(), eyes.right.as_ref())?;
    let candidates: Vec<_> = found
        .iter()
        .map(|candidate| MatchReport::new(candidate.person, candidate.nearest(), registry.policy()))
        .collect();
    let report = Report { candidates, people: registry.status()?.people };
    output.answer(Exit::from_answer(!report.candidates.is_empty()), &report, &report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.candidates.is_empty() {
            return write!(f, "nobody: none of the {} enrolled people matches", self.people);
        }
        for (index, candidate) in self.candidates.iter().enumerate() {
            write!(f, "{}{candidate}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
