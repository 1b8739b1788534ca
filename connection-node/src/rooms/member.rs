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
    /// Set while older messages are being sent to it; live ones wait in the log meanwhile.
    pub recovery: Option<Recovery>,
    /// It has asked to join anew, and waits: whatever it misses until then comes by that join.
    pub awaiting: bool,
}

/// A replay under way.
#[derive(Debug, Clone, Copy)]
pub struct Recovery {
    /// The position with which the client came.
    pub from: Seq,
    /// Whether everything after `from` is still there; unknown until the first page.
    pub complete: Option<bool>,
}

impl Recovery {
    /// A position that the log has not `reached` says nothing about what was missed.
    pub fn new(from: Seq, reached: bool) -> Self {
        Self { from, complete: (!reached).then_some(false) }
    }
}

/// A socket whose join cannot be answered yet. However often it asks, it waits once.
pub struct Waiter<P: Port> {
    pub socket: P::Socket,
    pub user: User,
    /// The last position that it has named.
    pub after: Option<Seq>,
    pub since: Instant,
    /// How often the room's interest must have been stored before the log is known to have reached
    /// the positions with which this socket came.
    pub needs: u64,
    pub asks: Vec<Ask<P>>,
    /// What it has said since.
    pub held: Vec<P::Speech>,
}

/// One join of a socket that waits.
pub struct Ask<P: Port> {
    pub ack: Option<P::Ack>,
    /// Whether the answer brings the latest messages: where no position was named.
    pub history: bool,
}

impl<P: Port> Waiter<P> {
    pub fn new(join: Join<P>, needs: u64, now: Instant) -> Self {
        let Join { socket, user, after, ack, .. } = join;
        let asks = vec![Ask::new(ack, after)];
        Self { socket, user, after, since: now, needs, asks, held: Vec::new() }
    }

    /// It asks once more.
    pub fn join_too(&mut self, join: Join<P>, needs: u64) {
        self.asks.push(Ask::new(join.ack, join.after));
        self.after = join.after.or(self.after);
        self.needs = self.needs.max(needs);
    }
}

impl<P: Port> Ask<P> {
    fn new(ack: Option<P::Ack>, after: Option<Seq>) -> Self {
        let history = after.is_none() && ack.is_some();
        Self { ack, history }
    }
}
