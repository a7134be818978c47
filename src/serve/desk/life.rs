//! What happens to somebody after enrolment: suspended, back, revoked, erased.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::books::Step;
use super::{Refused, Visit, answered, failed, reason, sentence, small};
use crate::identity::{Credential, IdentityCommitment};
use crate::registry::{Changed, StepError};
use crate::serve::State as Service;
use crate::serve::keys::Role;
use crate::serve::refusal::{Refusal, SequencerError};
use crate::serve::sequencer;
use crate::store::{DecisionId, PersonId};
use crate::tree::LeafIndex;

/// How somebody stands.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Stands {
    #[schema(value_type = u64)]
    person: PersonId,
    /// "active", "suspended", "revoked" or "erased".
    status: &'static str,
    /// Their place in the tree; null once they are erased, as the three that follow.
    leaf_index: Option<u32>,
    /// In seconds since 1970.
    issued_at: Option<u64>,
    /// In seconds since 1970.
    expires_at: Option<u64>,
    /// 1 one eye, 2 both eyes.
    assurance: Option<u8>,
}

impl Stands {
    fn new(person: PersonId, status: &'static str, leaf: Option<(LeafIndex, Credential)>) -> Self {
        let credential = leaf.map(|(_, credential)| credential);
        Self {
            person,
            status,
            leaf_index: leaf.map(|(index, _)| index.as_u32()),
            issued_at: credential.map(|credential| credential.issued_at()),
            expires_at: credential.map(|credential| credential.expires_at()),
            assurance: credential.map(|credential| credential.assurance().as_u8()),
        }
    }
}

/// Says how somebody stands.
#[utoipa::path(
    get, path = "/api/desk/people/{person}", tag = "desk",
    params(("person" = u64, Path, description = "Their number")),
    responses((status = 200, description = "How they stand", body = Stands), Refused),
    security(("key" = []))
)]
pub(in crate::serve) async fn person(
    State(state): State<Arc<Service>>,
    path: Result<Path<u64>, PathRejection>,
    request: Request,
) -> Response {
    let found = async move {
        let visit = Visit::new(&state, &request, super::ANY)?;
        let id = number(path.map(|Path(number)| number))?;
        let found = move |books: &mut dyn super::Books, _: &Service| {
            let record = books.person(id).map_err(|error| failed(&error))?.ok_or_else(unknown)?;
            let leaf = record.leaf.map(|leaf| (leaf.index, leaf.credential));
            Ok(Stands::new(id, record.status.as_str(), leaf))
        };
        visit.books(found).await
    };
    answered(StatusCode::OK, found.await)
}

/// Why something is done to somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct Why {
    /// In your own words; it is kept.
    #[schema(required, min_length = 1, max_length = 2000)]
    reason: Option<String>,
}

/// A step that was taken.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Taken {
    #[serde(flatten)]
    stands: Stands,
    #[schema(value_type = u64)]
    decision: DecisionId,
    /// The root from now on.
    root: String,
}

impl From<Changed> for Taken {
    fn from(changed: Changed) -> Self {
        Self {
            stands: Stands::new(changed.person, changed.status.as_str(), changed.leaf),
            decision: changed.decision,
            root: format!("0x{}", changed.root),
        }
    }
}

/// Suspends, reinstates, revokes or erases somebody. The first two are an operator's, the last two take the role `delete`.
///
/// Who is revoked is out for good, and cannot come in again. Of who is erased nothing is left but the number; whether they come in again
/// nobody can tell.
#[utoipa::path(
    post, path = "/api/desk/people/{person}/{step}", tag = "desk",
    params(
        ("person" = u64, Path, description = "Their number"),
        ("step" = String, Path, description = "\"suspend\", \"reinstate\", \"revoke\" or \"erase\""),
    ),
    request_body = Why,
    responses((status = 200, description = "It is done", body = Taken), Refused),
    security(("key" = []))
)]
pub(in crate::serve) async fn change(
    State(state): State<Arc<Service>>,
    path: Result<Path<(u64, String)>, PathRejection>,
    request: Request,
) -> Response {
    let taken = async move {
        let (person, word) = match path {
            Ok(Path((person, word))) => (Ok(person), word),
            Err(rejection) => (Err(rejection), String::new()),
        };
        let (step, role) = match word.as_str() {
            "suspend" => (Step::Suspend, Role::Operator),
            "reinstate" => (Step::Reinstate, Role::Operator),
            "revoke" => (Step::Revoke, Role::Delete),
            "erase" => (Step::Erase, Role::Delete),
            _ => {
                // Who has no key does not learn what there is.
                Visit::new(&state, &request, super::ANY)?;
                let detail = "The step is \"suspend\", \"reinstate\", \"revoke\" or \"erase\", after a number.";
                return Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", detail));
            }
        };
        let visit = Visit::new(&state, &request, &[role])?;
        let id = number(person)?;
        let body: Why = small(request).await?;
        let (reason, now) = (reason(body.reason)?, (state.clock)());
        let take = move |books: &mut dyn super::Books, _: &Service| {
            books.step(step, id, now, &reason).map(Taken::from).map_err(|error| told(&error))
        };
        visit.change(take).await
    };
    answered(StatusCode::OK, taken.await)
}

/// Takes a member out of the tree for good, as the sequencer's deletion does: the eyes stay, so that they do not come in again.
#[utoipa::path(
    delete, path = "/v3/identities/{commitment}", tag = "sequencer",
    params(("commitment" = String, Path, description = "\"0x\" and 64 lower-case hexadecimal digits")),
    responses(
        (status = 202, description = "They are out"),
        (status = 400, description = "Not a commitment", body = SequencerError),
        (status = 401, description = "No key, or an unknown one", body = SequencerError),
        (status = 403, description = "The key does not allow this", body = SequencerError),
        (status = 404, description = "Not enrolled", body = SequencerError),
        (status = 405, description = "Not this method", body = SequencerError),
        (status = 408, description = "The request took too long", body = SequencerError),
        (status = 409, description = "They are out already", body = SequencerError),
        (status = 429, description = "Too many requests of this address", body = SequencerError),
        (status = 500, description = "Something went wrong", body = SequencerError),
        (status = 501, description = "This server does not change the registry", body = SequencerError),
        (status = 503, description = "Not now; see `Retry-After`", body = SequencerError),
    ),
    security(("key" = []))
)]
pub(in crate::serve) async fn delete(
    State(state): State<Arc<Service>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let deleted = async move {
        let visit = Visit::new(&state, &request, &[Role::Delete])?;
        let commitment = sequencer::commitment(&path.map(|Path(text)| text).unwrap_or_default())?;
        let now = (state.clock)();
        visit.change(move |books, _| revoke(books, &commitment, now)).await
    };
    match deleted.await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(refusal) => refusal.sequencer(),
    }
}

fn revoke(books: &mut dyn super::Books, commitment: &IdentityCommitment, now: u64) -> Result<(), Refusal> {
    // What other processes enrolled is known after this.
    books.status().map_err(|error| failed(&error))?;
    let person = books.person_of(commitment).map_err(|error| failed(&error))?.ok_or_else(sequencer::not_found)?;
    match books.step(Step::Revoke, person, now, "deleted by its commitment") {
        Ok(_) => Ok(()),
        Err(StepError::NotPossible { .. }) => {
            let detail = "The commitment was taken out before.";
            Err(Refusal::new(StatusCode::CONFLICT, "duplicate_commitment_deletion", detail))
        }
        Err(error) => Err(told(&error)),
    }
}

fn unknown() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "unknown_person", "There is nobody of this number.")
}

fn number<E>(number: Result<u64, E>) -> Result<PersonId, Refusal> {
    number.ok().and_then(|number| PersonId::new(number).ok()).ok_or_else(unknown)
}

fn told(error: &StepError) -> Refusal {
    match error {
        StepError::Registry(error) => failed(error),
        StepError::UnknownPerson { .. } => unknown(),
        error => Refusal::new(StatusCode::CONFLICT, error.code(), sentence(error)),
    }
}
