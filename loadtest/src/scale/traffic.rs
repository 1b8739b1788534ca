//! What passes in a system: messages of NATS, frames of workers, what nodes send to sockets.
//!
//! Counts alone, which do not depend on how busy the machine is.

use serde::Serialize;

/// Counts since the start, over a span, or for one message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Messages that nats-server got, and gave away, from and to everybody.
    pub nats_in: f64,
    pub nats_out: f64,
    pub nats_bytes_in: f64,
    pub nats_bytes_out: f64,
    /// Those from and to nodes alone; what workers tell it goes by time for the most part.
    pub node_in: f64,
    pub node_out: f64,
    pub node_bytes_in: f64,
    pub node_bytes_out: f64,
    /// Frames that workers sent to nodes.
    pub frames: f64,
    pub frame_bytes: f64,
    /// Messages in those frames.
    pub node_deliveries: f64,
    /// Events that nodes sent to sockets, writes to sockets, and bytes.
    pub emits: f64,
    pub writes: f64,
    pub sent_bytes: f64,
}

impl Traffic {
    /// What passed between `earlier` and now.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        self.with(earlier, |now, then| now - then)
    }

    /// Without what passes in an idle system: `idle` passed over `idle_span`, all over `span`.
    #[must_use]
    pub fn without(&self, idle: &Self, idle_span: f64, span: f64) -> Self {
        self.with(idle, |all, idle| all - idle * span / idle_span)
    }

    /// For each of so many messages.
    #[must_use]
    pub fn each(&self, messages: f64) -> Self {
        self.with(self, |count, _| count / messages)
    }

    fn with(&self, other: &Self, of: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            nats_in: of(self.nats_in, other.nats_in),
            nats_out: of(self.nats_out, other.nats_out),
            nats_bytes_in: of(self.nats_bytes_in, other.nats_bytes_in),
            nats_bytes_out: of(self.nats_bytes_out, other.nats_bytes_out),
            node_in: of(self.node_in, other.node_in),
            node_out: of(self.node_out, other.node_out),
            node_bytes_in: of(self.node_bytes_in, other.node_bytes_in),
            node_bytes_out: of(self.node_bytes_out, other.node_bytes_out),
            frames: of(self.frames, other.frames),
            frame_bytes: of(self.frame_bytes, other.frame_bytes),
            node_deliveries: of(self.node_deliveries, other.node_deliveries),
            emits: of(self.emits, other.emits),
            writes: of(self.writes, other.writes),
            sent_bytes: of(self.sent_bytes, other.sent_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idling_is_taken_off_by_its_span() {
        let at = |frames| Traffic { frames, ..Traffic::default() };
        let each = at(110.0).since(&at(10.0)).without(&at(5.0), 1.0, 4.0).each(20.0);
        assert_eq!(each, at(4.0));
    }
}
