//! What nodes tell a partition's owner on [`crate::subject::ephemeral`], never stored.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{NodeId, RoomName, User, client::Typing};

/// One NATS message from a node to the owner of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FromNode {
    Presence(PresenceReport),
    /// The node needs a snapshot of a room's roster: it has none, or missed an update.
    WantRoster {
        node: NodeId,
        room: RoomName,
    },
    Typing {
        node: NodeId,
        typing: Typing,
    },
}

/// Who came and went on one node since its last report for this partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceReport {
    pub node: NodeId,
    /// Counts this node's reports for this partition, from 1, over the life of the node. An owner
    /// that misses one asks for a full report.
    pub counter: u64,
    /// A full report replaces everything that the owner knew of this node in this partition; it then
    /// names every room with members there.
    pub full: bool,
    pub rooms: Vec<RoomPresence>,
}

/// The part of a report about one room. A user with several sockets on a node comes with the first
/// and goes with the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPresence {
    pub room: RoomName,
    pub joined: Vec<User>,
    /// User ids.
    pub left: Vec<Arc<str>>,
}

/// The payload of [`crate::subject::interest`]: whether the node has members in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Interest {
    /// The node's first member came: it wants every message stored after this record.
    Joined,
    /// Its last member left.
    Left,
}
