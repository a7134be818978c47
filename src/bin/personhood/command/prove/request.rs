//! What a relying party asks for, if the holder agrees.

use personhood::bytes::from_hex;
use personhood::request::{Asked, SignedRequest};
use serde::Deserialize;

use super::world_hash_of;
use crate::args::Prove;
use crate::failure::Failure;
use crate::files;
use crate::place;

/// The answer of a server to `POST /api/v1/requests/{app_id}`; only the signed bytes count.
#[derive(Deserialize)]
struct Document {
    request: String,
}

/// Reads the request of `--request`, and refuses one of somebody else, for something else, or at another time.
pub(super) fn read(args: &Prove) -> Result<Option<Asked>, Failure> {
    let (Some(file), Some(key)) = (&args.request, args.request_key) else {
        return Ok(None);
    };
    let malformed = || {
        Failure::new("request_malformed", format!("{} is not a signed request", file.display()))
            .with_hint("it is what a server answers to `POST /api/v1/requests/{app_id}`")
    };
    let document: Document =
        serde_json::from_slice(&files::read(file, files::DOCUMENT_LIMIT)?).map_err(|_| malformed())?;
    let digits = document.request.strip_prefix("0x").ok_or_else(malformed)?;
    if digits.len() > 2 * SignedRequest::MAX_BYTES {
        return Err(malformed());
    }
    let bytes = bytes_of(digits).ok_or_else(malformed)?;
    let request = SignedRequest::from_bytes(&bytes)?;
    request.check(&key.0, &args.scope.app, place::now())?;
    let asked = request.asked();
    let unasked = |what: &str, detail: String| {
        Err(Failure::new("request_unasked", format!("the request is for another {what} than you named: {detail}")))
    };
    if asked.scope.action() != args.scope.action {
        return unasked("action", format!("\"{}\"", asked.scope.action()));
    }
    if args.scope.period.as_deref().is_some_and(|period| asked.scope.period() != Some(period)) {
        return unasked("period", format!("\"{}\"", asked.scope.period().unwrap_or_default()));
    }
    if asked.signal_hash != world_hash_of(&args.signal)? {
        return unasked("signal", "its hash is not that of yours".to_owned());
    }
    Ok(Some(asked.clone()))
}

/// Bytes of any number, two lower-case digits each.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| from_hex::<1>(core::str::from_utf8(pair).ok()?).ok().map(|[byte]| byte)).collect()
}
