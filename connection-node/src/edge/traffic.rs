//! What has gone through transports, in numbers.

use std::ops::AddAssign;

/// Sums over any number of transports, each since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes received: all of a WebSocket's stream, and the bodies of polling requests.
    pub received: u64,
    /// Bytes sent: all of a WebSocket's stream, and the bodies of polling responses.
    pub sent: u64,
    /// Writes to WebSockets.
    pub writes: u64,
    /// Bytes that the frames which were sent compressed would have had,
    pub plain: u64,
    /// and those that they had.
    pub deflated: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        let Self { received, sent, writes, plain, deflated } = other;
        self.received += received;
        self.sent += sent;
        self.writes += writes;
        self.plain += plain;
        self.deflated += deflated;
    }
}
