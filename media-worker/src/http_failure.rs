//! A failure as an HTTP answer.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use service_shell::token::TokenError;
use wire::{ErrorCode, Failure};

use crate::intake::Trouble;

/// After how many milliseconds to try again.
const RETRY_AFTER: u64 = 2_000;

/// Status and body of an answer.
#[derive(Debug)]
pub(crate) struct HttpFailure {
    status: StatusCode,
    failure: Failure,
}

impl HttpFailure {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Failure::new(code, message).into()
    }

    /// There is no such thing; the table of codes has no word of its own for it.
    pub(crate) fn not_found(message: &str) -> Self {
        let failure = Failure::new(ErrorCode::Invalid, message);
        Self { status: StatusCode::NOT_FOUND, failure }
    }

    /// S3 or NATS is away. What is wrong goes to the log and not to the client.
    pub(crate) fn unavailable(error: &anyhow::Error) -> Self {
        tracing::warn!("an upload cannot be served: {error:#}");
        let message = "The file cannot be stored just now: try again";
        Failure::retry(ErrorCode::Unavailable, message, RETRY_AFTER).into()
    }
}

impl From<Failure> for HttpFailure {
    fn from(failure: Failure) -> Self {
        let status = match failure.code {
            ErrorCode::Invalid | ErrorCode::TooLong => StatusCode::BAD_REQUEST,
            ErrorCode::NotAMember | ErrorCode::Forbidden => StatusCode::FORBIDDEN,
            ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorCode::Overloaded | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, failure }
    }
}

impl From<TokenError> for HttpFailure {
    fn from(error: TokenError) -> Self {
        let failure = Failure::new(ErrorCode::Forbidden, error.to_string());
        Self { status: StatusCode::UNAUTHORIZED, failure }
    }
}

impl From<Trouble> for HttpFailure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(refusal) => Self::new(refusal.code, refusal.message),
            Trouble::Missing => {
                Self::not_found("The file is not there: send it to the ticket's URL first")
            }
            Trouble::Busy => {
                let message = "Too many files are worked on just now: try again";
                Failure::retry(ErrorCode::Overloaded, message, RETRY_AFTER).into()
            }
            Trouble::Unavailable(error) => Self::unavailable(&error),
        }
    }
}

/// The answer carries its code as an extension too, for those who count.
impl IntoResponse for HttpFailure {
    fn into_response(self) -> Response {
        let retry_after = self.failure.retry_after.map(|millis| millis.div_ceil(1_000));
        let code = self.failure.code;
        let mut response = (self.status, Json(self.failure)).into_response();
        response.extensions_mut().insert(code);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
