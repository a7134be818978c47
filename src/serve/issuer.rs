//! Requests that this service signs, and how it knows its own nonces again.
//!
//! ```text
//! nonce:   0  8  expiry, seconds since 1970, little-endian
//!          8  8  random
//!         16 16  SHA-256("personhood nonce" ‖ 0 ‖ key ‖ 16 bytes before ‖ external nullifier ‖ signal hash), its first half
//! ```
//!
//! So servers with one key know each other's nonces without talking, and none has to be kept until it comes back. That
//! one counts once is held by the store of nullifiers, in a scope of its own. The input of the hash has one length, so it is a code
//! of authentication although the key only stands before it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use rand_core::{OsRng, RngCore as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::State as Service;
use super::apps::App;
use super::body;
use super::keys::Role;
use super::portal;
use super::refusal::{PortalError, Refusal};
use crate::nullifier::{ExternalNullifier, Nullifier, Scope};
use crate::request::{Asked, SignedRequest};
use crate::signal::{Signal, world_hash};

/// How long a request counts, in seconds, if it is not said.
const USUAL_SECONDS: u64 = 300;
/// No longer signal is put into a link, in bytes.
const MAXIMUM_SIGNAL: usize = 1_024;
/// No longer address of a page.
const MAXIMUM_PAGE: usize = 256;
const SECONDS: std::ops::RangeInclusive<u64> = 10..=3_600;

/// The key of a service, with which it signs what it asks for.
pub struct Issuer {
    signing: SigningKey,
    nonces: Zeroizing<[u8; 32]>,
}

/// Why a nonce does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonceError {
    /// It was not given out here, for this action and this signal.
    Unknown,
    /// It was, and its time is over.
    Expired,
    /// It was answered before.
    Used,
}

impl NonceError {
    /// World ID's word for it.
    pub(super) fn refusal(self) -> Refusal {
        let (code, detail) = match self {
            Self::Unknown => ("invalid_rp_signature", "The proof does not answer a request of this service."),
            Self::Expired => ("rp_signature_expired", "The request that the proof answers has expired."),
            Self::Used => ("duplicate_nonce", "The request that the proof answers was answered before."),
        };
        Refusal::bad(code, detail).about("nonce")
    }
}

impl Issuer {
    /// A key from its 32 secret bytes.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let nonces = Sha256::new().chain_update(b"personhood nonce key\0").chain_update(secret).finalize();
        Self { signing: SigningKey::from_bytes(secret), nonces: Zeroizing::new(nonces.into()) }
    }

    /// The public key, which holders have to know.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    fn mark(&self, head: &[u8], scope: &ExternalNullifier, signal: &[u8; 32]) -> [u8; 16] {
        let digest = Sha256::new()
            .chain_update(b"personhood nonce\0")
            .chain_update(self.nonces.as_slice())
            .chain_update(head)
            .chain_update(scope.to_bytes())
            .chain_update(signal)
            .finalize();
        let mut mark = [0; 16];
        mark.copy_from_slice(&digest[..16]);
        mark
    }

    fn nonce(&self, expires_at: u64, scope: &ExternalNullifier, signal: &[u8; 32]) -> [u8; 32] {
        let mut nonce = [0; 32];
        nonce[..8].copy_from_slice(&expires_at.to_le_bytes());
        OsRng.fill_bytes(&mut nonce[8..16]);
        let mark = self.mark(&nonce[..16], scope, signal);
        nonce[16..].copy_from_slice(&mark);
        nonce
    }

    /// Whether this service gave a nonce out for an action and a signal, and it still counts.
    pub(super) fn check(
        &self,
        nonce: &[u8; 32],
        scope: &ExternalNullifier,
        signal: &[u8; 32],
        now: u64,
    ) -> Result<(), NonceError> {
        if !bool::from(self.mark(&nonce[..16], scope, signal).as_slice().ct_eq(&nonce[16..])) {
            return Err(NonceError::Unknown);
        }
        let mut expires_at = [0; 8];
        expires_at.copy_from_slice(&nonce[..8]);
        if now >= u64::from_le_bytes(expires_at) { Err(NonceError::Expired) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Issuer(..)")
    }
}

/// The place of a nonce in the store of nullifiers: a scope that no app can have, and the nonce as a number.
pub(super) fn place(nonce: &[u8; 32]) -> (ExternalNullifier, Nullifier) {
    // Apps have names without control characters; Signal is the hash of bytes to a number below the order.
    let scope = Signal::new(b"personhood nonces\0").to_bytes();
    let number = Signal::new(nonce).to_bytes();
    (
        ExternalNullifier::from_bytes(&scope).expect("a hash to a scalar is below the order"),
        Nullifier::from_bytes(&number).expect("a hash to a scalar is below the order"),
    )
}

/// What a relying party wants to ask a holder.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRequest {
    #[schema(required, max_length = 256)]
    action: Option<String>,
    /// keccak256 of the signal, shifted right by 8 bits; this or the signal itself.
    #[schema(pattern = "^0x00[0-9a-f]{62}$")]
    signal_hash: Option<String>,
    /// The signal, which the link tells the holder.
    #[schema(max_length = 1024)]
    signal: Option<String>,
    /// For how many seconds it counts; 300 if it is not said.
    #[schema(minimum = 10, maximum = 3600)]
    seconds: Option<u64>,
    /// The address of the holder's page, for a link and a QR code with the request in it: "https://registry.example/holder/".
    #[schema(max_length = 256, pattern = "^https?://")]
    page: Option<String>,
}

/// A request to hand to a holder.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IssuedRequest {
    /// The signed request, which `personhood prove --request` reads.
    request: String,
    nonce: String,
    /// In seconds since 1970.
    expires_at: u64,
    /// The holder's page with the request behind the '#', which no server is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// The link as a QR code, an SVG picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    qr: Option<String>,
}

/// Signs a request: only proofs that answer it count in an action with `requests = true`, and each once.
#[utoipa::path(
    post, path = "/api/v1/requests/{app_id}", tag = "portal",
    params(("app_id" = String, Path, description = "The app")),
    request_body = NewRequest,
    responses(
        (status = 200, description = "The request", body = IssuedRequest),
        (status = 400, description = "Refused; `code` says why", body = PortalError),
        (status = 401, description = "No key, or an unknown one", body = PortalError),
        (status = 403, description = "The key does not allow this", body = PortalError),
        (status = 404, description = "No such app", body = PortalError),
        (status = 405, description = "Not this method", body = PortalError),
        (status = 408, description = "The request took too long", body = PortalError),
        (status = 413, description = "The body is too large", body = PortalError),
        (status = 415, description = "The body is not JSON", body = PortalError),
        (status = 429, description = "Too many requests of this address", body = PortalError),
        (status = 500, description = "Something went wrong", body = PortalError),
        (status = 501, description = "This server has no key to sign with", body = PortalError),
    ),
    security(("key" = []))
)]
pub(super) async fn issue(
    State(state): State<Arc<Service>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    if let Err(refusal) = state.keys.allow(request.headers(), Role::Request) {
        return refusal.portal(None);
    }
    match portal::app_of(&state, path) {
        Ok(app) => portal::answered(app, sign(&state, app, request).await),
        Err(refusal) => refusal.portal(None),
    }
}

async fn sign(state: &Service, app: &App, request: Request) -> Result<IssuedRequest, Refusal> {
    let body: NewRequest = body::json(request).await?;
    let Some(issuer) = &state.issuer else {
        let detail = "This server has no key to sign with (--request-key FILE).";
        return Err(Refusal::new(axum::http::StatusCode::NOT_IMPLEMENTED, "no_request_key", detail));
    };
    let action = portal::v2::action(app, body.action.as_deref())?;
    let now = (state.clock)();
    if !action.is_open(now) {
        return Err(Refusal::bad("action_inactive", "This action is inactive.").about("action"));
    }
    let signal_hash = signal_hash(body.signal_hash.as_deref(), body.signal.as_deref())?;
    let page = body.page.as_deref().map(page).transpose()?;
    Signal::from_world_hash(&signal_hash)
        .map_err(|error| Refusal::bad("invalid_format", format!("{error}.")).about("signal_hash"))?;
    let seconds = body.seconds.unwrap_or(USUAL_SECONDS);
    if !SECONDS.contains(&seconds) {
        let detail = format!("seconds is {seconds}, not within {} to {}.", SECONDS.start(), SECONDS.end());
        return Err(Refusal::bad("invalid_format", detail).about("seconds"));
    }
    let period = action.period_at(now);
    let history = state.roots.known().history;
    let bounds = portal::asked(&action.verifier(app, period.as_ref(), Arc::clone(&history)), &history);
    let mut scope = Scope::new(&app.id, &action.action).expect("names were checked when they were read");
    if let Some((name, _)) = &period {
        scope = scope.in_period(name.as_str()).expect("names of the calendar are plain");
    }
    let expires_at = now + seconds;
    let asked = Asked {
        signal_hash,
        nonce: issuer.nonce(expires_at, &scope.external_nullifier(), &signal_hash),
        issued_at: now,
        expires_at,
        issued_no_later_than: bounds.issued_no_later_than,
        expires_no_earlier_than: bounds.expires_no_earlier_than,
        assurance_at_least: bounds.assurance_at_least.as_u8(),
        scope,
    };
    let signed = SignedRequest::sign(&asked, &issuer.signing).expect("it expires after it is issued").to_bytes();
    let hex = |bytes: &[u8]| format!("0x{}", crate::bytes::to_hex(bytes));
    let link = page.map(|page| link(page, &signed, body.signal.as_deref()));
    let qr = link.as_deref().map(qr).transpose()?;
    Ok(IssuedRequest { request: hex(&signed), nonce: hex(&asked.nonce), expires_at, link, qr })
}

/// The hash of the signal, however the relying party says it.
fn signal_hash(hash: Option<&str>, signal: Option<&str>) -> Result<[u8; 32], Refusal> {
    match (hash, signal) {
        (Some(_), Some(_)) => {
            Err(Refusal::bad("invalid_format", "Say the signal or its hash, not both.").about("signal"))
        }
        (None, Some(signal)) if signal.len() > MAXIMUM_SIGNAL => {
            let detail = format!("The signal has {} bytes, and may have {MAXIMUM_SIGNAL}.", signal.len());
            Err(Refusal::bad("invalid_format", detail).about("signal"))
        }
        (None, Some(signal)) => Ok(world_hash(signal.as_bytes())),
        (hash, None) => body::hex32(body::needed(hash, "signal_hash")?, "signal_hash"),
    }
}

/// The address of a page: of the web, short, and without a fragment of its own.
fn page(address: &str) -> Result<&str, Refusal> {
    let web = address.starts_with("https://") || address.starts_with("http://");
    if web && address.len() <= MAXIMUM_PAGE && address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Ok(address);
    }
    let detail = format!("The page is an address of the web in at most {MAXIMUM_PAGE} plain letters, without \"#\".");
    Err(Refusal::bad("invalid_format", detail).about("page"))
}

/// The page with the request, and the signal where it is known, behind the '#'.
fn link(page: &str, request: &[u8], signal: Option<&str>) -> String {
    let mut link = format!("{page}#request={}", URL_SAFE_NO_PAD.encode(request));
    if let Some(signal) = signal {
        link.push_str("&signal=");
        link.push_str(&URL_SAFE_NO_PAD.encode(signal));
    }
    link
}

/// A picture of a link.
fn qr(link: &str) -> Result<String, Refusal> {
    let code = QrCode::with_error_correction_level(link, EcLevel::L).map_err(|_| {
        let detail =
            format!("The link of {} letters is too long for a QR code; shorten the signal or the page.", link.len());
        Refusal::bad("invalid_format", detail).about("signal")
    })?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(256, 256).build())
}

/// The keys that requests are signed with (RFC 7517, RFC 8037).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Jwks {
    keys: Vec<Jwk>,
}

/// An Ed25519 key.
#[derive(Debug, Serialize, ToSchema)]
struct Jwk {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    x: String,
}

/// Says with which keys requests are signed; none on a server that signs none.
#[utoipa::path(
    get, path = "/api/v1/jwks", tag = "portal",
    responses(
        (status = 200, description = "The keys", body = Jwks),
        (status = 405, description = "Not this method", body = PortalError),
        (status = 429, description = "Too many requests of this address", body = PortalError),
    )
)]
pub(super) async fn jwks(State(state): State<Arc<Service>>) -> Json<Jwks> {
    let keys = state.issuer.iter().map(|issuer| {
        let public = issuer.public();
        Jwk {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            kid: crate::bytes::to_hex(&public),
            x: URL_SAFE_NO_PAD.encode(public),
        }
    });
    Json(Jwks { keys: keys.collect() })
}
