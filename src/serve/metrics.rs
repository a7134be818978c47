//! Counters for Prometheus. They count requests by route and code, never people, addresses or nullifiers.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// What is counted.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    duration: Family<Route, Histogram, fn() -> Histogram>,
    /// Proofs that wait for a verification.
    pub(super) waiting: Gauge,
    /// Proofs verified together.
    pub(super) batch: Histogram,
    /// Connections that are open.
    pub(super) connections: Gauge,
    /// The time of the last refresh of the roots, in seconds since 1970.
    pub(super) refreshed: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    status: u16,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("personhood");
        let requests = Family::default();
        let duration: Family<Route, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_5, 2.0, 15)));
        let (waiting, connections, refreshed) = (Gauge::default(), Gauge::default(), Gauge::default());
        let batch = Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
        registry.register("requests", "Requests by route, status and code", requests.clone());
        registry.register("request_seconds", "Time to the answer by route", duration.clone());
        registry.register("waiting", "Proofs that wait for a verification", waiting.clone());
        registry.register("batch", "Proofs verified together", batch.clone());
        registry.register("connections", "Open connections", connections.clone());
        registry.register("refreshed_seconds", "Time of the last refresh of the roots", refreshed.clone());
        Self { registry, requests, duration, waiting, batch, connections, refreshed }
    }

    pub(super) fn answered(&self, route: &str, status: u16, code: &str, time: Duration) {
        let labels = Answered { route: route.to_owned(), status, code: code.to_owned() };
        self.requests.get_or_create(&labels).inc();
        self.duration.get_or_create(&Route { route: route.to_owned() }).observe(time.as_secs_f64());
    }

    /// The text that Prometheus reads (OpenMetrics 1.0).
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        text::encode(&mut out, &self.registry).expect("a String takes any text");
        out
    }
}
