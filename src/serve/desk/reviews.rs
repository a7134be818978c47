//! The queue of duplicates that people decide about.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::books::Books;
use super::enrol::Distance;
use super::eyes::Png;
use super::{Refused, Visit, answered, answered_wiped, failed, reason, sentence, small};
use crate::iris::{EyeSide, Rotation};
use crate::matcher::FractionalHammingDistance;
use crate::pipeline::picture;
use crate::registry::{self, ReviewError, Voted};
use crate::serve::State as Service;
use crate::serve::keys::Role;
use crate::serve::refusal::Refusal;
use crate::store::{DecisionId, PersonId, ReviewId, ReviewRecord, ReviewVerdict, TemplatePair};

/// Reviews that are read at once, and listed at most.
const AT_ONCE: u32 = 1_000;
const LISTED: usize = 500;
/// Comparisons that are drawn.
const DRAWN: usize = 8;
const READERS: &[Role] = &[Role::Adjudicator, Role::Auditor];

/// The queue.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Queue {
    /// Open ones first, newest first, at most 500.
    reviews: Vec<Summary>,
    /// How many are open.
    open: u64,
}

/// One review, without the eyes.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Summary {
    #[schema(value_type = u64)]
    review: ReviewId,
    /// "same" or "different"; null while it is open.
    verdict: Option<&'static str>,
    /// 2 after an appeal.
    round: u8,
    opened_at: u64,
    closed_at: Option<u64>,
    /// Whom the candidate was enrolled as.
    #[schema(value_type = Option<u64>)]
    person: Option<PersonId>,
    /// How many have decided in this round.
    votes_in_round: usize,
    /// Whether whoever asks has decided, in this round or before.
    voted: bool,
}

/// One review with what there is to decide by.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Case {
    #[serde(flatten)]
    summary: Summary,
    #[schema(value_type = u64)]
    decision: DecisionId,
    /// The candidate's eyes and the enrolled ones that they match, nearest first.
    matches: Vec<Pair>,
    /// What was said. An adjudicator sees the open round only after having decided, so that nobody follows.
    votes: Vec<Vote>,
}

/// Two eyes that match.
#[derive(Serialize, ToSchema)]
struct Pair {
    /// Whose enrolled eye.
    person: u64,
    /// Which: "left" or "right".
    eye: &'static str,
    /// The side as which the candidate's was presented.
    presented_as: &'static str,
    distance: Distance,
    /// The codes one above the other, turned onto each other, and where they disagree: PNG in base64, for adjudicators, as long as
    /// the templates are there.
    #[schema(content_encoding = "base64")]
    aligned_codes: Option<Png>,
}

/// What somebody said.
#[derive(Serialize, ToSchema)]
struct Vote {
    round: u8,
    operator: String,
    at: u64,
    /// "same" or "different".
    verdict: &'static str,
    reason: String,
}

impl Summary {
    fn new(record: &ReviewRecord, name: &str) -> Self {
        Self {
            review: record.id,
            verdict: record.verdict.map(ReviewVerdict::as_str),
            round: record.round,
            opened_at: record.opened_at,
            closed_at: record.closed_at,
            person: record.person,
            votes_in_round: record.votes.iter().filter(|vote| vote.round == record.round).count(),
            voted: record.votes.iter().any(|vote| vote.operator == name),
        }
    }
}

/// Lists the reviews.
#[utoipa::path(
    get, path = "/api/desk/reviews", tag = "desk",
    responses((status = 200, description = "The queue", body = Queue), Refused),
    security(("key" = []))
)]
pub(in crate::serve) async fn reviews(State(state): State<Arc<Service>>, request: Request) -> Response {
    let listed = async move {
        let visit = Visit::new(&state, &request, READERS)?;
        let name = visit.caller.name.to_owned();
        visit.books(move |books, _| queue(books, &name)).await
    };
    answered(StatusCode::OK, listed.await)
}

fn queue(books: &dyn Books, name: &str) -> Result<Queue, Refusal> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let batch = books.reviews(after, AT_ONCE).map_err(|error| failed(&error))?;
        let Some(last) = batch.last() else { break };
        after = last.id.as_u64();
        all.extend(batch.iter().map(|record| Summary::new(record, name)));
    }
    let open = all.iter().filter(|one| one.verdict.is_none()).count() as u64;
    all.sort_by_key(|one| (one.verdict.is_some(), std::cmp::Reverse(one.review.as_u64())));
    all.truncate(LISTED);
    Ok(Queue { reviews: all, open })
}

/// How many reviews are open.
pub(super) fn open(books: &dyn Books) -> Result<u64, Refusal> {
    queue(books, "").map(|queue| queue.open)
}

/// Shows one review: distances, and for adjudicators the aligned codes.
#[utoipa::path(
    get, path = "/api/desk/reviews/{review}", tag = "desk",
    params(("review" = u64, Path, description = "Its number")),
    responses((status = 200, description = "The review", body = Case), Refused),
    security(("key" = []))
)]
pub(in crate::serve) async fn review(
    State(state): State<Arc<Service>>,
    path: Result<Path<u64>, PathRejection>,
    request: Request,
) -> Response {
    let shown = async move {
        let visit = Visit::new(&state, &request, READERS)?;
        let id = number(path)?;
        let (name, auditor) = (visit.caller.name.to_owned(), visit.caller.has(&[Role::Auditor]));
        let draws = visit.caller.has(&[Role::Adjudicator]);
        visit.books(move |books, _| case(books, id, &name, auditor, draws)).await
    };
    answered_wiped(shown.await.map(|case| {
        let room = case.matches.iter().filter_map(|pair| pair.aligned_codes.as_ref()).map(Png::len).sum();
        (case, room)
    }))
}

fn case(books: &dyn Books, id: ReviewId, name: &str, auditor: bool, draws: bool) -> Result<Case, Refusal> {
    let (record, opened) = books.review(id).map_err(|error| told(&error))?;
    let policy = books.policy();
    let mut matches = Vec::new();
    for found in &opened.distances {
        let counts = FractionalHammingDistance::new(found.disagreeing, found.compared);
        let drawn = draws && matches.len() < DRAWN;
        matches.push(Pair {
            person: found.person,
            eye: found.eye.as_str(),
            presented_as: found.probe.as_str(),
            distance: Distance {
                score: counts.map_or(1.0, |counts| policy.matching.score.distance(counts, policy.layout)),
                disagreeing: found.disagreeing,
                compared: found.compared,
                rotation: found.rotation,
            },
            aligned_codes: if drawn { aligned(books, &record.templates, found)? } else { None },
        });
    }
    let summary = Summary::new(&record, name);
    let open_round = record.verdict.is_none().then_some(record.round);
    let votes = record
        .votes
        .iter()
        .filter(|vote| auditor || summary.voted || Some(vote.round) != open_round)
        .map(|vote| Vote {
            round: vote.round,
            operator: vote.operator.clone(),
            at: vote.at,
            verdict: vote.verdict.as_str(),
            reason: vote.reason.clone(),
        })
        .collect();
    Ok(Case { summary, decision: record.decision, matches, votes })
}

/// Two codes turned onto each other; none if the templates are gone: the candidate's when the review was over, the other one's by
/// erasure, or either was replaced.
fn aligned(books: &dyn Books, candidate: &TemplatePair, found: &registry::Distance) -> Result<Option<Png>, Refusal> {
    let person = PersonId::new(found.person).map_err(|error| failed(&error.into()))?;
    let enrolled = books.person(person).map_err(|error| failed(&error))?;
    let open = |templates: &TemplatePair, eye: EyeSide| templates.of(eye).and_then(|record| record.open().ok());
    let (Some(probe), Some(reference)) =
        (open(candidate, found.probe), enrolled.and_then(|person| open(&person.templates, found.eye)))
    else {
        return Ok(None);
    };
    Ok(Png::new(picture::comparison(&probe, &reference, Rotation::new(found.rotation))))
}

/// A decision about a review.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct NewVote {
    /// "same": one person; "different": two people.
    #[schema(required, pattern = "^(same|different)$")]
    verdict: Option<String>,
    /// Why, in your own words; it is kept.
    #[schema(required, min_length = 1, max_length = 2000)]
    reason: Option<String>,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Counted {
    /// "open": others have to decide too; "same"; "different".
    state: &'static str,
    /// How many have decided in this round, while it is open.
    votes: Option<usize>,
    /// Whom the candidate was enrolled as.
    #[schema(value_type = Option<u64>)]
    person: Option<PersonId>,
    /// Until when the candidate may appeal, in seconds since 1970.
    appeal_until: Option<u64>,
}

/// Decides, in the name of the key. Two people who agree decide; of two who do not, a third one.
#[utoipa::path(
    post, path = "/api/desk/reviews/{review}/votes", tag = "desk",
    params(("review" = u64, Path, description = "Its number")),
    request_body = NewVote,
    responses((status = 200, description = "It counts", body = Counted), Refused),
    security(("key" = []))
)]
pub(in crate::serve) async fn decide(
    State(state): State<Arc<Service>>,
    path: Result<Path<u64>, PathRejection>,
    request: Request,
) -> Response {
    let decided = async move {
        let visit = Visit::new(&state, &request, &[Role::Adjudicator])?;
        let id = number(path)?;
        let body: NewVote = small(request).await?;
        let verdict = match body.verdict.as_deref() {
            Some("same") => ReviewVerdict::Same,
            Some("different") => ReviewVerdict::Different,
            Some(_) => {
                let detail = "The verdict is \"same\" or \"different\".";
                return Err(Refusal::bad("invalid_format", detail).about("verdict"));
            }
            None => return Err(Refusal::required("verdict")),
        };
        let reason = reason(body.reason)?;
        let now = (state.clock)();
        visit
            .change(move |books, _| {
                let mut counted = Counted { state: "open", votes: None, person: None, appeal_until: None };
                match books.decide(id, verdict, now, &reason).map_err(|error| told(&error))? {
                    Voted::Open { votes } => counted.votes = Some(votes),
                    Voted::Same { appeal_until } => (counted.state, counted.appeal_until) = ("same", appeal_until),
                    Voted::Different { person } => (counted.state, counted.person) = ("different", Some(person)),
                }
                Ok(counted)
            })
            .await
    };
    answered(StatusCode::OK, decided.await)
}

/// An appeal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct NewAppeal {
    /// Why; it is kept.
    #[schema(required, min_length = 1, max_length = 2000)]
    reason: Option<String>,
}

/// An appeal that was taken.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Appealed {
    #[schema(value_type = u64)]
    decision: DecisionId,
}

/// Opens a review again for somebody who was refused: once, and others decide.
#[utoipa::path(
    post, path = "/api/desk/reviews/{review}/appeal", tag = "desk",
    params(("review" = u64, Path, description = "Its number")),
    request_body = NewAppeal,
    responses((status = 200, description = "It is open again", body = Appealed), Refused),
    security(("key" = []))
)]
pub(in crate::serve) async fn appeal(
    State(state): State<Arc<Service>>,
    path: Result<Path<u64>, PathRejection>,
    request: Request,
) -> Response {
    let appealed = async move {
        let visit = Visit::new(&state, &request, &[Role::Operator])?;
        let id = number(path)?;
        let body: NewAppeal = small(request).await?;
        let reason = reason(body.reason)?;
        let now = (state.clock)();
        visit
            .change(move |books, _| {
                books.appeal(id, now, &reason).map(|decision| Appealed { decision }).map_err(|error| told(&error))
            })
            .await
    };
    answered(StatusCode::OK, appealed.await)
}

fn number(path: Result<Path<u64>, PathRejection>) -> Result<ReviewId, Refusal> {
    let unknown = || Refusal::new(StatusCode::NOT_FOUND, "review_unknown", "There is no review of this number.");
    let Path(number) = path.map_err(|_| unknown())?;
    ReviewId::new(number).map_err(|_| unknown())
}

fn told(error: &ReviewError) -> Refusal {
    let status = match error {
        ReviewError::Registry(error) => return failed(error),
        ReviewError::Unknown { .. } => StatusCode::NOT_FOUND,
        ReviewError::Nameless | ReviewError::Reason { .. } => StatusCode::BAD_REQUEST,
        ReviewError::VotedAlready { .. } => {
            let detail = "You have decided in this review; somebody else has to.";
            return Refusal::new(StatusCode::CONFLICT, error.code(), detail);
        }
        _ => StatusCode::CONFLICT,
    };
    Refusal::new(status, error.code(), sentence(error))
}
