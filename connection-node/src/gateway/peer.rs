//! A socket as the rooms hold it: where its events and answers go.

use std::sync::Arc;

use serde::Serialize;
use socketioxide::{
    SendError, SocketError,
    extract::{AckSender, SocketRef},
    handler::Value,
};
use wire::{Failure, RoomName};

use crate::{
    edge::{CloseReason, Transport},
    rooms::packet::Packet,
    session::Session,
};

/// An event as it came, with the right to answer it.
pub type Event = (Value, AckSender);
pub type ChatSession = Session<Event>;

/// A socket as the rooms hold it.
#[derive(Clone)]
pub struct Peer {
    pub(super) socket: SocketRef,
    pub(super) transport: Transport,
    pub(super) session: Arc<ChatSession>,
}

impl Peer {
    /// Sends an event. A socket whose queue is full is closed: its client reconnects and recovers,
    /// where leaving one event out would lose it.
    pub fn emit(&self, packet: &Packet) {
        check(self.socket.emit(packet.event, &*packet.json), &self.transport);
    }

    /// Answers a request.
    pub fn answer(&self, ack: AckSender, body: &impl Serialize) {
        check(ack.send(body), &self.transport);
    }

    /// The room has dealt with a request of this socket.
    pub fn settled(&self, room: &RoomName) {
        self.session.settled(room);
    }

    /// A join came to nothing.
    pub fn refused(&self, room: &RoomName, ack: Option<AckSender>, why: &Failure) {
        self.session.forget(room);
        if let Some(ack) = ack {
            self.answer(ack, why);
        }
    }
}

fn check(sent: Result<(), SendError>, transport: &Transport) {
    match sent {
        Ok(()) | Err(SendError::Socket(SocketError::Closed)) => {}
        Err(SendError::Socket(SocketError::InternalChannelFull)) => {
            transport.close(CloseReason::SlowConsumer);
        }
        Err(error) => {
            tracing::error!(%error, "cannot encode an event");
            transport.close(CloseReason::Fault);
        }
    }
}
