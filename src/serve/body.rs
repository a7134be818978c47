//! Bodies and values from outside: read once, in one spelling.

use std::str::FromStr;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::{FromRequest as _, Request};
use axum::http::{StatusCode, header};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::{Zeroize as _, Zeroizing};

use super::refusal::Refusal;
use crate::bytes::from_hex;

/// The largest body that is read, in bytes; beside every request.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimit(pub(super) usize);

/// Reads a JSON body.
///
/// Fields that nobody asked for and fields that come twice are refused: two readers of one body must not see two
/// different requests.
pub(super) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Refusal> {
    let limit = request.extensions().get::<BodyLimit>().map_or(usize::MAX, |limit| limit.0);
    check_head(&request, limit)?;
    let bytes = Bytes::from_request(request, &()).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { too_large() } else { cut_off() }
    })?;
    parse(&bytes)
}

/// Reads a JSON body that is nobody else's business: what is read here is overwritten when it is dropped, and so is every piece that
/// arrives in memory of its own. What the layers below hold is freed as they free it.
///
/// Room is taken once, for what is announced or else for as much as is allowed: a buffer that grows leaves what it held behind.
pub(super) async fn secret(request: Request, limit: usize) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    check_head(&request, limit)?;
    let mut body = request.into_body();
    let announced = body.size_hint().upper().and_then(|upper| usize::try_from(upper).ok());
    let mut bytes = Zeroizing::new(Vec::with_capacity(announced.map_or(limit, |upper| upper.min(limit))));
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| cut_off())?.into_data() else { continue };
        if piece.len() > limit - bytes.len() {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
        if let Ok(mut own) = piece.try_into_mut() {
            own.zeroize();
        }
    }
    Ok(bytes)
}

fn check_head(request: &Request, limit: usize) -> Result<(), Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    if kind.as_deref() != Some("application/json") {
        let detail = "Send the body as application/json.";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    // What is announced too large is not waited for.
    if request.body().size_hint().lower() > limit as u64 { Err(too_large()) } else { Ok(()) }
}

fn too_large() -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "The body is too large.")
}

fn cut_off() -> Refusal {
    Refusal::bad("invalid_request", "The body did not arrive whole.")
}

/// The object in the bytes of a body.
pub(super) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Refusal> {
    // serde reads a struct from a list as well, by the order of its fields: another spelling, so not this one.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Refusal::bad("invalid_request", "The body is not a JSON object."));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        // What serde says can hold a piece of the body: plain letters of it are enough to find the place.
        let plain = |letter: &char| letter.is_ascii_graphic() || *letter == ' ';
        let text: String = error.to_string().chars().filter(plain).take(200).collect();
        Refusal::bad("invalid_request", format!("The body is not the JSON object that is documented: {text}."))
    })
}

/// Reads "0x" and 64 lower-case hexadecimal digits, the only spelling of 32 bytes.
pub(super) fn hex32(text: &str, attribute: &'static str) -> Result<[u8; 32], Refusal> {
    text.strip_prefix("0x").and_then(|digits| from_hex(digits).ok()).ok_or_else(|| {
        Refusal::bad("invalid_format", "This attribute is \"0x\" and 64 lower-case hexadecimal digits.")
            .about(attribute)
    })
}

/// Reads a public value of the crate after "0x", and refuses one that is not reduced.
pub(super) fn value<T: FromStr>(text: &str, attribute: &'static str) -> Result<T, Refusal> {
    hex32(text, attribute)?;
    text[2..].parse().map_err(|_| {
        Refusal::bad("invalid_format", "This attribute is not below the order of the group.").about(attribute)
    })
}

/// The field, or the refusal that says it is missing.
pub(super) fn needed<T>(field: Option<T>, attribute: &'static str) -> Result<T, Refusal> {
    field.ok_or_else(|| Refusal::required(attribute))
}

/// The bytes of a proof in hexadecimal digits after "0x", of any length up to a limit.
pub(super) fn proof(text: &str) -> Result<Vec<u8>, Refusal> {
    let refused = |detail: &str| Refusal::bad("invalid_format", detail).about("proof");
    if text.trim_start().starts_with('[') {
        let detail = "This is a proof of World ID; this server verifies proofs of personhood, which are one text.";
        return Err(Refusal::bad("invalid_proof", detail).about("proof"));
    }
    let digits = text.strip_prefix("0x").ok_or_else(|| refused("A proof begins with \"0x\"."))?;
    if !digits.len().is_multiple_of(2) {
        return Err(refused("A proof has two hexadecimal digits for each byte."));
    }
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| from_hex::<1>(pair).ok()).map(|[byte]| byte))
        .collect::<Option<_>>()
        .ok_or_else(|| refused("A proof is written in lower-case hexadecimal digits."))
}
