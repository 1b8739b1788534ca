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
    /// A page is being read for it, or its client waited for: one at a time.
    pub busy: bool,
}

/// A replay under way.
#[derive(Debug, Clone, Copy)]
pub struct Recovery {
    /// The position with which the client came.
    pub from: Seq,
    /// Whether everything after `from` is known to be there still, as far as that was looked at.
    pub complete: bool,
}

impl Recovery {
    /// `complete` is false where it is known by now that something is missing, or that the position
    /// says nothing because no log has reached it.
    pub fn new(from: Seq, complete: bool) -> Self {
        Self { from, complete }
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
