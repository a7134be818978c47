//! `POST /api/v4/verify/{app_id or rp_id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::v2::{action, not_found};
use super::{Denied, Holds, Texts, decide, sentence};
use crate::serve::State as Service;
use crate::serve::apps::{Action, App};
use crate::serve::body;
use crate::serve::refusal::{PortalError, Refusal};
use crate::serve::time::rfc3339;
use crate::verify::VerifyError;

/// The protocol of the proofs that are verified here. Those of World ID are "3.0" and "4.0".
pub(in crate::serve) const PROTOCOL: &str = "personhood-1";

/// The most proofs in one request.
const RESPONSES: usize = 8;

/// What to do with a nullifier that was used before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct Options {
    /// "accept" answers 200 and says "(nullifier reuse)", as World ID does; "reject" answers 400 `nullifier_replayed`.
    #[serde(default)]
    on_reuse: OnReuse,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::serve) enum OnReuse {
    #[default]
    Accept,
    Reject,
}

/// What a relying party sends: the result of the holder, unchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct VerifyV4 {
    /// "personhood-1"; "3.0" and "4.0" are known and refused.
    #[schema(required, pattern = "^personhood-1$")]
    protocol_version: Option<String>,
    /// The nonce of the request that the proofs answer; without it, zeros.
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    nonce: Option<String>,
    #[schema(required, max_length = 256)]
    action: Option<String>,
    /// Not looked at.
    #[serde(rename = "action_description")]
    #[schema(max_length = 1024)]
    _action_description: Option<String>,
    /// Must be null: there are no session proofs here.
    #[schema(value_type = Option<String>)]
    session_id: Option<String>,
    environment: Option<Environment>,
    /// Must be null: no attestation of devices is checked here.
    #[schema(value_type = Option<Object>)]
    integrity_bundle: Option<IntegrityBundle>,
    #[schema(required, min_items = 1, max_items = 8)]
    responses: Option<Vec<ResponseV4>>,
}

/// World ID's attestation of a device; read only so that its refusal has the right word.
#[derive(Debug, Deserialize)]
struct IntegrityBundle {}

/// Where the request belongs; it is said back and decides nothing.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Environment {
    #[default]
    Production,
    Staging,
    Sandbox,
}

/// One proof.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct ResponseV4 {
    /// What the proof is of; it is said back and decides nothing.
    #[schema(required, max_length = 64)]
    identifier: Option<String>,
    /// keccak256 of the signal, shifted right by 8 bits; without it, that of the empty text.
    #[schema(pattern = "^0x00[0-9a-f]{62}$")]
    signal_hash: Option<String>,
    #[schema(required, pattern = "^0x[0-9a-f]{64}$")]
    merkle_root: Option<String>,
    #[schema(required, pattern = "^0x[0-9a-f]{64}$")]
    nullifier: Option<String>,
    /// "0x" and the 2,882 hexadecimal digits of a proof of this program.
    #[schema(required, pattern = "^0x[0-9a-f]{2882}$")]
    proof: Option<String>,
    /// For how many seconds a root may have been replaced, if less than the action allows.
    #[schema(minimum = 3600, maximum = 604_800)]
    max_age: Option<u64>,
    /// Which of several uses this is, from 0 (ours).
    use_index: Option<u32>,
    /// The period that the proof is for (ours); without it, the present one.
    #[schema(max_length = 256)]
    period: Option<String>,
}

/// The answer yes.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::serve) struct VerifiedV4 {
    success: bool,
    action: String,
    /// Of the first proof that holds.
    nullifier: String,
    /// When that nullifier was first accepted, if the store was told.
    created_at: Option<String>,
    environment: Environment,
    results: Vec<ResultV4>,
    message: &'static str,
}

/// What became of one proof.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::serve) struct ResultV4 {
    identifier: String,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    nullifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The answer no, with what became of each proof.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::serve) struct AllFailed {
    code: &'static str,
    detail: &'static str,
    attribute: Option<&'static str>,
    app_id: String,
    team_id: Option<&'static str>,
    results: Vec<ResultV4>,
}

/// Why there is no answer yes.
enum No {
    Refusal(Refusal),
    AllFailed(Vec<ResultV4>),
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

/// Verifies the proofs of one holder and uses up their nullifiers; one that holds is enough.
#[utoipa::path(
    post, path = "/api/v4/verify/{id}", tag = "portal",
    params(
        ("id" = String, Path, description = "The app, or its name as a relying party"),
        ("on_reuse" = Option<OnReuse>, Query, description = "What to do with a nullifier that was used before: \
            \"accept\" answers 200 and says so, as World ID does; \"reject\" answers 400 `nullifier_replayed`"),
    ),
    request_body = VerifyV4,
    responses(
        (status = 200, description = "A unique human", body = VerifiedV4),
        (status = 400, description = "Refused; `code` says why, and `results` where every proof was looked at", body = AllFailed),
        (status = 403, description = "An integrity bundle, which is not verified here", body = PortalError),
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
    options: Result<Query<Options>, QueryRejection>,
    request: Request,
) -> Response {
    let Some(app) = path.ok().and_then(|Path(id)| state.apps.app_or_relying_party(&id)) else {
        return not_found().portal(None);
    };
    let Ok(Query(options)) = options else {
        let detail = "The one option of this address is on_reuse, \"accept\" or \"reject\".";
        return Refusal::bad("invalid_request", detail).about("on_reuse").portal(Some(&app.id));
    };
    match answer(&state, app, &options, request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(No::Refusal(refusal)) => refusal.portal(Some(&app.id)),
        Err(No::AllFailed(results)) => {
            let body = AllFailed {
                code: "all_verifications_failed",
                detail: "All proof verifications failed.",
                attribute: None,
                app_id: app.id.clone(),
                team_id: None,
                results,
            };
            let mut response = (StatusCode::BAD_REQUEST, Json(body)).into_response();
            response.extensions_mut().insert(crate::serve::refusal::Code("all_verifications_failed"));
            response
        }
    }
}

async fn answer(state: &Service, app: &App, options: &Options, request: Request) -> Result<VerifiedV4, No> {
    let body: VerifyV4 = body::json(request).await?;
    if body.session_id.is_some() {
        let detail = "There are no session proofs here; ask for an action with uses or periods.";
        return Err(Refusal::bad("invalid_request", detail).about("session_id").into());
    }
    if body.integrity_bundle.is_some() {
        let detail = "Attestations of devices are not verified here, so none is accepted.";
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "integrity_verification_failed", detail);
        return Err(refusal.about("integrity_bundle").into());
    }
    let protocol = body::needed(body.protocol_version.as_deref(), "protocol_version")?;
    let action = action(app, body.action.as_deref())?;
    let responses = body::needed(body.responses.as_ref(), "responses")?;
    if responses.is_empty() || responses.len() > RESPONSES {
        let detail = format!("There are {} responses, not 1 to {RESPONSES}.", responses.len());
        return Err(Refusal::bad("invalid_request", detail).about("responses").into());
    }
    match protocol {
        PROTOCOL => {}
        "3.0" | "4.0" => {
            let results = responses.iter().map(|response| ResultV4 {
                identifier: response.identifier.clone().unwrap_or_default(),
                success: false,
                nullifier: None,
                code: Some("invalid_proof"),
                detail: Some(format!("This server verifies proofs of \"{PROTOCOL}\", not those of World ID.")),
            });
            return Err(No::AllFailed(results.collect()));
        }
        _ => {
            let detail = format!("The protocol of this server is \"{PROTOCOL}\".");
            return Err(Refusal::bad("invalid_request", detail).about("protocol_version").into());
        }
    }
    let (mut results, mut first, mut reused) = (Vec::new(), None, false);
    for response in responses {
        let identifier = body::needed(response.identifier.clone(), "identifier")?;
        let claim = Texts {
            root: response.merkle_root.as_deref(),
            nullifier: (response.nullifier.as_deref(), "nullifier"),
            signal_hash: response.signal_hash.as_deref(),
            nonce: body.nonce.as_deref(),
            proof: response.proof.as_deref(),
            use_index: response.use_index,
            max_age: response.max_age,
            period: response.period.as_deref(),
        }
        .read()?;
        let nullifier = format!("0x{}", claim.nullifier);
        let at = match decide(state, app, action, claim).await {
            Ok(Holds::First { at }) => Some(at),
            Ok(Holds::Again { .. }) if options.on_reuse == OnReuse::Reject => {
                let detail = "This nullifier was used before.";
                return Err(Refusal::bad("nullifier_replayed", detail).about("nullifier").into());
            }
            Ok(Holds::Again { at }) => {
                reused = true;
                at
            }
            Err(Denied::Undecided(refusal)) => return Err(refusal.into()),
            Err(Denied::Closed) => {
                return Err(Refusal::bad("action_inactive", "This action is inactive.").about("action").into());
            }
            Err(Denied::Nonce(error)) => return Err(error.refusal().into()),
            Err(denied) => {
                let (code, detail) = reason(denied, action);
                let (code, detail) = (Some(code), Some(detail));
                results.push(ResultV4 { identifier, success: false, nullifier: None, code, detail });
                continue;
            }
        };
        first.get_or_insert((nullifier.clone(), at));
        results.push(ResultV4 { identifier, success: true, nullifier: Some(nullifier), code: None, detail: None });
    }
    let Some((nullifier, at)) = first else {
        return Err(No::AllFailed(results));
    };
    Ok(VerifiedV4 {
        success: true,
        action: action.action.clone(),
        nullifier,
        created_at: at.map(rfc3339),
        environment: body.environment.unwrap_or_default(),
        results,
        message: if reused { "Proof verified successfully (nullifier reuse)" } else { "Proof verified successfully" },
    })
}

/// The word of this version for a reason.
fn reason(denied: Denied, action: &Action) -> (&'static str, String) {
    match denied {
        Denied::Undecided(refusal) => (refusal.code, refusal.detail),
        Denied::Nonce(error) => (error.refusal().code, error.refusal().detail),
        Denied::Closed => ("verification_failed", "This action is inactive.".to_owned()),
        Denied::PeriodOver => ("outdated_nullifier", "The period of the proof is over.".to_owned()),
        Denied::PeriodToCome => ("nullifier_from_future", "The period of the proof has not begun.".to_owned()),
        Denied::NoPeriods => ("invalid_public_input", "This action has no periods.".to_owned()),
        Denied::Undecodable(error) => ("invalid_proof", format!("{error}.")),
        Denied::Rule(error) => {
            let detail = sentence(&error);
            match error {
                VerifyError::UseLimit { .. } => (
                    "invalid_public_input",
                    format!("use_index is not below {}, the number of uses of this action.", action.uses),
                ),
                VerifyError::Root(_) => ("invalid_root", detail),
                _ => ("invalid_proof", detail),
            }
        }
    }
}
