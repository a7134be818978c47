//! The transparency log as static files (C2SP tlog-tiles), for everybody: `/log/checkpoint`, `/log/tile/…`.
//!
//! The files are those of the log's folder and are sent as they lie there. Only the names of the format are looked up, so no path leads
//! out of the folder.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path as At, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::State as Service;
use super::judge::NotJudged;
use super::portal::not_judged;
use super::refusal::{PortalError, Refusal};

/// A full bundle has 256 entries of at most 65,535 bytes and two for each length.
const LONGEST: u64 = 256 * 65_537;
/// A checkpoint changes with every entry.
const CHANGES: HeaderValue = HeaderValue::from_static("no-cache");
/// A tile never does.
const STAYS: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The log at a glance, as its checkpoint says it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Head {
    /// The name of the log.
    origin: String,
    /// Entries.
    size: u64,
    /// The hash of its tree, in base64.
    root: String,
    /// Signatures on the checkpoint: the log's own, and those of witnesses.
    signatures: usize,
}

impl Head {
    /// Reads the checkpoint of a log; nobody's signature is checked.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let text = String::from_utf8(read(&folder.join("checkpoint"))?).ok()?;
        let mut lines = text.lines();
        let (origin, size, root) = (lines.next()?.to_owned(), lines.next()?.parse().ok()?, lines.next()?.to_owned());
        Some(Self { origin, size, root, signatures: lines.filter(|line| line.starts_with("— ")).count() })
    }
}

fn read(file: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(file).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Whether this is the path of a tile: its kind, its number in groups of three digits, and how much of it there is.
fn is_tile(path: &str) -> bool {
    let Some((kind, rest)) = path.split_once('/') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let small = |text: &str, limit: u32| {
        digits(text) && (text == "0" || !text.starts_with('0')) && text.parse().is_ok_and(|value: u32| value < limit)
    };
    if kind != "entries" && !small(kind, 64) {
        return false;
    }
    let number = match rest.split_once(".p/") {
        // A tile that is not full has 1 to 255.
        Some((_, width)) if !small(width, 256) || width == "0" => return false,
        Some((number, _)) => number,
        None => rest,
    };
    let mut groups = number.split('/').rev();
    let three = |text: &str| text.len() == 3 && digits(text);
    groups.next().is_some_and(three)
        && groups.clone().count() <= 6
        && groups.all(|group| group.strip_prefix('x').is_some_and(three))
}

/// The checkpoint of the log: its size and hash, signed.
#[utoipa::path(
    get, path = "/log/checkpoint", tag = "log",
    responses(
        (status = 200, description = "The checkpoint (C2SP tlog-checkpoint)", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no log here", body = PortalError),
        (status = 405, description = "Not this method", body = PortalError),
        (status = 429, description = "Too many requests of this address", body = PortalError),
    )
)]
pub(super) async fn checkpoint(State(state): State<Arc<Service>>) -> Response {
    file(&state, PathBuf::from("checkpoint"), "text/plain; charset=utf-8", CHANGES).await
}

/// The latest checkpoint that witnesses have cosigned (not part of tlog-tiles).
#[utoipa::path(
    get, path = "/log/checkpoint.witnessed", tag = "log",
    responses(
        (status = 200, description = "The checkpoint", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no log here, or no witness has seen it", body = PortalError),
        (status = 405, description = "Not this method", body = PortalError),
        (status = 429, description = "Too many requests of this address", body = PortalError),
    )
)]
pub(super) async fn witnessed(State(state): State<Arc<Service>>) -> Response {
    file(&state, PathBuf::from("checkpoint.witnessed"), "text/plain; charset=utf-8", CHANGES).await
}

/// A tile of the log: hashes of its tree, or entries.
#[utoipa::path(
    get, path = "/log/tile/{tile}", tag = "log",
    params(("tile" = String, Path, description = "\"0/x001/234\", \"entries/000.p/7\", … (C2SP tlog-tiles); its slashes as they are")),
    responses(
        (status = 200, description = "The tile", body = String, content_type = "application/octet-stream"),
        (status = 404, description = "There is no such tile", body = PortalError),
        (status = 405, description = "Not this method", body = PortalError),
        (status = 429, description = "Too many requests of this address", body = PortalError),
    )
)]
pub(super) async fn tile(State(state): State<Arc<Service>>, path: Result<At<String>, PathRejection>) -> Response {
    match path {
        Ok(At(path)) if is_tile(&path) => {
            file(&state, Path::new("tile").join(path), "application/octet-stream", STAYS).await
        }
        _ => missing(),
    }
}

fn missing() -> Response {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", "The log has no such file.").portal(None)
}

async fn file(state: &Service, name: PathBuf, kind: &'static str, caching: HeaderValue) -> Response {
    let Some(folder) = &state.log else {
        return Refusal::new(StatusCode::NOT_FOUND, "no_log", "The registry has no log.").portal(None);
    };
    let path = folder.join(name);
    match tokio::task::spawn_blocking(move || read(&path)).await {
        Ok(Some(bytes)) => {
            let kind = HeaderValue::from_static(kind);
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, caching)], bytes).into_response()
        }
        Ok(None) => missing(),
        Err(_) => not_judged(NotJudged::Failed).portal(None),
    }
}

#[cfg(test)]
mod tests {
    use super::is_tile;

    #[test]
    fn only_names_of_the_format_are_looked_up() {
        for good in ["0/000", "63/999", "entries/000.p/7", "0/x001/234", "entries/x001/x000/067.p/255", "8/000.p/1"] {
            assert!(is_tile(good), "{good}");
        }
        let bad = [
            "",
            "0",
            "0/",
            "0/00",
            "0/0000",
            "64/000",
            "00/000",
            "-1/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/07",
            "0/000.p/",
            "0/001/234",
            "0/x001",
            "0/../000",
            "../0/000",
            "entries/../../log.key",
            "0//000",
            "0/x001/x002",
            "data/000",
            "0/000.p/1/2",
            "0/٠٠٠",
            "0/000\0",
            "0/000.p/7.p/7",
        ];
        for bad in bad {
            assert!(!is_tile(bad), "{bad}");
        }
    }
}
