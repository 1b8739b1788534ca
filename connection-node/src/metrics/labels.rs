//! The labels of what is counted: words of ours, so that nobody outside can make a series.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use wire::ErrorCode;

use crate::edge::CloseReason;

/// What events are called that could not be read.
pub const UNREADABLE: &str = "unreadable";

/// What became of an event of a client. Events that nobody knows have one name together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Event {
    pub event: &'static str,
    pub result: &'static str,
}

/// How a connection to the namespace went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Connect {
    pub result: Connected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types)] // The labels' own words.
pub enum Connected {
    accepted,
    unauthenticated,
    banned,
    /// One user connects again and again.
    rate_limited,
    /// The keys to check its token with could not be had.
    unavailable,
}

/// How a message fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Publish {
    pub result: Published,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types)]
pub enum Published {
    stored,
    /// Stored before, by an earlier attempt.
    repeated,
    unavailable,
    overloaded,
}

/// How a file that a socket sent fared on its way to the media worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Upload {
    pub result: Uploaded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types)]
pub enum Uploaded {
    queued,
    unavailable,
    overloaded,
    rate_limited,
}

impl Connected {
    pub(super) const ALL: [Self; 5] = [
        Self::accepted,
        Self::unauthenticated,
        Self::banned,
        Self::rate_limited,
        Self::unavailable,
    ];
}

impl Published {
    pub(super) const ALL: [Self; 4] =
        [Self::stored, Self::repeated, Self::unavailable, Self::overloaded];
}

impl Uploaded {
    pub(super) const ALL: [Self; 4] =
        [Self::queued, Self::unavailable, Self::overloaded, Self::rate_limited];

    /// What the answer with this code counts as.
    pub fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Overloaded => Self::overloaded,
            ErrorCode::RateLimited => Self::rate_limited,
            _ => Self::unavailable,
        }
    }
}

/// What was refused because there was too much of it, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RateLimited {
    pub what: &'static str,
    pub per: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct HandshakeRefusal {
    pub reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Close {
    pub reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Reason(pub CloseReason);

impl EncodeLabelValue for Reason {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.0.as_str().encode(encoder)
    }
}
