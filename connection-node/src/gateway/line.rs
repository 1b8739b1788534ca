//! The way to one client: its socket and the transport under it.
//!
//! Owns what happens when something cannot be sent: a client that would miss an event is closed.

use std::sync::Arc;

use serde::Serialize;
use socketioxide::{
    SendError, SocketError,
    extract::{AckSender, SocketRef},
    handler::{FromMessageParts, Value},
    socket::Socket,
};
use wire::{admin::AuthError, event};

use crate::{
    edge::{CloseReason, Intake, Outgoing, Transport},
    rooms::packet::Packet,
};

/// What an event's packet holds beside its name and payload: `42["",]`.
const EVENT_AROUND: usize = 7;
/// What an answer's packet holds beside its payload: `430[]`, with one digit at least.
const ACK_AROUND: usize = 5;

/// The right to answer an event; `None` where its client gave no callback, and an answer would go
/// nowhere.
pub type Reply = Option<AckSender>;

/// The right to answer an event that came on `socket`.
pub fn reply_to(socket: &Arc<Socket>, value: &mut Value, ack_id: Option<i64>) -> Reply {
    let Ok(ack) = AckSender::from_message_parts(socket, value, &ack_id);
    ack_id.map(|_| ack)
}

/// The way to one client. A clone is the same way.
#[derive(Clone)]
pub struct Line {
    socket: SocketRef,
    transport: Transport,
}

impl Line {
    /// `None` for a socket that came without a transport, which the edge does not do.
    pub fn of(socket: SocketRef) -> Option<Self> {
        let transport = socket.req_parts().extensions.get::<Transport>().cloned();
        if transport.is_none() {
            tracing::error!("a socket came without its transport");
        }
        transport.map(|transport| Self { socket, transport })
    }

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
                self.close(CloseReason::Fault);
            }
        }
    }

    fn send(&self, bytes: usize, what: Outgoing, send: impl FnOnce() -> Result<(), SendError>) {
        let Some(counted) = self.transport.take_in(bytes, what) else {
            return self.close(CloseReason::SlowConsumer);
        };
        let Err(error) = send() else { return };
        self.transport.give_back(counted);
        match error {
            SendError::Socket(SocketError::Closed) => {}
            SendError::Socket(SocketError::InternalChannelFull) => {
                self.close(CloseReason::SlowConsumer);
            }
            error => {
                tracing::error!(%error, "cannot encode an event");
                self.close(CloseReason::Fault);
            }
        }
    }

    /// What its client may send.
    pub fn intake(&self) -> &Intake {
        self.transport.intake()
    }

    /// Ends the transport; its client comes back by itself.
    pub fn close(&self, reason: CloseReason) {
        self.transport.close(reason);
    }

    /// Ends the socket, and says why; its client stays away.
    pub fn dismiss(&self, message: String) {
        match Packet::new(event::AUTH_ERROR, &AuthError { message }) {
            Ok(last) => self.emit(&last),
            Err(error) => tracing::error!(%error, "cannot encode an event"),
        }
        // What cannot be told so is ended the other way.
        if self.socket.clone().disconnect().is_err() {
            self.close(CloseReason::SlowConsumer);
        }
    }

    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Whether so much waits for its client that a replay should go on later.
    pub fn is_clogged(&self) -> bool {
        self.transport.is_clogged()
    }

    pub fn is_closed(&self) -> bool {
        self.transport.closed()
    }
}
