//! Why an upload is not taken, for programs and for people.

use wire::ErrorCode;

/// The end of an upload that makes no media. Trying again with the same bytes cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// `unsupported_media`, `too_large` or `invalid`.
    pub code: ErrorCode,
    /// What happened, what was expected, what to do.
    pub message: String,
}

impl Refusal {
    /// A type, or a variety of one, that is not taken.
    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::UnsupportedMedia, message: message.into() }
    }

    /// More bytes, pixels, frames, memory or time than the limits allow.
    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::TooLarge, message: message.into() }
    }

    /// A file of this many bytes.
    pub(crate) fn of_size(bytes: usize, allowed: usize) -> Self {
        Self::too_large(format!(
            "The file has {bytes} bytes and {allowed} are allowed: send a smaller one"
        ))
    }

    /// A file of a type that is taken, but damaged.
    pub(super) fn broken(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::Invalid, message: message.into() }
    }
}
