//! `personhood review`: duplicates that people decide about.

use std::fmt;

use personhood::registry::{Decision, Distance, Voted};
use personhood::store::{DecisionId, PersonId, ReviewId, ReviewRecord, ReviewVerdict, ReviewVote};
use serde::Serialize;

use crate::args::Review;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::place;

/// Reviews that are listed at most.
const LIMIT: u32 = 100_000;

/// Fields of the JSON document for one review. Templates and commitment are none of them.
#[derive(Serialize)]
struct Report {
    review: ReviewId,
    /// Null while it is open.
    verdict: Option<ReviewVerdict>,
    round: u8,
    opened_at: u64,
    closed_at: Option<u64>,
    /// Whom the candidate was enrolled as.
    person: Option<PersonId>,
    decision: DecisionId,
    /// The candidate's eyes and those that they match, nearest first; only where one review is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    matches: Vec<Distance>,
    votes: Vec<ReviewVote>,
}

impl Report {
    fn new(review: ReviewRecord, opened: Option<Decision>) -> Self {
        Self {
            review: review.id,
            verdict: review.verdict,
            round: review.round,
            opened_at: review.opened_at,
            closed_at: review.closed_at,
            person: review.person,
            decision: review.decision,
            matches: opened.map(|decision| decision.distances).unwrap_or_default(),
            votes: review.votes,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = self.verdict.map_or("open", ReviewVerdict::as_str);
        write!(f, "review {}: {verdict}, round {}, {} votes", self.review, self.round, self.votes.len())?;
        for found in &self.matches {
            let Distance { person, eye, probe, disagreeing, compared, rotation } = found;
            write!(f, "\n  {} eye like the {} eye of person {person}: ", probe.as_str(), eye.as_str())?;
            write!(f, "{disagreeing} of {compared} bits differ, turned by {rotation:+} columns")?;
        }
        for vote in &self.votes {
            write!(f, "\n  round {}, {}: {}, {}", vote.round, vote.operator, vote.verdict.as_str(), vote.reason)?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct List {
    reviews: Vec<Report>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for review in &self.reviews {
            writeln!(f, "{review}")?;
        }
        write!(f, "{} reviews", self.reviews.len())
    }
}

/// Fields of the JSON document of a vote.
#[derive(Serialize)]
struct Vote {
    review: ReviewId,
    /// `open`, `same` or `different`.
    state: &'static str,
    /// Votes in this round, while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    votes: Option<usize>,
    /// Whom the candidate was enrolled as.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<PersonId>,
    /// Until when the candidate may appeal.
    #[serde(skip_serializing_if = "Option::is_none")]
    appeal_until: Option<u64>,
}

impl fmt::Display for Vote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "review {}: {}", self.review, self.state)?;
        match (self.votes, self.person, self.appeal_until) {
            (Some(votes), ..) => write!(f, ", {votes} votes; others have to decide too"),
            (_, Some(person), _) => write!(f, "; enrolled as person {person}"),
            (_, _, Some(until)) => write!(f, "; an appeal is possible until {until}"),
            _ => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct Appealed {
    review: ReviewId,
    decision: DecisionId,
}

impl fmt::Display for Appealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "review {} is open again; others decide", self.review)
    }
}

pub(crate) fn run(args: &Review, output: Output) -> Result<Exit, Failure> {
    match args {
        Review::List { registry, all } => {
            let mut reviews = place::read_as(registry)?.reviews(0, LIMIT)?;
            reviews.retain(|review| *all || review.verdict.is_none());
            let reviews = reviews.into_iter().map(|review| Report::new(review, None)).collect();
            let report = List { reviews };
            output.answer(Exit::Yes, &report, &report)
        }
        Review::Show { registry, review } => {
            let (review, opened) = place::read_as(registry)?.review(ReviewId::new(*review)?)?;
            let report = Report::new(review, Some(opened));
            output.answer(Exit::Yes, &report, &report)
        }
        Review::Decide { registry, review, verdict, reason } => {
            let review = ReviewId::new(*review)?;
            let voted = place::open_as(registry)?.decide(review, (*verdict).into(), place::now(), reason)?;
            let mut report = Vote { review, state: "open", votes: None, person: None, appeal_until: None };
            match voted {
                Voted::Open { votes } => report.votes = Some(votes),
                Voted::Same { appeal_until } => (report.state, report.appeal_until) = ("same", appeal_until),
                Voted::Different { person } => (report.state, report.person) = ("different", Some(person)),
            }
            output.answer(Exit::Yes, &report, &report)
        }
        Review::Appeal { registry, review, reason } => {
            let review = ReviewId::new(*review)?;
            let decision = place::open_as(registry)?.appeal(review, place::now(), reason)?;
            let report = Appealed { review, decision };
            output.answer(Exit::Yes, &report, &report)
        }
    }
}
