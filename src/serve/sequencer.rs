//! The endpoints of the signup sequencer: paths of members, and proofs checked on their own.

use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::State as Service;
use super::body;
use super::judge::{Case, NotJudged, Verdict};
use super::keys::Role;
use super::portal::not_judged;
use super::refusal::{Refusal, SequencerError};
use super::roll::{RollError, RootList};
use crate::bytes::to_hex;
use crate::identity::{Assurance, IdentityCommitment};
use crate::membership::Statement;
use crate::registry::Membership;
use crate::signal::Signal;
use crate::tree::RootError;

/// A member's way to the root.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InclusionProof {
    /// The present root.
    root: String,
    /// The member's place.
    leaf_index: u32,
    /// The path in the one encoding of this program, in hexadecimal digits: eight children to a node, where World ID's tree
    /// has two, so it is not a list of lefts and rights.
    path: String,
    credential: CredentialOf,
}

/// What the registry says about the member.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CredentialOf {
    /// In seconds since 1970.
    issued_at: u64,
    /// In seconds since 1970.
    expires_at: u64,
    /// 1 one eye, 2 both eyes.
    assurance: u8,
}

/// Finds the path of a member; "processed" and "mined" are the same here, since a root is final when it is committed.
#[utoipa::path(
    get, path = "/v3/identities/{commitment}/inclusion-proof/{stage}", tag = "sequencer",
    params(
        ("commitment" = String, Path, description = "\"0x\" and 64 lower-case hexadecimal digits"),
        ("stage" = String, Path, description = "\"processed\" or \"mined\""),
    ),
    responses(
        (status = 200, description = "The path", body = InclusionProof),
        (status = 400, description = "Not a commitment or not a stage", body = SequencerError),
        (status = 404, description = "Not enrolled", body = SequencerError),
        (status = 405, description = "Not this method", body = SequencerError),
        (status = 408, description = "The request took too long", body = SequencerError),
        (status = 429, description = "Too many requests of this address", body = SequencerError),
        (status = 500, description = "Something went wrong", body = SequencerError),
        (status = 501, description = "This server has no registry", body = SequencerError),
        (status = 503, description = "Not now; see `Retry-After`", body = SequencerError),
    )
)]
pub(super) async fn inclusion_proof(
    State(state): State<Arc<Service>>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Response {
    let found = match path {
        Ok(Path((commitment, stage))) if matches!(stage.as_str(), "processed" | "mined") => {
            find(&state, &commitment).await
        }
        _ => Err(Refusal::bad("invalid_path", "The stage is \"processed\" or \"mined\".")),
    };
    answer(found)
}

/// What the first version asks with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InclusionProofV1 {
    #[schema(required, pattern = "^0x[0-9a-f]{64}$")]
    identity_commitment: Option<String>,
}

/// Finds the path of a member, as the first version asks.
#[utoipa::path(
    post, path = "/inclusionProof", tag = "sequencer",
    request_body = InclusionProofV1,
    responses(
        (status = 200, description = "The path", body = InclusionProof),
        (status = 400, description = "Not a commitment", body = SequencerError),
        (status = 404, description = "Not enrolled", body = SequencerError),
        (status = 405, description = "Not this method", body = SequencerError),
        (status = 408, description = "The request took too long", body = SequencerError),
        (status = 413, description = "The body is too large", body = SequencerError),
        (status = 415, description = "The body is not JSON", body = SequencerError),
        (status = 429, description = "Too many requests of this address", body = SequencerError),
        (status = 500, description = "Something went wrong", body = SequencerError),
        (status = 501, description = "This server has no registry", body = SequencerError),
        (status = 503, description = "Not now; see `Retry-After`", body = SequencerError),
    )
)]
pub(super) async fn inclusion_proof_v1(State(state): State<Arc<Service>>, request: Request) -> Response {
    let body: Result<InclusionProofV1, Refusal> = body::json(request).await;
    let found = match body.and_then(|body| body::needed(body.identity_commitment, "identityCommitment")) {
        Ok(commitment) => find(&state, &commitment).await,
        Err(refusal) => Err(refusal),
    };
    answer(found)
}

/// Refuses to insert: nobody becomes a member by a commitment alone.
///
/// World ID's sequencer trusts whoever has its key that a commitment belongs to a new human. The registry here enrols eyes and
/// commitment in one step, under one lock; what this address can say is whether that has happened.
#[utoipa::path(
    post, path = "/v3/identities/{commitment}", tag = "sequencer",
    params(("commitment" = String, Path, description = "\"0x\" and 64 lower-case hexadecimal digits")),
    responses(
        (status = 400, description = "Not a commitment", body = SequencerError),
        (status = 401, description = "No key, or an unknown one", body = SequencerError),
        (status = 403, description = "The key does not allow this", body = SequencerError),
        (status = 405, description = "Not this method", body = SequencerError),
        (status = 408, description = "The request took too long", body = SequencerError),
        (status = 409, description = "Enrolled already", body = SequencerError),
        (status = 429, description = "Too many requests of this address", body = SequencerError),
        (status = 500, description = "Something went wrong", body = SequencerError),
        (status = 501, description = "Not enrolled, which takes eyes: `personhood enroll`", body = SequencerError),
        (status = 503, description = "Not now; see `Retry-After`", body = SequencerError),
    ),
    security(("key" = []))
)]
pub(super) async fn insert(
    State(state): State<Arc<Service>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    if let Err(refusal) = state.keys.allow(request.headers(), Role::Insert) {
        return refusal.sequencer();
    }
    let commitment = path.map(|Path(commitment)| commitment).unwrap_or_default();
    match find(&state, &commitment).await {
        Ok(_) => Refusal::new(StatusCode::CONFLICT, "already_included", "The commitment is enrolled already."),
        Err(refusal) if refusal.status == StatusCode::NOT_FOUND => Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            "eyes_required",
            "Nobody is enrolled by a commitment alone: it takes their eyes, at a desk (/desk/) or with `personhood enroll`.",
        ),
        Err(refusal) => refusal,
    }
    .sequencer()
}

/// A proof to check on its own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SemaphoreProof {
    #[schema(required, pattern = "^0x[0-9a-f]{64}$")]
    root: Option<String>,
    /// keccak256 of the signal, shifted right by 8 bits.
    #[schema(required, pattern = "^0x00[0-9a-f]{62}$")]
    signal_hash: Option<String>,
    #[schema(required, pattern = "^0x[0-9a-f]{64}$")]
    nullifier_hash: Option<String>,
    #[schema(required, pattern = "^0x[0-9a-f]{64}$")]
    external_nullifier_hash: Option<String>,
    /// "0x" and the 2,882 hexadecimal digits of a proof of this program.
    #[schema(required, pattern = "^0x[0-9a-f]{2882}$")]
    proof: Option<String>,
    /// For how many seconds the root may have been replaced; without it, any root that ever was.
    max_root_age_seconds: Option<u64>,
}

/// Whether the proof holds.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Valid {
    valid: bool,
}

/// Checks a proof without bounds and nonce, and records nothing: whoever asks keeps the nullifiers.
#[utoipa::path(
    post, path = "/v3/semaphore-proof/verify", tag = "sequencer",
    request_body = SemaphoreProof,
    responses(
        (status = 200, description = "It holds", body = Valid),
        (status = 400, description = "It does not (`{\"valid\": false}`), or could not be read", body = SequencerError),
        (status = 405, description = "Not this method", body = SequencerError),
        (status = 408, description = "The request took too long", body = SequencerError),
        (status = 413, description = "The body is too large", body = SequencerError),
        (status = 415, description = "The body is not JSON", body = SequencerError),
        (status = 429, description = "Too many requests of this address", body = SequencerError),
        (status = 500, description = "Something went wrong", body = SequencerError),
        (status = 503, description = "Not now; see `Retry-After`", body = SequencerError),
    )
)]
pub(super) async fn verify(State(state): State<Arc<Service>>, request: Request) -> Response {
    match check(&state, request).await {
        Ok(valid) => {
            let status = if valid { StatusCode::OK } else { StatusCode::BAD_REQUEST };
            (status, Json(Valid { valid })).into_response()
        }
        Err(refusal) => refusal.sequencer(),
    }
}

async fn check(state: &Service, request: Request) -> Result<bool, Refusal> {
    let body: SemaphoreProof = body::json(request).await?;
    let signal = body::hex32(&body::needed(body.signal_hash, "signalHash")?, "signalHash")?;
    let statement = Statement {
        root: body::value(&body::needed(body.root, "root")?, "root")?,
        external_nullifier: body::value(
            &body::needed(body.external_nullifier_hash, "externalNullifierHash")?,
            "externalNullifierHash",
        )?,
        use_index: 0,
        nullifier: body::value(&body::needed(body.nullifier_hash, "nullifierHash")?, "nullifierHash")?,
        signal: Signal::from_world_hash(&signal)
            .map_err(|error| Refusal::bad("invalid_format", format!("{error}.")).about("signalHash"))?,
        nonce: [0; 32],
        issued_no_later_than: None,
        expires_no_earlier_than: None,
        assurance_at_least: Assurance::NONE,
    };
    let proof = body::proof(&body::needed(body.proof, "proof")?)?;
    let max_age = body.max_root_age_seconds.unwrap_or(u64::MAX);
    state.roots.known().history.check(&statement.root, (state.clock)(), max_age).map_err(|error| {
        let code = match error {
            RootError::Unknown { .. } => "invalid_root",
            _ => "root_too_old",
        };
        Refusal::bad(code, format!("{error}."))
    })?;
    match state.judge.decide(Case { statement, proof, record: false, nonce: None }).await {
        Ok(Verdict::Accepted { .. } | Verdict::UsedBefore { .. }) => Ok(true),
        Ok(Verdict::Refused(_)) => Ok(false),
        Ok(Verdict::Undecodable(error)) => Err(Refusal::bad("decompressing_proof_error", format!("{error}."))),
        Ok(Verdict::StoreFailed | Verdict::NonceUsed) => Err(not_judged(NotJudged::Failed)),
        Err(error) => Err(not_judged(error)),
    }
}

/// The roots of the registry, as a server without one reads them from a file.
#[utoipa::path(
    get, path = "/api/v1/roots", tag = "status",
    responses(
        (status = 200, description = "The present root and those of the last week", body = RootList),
        (status = 405, description = "Not this method", body = super::refusal::PortalError),
        (status = 429, description = "Too many requests of this address", body = super::refusal::PortalError),
    )
)]
pub(super) async fn roots(State(state): State<Arc<Service>>) -> Json<RootList> {
    const WEEK: u64 = 7 * 86_400;
    let known = state.roots.known();
    Json(RootList::new(&known.history, (state.clock)().saturating_sub(WEEK)))
}

fn answer(found: Result<Membership, Refusal>) -> Response {
    match found {
        Ok(Membership { leaf_index, credential, path, root, .. }) => Json(InclusionProof {
            root: format!("0x{root}"),
            leaf_index: leaf_index.as_u32(),
            path: to_hex(&path.to_bytes()),
            credential: CredentialOf {
                issued_at: credential.issued_at(),
                expires_at: credential.expires_at(),
                assurance: credential.assurance().as_u8(),
            },
        })
        .into_response(),
        Err(refusal) => refusal.sequencer(),
    }
}

/// Reads a commitment.
pub(super) fn commitment(text: &str) -> Result<IdentityCommitment, Refusal> {
    body::value(text, "commitment").map_err(|refusal| {
        // The sequencer has two words: one for digits, one for a number that is not reduced.
        let digits = body::hex32(text, "commitment").is_err();
        Refusal::bad(if digits { "invalid_commitment" } else { "unreduced_commitment" }, refusal.detail)
    })
}

/// Nobody has this commitment.
pub(super) fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "identity_not_found", "The commitment is not enrolled.")
}

/// The membership of whoever has a commitment.
async fn find(state: &Arc<Service>, text: &str) -> Result<Membership, Refusal> {
    let commitment = commitment(text)?;
    let roll = Arc::clone(&state.roll);
    let find = move || roll.lock().unwrap_or_else(PoisonError::into_inner).membership(commitment);
    let found = tokio::task::spawn_blocking(find).await.map_err(|_| not_judged(NotJudged::Failed))?;
    found.map_err(|error| match error {
        RollError::NotEnrolled => not_found(),
        RollError::RootsOnly => Refusal::new(StatusCode::NOT_IMPLEMENTED, "no_registry", format!("{error}.")),
        other => {
            tracing::error!(code = other.code(), error = %other, "the registry was not read");
            Refusal::unavailable("registry_unreachable", "The registry cannot be read now; try again.")
        }
    })
}
