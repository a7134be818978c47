//! The routes, the layers around them, and the document that describes them.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::body::BodyLimit;
use super::observe::{limit_rate, observe};
use super::portal::not_judged;
use super::refusal::Refusal;
use super::{cors, desk, issuer, judge::NotJudged, log_files, pages, portal, sequencer, status};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "personhood",
        description = "A unique human, once per action. The shapes are those of World ID's developer portal and signup \
                       sequencer; the proofs inside are this program's own."
    ),
    tags(
        (name = "portal", description = "Verification for relying parties"),
        (name = "sequencer", description = "Paths of members, and proofs on their own"),
        (name = "status", description = "For whoever runs the service"),
        (name = "log", description = "The transparency log as static files (C2SP tlog-tiles)"),
        (name = "desk", description = "For operators, adjudicators and auditors; what the page at /desk/ asks"),
    ),
    // Its address has slashes in it, which the document has no form for.
    paths(log_files::tile)
)]
struct Description;

/// The OpenAPI 3.1 document, generated from the handlers.
#[must_use]
pub fn document() -> String {
    described().1.to_pretty_json().expect("the document holds only texts and numbers")
}

fn described() -> (Router<Arc<State>>, utoipa::openapi::OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(portal::v2::verify))
        .routes(routes!(portal::v4::verify))
        .routes(routes!(portal::precheck::precheck))
        .routes(routes!(issuer::issue))
        .routes(routes!(issuer::jwks))
        .routes(routes!(sequencer::inclusion_proof))
        .routes(routes!(sequencer::inclusion_proof_v1))
        .routes(routes!(sequencer::insert, desk::life::delete))
        .routes(routes!(sequencer::verify))
        .routes(routes!(sequencer::roots))
        .routes(routes!(status::health))
        .routes(routes!(status::ready))
        .routes(routes!(status::metrics))
        .routes(routes!(log_files::checkpoint))
        .routes(routes!(log_files::witnessed))
        .route("/log/tile/{*tile}", get(log_files::tile))
        .routes(routes!(desk::overview::session))
        .routes(routes!(desk::overview::status))
        .routes(routes!(desk::overview::decisions))
        .routes(routes!(desk::eyes::look))
        .routes(routes!(desk::enrol::search))
        .routes(routes!(desk::enrol::enrol))
        .routes(routes!(desk::reviews::reviews))
        .routes(routes!(desk::reviews::review))
        .routes(routes!(desk::reviews::decide))
        .routes(routes!(desk::reviews::appeal))
        .routes(routes!(desk::life::person))
        .routes(routes!(desk::life::change))
        .split_for_parts();
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    document.components.get_or_insert_default().add_security_scheme("key", bearer);
    (router, document)
}

/// Every route with everything around it. From the outside in: counting, panics, headers, other hosts' pages, rate, time, size.
pub(super) fn router(state: Arc<State>) -> Router {
    let (routes, document) = described();
    let routes = pages::routes(routes, &state);
    let document = document.to_json().expect("the document holds only texts and numbers");
    let time = state.limits.request_time;
    let header = |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(Arc::clone(&state), observe))
        .layer(CatchPanicLayer::custom(|_| -> Response { not_judged(NotJudged::Failed).portal(None) }))
        .layer(header(header::CACHE_CONTROL, "no-store"))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(axum::middleware::from_fn(cors::cors))
        .layer(from_fn_with_state(Arc::clone(&state), limit_rate))
        .layer(axum::middleware::from_fn(move |request, next: axum::middleware::Next| async move {
            let slow = "The request took too long.";
            match tokio::time::timeout(time, next.run(request)).await {
                Ok(response) => response,
                Err(_) => Refusal::new(StatusCode::REQUEST_TIMEOUT, "timeout", slow).portal(None),
            }
        }))
        .layer(axum::Extension(BodyLimit(state.limits.body_bytes)))
        .layer(DefaultBodyLimit::max(state.limits.body_bytes));
    routes
        .route(
            "/openapi.json",
            get(async move || ([(header::CONTENT_TYPE, "application/json")], document.clone()).into_response()),
        )
        .fallback(async || {
            Refusal::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this address.").portal(None)
        })
        .method_not_allowed_fallback(async || {
            let detail = "This address does not take this method.";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).portal(None)
        })
        .layer(layers)
        .with_state(state)
}
