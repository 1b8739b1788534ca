//! The one table of errors that clients see.

use serde::{Deserialize, Serialize};

/// What went wrong, for programs. The text beside it is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The payload is not of the event's shape, or the event is unknown. Sending it again cannot help.
    Invalid,
    /// `content` has more than [`crate::event::MAX_CONTENT_CHARS`] characters.
    TooLong,
    /// The sender is not in that room: join first.
    NotAMember,
    /// The token does not allow it.
    Forbidden,
    /// This socket, user or address asks too often: wait `retryAfter`.
    RateLimited,
    /// The node has as much in flight as it takes: wait `retryAfter`.
    Overloaded,
    /// The event or file is larger than allowed.
    TooLarge,
    /// The file is of no type that is taken.
    UnsupportedMedia,
    /// Not known to be stored: send again with the same `clientMessageId` after `retryAfter`.
    Unavailable,
}

impl ErrorCode {
    /// Every code, for tables and tests.
    pub const ALL: [Self; 9] = [
        Self::Invalid,
        Self::TooLong,
        Self::NotAMember,
        Self::Forbidden,
        Self::RateLimited,
        Self::Overloaded,
        Self::TooLarge,
        Self::UnsupportedMedia,
        Self::Unavailable,
    ];

    /// The code as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::TooLong => "too_long",
            Self::NotAMember => "not_a_member",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::TooLarge => "too_large",
            Self::UnsupportedMedia => "unsupported_media",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::RateLimited | Self::Overloaded | Self::Unavailable)
    }
}

/// The answer to every request that failed: `{ status: "error", code, message, retryAfter? }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(tag = "status", rename = "error", rename_all = "camelCase")]
pub struct Failure {
    pub code: ErrorCode,
    /// What happened, what was expected, what to do.
    pub message: String,
    /// Milliseconds to wait before trying again; only where trying again can help.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after: Option<u64>,
}

impl Failure {
    /// A failure that trying again will not mend.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// A failure that may pass after `millis`.
    pub fn retry(code: ErrorCode, message: impl Into<String>, millis: u64) -> Self {
        Self { code, message: message.into(), retry_after: Some(millis) }
    }
}

/// `connect_error.message` without a token.
pub const AUTHENTICATION_REQUIRED: &str = "Authentication required";
/// `connect_error.message` with a token that is malformed, forged, expired or of another issuer.
pub const INVALID_TOKEN: &str = "Invalid or expired token";

/// How `connect_error.message` begins for a user who is banned; see [`crate::admin::Ban`].
pub const BANNED: &str = "You are banned";
/// `auth-error.message` for who is no administrator.
pub const ADMIN_REQUIRED: &str = "Admin access required";
/// How `auth-error.message` begins for a user who is kicked.
pub const KICKED: &str = "You were disconnected by an administrator";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_is_flat() {
        let failure = Failure::retry(ErrorCode::Overloaded, "busy", 250);
        assert_eq!(
            serde_json::to_string(&failure).unwrap(),
            r#"{"status":"error","code":"overloaded","message":"busy","retryAfter":250}"#
        );
        for code in ErrorCode::ALL {
            let json = serde_json::to_string(&Failure::new(code, "x")).unwrap();
            assert_eq!(serde_json::from_str::<Failure>(&json).unwrap().code, code);
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
