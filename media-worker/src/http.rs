//! The worker's HTTP, all routes in one place: health, metrics, the direct path of uploads, and the
//! renditions where no CDN serves them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::{
    cors::{AllowOrigin, CorsLayer},
    set_header::SetResponseHeaderLayer,
};
use wire::ErrorCode;

use crate::direct::{self, Direct};
use crate::files;
use crate::health::Health;
use crate::metrics::{self, Metrics, Way};

/// The most bytes of a request's body: files go to S3.
const MAX_BODY: usize = 16 * 1024;
/// How long a browser may remember what it may ask.
const CORS_MAX_AGE: Duration = Duration::from_hours(1);

/// The routes that the internet may reach, and health.
pub(crate) fn router(
    health: Health,
    direct: Direct,
    origins: AllowOrigin,
    metrics: Arc<Metrics>,
) -> Router {
    let bucket = direct.intake.bucket().clone();
    let media = Router::new()
        .route("/media/uploads", post(direct::grant))
        .route("/media/uploads/{id}/complete", post(direct::complete))
        .with_state(Arc::new(direct))
        .route("/media/{folder}/{name}", get(files::get).head(files::head).with_state(bucket))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(metrics, count))
        .layer(cors(origins));
    let router = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(health)
        .merge(media);
    // Files say so themselves, more strictly.
    DATA_ONLY.into_iter().fold(router, |router, (name, value)| {
        let value = HeaderValue::from_static(value);
        router.layer(SetResponseHeaderLayer::if_not_present(name, value))
    })
}

/// What every answer tells browsers: it is data, and no document.
const DATA_ONLY: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// What is counted, for where nobody but the operator reaches it.
pub(crate) fn metrics_router(metrics: Arc<Metrics>) -> Router {
    Router::new().route("/metrics", get(counts).with_state(metrics))
}

fn cors(origins: AllowOrigin) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::RANGE,
            header::IF_RANGE,
            header::IF_NONE_MATCH,
        ])
        .expose_headers([
            header::ACCEPT_RANGES,
            header::CONTENT_RANGE,
            header::ETAG,
            header::RETRY_AFTER,
        ])
        .max_age(CORS_MAX_AGE)
}

async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    match health.trouble() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(trouble) => (StatusCode::SERVICE_UNAVAILABLE, format!("{trouble}\n")),
    }
}

/// `GET /metrics`
async fn counts(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!("{error:#}");
            (StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n").into_response()
        }
    }
}

/// Counts the answers that refuse.
async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if let Some(code) = response.extensions().get::<ErrorCode>() {
        metrics.refusal(Way::Http, *code);
    }
    response
}
