//! The answers to Socket.IO requests that are refused: an HTTP status, and Engine.IO's error as
//! JSON.
//!
//! Codes 0 to 5 mean what they mean in the reference server (`Server.errors` of engine.io).

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

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
}

impl Refusal {
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
            Self::Draining => StatusCode::SERVICE_UNAVAILABLE,
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
            Self::Origin | Self::Draining => 4,
            Self::UnsupportedProtocol => 5,
        }
    }

    /// The header that the answer calls for.
    fn header(self) -> Option<(header::HeaderName, &'static str)> {
        match self {
            Self::NotAnUpgrade => Some((header::UPGRADE, "websocket")),
            Self::WebSocketVersion => Some((header::SEC_WEBSOCKET_VERSION, "13")),
            // What is left of a body is not read; and a draining node is not to be asked again.
            Self::TooLarge | Self::BodyTimeout | Self::Draining => {
                Some((header::CONNECTION, "close"))
            }
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
        response
    }
}
