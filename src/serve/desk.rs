//! The enrolment desk: what an operator, an adjudicator or an auditor does in a browser, as JSON under `/api/desk`.
//!
//! ```text
//! key (who, which roles) ──▶ a place (pictures are read by as many at once as there are threads) ──▶ body, wiped
//!                                                                                             │
//!                     picture ─▶ pipeline ─▶ template ─▶ registry, in the name of the key ◀───┘
//!                                                            │ a change
//!                                                            └──▶ the log, and the roots that everybody sees
//! ```
//!
//! Pictures are in memory while they are looked at, and nowhere else. Distances and aligned codes are shown to whoever decides about
//! duplicates or audits decisions, never to whoever takes the pictures: who sees distances can search for an eye that passes.

mod books;
pub(super) mod enrol;
pub(super) mod eyes;
pub(super) mod life;
pub(super) mod overview;
pub(super) mod reviews;

pub(super) use books::lock;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response as Described, ResponseBuilder};
use utoipa::openapi::{Ref, RefOr};

use super::State as Service;
use super::body;
use super::judge::NotJudged;
use super::keys::{Caller, Role};
use super::portal::not_judged;
use super::refusal::Refusal;
use crate::pipeline::Pipeline;
use crate::registry::{Registry, RegistryError};
use crate::store::Store;
use books::Books;

/// Whoever may see distances and codes.
const SEES_DISTANCES: &[Role] = &[Role::Adjudicator, Role::Auditor];
/// Whoever may come in at all.
const ANY: &[Role] = &[Role::Operator, Role::Adjudicator, Role::Auditor, Role::Delete];

/// The desk of a registry.
pub struct Desk {
    books: Arc<Mutex<dyn Books>>,
    pipeline: Pipeline,
    changed: Box<dyn Fn() + Send + Sync>,
}

impl Desk {
    /// A desk at a registry that may be written, with the pipeline that makes its templates.
    #[must_use]
    pub fn new<S: Store + Send + 'static>(registry: Arc<Mutex<Registry<S>>>, pipeline: Pipeline) -> Self {
        Self { books: registry, pipeline, changed: Box::new(|| {}) }
    }

    /// Does this after each change of the registry, before it is answered: the log follows.
    #[must_use]
    pub fn after_change(mut self, work: impl Fn() + Send + Sync + 'static) -> Self {
        self.changed = Box::new(work);
        self
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}

/// How many read pictures at once.
pub(super) fn places(threads: usize) -> Semaphore {
    Semaphore::new(threads.max(1))
}

/// One request at the desk: who asks, and the service.
struct Visit<'a> {
    state: &'a Arc<Service>,
    caller: Caller<'a>,
}

impl<'a> Visit<'a> {
    /// Lets somebody with one of these roles in, where there is a desk.
    fn new(state: &'a Arc<Service>, request: &Request, roles: &[Role]) -> Result<Self, Refusal> {
        let caller = state.keys.allow_any(request.headers(), roles)?;
        desk(state)?;
        Ok(Self { state, caller })
    }

    fn may_see_distances(&self) -> bool {
        self.caller.has(SEES_DISTANCES)
    }

    /// Works with the registry in the name of the caller.
    async fn books<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Books, &Service) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let name = self.caller.name.to_owned();
        self.aside(move |service, desk| {
            let mut books = lock(&desk.books);
            books.set_operator(&name);
            work(&mut *books, service)
        })
        .await
    }

    /// [`Self::books`] for what may change the registry: log and roots follow before it is answered.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Books, &Service) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let done = self.books(work).await?;
        self.aside(|service, desk| {
            (desk.changed)();
            if let Err(error) = service.refresh() {
                tracing::error!(code = error.code(), %error, "the roots were not refreshed");
            }
            Ok(())
        })
        .await?;
        Ok(done)
    }

    /// Works on a thread that may wait: for the disk, for the pipeline, for another one at the registry.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Service, &Desk) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let service = Arc::clone(self.state);
        let work = move || work(&service, desk(&service)?);
        tokio::task::spawn_blocking(work).await.map_err(|_| not_judged(NotJudged::Failed))?
    }
}

fn desk(service: &Service) -> Result<&Desk, Refusal> {
    service.desk.as_ref().ok_or_else(|| {
        Refusal::new(StatusCode::NOT_IMPLEMENTED, "no_desk", "This server has no desk (--desk, with --registry).")
    })
}

/// The body of a request that has no picture in it.
async fn small<T: DeserializeOwned>(request: Request) -> Result<T, Refusal> {
    body::json(request).await
}

/// A reason, which somebody gave: it is kept with the decision.
fn reason(text: Option<String>) -> Result<String, Refusal> {
    let text = body::needed(text, "reason")?;
    if text.trim().is_empty() || text.len() > MAXIMUM_REASON {
        let detail = format!("The reason has {} bytes, and must have 1 to {MAXIMUM_REASON}.", text.len());
        return Err(Refusal::bad("invalid_format", detail).about("reason"));
    }
    Ok(text)
}

/// As long as a registry keeps them.
const MAXIMUM_REASON: usize = 2_000;

/// A failure of the registry as it is told.
fn failed(error: &RegistryError) -> Refusal {
    match error {
        RegistryError::UnknownOperator { .. } | RegistryError::NotAllowed { .. } => {
            Refusal::new(StatusCode::FORBIDDEN, "permission_denied", sentence(error))
        }
        RegistryError::TreeFull => Refusal::new(StatusCode::CONFLICT, error.code(), sentence(error)),
        error => {
            tracing::error!(code = error.code(), %error, "the registry failed at the desk");
            Refusal::unavailable("registry_unreachable", "The registry cannot be worked with now; try again.")
        }
    }
}

/// What an error says, as a sentence.
fn sentence(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// The answer, or the refusal in the portal's words.
fn answered<T: Serialize>(status: StatusCode, answer: Result<T, Refusal>) -> Response {
    match answer {
        Ok(answer) => (status, Json(answer)).into_response(),
        Err(refusal) => refusal.portal(None),
    }
}

/// An answer with pictures: its text is overwritten once it is sent. `room` is what the pictures in it take.
fn answered_wiped<T: Serialize>(answer: Result<(T, usize), Refusal>) -> Response {
    let (answer, room) = match answer {
        Ok(answer) => answer,
        Err(refusal) => return refusal.portal(None),
    };
    // Room once: a vector that grows leaves what it held behind. What is beside the pictures is small.
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(room + (64 << 10)));
    if serde_json::to_writer(&mut *bytes, &answer).is_err() {
        return not_judged(NotJudged::Failed).portal(None);
    }
    let body = axum::body::Bytes::from_owner(bytes);
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// What every address of the desk may answer besides its own, for the document.
struct Refused;

impl utoipa::IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        const ALL: [(&str, &str); 12] = [
            ("400", "Refused; `code` says why"),
            ("401", "No key, or an unknown one"),
            ("403", "The key does not allow this, or the registry does not allow it to whom the key names"),
            ("404", "There is nothing of this number"),
            ("405", "Not this method"),
            ("408", "The request took too long"),
            ("409", "The registry refuses it as things are; `code` says why"),
            ("413", "The body is too large"),
            ("415", "The body is not JSON"),
            ("429", "Too many requests of this address"),
            ("501", "This server has no desk"),
            ("503", "Not now; see `Retry-After`"),
        ];
        let content = || ContentBuilder::new().schema(Some(Ref::from_schema_name("PortalError"))).build();
        let described = |text: &str| ResponseBuilder::new().description(text).content("application/json", content());
        ALL.into_iter().map(|(status, text)| (status.to_owned(), described(text).build().into())).collect()
    }
}
