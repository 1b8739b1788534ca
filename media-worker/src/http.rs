//! The worker's HTTP, all routes in one place: health, the direct path of uploads, and the renditions
//! where no CDN serves them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::cors::{AllowOrigin, CorsLayer};
use uuid::Uuid;

use crate::bucket::Bucket;
use crate::direct::{self, Direct};
use crate::health::Health;
use crate::http_failure::HttpFailure;

/// The most bytes of a request's body: files go to S3.
const MAX_BODY: usize = 16 * 1024;
/// How long a browser may remember what it may ask.
const CORS_MAX_AGE: Duration = Duration::from_hours(1);

pub(crate) fn router(health: Health, direct: Direct, origins: AllowOrigin) -> Router {
    let bucket = direct.intake.bucket().clone();
    let media = Router::new()
        .route("/media/uploads", post(direct::grant))
        .route("/media/uploads/{id}/complete", post(direct::complete))
        .with_state(Arc::new(direct))
        .route("/media/{folder}/{name}", get(rendition).with_state(bucket))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(cors(origins));
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(health)
        .merge(media)
}

fn cors(origins: AllowOrigin) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .max_age(CORS_MAX_AGE)
}

async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    match health.trouble() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(trouble) => (StatusCode::SERVICE_UNAVAILABLE, format!("{trouble}\n")),
    }
}

/// `GET /media/{folder}/{name}`
async fn rendition(
    State(bucket): State<Bucket>,
    Path((folder, name)): Path<(String, String)>,
) -> Result<Response, HttpFailure> {
    let missing = || HttpFailure::not_found("There is no such file");
    // What the intake names: a UUID, then letters and an extension.
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.';
    let known = Uuid::try_parse(&folder).is_ok_and(|uuid| uuid.to_string() == folder);
    if !known || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(missing());
    }
    let opened = bucket.open_object(&format!("media/{folder}/{name}")).await;
    let opened = opened.map_err(|error| HttpFailure::unavailable(&error))?.ok_or_else(missing)?;
    let headers = [
        (header::CONTENT_TYPE, opened.content_type),
        (header::CACHE_CONTROL, opened.cache_control),
        (header::CONTENT_DISPOSITION, opened.content_disposition),
        (header::CONTENT_LENGTH, opened.length.map(|length| length.to_string())),
        (header::X_CONTENT_TYPE_OPTIONS, Some("nosniff".to_owned())),
        (header::CONTENT_SECURITY_POLICY, Some("default-src 'none'; sandbox".to_owned())),
        (HeaderName::from_static("cross-origin-resource-policy"), Some("cross-origin".to_owned())),
    ];
    let mut response = Body::from_stream(opened.body).into_response();
    for (name, value) in headers {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}
