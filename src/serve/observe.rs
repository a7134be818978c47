//! What is noted about every request: its route, its answer and its time. Never its address, path or body.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::refusal::{Code, Refusal};

/// Counts and logs a request.
pub(super) async fn observe(State(state): State<Arc<super::State>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    // The pattern with its placeholders: commitments and names of apps stand in paths.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let response = next.run(request).await;
    let time = started.elapsed();
    let status = response.status();
    let code = response.extensions().get::<Code>().map_or("", |code| code.0);
    state.metrics.answered(&route, status.as_u16(), code, time);
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if status.is_server_error() {
        tracing::warn!(%method, route, status = status.as_u16(), code, milliseconds, "request");
    } else {
        tracing::debug!(%method, route, status = status.as_u16(), code, milliseconds, "request");
    }
    response
}

/// Refuses an address that asks too often.
pub(super) async fn limit_rate(State(state): State<Arc<super::State>>, request: Request, next: Next) -> Response {
    if let Some(rate) = &state.rate
        && let Some(ConnectInfo(address)) = request.extensions().get::<ConnectInfo<SocketAddr>>()
        && let Err(seconds) = rate.count(address.ip())
    {
        let detail = "This address asks too often; wait as long as the header Retry-After says.";
        return Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).after(seconds).portal(None);
    }
    next.run(request).await
}
