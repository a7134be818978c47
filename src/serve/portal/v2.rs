//! `POST /api/v2/verify/{app_id}`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Denied, Holds, Texts, decide, sentence};
use crate::serve::State as Service;
use crate::serve::apps::{Action, App};
use crate::serve::body;
use crate::serve::refusal::{PortalError, Refusal};
use crate::serve::time::rfc3339;
use crate::tree::RootError;
use crate::verify::VerifyError;

/// What a relying party sends: World ID's fields, and three of ours that it may leave out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct VerifyV2 {
    /// The action, as the list of apps names it.
    #[schema(required, max_length = 256)]
    action: Option<String>,
    /// keccak256 of the signal, shifted right by 8 bits; without it, that of the empty text.
    #[schema(pattern = "^0x00[0-9a-f]{62}$")]
    signal_hash: Option<String>,
    /// "0x" and the 2,882 hexadecimal digits of a proof of this program.
    #[schema(required, pattern = "^0x[0-9a-f]{2882}$")]
    proof: Option<String>,
    #[schema(required, pattern = "^0x[0-9a-f]{64}$")]
    nullifier_hash: Option<String>,
    #[schema(required, pattern = "^0x[0-9a-f]{64}$")]
    merkle_root: Option<String>,
    /// "orb": both eyes or one, as the action asks.
    #[schema(pattern = "^orb$")]
    verification_level: Option<String>,
    /// For how many seconds a root may have been replaced, if less than the action allows.
    #[schema(minimum = 3600, maximum = 604_800)]
    max_age: Option<u64>,
    /// Which of several uses this is, from 0 (ours).
    use_index: Option<u32>,
    /// The nonce that the proof answers (ours); without it, zeros.
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    nonce: Option<String>,
    /// The period that the proof is for (ours); without it, the present one.
    #[schema(max_length = 256)]
    period: Option<String>,
}

/// The answer yes.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::serve) struct VerifiedV2 {
    /// How many times this person has acted, by the use index of the proof.
    uses: u64,
    success: bool,
    action: String,
    max_uses: u32,
    nullifier_hash: String,
    created_at: String,
    verification_level: &'static str,
    message: &'static str,
}

/// Verifies a proof and uses up its nullifier.
#[utoipa::path(
    post, path = "/api/v2/verify/{app_id}", tag = "portal",
    params(("app_id" = String, Path, description = "The app")),
    request_body = VerifyV2,
    responses(
        (status = 200, description = "A unique human, for the first time", body = VerifiedV2),
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
pub(in crate::serve) async fn verify(
    State(state): State<Arc<Service>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    match super::app_of(&state, path) {
        Ok(app) => super::answered(app, answer(&state, app, request).await),
        Err(refusal) => refusal.portal(None),
    }
}

/// There is no such app.
pub(in crate::serve) fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", "App not found. App may be no longer active.").about("app_id")
}

/// The action of this name.
pub(in crate::serve) fn action<'a>(app: &'a App, name: Option<&str>) -> Result<&'a Action, Refusal> {
    let name = body::needed(name, "action")?;
    app.action(name).ok_or_else(|| Refusal::bad("invalid_action", "Action not found.").about("action"))
}

async fn answer(state: &Service, app: &App, request: Request) -> Result<VerifiedV2, Refusal> {
    let body: VerifyV2 = body::json(request).await?;
    let action = action(app, body.action.as_deref())?;
    if body.verification_level.as_deref().is_some_and(|level| level != "orb") {
        let detail = "Only \"orb\" is verified here: people are enrolled with their eyes.";
        return Err(Refusal::bad("invalid_format", detail).about("verification_level"));
    }
    let claim = Texts {
        root: body.merkle_root.as_deref(),
        nullifier: (body.nullifier_hash.as_deref(), "nullifier_hash"),
        signal_hash: body.signal_hash.as_deref(),
        nonce: body.nonce.as_deref(),
        proof: body.proof.as_deref(),
        use_index: body.use_index,
        max_age: body.max_age,
        period: body.period.as_deref(),
    }
    .read()?;
    let (nullifier, use_index) = (claim.nullifier, claim.use_index);
    match decide(state, app, action, claim).await {
        Ok(Holds::First { at }) => Ok(VerifiedV2 {
            uses: u64::from(use_index) + 1,
            success: true,
            action: action.action.clone(),
            max_uses: action.uses.get(),
            nullifier_hash: format!("0x{nullifier}"),
            created_at: rfc3339(at),
            verification_level: "orb",
            message: "Proof verified successfully",
        }),
        Ok(Holds::Again { .. }) => Err(used_up(action)),
        Err(denied) => Err(refusal(denied, action)),
    }
}

fn used_up(action: &Action) -> Refusal {
    let detail = match action.uses.get() {
        1 => "This person has already verified for this action.".to_owned(),
        uses => format!("This person has used this proof's turn for this action; there are {uses} in all."),
    };
    Refusal::bad("max_verifications_reached", detail)
}

/// The portal's word for a reason.
fn refusal(denied: Denied, action: &Action) -> Refusal {
    match denied {
        Denied::Undecided(refusal) => refusal,
        Denied::Closed => Refusal::bad("action_inactive", "This action is inactive.").about("action"),
        Denied::PeriodOver => Refusal::bad("action_inactive", "The period of the proof is over.").about("period"),
        Denied::PeriodToCome => {
            Refusal::bad("action_inactive", "The period of the proof has not begun.").about("period")
        }
        Denied::Nonce(error) => error.refusal(),
        Denied::NoPeriods => Refusal::bad("invalid_format", "This action has no periods.").about("period"),
        Denied::Undecodable(error) => Refusal::bad("invalid_proof", format!("{error}.")).about("proof"),
        Denied::Rule(error) => {
            let detail = sentence(&error);
            match error {
                VerifyError::UseLimit { .. } => used_up(action),
                VerifyError::Root(RootError::Unknown { .. }) => {
                    Refusal::bad("invalid_merkle_root", detail).about("merkle_root")
                }
                VerifyError::Root(_) => Refusal::bad("root_too_old", detail).about("merkle_root"),
                _ => Refusal::bad("invalid_proof", detail).about("proof"),
            }
        }
    }
}
