//! Who is signed in, how the registry and its log stand, and what was decided.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Refused, Visit, answered, failed, reviews};
use crate::registry::Decision;
use crate::serve::State as Service;
use crate::serve::keys::Role;
use crate::serve::log_files::Head;
use crate::serve::refusal::Refusal;
use crate::store::{DecisionId, PersonId};

/// Decisions that are read at once.
const DECISIONS: u32 = 100;

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Session {
    /// The name under which decisions are recorded.
    name: String,
    /// What the key allows.
    roles: Vec<Role>,
}

/// Says whose key this is and what it allows.
#[utoipa::path(
    get, path = "/api/desk/session", tag = "desk",
    responses((status = 200, description = "Whose key it is", body = Session), Refused),
    security(("key" = []))
)]
pub(in crate::serve) async fn session(State(state): State<Arc<Service>>, request: Request) -> Response {
    let session = Visit::new(&state, &request, super::ANY)
        .map(|visit| Session { name: visit.caller.name.to_owned(), roles: visit.caller.roles.to_vec() });
    answered(StatusCode::OK, session)
}

/// The registry at a glance.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Overview {
    /// In seconds since 1970.
    created_at: u64,
    /// The number of the newest change.
    sequence: u64,
    /// Everybody, whatever their status.
    people: u64,
    active: u64,
    suspended: u64,
    revoked: u64,
    erased: u64,
    left_eyes: u64,
    right_eyes: u64,
    root: String,
    leaves: u32,
    capacity: u32,
    disk_bytes: Option<u64>,
    rules: Rules,
    /// Reviews that are open; only for whoever may read them.
    open_reviews: Option<u64>,
    /// The log; null if there is none.
    log: Option<Head>,
}

/// The rules in force.
#[derive(Serialize, ToSchema)]
struct Rules {
    /// Columns of the templates.
    layout: usize,
    /// Below it two eyes are one.
    threshold: f64,
    /// Columns of rotation that are searched to either side.
    maximum_rotation: u8,
    /// Whether people decide about duplicates.
    adjudicate_duplicates: bool,
}

/// Says how the registry and its log stand.
#[utoipa::path(
    get, path = "/api/desk/status", tag = "desk",
    responses((status = 200, description = "The registry at a glance", body = Overview), Refused),
    security(("key" = []))
)]
pub(in crate::serve) async fn status(State(state): State<Arc<Service>>, request: Request) -> Response {
    let overview = async move {
        let visit = Visit::new(&state, &request, super::ANY)?;
        let reads_reviews = visit.caller.has(&[Role::Adjudicator, Role::Auditor]);
        visit
            .books(move |books, service| {
                let status = books.status().map_err(|error| failed(&error))?;
                let open_reviews = if reads_reviews { Some(reviews::open(books)?) } else { None };
                Ok(Overview {
                    created_at: status.created_at,
                    sequence: status.sequence.as_u64(),
                    people: status.people,
                    active: status.census.active,
                    suspended: status.census.suspended,
                    revoked: status.census.revoked,
                    erased: status.census.erased,
                    left_eyes: status.left_eyes,
                    right_eyes: status.right_eyes,
                    root: format!("0x{}", status.root),
                    leaves: status.leaves,
                    capacity: status.capacity,
                    disk_bytes: status.disk_bytes,
                    rules: Rules {
                        layout: status.layout.columns(),
                        threshold: status.policy.matching.threshold.ratio(),
                        maximum_rotation: status.policy.matching.maximum_rotation,
                        adjudicate_duplicates: status.policy.adjudicate_duplicates,
                    },
                    open_reviews,
                    log: service.log.as_deref().and_then(Head::read),
                })
            })
            .await
    };
    answered(StatusCode::OK, overview.await)
}

/// From where on decisions are read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct After {
    /// Decisions with larger numbers than this, oldest first; without it from the first one on.
    after: Option<u64>,
}

/// Decisions in order.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Decisions {
    /// At most a hundred; ask again with `after` for those behind them.
    decisions: Vec<Decided>,
}

/// One decision: the facts, and why.
#[derive(Serialize, ToSchema)]
pub(in crate::serve) struct Decided {
    #[schema(value_type = u64)]
    decision: DecisionId,
    /// In seconds since 1970.
    at: u64,
    operator: String,
    /// What was decided about: "enrol", "review", "erase", …
    action: String,
    /// "accepted", or the code of the refusal.
    outcome: String,
    #[schema(value_type = Option<u64>)]
    person: Option<PersonId>,
    /// The smallest of the fractions of differing bits that decided.
    nearest: Option<f64>,
    reason: String,
    subject: String,
}

impl From<Decision> for Decided {
    fn from(decision: Decision) -> Self {
        let nearest = decision.distances.iter().map(|one| f64::from(one.disagreeing) / f64::from(one.compared.max(1)));
        Self {
            nearest: nearest.min_by(f64::total_cmp),
            decision: decision.id,
            at: decision.at,
            operator: decision.operator,
            action: decision.action,
            outcome: decision.outcome,
            person: decision.person,
            reason: decision.reason,
            subject: decision.subject,
        }
    }
}

/// Lists decisions, for auditors.
#[utoipa::path(
    get, path = "/api/desk/decisions", tag = "desk",
    params(("after" = Option<u64>, Query, description = "Decisions with larger numbers than this, oldest first")),
    responses((status = 200, description = "The decisions", body = Decisions), Refused),
    security(("key" = []))
)]
pub(in crate::serve) async fn decisions(
    State(state): State<Arc<Service>>,
    query: Result<Query<After>, QueryRejection>,
    request: Request,
) -> Response {
    let listed = async move {
        let visit = Visit::new(&state, &request, &[Role::Auditor])?;
        let Query(After { after }) = query
            .map_err(|_| Refusal::bad("invalid_format", "\"after\" is the number of a decision.").about("after"))?;
        visit
            .books(move |books, _| {
                let found = books.decisions(after.unwrap_or(0), DECISIONS).map_err(|error| failed(&error))?;
                Ok(Decisions { decisions: found.into_iter().map(Decided::from).collect() })
            })
            .await
    };
    answered(StatusCode::OK, listed.await)
}
