//! Why transports end, as metrics and logs name it.

use std::fmt;

/// Why a transport was closed. The first reason given stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CloseReason {
    /// The client went away, its session timed out, or Socket.IO ended it.
    Ended = 1,
    /// The node is draining.
    Drain,
    /// More packets waited for the client than it may have waiting.
    SlowConsumer,
    /// A write to the client made no progress for too long.
    Stalled,
    /// The client's token has expired.
    Expired,
    /// The client broke the transport's protocol, or a limit of it.
    Protocol,
    /// The node cannot serve the client any longer; elsewhere it may be served.
    Fault,
    /// The client has left every namespace and kept the connection.
    Idle,
}

impl CloseReason {
    /// A name for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Drain => "drain",
            Self::SlowConsumer => "slow_consumer",
            Self::Stalled => "stalled",
            Self::Expired => "expired",
            Self::Protocol => "protocol",
            Self::Fault => "fault",
            Self::Idle => "idle",
        }
    }

    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Ended,
        Self::Drain,
        Self::SlowConsumer,
        Self::Stalled,
        Self::Expired,
        Self::Protocol,
        Self::Fault,
        Self::Idle,
    ];

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| *reason as u8 == code)
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_survives_its_code() {
        for code in 1..=8 {
            let reason = CloseReason::from_code(code).map(|reason| reason as u8);
            assert_eq!(reason, Some(code));
        }
        assert_eq!(CloseReason::from_code(0), None);
        assert_eq!(CloseReason::from_code(9), None);
    }
}
