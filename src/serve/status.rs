//! Endpoints for whoever runs the service.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::State as Service;
use super::keys::Role;
use super::refusal::{PortalError, Refusal};

/// The process runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// Always "ok".
    status: &'static str,
    /// The version of the program.
    version: &'static str,
}

/// Says that the process runs.
#[utoipa::path(
    get, path = "/health", tag = "status",
    responses(
        (status = 200, description = "It runs", body = Health),
        (status = 405, description = "Not this method", body = PortalError),
        (status = 429, description = "Too many requests of this address", body = PortalError),
    )
)]
pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Says whether proofs are accepted: the roots are fresh.
#[utoipa::path(
    get, path = "/readyz", tag = "status",
    responses(
        (status = 200, description = "Ready", body = Health),
        (status = 405, description = "Not this method", body = PortalError),
        (status = 429, description = "Too many requests of this address", body = PortalError),
        (status = 503, description = "The roots have not been refreshed for too long", body = PortalError),
    )
)]
pub(super) async fn ready(State(state): State<Arc<Service>>) -> Response {
    let age = (state.clock)().saturating_sub(state.roots.known().at);
    if age > state.limits.stale_after {
        let detail = format!("The roots were refreshed {age} seconds ago, more than {}.", state.limits.stale_after);
        return Refusal::unavailable("registry_unreachable", detail).portal(None);
    }
    health().await.into_response()
}

/// Counters for Prometheus (OpenMetrics 1.0).
#[utoipa::path(
    get, path = "/metrics", tag = "status",
    responses(
        (status = 200, description = "The counters", body = String, content_type = "application/openmetrics-text"),
        (status = 401, description = "No key, or an unknown one", body = PortalError),
        (status = 403, description = "The key does not allow this", body = PortalError),
        (status = 405, description = "Not this method", body = PortalError),
        (status = 429, description = "Too many requests of this address", body = PortalError),
    ),
    security(("key" = []))
)]
pub(super) async fn metrics(State(state): State<Arc<Service>>, request: Request) -> Response {
    if let Err(refusal) = state.keys.allow(request.headers(), Role::Metrics) {
        return refusal.portal(None);
    }
    state.metrics.refreshed.set(i64::try_from(state.roots.known().at).unwrap_or(i64::MAX));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], state.metrics.text()).into_response()
}
