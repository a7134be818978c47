//! The endpoints of the developer portal: verify and precheck.

pub(super) mod precheck;
pub(super) mod v2;
pub(super) mod v4;

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::State;
use super::apps::{Action, App};
use super::body;
use super::issuer::{self, NonceError};
use super::judge::{Case, NotJudged, Verdict};
use super::refusal::Refusal;
use crate::membership::{ProofDecodeError, Statement, VerifyError as ProofError};
use crate::nullifier::Nullifier;
use crate::signal::Signal;
use crate::tree::{MerkleRoot, RootHistory};
use crate::verify::{Request, Verifier, VerifyError};

/// The app that an address names.
pub(super) fn app_of(state: &State, path: Result<Path<String>, PathRejection>) -> Result<&App, Refusal> {
    path.ok().and_then(|Path(id)| state.apps.app(&id)).ok_or_else(v2::not_found)
}

/// The answer in the name of an app, or why there is none.
pub(super) fn answered<T: Serialize>(app: &App, answer: Result<T, Refusal>) -> Response {
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refusal.portal(Some(&app.id)),
    }
}

/// The bounds of `max_age` in seconds, as the portal has them: an hour and a week.
const MAX_AGE: std::ops::RangeInclusive<u64> = 3_600..=604_800;

/// World's signal hash of the empty text: keccak256 of nothing, without its last byte.
const NO_SIGNAL: &str = "0x00c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a4";

/// What a holder shows, whatever the version of the envelope.
struct Claim {
    root: MerkleRoot,
    nullifier: Nullifier,
    use_index: u32,
    request: Request,
    signal_hash: [u8; 32],
    /// The relying party's own bound for the age of the root; it can only be stricter than the action's.
    max_age: Option<u64>,
    /// The period that the proof is for; the present one if it is not said.
    period: Option<String>,
    proof: Vec<u8>,
}

/// The texts of a claim, before anybody looked at them; names are those of the fields.
struct Texts<'a> {
    root: Option<&'a str>,
    nullifier: (Option<&'a str>, &'static str),
    signal_hash: Option<&'a str>,
    nonce: Option<&'a str>,
    proof: Option<&'a str>,
    use_index: Option<u32>,
    max_age: Option<u64>,
    period: Option<&'a str>,
}

impl Texts<'_> {
    fn read(self) -> Result<Claim, Refusal> {
        let (nullifier, nullifier_field) = self.nullifier;
        let proof = body::proof(body::needed(self.proof, "proof")?)?;
        let nullifier = body::value(body::needed(nullifier, nullifier_field)?, nullifier_field)?;
        let root = body::value(body::needed(self.root, "merkle_root")?, "merkle_root")?;
        let signal_hash = body::hex32(self.signal_hash.unwrap_or(NO_SIGNAL), "signal_hash")?;
        let signal = Signal::from_world_hash(&signal_hash)
            .map_err(|error| Refusal::bad("invalid_format", format!("{error}.")).about("signal_hash"))?;
        let nonce = self.nonce.map_or(Ok([0; 32]), |nonce| body::hex32(nonce, "nonce"))?;
        if let Some(age) = self.max_age.filter(|age| !MAX_AGE.contains(age)) {
            let detail = format!("max_age is {age}, not within {} to {} seconds.", MAX_AGE.start(), MAX_AGE.end());
            return Err(Refusal::bad("invalid_format", detail).about("max_age"));
        }
        Ok(Claim {
            root,
            nullifier,
            use_index: self.use_index.unwrap_or(0),
            request: Request { signal, nonce },
            signal_hash,
            max_age: self.max_age,
            period: self.period.map(str::to_owned),
            proof,
        })
    }
}

/// A claim that holds.
enum Holds {
    /// Its nullifier was new.
    First { at: u64 },
    /// Its nullifier was used before.
    Again { at: Option<u64> },
}

/// A claim that was not accepted.
enum Denied {
    /// The service cannot decide now.
    Undecided(Refusal),
    /// The action is closed.
    Closed,
    /// The period is over.
    PeriodOver,
    /// The period has not begun.
    PeriodToCome,
    /// The action has no periods.
    NoPeriods,
    /// The nonce does not count.
    Nonce(NonceError),
    /// A rule refused.
    Rule(VerifyError),
    /// The proof is no encoding of one.
    Undecodable(ProofDecodeError),
}

/// Decides about a claim, and records its nullifier if it holds.
async fn decide(state: &State, app: &App, action: &Action, claim: Claim) -> Result<Holds, Denied> {
    let now = (state.clock)();
    if !action.is_open(now) {
        return Err(Denied::Closed);
    }
    let known = state.roots.known();
    if now.saturating_sub(known.at) > state.limits.stale_after {
        let detail = "The list of members has not been refreshed for too long; nothing is accepted until it is.";
        return Err(Denied::Undecided(Refusal::unavailable("registry_unreachable", detail)));
    }
    let period = period(action, claim.period.as_deref(), now)?;
    if let Some(max_age) = claim.max_age {
        known.history.check(&claim.root, now, max_age).map_err(|error| Denied::Rule(error.into()))?;
    }
    let verifier = action.verifier(app, period.as_ref(), known.history);
    let statement =
        verifier.admit(claim.root, claim.nullifier, claim.use_index, &claim.request, now).map_err(Denied::Rule)?;
    let nonce = &claim.request.nonce;
    if action.requests {
        let issuer = state.issuer.as_ref().ok_or(Denied::Nonce(NonceError::Unknown))?;
        issuer.check(nonce, &statement.external_nullifier, &claim.signal_hash, now).map_err(Denied::Nonce)?;
    }
    let nonce = action.requests.then(|| issuer::place(nonce));
    match state.judge.decide(Case { statement, proof: claim.proof, record: true, nonce }).await {
        Ok(Verdict::Accepted { at }) => Ok(Holds::First { at }),
        Ok(Verdict::UsedBefore { at }) => Ok(Holds::Again { at }),
        Ok(Verdict::NonceUsed) => Err(Denied::Nonce(NonceError::Used)),
        Ok(Verdict::Undecodable(error)) => Err(Denied::Undecodable(error)),
        Ok(Verdict::Refused(error)) => Err(Denied::Rule(error.into())),
        Ok(Verdict::StoreFailed) => {
            let detail = "The nullifier could not be recorded, so nothing was accepted; try again.";
            Err(Denied::Undecided(Refusal::unavailable("store_unreachable", detail)))
        }
        Err(error) => Err(Denied::Undecided(not_judged(error))),
    }
}

/// The service did not look at a proof.
pub(super) fn not_judged(error: NotJudged) -> Refusal {
    match error {
        NotJudged::Full => Refusal::unavailable("overloaded", "Too many proofs wait to be verified; try again."),
        NotJudged::Failed => Refusal::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Something went wrong. Please try again.",
        ),
    }
}

/// The period that a claim is judged in.
fn period(action: &Action, claimed: Option<&str>, now: u64) -> Result<Option<(String, u64)>, Denied> {
    let Some(present) = action.period_at(now) else {
        return if claimed.is_some() { Err(Denied::NoPeriods) } else { Ok(None) };
    };
    let Some(claimed) = claimed.filter(|claimed| *claimed != present.0) else {
        return Ok(Some(present));
    };
    let before = present.1.checked_sub(1).and_then(|end| action.period_at(end));
    match before.filter(|before| before.0 == claimed) {
        Some(before) if now - present.1 <= action.period_grace => Ok(Some(before)),
        Some(_) => Err(Denied::PeriodOver),
        // Names of one kind of period sort by time.
        None if claimed < present.0.as_str() => Err(Denied::PeriodOver),
        None => Err(Denied::PeriodToCome),
    }
}

/// A statement with the scope and the bounds that a verifier asks for; root, nullifier and signal are of nobody.
pub(super) fn asked(verifier: &Verifier, history: &RootHistory) -> Statement {
    let zero = Nullifier::from_bytes(&[0; 32]).expect("zero is below the order");
    verifier.statement(history.current(), zero, 0, &Request::new(b""))
}

/// What a rule of the verifier says to people.
fn sentence(error: &VerifyError) -> String {
    match error {
        VerifyError::Proof(ProofError::Rejected) => {
            "The proof does not prove this: another action, signal, nonce or bound was asked for, or it is forged."
                .to_owned()
        }
        other => format!("{other}."),
    }
}
