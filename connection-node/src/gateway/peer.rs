//! A socket as the rooms hold it: where its events and answers go.

use std::sync::Arc;

use serde::Serialize;
use socketioxide::{
    SendError, SocketError,
    extract::{AckSender, SocketRef},
    handler::Value,
};
use wire::{Failure, RoomName, Seq, User, client::Recovered, event};

use crate::{
    edge::{CloseReason, Outgoing, Transport},
    rooms::{packet::Packet, port::SocketKey},
    session::Session,
};

/// What an event's packet holds beside its name and payload: `42["",]`.
const EVENT_AROUND: usize = 7;
/// What an answer's packet holds beside its payload: `430[]`, with one digit at least.
const ACK_AROUND: usize = 5;

/// The right to answer an event; `None` where its client gave no callback, and an answer would go
/// nowhere.
pub type Reply = Option<AckSender>;
/// An event as it came.
pub type Event = (Value, Reply);
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
        let bytes = EVENT_AROUND + packet.event.len() + packet.json.get().len();
        self.send(bytes, Outgoing::Event, || self.socket.emit(packet.event, &*packet.json));
    }

    /// Answers a request, where its client wants to know.
    pub fn answer(&self, ack: Reply, body: &impl Serialize) {
        let Some(ack) = ack else { return };
        match serde_json::value::to_raw_value(body) {
            Ok(json) => {
                let bytes = ACK_AROUND + json.get().len();
                self.send(bytes, Outgoing::Answer, || ack.send(&*json));
            }
            Err(error) => {
                tracing::error!(%error, "cannot encode an answer");
                self.transport.close(CloseReason::Fault);
            }
        }
    }

    fn send(&self, bytes: usize, what: Outgoing, send: impl FnOnce() -> Result<(), SendError>) {
        let Some(counted) = self.transport.take_in(bytes, what) else {
            return self.transport.close(CloseReason::SlowConsumer);
        };
        let Err(error) = send() else { return };
        self.transport.give_back(counted);
        match error {
            SendError::Socket(SocketError::Closed) => {}
            SendError::Socket(SocketError::InternalChannelFull) => {
                self.transport.close(CloseReason::SlowConsumer);
            }
            error => {
                tracing::error!(%error, "cannot encode an event");
                self.transport.close(CloseReason::Fault);
            }
        }
    }

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

    /// Whether so much waits for its client that a replay should go on later.
    pub fn is_clogged(&self) -> bool {
        self.transport.is_clogged()
    }

    pub fn is_closed(&self) -> bool {
        self.transport.closed()
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
