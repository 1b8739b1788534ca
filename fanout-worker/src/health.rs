//! `/healthz`, `/readyz` and `/metrics` over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::{self, Metrics};

/// How long requests may take that are under way at the end.
const FINISH: Duration = Duration::from_secs(1);

/// Serves until `shutdown`: `/healthz` answers as long as the process does, `/readyz` with 503 while
/// the worker does not take its part in routing, `/metrics` what it has counted.
pub async fn serve(
    listener: TcpListener,
    ready: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
) {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness).with_state(ready))
        .route("/metrics", get(counts).with_state(metrics));
    service_shell::serve_http(listener, router, shutdown, FINISH).await;
}

async fn readiness(State(ready): State<watch::Receiver<bool>>) -> (StatusCode, &'static str) {
    if *ready.borrow() {
        (StatusCode::OK, "ready\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: NATS, its streams or the leases are out of reach\n",
        )
    }
}

async fn counts(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!("{error:#}");
            (StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n").into_response()
        }
    }
}
