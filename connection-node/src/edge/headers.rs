//! What every answer tells browsers, whoever gives it.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// Two years, as browsers' preload lists ask.
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// The headers of an answer of Socket.IO: nobody keeps it, and it is nothing but data to those whom
/// CORS lets read it.
const DATA: [(HeaderName, HeaderValue); 6] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
];

/// Marks an answer of Socket.IO. One that switches protocols is no document, and stays short.
pub(super) fn mark_as_data(response: &mut Response) {
    if response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().extend(DATA);
    }
}

/// Tells browsers to come by TLS alone.
pub(super) fn ask_for_tls(headers: &mut HeaderMap) {
    headers.insert(header::STRICT_TRANSPORT_SECURITY, TLS_ONLY);
}
