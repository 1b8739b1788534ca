//! A failure as an HTTP answer: the table of codes, and the status of each.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wire::{ErrorCode, Failure, Timestamp};

use crate::token::{Identity, TokenError, Verifier};

/// After how many milliseconds to try again where tokens cannot be checked.
const RETRY_AFTER: u64 = 2_000;

/// Status and body of an answer.
#[derive(Debug)]
pub struct HttpFailure {
    status: StatusCode,
    failure: Failure,
}

impl HttpFailure {
    /// A failure that trying again will not mend.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Failure::new(code, message).into()
    }

    /// There is no such thing; the table of codes has no word of its own for it.
    pub fn not_found(message: &str) -> Self {
        let failure = Failure::new(ErrorCode::Invalid, message);
        Self { status: StatusCode::NOT_FOUND, failure }
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
        if error == TokenError::Unavailable {
            return Failure::retry(ErrorCode::Unavailable, error.to_string(), RETRY_AFTER).into();
        }
        let failure = Failure::new(ErrorCode::Forbidden, error.to_string());
        Self { status: StatusCode::UNAUTHORIZED, failure }
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

/// Who asks, by `Authorization: Bearer` (RFC 6750 §2.1).
///
/// # Errors
/// 401 without a good token, 503 where none can be checked.
pub async fn bearer(tokens: &Verifier, headers: &HeaderMap) -> Result<Identity, HttpFailure> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    Ok(tokens.identify(token, Timestamp::now()).await?)
}
