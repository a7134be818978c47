//! `POST /api/v1/precheck/{app_id}`: what an action asks for, before anybody proves.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::not_judged;
use super::v2::action;
use crate::nullifier::Nullifier;
use crate::serve::State as Service;
use crate::serve::apps::App;
use crate::serve::body;
use crate::serve::judge::NotJudged;
use crate::serve::refusal::{PortalError, Refusal};

/// What a client sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct Precheck {
    #[schema(required, max_length = 256)]
    action: Option<String>,
    /// The nullifier of the holder who asks, if they want to know whether it was used.
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    nullifier_hash: Option<String>,
    /// Not needed; compared if it is given.
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    external_nullifier: Option<String>,
}

/// The app, and what a proof for the action has to show.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::serve) struct Prechecked {
    id: String,
    name: String,
    /// Always "cloud": nothing here is on a chain.
    engine: &'static str,
    is_staging: bool,
    is_verified: bool,
    action: PrecheckedAction,
    /// "yes", "no" or "undetermined".
    can_user_verify: &'static str,
}

/// An action as a holder has to know it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::serve) struct PrecheckedAction {
    action: String,
    name: String,
    description: String,
    max_verifications: u32,
    /// "active" or "inactive".
    status: &'static str,
    /// The scope in the present period.
    external_nullifier: String,
    /// The present period, the third part of the scope (ours, like all that follows).
    period: Option<String>,
    /// The bound of the proof on the issue of the leaf, in seconds since 1970.
    issued_no_later_than: Option<u64>,
    /// The bound of the proof on the expiry of the leaf, in seconds since 1970.
    expires_no_earlier_than: Option<u64>,
    /// The bound of the proof on the assurance of the leaf.
    assurance_at_least: u8,
    /// For how many seconds a root is accepted after it was replaced.
    root_age: u64,
    /// Whether only answers to signed requests count.
    requests: bool,
}

/// Says what an action asks for, and whether a nullifier is new in it.
#[utoipa::path(
    post, path = "/api/v1/precheck/{app_id}", tag = "portal",
    params(("app_id" = String, Path, description = "The app")),
    request_body = Precheck,
    responses(
        (status = 200, description = "The action", body = Prechecked),
        (status = 400, description = "Refused; `code` says why", body = PortalError),
        (status = 404, description = "No such app", body = PortalError),
        (status = 405, description = "Not this method", body = PortalError),
        (status = 408, description = "The request took too long", body = PortalError),
        (status = 413, description = "The body is too large", body = PortalError),
        (status = 415, description = "The body is not JSON", body = PortalError),
        (status = 429, description = "Too many requests of this address", body = PortalError),
        (status = 500, description = "Something went wrong", body = PortalError),
        (status = 503, description = "Not now; see `Retry-After`", body = PortalError),
    )
)]
pub(in crate::serve) async fn precheck(
    State(state): State<Arc<Service>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    match super::app_of(&state, path) {
        Ok(app) => super::answered(app, answer(&state, app, request).await),
        Err(refusal) => refusal.portal(None),
    }
}

async fn answer(state: &Arc<Service>, app: &App, request: Request) -> Result<Prechecked, Refusal> {
    let body: Precheck = body::json(request).await?;
    let action = action(app, body.action.as_deref())?;
    let now = (state.clock)();
    let period = action.period_at(now);
    let history = state.roots.known().history;
    let nullifier: Option<Nullifier> =
        body.nullifier_hash.map(|text| body::value(&text, "nullifier_hash")).transpose()?;
    let asked = super::asked(&action.verifier(app, period.as_ref(), Arc::clone(&history)), &history);
    let scope = format!("0x{}", asked.external_nullifier);
    if let Some(text) = body.external_nullifier {
        body::hex32(&text, "external_nullifier")?;
        if text != scope {
            let detail = "This is not the external nullifier of the action in its present period.";
            return Err(Refusal::bad("invalid_format", detail).about("external_nullifier"));
        }
    }
    let can_user_verify = match (action.is_open(now), nullifier) {
        (false, _) => "no",
        (true, None) => "undetermined",
        (true, Some(nullifier)) => {
            let service = Arc::clone(state);
            let used = move || service.judge.was_accepted(&asked.external_nullifier, &nullifier);
            match tokio::task::spawn_blocking(used).await {
                Ok(Ok(used)) => {
                    if used {
                        "no"
                    } else {
                        "yes"
                    }
                }
                Ok(Err(_)) => {
                    return Err(Refusal::unavailable("store_unreachable", "The nullifiers cannot be read; try again."));
                }
                Err(_) => return Err(not_judged(NotJudged::Failed)),
            }
        }
    };
    Ok(Prechecked {
        id: app.id.clone(),
        name: app.name.clone(),
        engine: "cloud",
        is_staging: false,
        is_verified: false,
        action: PrecheckedAction {
            action: action.action.clone(),
            name: action.action.clone(),
            description: action.description.clone(),
            max_verifications: action.uses.get(),
            status: if action.is_open(now) { "active" } else { "inactive" },
            external_nullifier: scope,
            period: period.map(|(name, _)| name),
            issued_no_later_than: asked.issued_no_later_than,
            expires_no_earlier_than: asked.expires_no_earlier_than,
            assurance_at_least: asked.assurance_at_least.as_u8(),
            root_age: action.root_age,
            requests: action.requests,
        },
        can_user_verify,
    })
}
