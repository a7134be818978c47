//! The two web pages: the desk's console, which is part of this program, and the holder's page, which is a folder of the npm package.
//!
//! | address | what | from where |
//! |---|---|---|
//! | `/desk/` | the console of operators, adjudicators and auditors | built in |
//! | `/holder/` | leads to `/holder/page/`: keep an identity, answer requests | the package's `holder/` |
//! | `/holder/…` | the modules of the package that the page loads | the package |
//!
//! The package's WebAssembly is made by `node js/build.mjs`, which a build of this program cannot run; so [`HolderPages::open`] reads the
//! built folder once, when the service starts, and says which file is missing. Nothing else of the folder is served. Both pages
//! speak to this host alone, and their policy lets the browser load nothing from another one.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};

use super::State as Service;
use super::refusal::Refusal;
use crate::bytes::to_hex;

/// What the console's page may do: its own scripts and styles, pictures that it made itself, questions to this host.
const DESK_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
                           connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// What the holder's page may do: the same, WebAssembly in a worker, and the camera's picture.
const HOLDER_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
                             style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                             frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const WASM: &str = "application/wasm";
const SVG: &str = "image/svg+xml";

/// One file of a page.
#[derive(Clone, Debug)]
struct PageFile {
    /// Its address.
    at: &'static str,
    kind: &'static str,
    bytes: Cow<'static, [u8]>,
}

macro_rules! built_in {
    ($at:literal, $kind:ident, $file:literal) => {
        PageFile { at: $at, kind: $kind, bytes: Cow::Borrowed(include_bytes!(concat!("pages/", $file))) }
    };
}

/// The console, as it was built in.
fn desk() -> [PageFile; 8] {
    [
        built_in!("/desk/", HTML, "desk.html"),
        built_in!("/desk/desk.css", CSS, "desk.css"),
        built_in!("/desk/icon.svg", SVG, "icon.svg"),
        built_in!("/desk/desk.js", SCRIPT, "desk.js"),
        built_in!("/desk/service.js", SCRIPT, "service.js"),
        built_in!("/desk/enrol.js", SCRIPT, "enrol.js"),
        built_in!("/desk/reviews.js", SCRIPT, "reviews.js"),
        built_in!("/desk/people.js", SCRIPT, "people.js"),
    ]
}

/// The files of the npm package that the holder's page loads: address, kind, and where in the package they are.
const HOLDER: [(&str, &str, &str); 12] = [
    ("/holder/page/", HTML, "holder/index.html"),
    ("/holder/page/holder.css", CSS, "holder/holder.css"),
    ("/holder/page/holder.js", SCRIPT, "holder/holder.js"),
    ("/holder/page/scan.js", SCRIPT, "holder/scan.js"),
    ("/holder/page/icon.svg", SVG, "holder/icon.svg"),
    ("/holder/error.js", SCRIPT, "error.js"),
    ("/holder/module.js", SCRIPT, "module.js"),
    ("/holder/prover.js", SCRIPT, "prover.js"),
    ("/holder/signal.js", SCRIPT, "signal.js"),
    ("/holder/worker.js", SCRIPT, "worker.js"),
    ("/holder/wasm/personhood_prover.js", SCRIPT, "wasm/personhood_prover.js"),
    ("/holder/wasm/personhood_prover_bg.wasm", WASM, "wasm/personhood_prover_bg.wasm"),
];

/// No file of a page is longer, in bytes; the prover's module has half a megabyte.
const LONGEST: u64 = 16 << 20;

/// The holder's page with its modules, in memory.
#[derive(Clone, Debug)]
pub struct HolderPages {
    files: Vec<PageFile>,
}

/// Why a folder is not the npm package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PagesError {
    /// A file of it cannot be read.
    #[error("{} cannot be read: {error}; is it the folder `js`, and was `node js/build.mjs` run?", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}

impl PagesError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "pages_unreadable",
        }
    }
}

impl HolderPages {
    /// Reads the page and its modules from the folder of the npm package, as `node js/build.mjs` leaves it.
    ///
    /// # Errors
    ///
    /// [`PagesError::File`] for the first file that is missing.
    pub fn open(package: impl AsRef<Path>) -> Result<Self, PagesError> {
        use std::io::Read as _;
        let read = |(at, kind, name): (&'static str, &'static str, &str)| {
            let path = package.as_ref().join(name);
            let mut bytes = Vec::new();
            std::fs::File::open(&path)
                .and_then(|file| file.take(LONGEST).read_to_end(&mut bytes))
                .map_err(|error| PagesError::File { path, error })?;
            Ok(PageFile { at, kind, bytes: Cow::Owned(bytes) })
        };
        Ok(Self { files: HOLDER.into_iter().map(read).collect::<Result<_, PagesError>>()? })
    }
}

/// Every address of the two pages.
pub(super) fn routes(router: Router<Arc<Service>>, state: &Service) -> Router<Arc<Service>> {
    let mut router =
        router.route("/desk", get(async || moved("/desk/"))).route("/holder", get(async || moved("/holder/")));
    for file in desk() {
        router = serve(router, file, DESK_POLICY, "camera=(), microphone=(), geolocation=()");
    }
    let Some(pages) = &state.holder else {
        return router.route("/holder/", get(no_pages));
    };
    for file in &pages.files {
        router = serve(router, file.clone(), HOLDER_POLICY, "camera=(self), microphone=(), geolocation=()");
    }
    router.route("/holder/", get(async || moved("/holder/page/")))
}

fn moved(to: &'static str) -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to)]).into_response()
}

fn serve(
    router: Router<Arc<Service>>,
    file: PageFile,
    policy: &'static str,
    permissions: &'static str,
) -> Router<Arc<Service>> {
    let PageFile { at, kind, bytes } = file;
    let tag = format!("\"{}\"", &to_hex(&<[u8; 32]>::from(Sha256::digest(&bytes)))[..32]);
    let tag = HeaderValue::from_str(&tag).expect("quotes and hexadecimal digits");
    let bytes = match bytes {
        Cow::Borrowed(bytes) => axum::body::Bytes::from_static(bytes),
        Cow::Owned(bytes) => axum::body::Bytes::from(bytes),
    };
    let mut headers = HeaderMap::new();
    let fields = [
        (header::CONTENT_TYPE, kind),
        // Asked for again each time, and sent only if it is another one: a new release is there at once.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("permissions-policy"), permissions),
        // With these two a page is alone in its process, and the prover can be stopped between two steps.
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fields {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::ETAG, tag.clone());
    router.route(
        at,
        get(async move |request: Request| {
            let known = request.headers().get(header::IF_NONE_MATCH).is_some_and(|shown| *shown == tag);
            if known {
                return (StatusCode::NOT_MODIFIED, headers.clone()).into_response();
            }
            (headers.clone(), bytes.clone()).into_response()
        }),
    )
}

/// There is no holder's page here.
async fn no_pages(State(_): State<Arc<Service>>) -> Response {
    let detail =
        "This server has no holder's page; its operator starts it with `--pages DIR`, the folder of the npm package.";
    Refusal::new(StatusCode::NOT_FOUND, "no_pages", detail).portal(None)
}
