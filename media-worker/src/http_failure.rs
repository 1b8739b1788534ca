//! What keeps a file from being served or stored, as an HTTP answer.

use service_shell::HttpFailure;
use wire::{ErrorCode, Failure};

use crate::intake::Trouble;

/// After how many milliseconds to try again.
const RETRY_AFTER: u64 = 2_000;

/// S3 or NATS is away, and a file cannot be stored.
pub(crate) fn not_stored(error: &anyhow::Error) -> HttpFailure {
    tracing::warn!("an upload cannot be served: {error:#}");
    unavailable("The file cannot be stored just now: try again")
}

/// S3 is away, and a stored file cannot be shown.
pub(crate) fn not_served(error: &anyhow::Error) -> HttpFailure {
    tracing::warn!("a file cannot be served: {error:#}");
    unavailable("The file cannot be read just now: try again")
}

/// What is wrong goes to the log and not to the client.
fn unavailable(message: &str) -> HttpFailure {
    Failure::retry(ErrorCode::Unavailable, message, RETRY_AFTER).into()
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
            Trouble::Unavailable(error) => not_stored(&error),
        }
    }
}
