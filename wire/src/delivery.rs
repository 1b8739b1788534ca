//! What workers send to a node on [`crate::subject::delivery`].
//!
//! This path is core NATS: fast, and allowed to lose. Everything here is therefore either numbered so
//! that a loss shows, or soft.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Partition, RoomName, Seq, User, WorkerId, client::Typing, kv::Epoch};

/// The most bytes of one frame's JSON that a worker aims at; far below NATS' 1 MB.
pub const MAX_FRAME_BYTES: usize = 256 * 1024;

/// One NATS message: what a worker had for a node, in order, gathered over all its partitions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Frame {
    pub worker: WorkerId,
    pub items: Vec<ToNode>,
}

/// One thing a partition's owner tells a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ToNode {
    Messages(Messages),
    Digest(Digest),
    Roster(RosterUpdate),
    ReportPresence(ReportPresence),
    Typing(Typing),
}

/// New messages of a partition's rooms in which the node is interested, in the log's order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Messages {
    pub partition: Partition,
    pub epoch: Epoch,
    /// Counts the `Messages` that this node got for this partition in this epoch, from 1: a number
    /// left out is a loss.
    pub counter: u64,
    pub messages: Vec<Delivered>,
}

/// One message on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivered {
    pub room: RoomName,
    pub seq: Seq,
    /// The room has no message between `prev` and `seq`. A node that has seen less than `prev` of
    /// this room reads what it missed from the log. Not necessarily a message itself: it may be as
    /// low as the point from which the owner has followed the log.
    pub prev: Seq,
    /// A [`crate::StoredMessage`], passed through unread.
    pub body: Box<RawValue>,
    /// As [`crate::header::TRACEPARENT`], where it is traced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trace: Option<Arc<str>>,
}

/// Closes the tail: says what should have arrived, at a new tenure's start, soon after each burst and
/// every few seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    pub partition: Partition,
    pub epoch: Epoch,
    /// The counter of the last [`Messages`] sent to this node in this epoch; 0 before the first.
    pub counter: u64,
    /// Up to where the owner has read the log: whatever the node has missed of the partition stands at
    /// or before it, so that a replica of the log that has not come so far cannot be believed.
    pub seq: Seq,
    /// The counter of the last presence report from this node that the owner has applied; 0 for none.
    /// A node that has sent more reports in full again.
    pub reports: u64,
}

/// A change of who is in a room, to every node that has members there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterUpdate {
    pub room: RoomName,
    pub epoch: Epoch,
    /// The version of the roster after this update. A [`RosterChange::Delta`] applies only to the
    /// version before it, of the same epoch; otherwise the node asks for a snapshot.
    pub version: u64,
    pub change: RosterChange,
}

/// Either the whole, or what changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RosterChange {
    Snapshot { users: Vec<User> },
    Delta { joined: Vec<User>, left: Vec<User> },
}

/// Asks a node for a full presence report of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportPresence {
    pub partition: Partition,
    pub epoch: Epoch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_pass_through_unread() {
        let json = r#"{"worker":"worker-1","items":[{"messages":{"partition":3,"epoch":7,"counter":1,"messages":[{"room":"general","seq":9,"prev":4,"body":{"chat":{"x": 1}}}]}}]}"#;
        let frame: Frame = serde_json::from_str(json).unwrap();
        let ToNode::Messages(messages) = &frame.items[0] else { panic!("not messages") };
        assert_eq!(messages.messages[0].body.get(), r#"{"chat":{"x": 1}}"#);
        assert_eq!(serde_json::to_string(&frame).unwrap(), json);
    }
}
