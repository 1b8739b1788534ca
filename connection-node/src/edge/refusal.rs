//! The answers to Socket.IO requests that are refused: an HTTP status, and Engine.IO's error as
//! JSON.
//!
//! Codes 0 to 5 mean what they mean in the reference server (`Server.errors` of engine.io).

use std::sync::atomic::{AtomicU64, Ordering};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

use crate::limits::{Full, Wait};

/// How long a client is asked to wait where nobody can say, in seconds.
const RETRY: u64 = 1;

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("Transport unknown")]
    UnknownTransport,
    /// Also where the session's transport was closed: the client then opens a new one.
    #[error("Session ID unknown")]
    UnknownSession,
    #[error("Bad handshake method")]
    BadMethod,
    #[error("Bad request: {0}")]
    BadRequest(&'static str),
    #[error("Bad request: this transport needs a WebSocket upgrade (RFC 6455)")]
    NotAnUpgrade,
    #[error("Bad request: the only WebSocket version served is 13 (RFC 6455)")]
    WebSocketVersion,
    #[error("Forbidden: this origin may not connect")]
    Origin,
    #[error("Unsupported protocol version")]
    UnsupportedProtocol,
    #[error("Bad request: the body is larger than maxPayload")]
    TooLarge,
    #[error("Bad request: the body did not arrive in time")]
    BodyTimeout,
    #[error("The server is going away; connect again")]
    Draining,
    #[error("Too many connections from this address; try again in {0:?}")]
    RateLimited(Wait),
    #[error("Too many connections without a token; try again later")]
    Crowded(Full),
    /// There is no room for what comes in.
    #[error("The server is too busy; connect again")]
    Overloaded,
}

/// How many requests were refused, by the name of the reason.
#[derive(Default)]
pub(super) struct Refusals([AtomicU64; REFUSAL_NAMES.len()]);

/// Why the edge refuses requests and connections, as metrics name it.
pub const REFUSAL_NAMES: [&str; 13] = [
    "transport",
    "session",
    "method",
    "request",
    "upgrade",
    "origin",
    "protocol",
    "too_large",
    "timeout",
    "draining",
    "rate_limited",
    "crowded",
    "overloaded",
];

impl Refusals {
    pub(super) fn count(&self, refusal: Refusal) {
        let name = refusal.name();
        if let Some(at) = REFUSAL_NAMES.iter().position(|known| *known == name) {
            self.0[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All of them, those too that have never happened.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        REFUSAL_NAMES.into_iter().zip(counts)
    }
}

impl Refusal {
    fn name(self) -> &'static str {
        match self {
            Self::UnknownTransport => "transport",
            Self::UnknownSession => "session",
            Self::BadMethod => "method",
            Self::BadRequest(_) => "request",
            Self::NotAnUpgrade | Self::WebSocketVersion => "upgrade",
            Self::Origin => "origin",
            Self::UnsupportedProtocol => "protocol",
            Self::TooLarge => "too_large",
            Self::BodyTimeout => "timeout",
            Self::Draining => "draining",
            Self::RateLimited(_) => "rate_limited",
            Self::Crowded(_) => "crowded",
            Self::Overloaded => "overloaded",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::UnknownTransport
            | Self::UnknownSession
            | Self::BadMethod
            | Self::BadRequest(_)
            | Self::UnsupportedProtocol => StatusCode::BAD_REQUEST,
            Self::NotAnUpgrade | Self::WebSocketVersion => StatusCode::UPGRADE_REQUIRED,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::RateLimited(_) | Self::Crowded(Full::Address) => StatusCode::TOO_MANY_REQUESTS,
            Self::Draining | Self::Overloaded | Self::Crowded(Full::All) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::UnknownTransport => 0,
            Self::UnknownSession => 1,
            Self::BadMethod => 2,
            Self::BadRequest(_)
            | Self::NotAnUpgrade
            | Self::WebSocketVersion
            | Self::TooLarge
            | Self::BodyTimeout => 3,
            Self::Origin
            | Self::Draining
            | Self::RateLimited(_)
            | Self::Crowded(_)
            | Self::Overloaded => 4,
            Self::UnsupportedProtocol => 5,
        }
    }

    /// In how many seconds to come again, where that helps.
    fn retry_after(self) -> Option<u64> {
        match self {
            Self::RateLimited(wait) => Some(wait.as_secs().saturating_add(1)),
            Self::Crowded(_) | Self::Overloaded => Some(RETRY),
            _ => None,
        }
    }

    /// The header that the answer calls for.
    fn header(self) -> Option<(header::HeaderName, &'static str)> {
        match self {
            Self::NotAnUpgrade => Some((header::UPGRADE, "websocket")),
            Self::WebSocketVersion => Some((header::SEC_WEBSOCKET_VERSION, "13")),
            // What is left of a body is not read; and a draining node is not to be asked again.
            Self::TooLarge
            | Self::BodyTimeout
            | Self::Draining
            | Self::RateLimited(_)
            | Self::Crowded(_)
            | Self::Overloaded => Some((header::CONNECTION, "close")),
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "code": self.code(), "message": self.to_string() });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
