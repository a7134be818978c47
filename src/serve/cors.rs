//! Which pages of other hosts may ask: any, for what is public and takes no key; none, for everything else.
//!
//! A page that asks carries no cookies, because there are none, so letting every page in tells it nothing that its server could not
//! have asked. What takes a key is asked by servers, and by the desk's own page: a key does not belong into a page of another host.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// The public addresses, as the router has them.
const PUBLIC: &[&str] = &[
    "/api/v1/jwks",
    "/api/v1/precheck/{app_id}",
    "/api/v1/roots",
    "/api/v2/verify/{app_id}",
    "/api/v4/verify/{id}",
    "/health",
    "/inclusionProof",
    "/log/checkpoint",
    "/log/checkpoint.witnessed",
    "/log/tile/{*tile}",
    "/openapi.json",
    "/v3/identities/{commitment}/inclusion-proof/{stage}",
    "/v3/semaphore-proof/verify",
];

/// Answers the question that a browser asks first, and marks the answers that other pages may read.
pub(super) async fn cors(request: Request, next: Next) -> Response {
    let public = request.extensions().get::<MatchedPath>().is_some_and(|path| PUBLIC.contains(&path.as_str()));
    if !public {
        return next.run(request).await;
    }
    let first =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if first { preflight() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    // For a page that is isolated from other hosts.
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
