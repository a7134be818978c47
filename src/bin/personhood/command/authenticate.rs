//! `personhood authenticate`: are these the eyes of one enrolled person?

use std::fmt;

use personhood::registry::AuthenticateRequest;
use personhood::store::{DecisionId, PersonId};
use serde::Serialize;

use crate::args::Authenticate;
use crate::exit::Exit;
use crate::eye::{self, EyePair};
use crate::failure::Failure;
use crate::output::Output;
use crate::place;
use crate::report::MatchReport;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    nearest: MatchReport,
    decision: DecisionId,
}

pub(crate) fn run(args: &Authenticate, output: Output) -> Result<Exit, Failure> {
    let person = PersonId::new(args.person)?;
    let mut registry = place::open_as(&args.registry)?;
    let EyePair { left, right } = EyePair::read(&args.eyes, &eye::pipeline_of(registry.policy(), &args.segmentation)?)?;
    let request = AuthenticateRequest { person, left, right, at: place::now() };
    let authenticated = registry.authenticate(&request)?;
    let nearest = MatchReport::new(person, authenticated.sightings[0], registry.policy());
    let report = Report { nearest, decision: authenticated.decision };
    output.answer(Exit::Yes, &report, &report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "yes, {}", self.nearest)
    }
}
