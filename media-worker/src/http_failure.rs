//! What keeps a file from being served or stored, as an HTTP answer.

use service_shell::HttpFailure;
use wire::{ErrorCode, Failure};

use crate::intake::Trouble;

/// After how many milliseconds to try again.
const RETRY_AFTER: u64 = 2_000;

/// S3 or NATS is away. What is wrong goes to the log and not to the client.
pub(crate) fn unavailable(error: &anyhow::Error) -> HttpFailure {
    tracing::warn!("an upload cannot be served: {error:#}");
    let message = "The file cannot be stored just now: try again";
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
            Trouble::Unavailable(error) => unavailable(&error),
        }
    }
}
