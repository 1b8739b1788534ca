//! What reaches the owner of a partition, and what it is to do.

use std::sync::Arc;

use serde_json::value::RawValue;
use wire::delivery::ToNode;
use wire::ephemeral::{FromNode, Interest};
use wire::{NodeId, RoomName, Seq};

use crate::liveness::View;

/// One record of the log.
#[derive(Debug, Clone)]
pub struct Record {
    pub seq: Seq,
    pub entry: Entry,
}

/// What a record says.
#[derive(Debug, Clone)]
pub enum Entry {
    Message {
        room: RoomName,
        body: Box<RawValue>,
        /// What its delivery is to follow, where it is traced.
        trace: Option<Arc<str>>,
    },
    Interest {
        room: RoomName,
        node: NodeId,
        interest: Interest,
    },
    /// Nothing that anybody could be told: it only takes up its sequence.
    Unreadable,
}

/// What reaches an owner.
#[derive(Debug)]
pub enum Input {
    /// The next records of the log, in order.
    Log(Vec<Record>),
    /// A node said something.
    Said(FromNode),
    /// Other nodes live than before.
    Nodes(Arc<View<NodeId>>),
    /// The connection was lost and made again: what was sent may not have arrived.
    Reconnected,
    /// Time passed.
    Wake,
}

/// What an owner is to do.
#[derive(Debug)]
pub enum Effect {
    Send {
        node: NodeId,
        item: ToNode,
        /// Nobody waits for it: it may go with what goes there next.
        patient: bool,
    },
    /// Write into the log that the node left the room, if its record is still the one at `joined`.
    RemoveInterest { room: RoomName, node: NodeId, joined: Seq },
}
