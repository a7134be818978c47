//! Refusals: one value inside, two bodies on the wire.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request was not granted: what a client is told, and nothing about the inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) detail: String,
    /// The field at fault.
    pub(super) attribute: Option<&'static str>,
    /// After how many seconds it is worth trying again.
    pub(super) retry_after: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), attribute: None, retry_after: None }
    }

    /// 400 with this code.
    pub(super) fn bad(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// A field that is needed is not there.
    pub(super) fn required(attribute: &'static str) -> Self {
        Self::bad("required", "This attribute is required.").about(attribute)
    }

    /// The service cannot answer now.
    pub(super) fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).after(1)
    }

    #[must_use]
    pub(super) const fn about(mut self, attribute: &'static str) -> Self {
        self.attribute = Some(attribute);
        self
    }

    #[must_use]
    pub(super) const fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// As the developer portal says it.
    pub(super) fn portal(self, app_id: Option<&str>) -> Response {
        let Self { code, attribute, .. } = self;
        let (detail, app_id) = (self.detail.clone(), app_id.map(str::to_owned));
        let body = PortalError { code, detail, attribute, app_id, team_id: None };
        self.head((self.status, Json(body)).into_response())
    }

    /// As the signup sequencer says it.
    pub(super) fn sequencer(self) -> Response {
        let body = SequencerError { error_id: self.code, error_message: self.detail.clone() };
        self.head((self.status, Json(body)).into_response())
    }

    fn head(&self, mut response: Response) -> Response {
        response.extensions_mut().insert(Code(self.code));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The code of a refusal, for the metrics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code(pub(super) &'static str);

/// The body of a refusal of the portal's endpoints.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PortalError {
    /// A stable word for programs.
    #[schema(example = "invalid_proof")]
    code: &'static str,
    /// A sentence for people.
    detail: String,
    /// The field at fault, if it is one.
    attribute: Option<&'static str>,
    /// The app of the request, if there is such an app.
    app_id: Option<String>,
    /// Always null: there are no teams here.
    team_id: Option<&'static str>,
}

/// The body of a refusal of the sequencer's endpoints.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SequencerError {
    /// A stable word for programs.
    #[schema(example = "invalid_root")]
    error_id: &'static str,
    /// A sentence for people.
    error_message: String,
}
