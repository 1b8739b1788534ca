//! The way to one client: its socket and the transport under it.
//!
//! Owns what happens when something cannot be sent: a client that would miss an event is closed.

use std::sync::Arc;

use serde::Serialize;
use socketioxide::{
    SendError, SocketError,
    extract::{AckSender, SocketRef},
};
use wire::Timestamp;

use crate::{
    edge::{CloseReason, Intake, Outgoing, Transport},
    expiry::{Expiry, Watched},
    rooms::{packet::Packet, port::SocketKey},
};

/// What an event's packet holds beside its name and payload: `42["",]`.
const EVENT_AROUND: usize = 7;
/// What an answer's packet holds beside its payload: `430[]`, with one digit at least.
const ACK_AROUND: usize = 5;

/// The right to answer an event; `None` where its client gave no callback, and an answer would go
/// nowhere.
pub type Reply = Option<AckSender>;

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

    /// Ends the socket; its client stays away. The last event precedes the end.
    pub fn dismiss(&self, last: &Packet) {
        self.emit(last);
        // What cannot be told so is ended the other way.
        if self.socket.clone().disconnect().is_err() {
            self.close(CloseReason::SlowConsumer);
        }
    }

    /// Has the transport closed when a token that is good until `expires` has come to its end.
    pub fn watched_by(&self, expiry: &Arc<Expiry>, key: SocketKey, expires: Timestamp) -> Watched {
        expiry.watch(key, expires, self.transport.clone())
    }

    /// Whether so much waits for its client that a replay should go on later.
    pub fn is_clogged(&self) -> bool {
        self.transport.is_clogged()
    }

    pub fn is_closed(&self) -> bool {
        self.transport.closed()
    }
}
