//! The answer new, duplicate or review, and enrolment.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::eyes::{body_limit, encode, read};
use super::{Refused, Visit, answered, failed, sentence};
use crate::identity::IdentityCommitment;
use crate::iris::IrisTemplate;
use crate::registry::RegistryPolicy;
use crate::registry::{Candidate, EnrollError, EnrollRequest, Enrolled, EnrolmentClass, IdentifyError, Sighting};
use crate::serve::State as Service;
use crate::serve::body;
use crate::serve::keys::Role;
use crate::serve::refusal::Refusal;
use crate::store::{PersonId, ReviewId};

/// For how long somebody is enrolled if it is not said, as `personhood enroll` has it.
const USUAL_DAYS: u64 = 3_650;
/// And at most.
const MOST_DAYS: u64 = 36_500;

/// The eyes of somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct Search<'a> {
    /// The picture of the left eye in base64.
    #[serde(borrow)]
    #[schema(content_encoding = "base64")]
    left: Option<&'a str>,
    /// The picture of the right eye in base64.
    #[serde(borrow)]
    #[schema(content_encoding = "base64")]
    right: Option<&'a str>,
}

/// Whether somebody is new.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Found {
    /// "new"; "duplicate": enrolment would refuse them; "review": people would decide.
    answer: &'static str,
    /// How many people were searched.
    people: u64,
    /// Whom they match, nearest first.
    candidates: Vec<Match>,
}

/// Somebody who is enrolled and whom the eyes match.
#[derive(Serialize, ToSchema)]
struct Match {
    #[schema(value_type = u64)]
    person: PersonId,
    /// The enrolled eye that matches best: "left" or "right".
    eye: &'static str,
    /// The side as which it was presented.
    presented_as: &'static str,
    /// How near; only for keys that may see distances.
    #[serde(skip_serializing_if = "Option::is_none")]
    distance: Option<Distance>,
}

/// How near two eyes are.
#[derive(Serialize, ToSchema)]
pub(super) struct Distance {
    /// What the threshold decides about.
    pub(super) score: f64,
    /// Bits that differ.
    pub(super) disagreeing: u32,
    /// Bits that both could use.
    pub(super) compared: u32,
    /// Columns by which the presented eye was turned.
    pub(super) rotation: i16,
}

impl Distance {
    fn new(sighting: Sighting, policy: &RegistryPolicy) -> Self {
        let found = sighting.alignment.distance;
        Self {
            score: policy.matching.score.distance(found, policy.layout),
            disagreeing: found.disagreeing(),
            compared: found.compared(),
            rotation: sighting.alignment.rotation.columns(),
        }
    }
}

/// Says whether these eyes are new, a duplicate, or a case for a review. Nothing is kept, the question neither.
#[utoipa::path(
    post, path = "/api/desk/search", tag = "desk",
    request_body = Search<'_>,
    responses(
        (status = 200, description = "The answer", body = Found),
        (status = 422, description = "A picture gives no template; `attribute` says which", body = crate::serve::refusal::PortalError),
        Refused
    ),
    security(("key" = []))
)]
pub(in crate::serve) async fn search(State(state): State<Arc<Service>>, request: Request) -> Response {
    answered(StatusCode::OK, searched(&state, request).await)
}

async fn searched(state: &Arc<Service>, request: Request) -> Result<Found, Refusal> {
    let visit = Visit::new(state, &request, &[Role::Operator])?;
    let _place = state.desk_places.acquire().await;
    let bytes = body::secret(request, body_limit(state, 2)).await?;
    let eyes = visit
        .aside(move |service, desk| {
            let Search { left, right } = body::parse(&bytes)?;
            Eyes::new(left, right, service, desk)
        })
        .await?;
    let distances = visit.may_see_distances();
    visit
        .books(move |books, _| {
            let found = books.identify(eyes.left.as_ref(), eyes.right.as_ref()).map_err(|error| match &error {
                IdentifyError::NoEye => Refusal::bad(error.code(), sentence(&error)),
                IdentifyError::Template(unfit) => conflict(unfit.code(), sentence(unfit)),
                IdentifyError::Registry(error) => failed(error),
            })?;
            let people = books.status().map_err(|error| failed(&error))?.people;
            let policy = books.policy();
            let answer = match found.len() {
                0 => "new",
                many if policy.adjudicate_duplicates && many <= policy.maximum_matches as usize => "review",
                _ => "duplicate",
            };
            let candidates = found.iter().map(|candidate| one(candidate, distances.then_some(policy))).collect();
            Ok(Found { answer, people, candidates })
        })
        .await
}

fn one(candidate: &Candidate, policy: Option<&RegistryPolicy>) -> Match {
    let nearest = candidate.nearest();
    Match {
        person: candidate.person,
        eye: nearest.eye.as_str(),
        presented_as: nearest.probe.as_str(),
        distance: policy.map(|policy| Distance::new(nearest, policy)),
    }
}

/// The templates of the eyes that were shown.
struct Eyes {
    left: Option<IrisTemplate>,
    right: Option<IrisTemplate>,
}

impl Eyes {
    fn new(left: Option<&str>, right: Option<&str>, service: &Service, desk: &super::Desk) -> Result<Self, Refusal> {
        let template = |text: Option<&str>, attribute| {
            text.map(|text| encode(&read(text, attribute, service)?, attribute, &desk.pipeline)).transpose()
        };
        Ok(Self { left: template(left, "left")?, right: template(right, "right")? })
    }
}

/// Somebody to enrol.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct Enrol<'a> {
    /// The picture of the left eye in base64.
    #[serde(borrow)]
    #[schema(content_encoding = "base64")]
    left: Option<&'a str>,
    /// The picture of the right eye in base64.
    #[serde(borrow)]
    #[schema(content_encoding = "base64")]
    right: Option<&'a str>,
    /// The holder's commitment, 64 lower-case hexadecimal digits, after "0x" or not.
    #[serde(borrow)]
    #[schema(required, pattern = "^(0x)?[0-9a-f]{64}$")]
    commitment: Option<&'a str>,
    /// Whether they have only one eye that can be taken; both are needed otherwise.
    one_eye: Option<bool>,
    /// For how many days; 3,650 if it is not said.
    #[schema(minimum = 1, maximum = 36_500)]
    valid_days: Option<u64>,
    /// The number of the record of consent; the registry's policy may ask for one.
    #[schema(max_length = 200)]
    consent: Option<String>,
}

/// Somebody who is enrolled now.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Came {
    #[schema(value_type = u64)]
    person: PersonId,
    leaf_index: u32,
    commitment: String,
    /// In seconds since 1970.
    issued_at: u64,
    /// In seconds since 1970.
    expires_at: u64,
    /// 1 one eye, 2 both eyes.
    assurance: u8,
    /// The root with their leaf in it.
    root: String,
}

/// Somebody about whom people decide.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Waits {
    #[schema(value_type = u64)]
    review: ReviewId,
}

enum Outcome {
    In(Came),
    Review(Waits),
}

/// Enrols somebody, or puts them into the queue of reviews, or refuses them.
#[utoipa::path(
    post, path = "/api/desk/enrol", tag = "desk",
    request_body = Enrol<'_>,
    responses(
        (status = 201, description = "They are enrolled", body = Came),
        (status = 202, description = "People decide whether they are a duplicate", body = Waits),
        (status = 422, description = "A picture gives no template; `attribute` says which", body = crate::serve::refusal::PortalError),
        Refused
    ),
    security(("key" = []))
)]
pub(in crate::serve) async fn enrol(State(state): State<Arc<Service>>, request: Request) -> Response {
    match enrolled(&state, request).await {
        Ok(Outcome::In(came)) => answered(StatusCode::CREATED, Ok(came)),
        Ok(Outcome::Review(waits)) => answered(StatusCode::ACCEPTED, Ok(waits)),
        Err(refusal) => refusal.portal(None).into_response(),
    }
}

async fn enrolled(state: &Arc<Service>, request: Request) -> Result<Outcome, Refusal> {
    let visit = Visit::new(state, &request, &[Role::Operator])?;
    let _place = state.desk_places.acquire().await;
    let bytes = body::secret(request, body_limit(state, 2)).await?;
    let (wanted, commitment, consent) = visit
        .aside(move |service, desk| {
            let body: Enrol<'_> = body::parse(&bytes)?;
            let commitment = body::needed(body.commitment, "commitment")?;
            let commitment: IdentityCommitment =
                commitment.strip_prefix("0x").unwrap_or(commitment).parse().map_err(|_| {
                    let detail = "A commitment is 64 lower-case hexadecimal digits and below the order of the group.";
                    Refusal::bad("invalid_format", detail).about("commitment")
                })?;
            let days = body.valid_days.unwrap_or(USUAL_DAYS);
            if !(1..=MOST_DAYS).contains(&days) {
                let detail = format!("valid_days is {days}, not within 1 to {MOST_DAYS}.");
                return Err(Refusal::bad("invalid_format", detail).about("valid_days"));
            }
            let class = if body.one_eye == Some(true) { EnrolmentClass::OneEye } else { EnrolmentClass::BothEyes };
            // Before the pictures are looked at, which takes a while.
            let given = usize::from(body.left.is_some()) + usize::from(body.right.is_some());
            match (class, body.left, body.right) {
                (EnrolmentClass::BothEyes, None, _) => return Err(Refusal::required("left")),
                (EnrolmentClass::BothEyes, _, None) => return Err(Refusal::required("right")),
                (EnrolmentClass::OneEye, ..) if given != 1 => {
                    let error = EnrollError::NotOneEye { given };
                    return Err(Refusal::bad(error.code(), sentence(&error)));
                }
                _ => {}
            }
            let Eyes { left, right } = Eyes::new(body.left, body.right, service, desk)?;
            let issued_at = (service.clock)();
            let expires_at = issued_at.saturating_add(days * 86_400);
            Ok((EnrollRequest { left, right, commitment, class, issued_at, expires_at }, commitment, body.consent))
        })
        .await?;
    visit
        .change(move |books, _| match books.enroll(wanted, consent.as_deref()) {
            Ok(enrolled) => Ok(Outcome::In(came(&enrolled, &commitment))),
            Err(EnrollError::Review { review, .. }) => Ok(Outcome::Review(Waits { review })),
            Err(error) => Err(refused(&error)),
        })
        .await
}

fn came(enrolled: &Enrolled, commitment: &IdentityCommitment) -> Came {
    Came {
        person: enrolled.person,
        leaf_index: enrolled.leaf_index.as_u32(),
        commitment: commitment.to_string(),
        issued_at: enrolled.credential.issued_at(),
        expires_at: enrolled.credential.expires_at(),
        assurance: enrolled.credential.assurance().as_u8(),
        root: format!("0x{}", enrolled.root),
    }
}

fn conflict(code: &'static str, detail: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, code, detail)
}

/// Why somebody was not enrolled. The registry's own words have distances, which are not for the operator.
fn refused(error: &EnrollError) -> Refusal {
    let code = error.code();
    match error {
        EnrollError::Registry(error) => failed(error),
        EnrollError::MissingEye { .. } | EnrollError::NotOneEye { .. } | EnrollError::Credential(_) => {
            Refusal::bad(code, sentence(error))
        }
        EnrollError::Duplicate { person, .. } => {
            conflict(code, format!("This is person {person}, who is enrolled already."))
        }
        EnrollError::MirroredDuplicate { person, .. } => {
            conflict(code, format!("This is person {person} with the pictures flipped left to right."))
        }
        EnrollError::SameEyeTwice { .. } => {
            conflict(code, "Both pictures show one eye; take the other one.").about("right")
        }
        EnrollError::DuplicateCommitment { .. } => conflict(code, sentence(error)).about("commitment"),
        EnrollError::Consent { .. } => conflict(code, sentence(error)).about("consent"),
        // Captures that a station signed come in by the program.
        EnrollError::Capture(_)
        | EnrollError::Template(_)
        | EnrollError::MatchesTooMany { .. }
        | EnrollError::Undecided { .. }
        | EnrollError::PresentationAttack { .. } => conflict(code, sentence(error)),
        EnrollError::Review { .. } => conflict(code, "People decide about this."),
    }
}
