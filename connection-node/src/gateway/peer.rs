//! A socket as the rooms hold it: where its events and answers go.

use std::{ops::Deref, sync::Arc};

use socketioxide::handler::Value;
use wire::{Failure, RoomName, Seq, User, client::Recovered, event};

use crate::{
    gateway::line::{Line, Reply},
    rooms::{packet::Packet, port::SocketKey},
    session::Session,
};

/// An event as it came.
pub type Event = (Value, Reply);
pub type ChatSession = Session<Event>;

/// A socket as the rooms hold it.
#[derive(Clone)]
pub struct Peer {
    pub(super) line: Line,
    pub(super) session: Arc<ChatSession>,
}

/// A peer is a line with a session.
impl Deref for Peer {
    type Target = Line;
    fn deref(&self) -> &Line {
        &self.line
    }
}

impl Peer {
    /// Its name within this node.
    pub fn key(&self) -> SocketKey {
        self.session.key
    }

    /// Whose socket it is.
    pub fn user(&self) -> &User {
        &self.session.identity.user
    }

    /// Whether its session has ended.
    pub fn is_gone(&self) -> bool {
        self.session.is_closed()
    }

    /// The room has let this socket in.
    pub fn joined(&self, room: &RoomName) {
        self.session.joined(room);
    }

    /// The room has dealt with a message of this socket.
    pub fn settled(&self, room: &RoomName) {
        self.session.settled(room);
    }

    /// A room that the client named on connecting, from `from`, stays closed to it.
    pub fn kept_out(&self, room: &RoomName, from: Seq, why: Failure) {
        let recovered = Recovered {
            room: room.clone(),
            from,
            to: from,
            complete: false,
            code: Some(why.code),
            message: Some(why.message),
        };
        match Packet::new(event::RECOVERED, &recovered) {
            Ok(packet) => self.emit(&packet),
            Err(error) => tracing::error!(%error, "cannot encode an event"),
        }
    }

    /// A join came to nothing.
    pub fn refused(&self, room: &RoomName, ack: Reply, why: &Failure) {
        self.session.refused(room);
        self.answer(ack, why);
    }
}
