//! One socket's place in a room.

use std::time::Instant;

use wire::{Seq, User};

use super::port::{Join, Port};

/// A socket in a room.
pub struct Member<P: Port> {
    pub socket: P::Socket,
    pub user: User,
    /// The client has seen the room up to here: nothing at or below is sent to it.
    pub position: Seq,
    /// Set while older messages are being read for it; live ones wait in the log meanwhile.
    pub recovery: Option<Recovery>,
}

/// A replay under way.
#[derive(Debug, Clone, Copy)]
pub struct Recovery {
    /// The position with which the client came.
    pub from: Seq,
    /// Whether everything after `from` is still there; unknown until the first page.
    pub complete: Option<bool>,
    /// The room had been emitted up to here when the page under way was asked for.
    pub goal: Seq,
}

impl From<Seq> for Recovery {
    fn from(from: Seq) -> Self {
        Self { from, complete: None, goal: 0 }
    }
}

/// A socket whose join cannot be answered yet.
pub struct Waiter<P: Port> {
    pub join: Join<P>,
    pub since: Instant,
    /// How often the room's interest must have been stored before the log is known to have reached
    /// the position with which this socket came.
    pub needs: u64,
    /// What it has said since.
    pub held: Vec<P::Speech>,
}
