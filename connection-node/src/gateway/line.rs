//! The way to one client: its socket and the transport under it.
//!
//! Owns what happens when something cannot be sent: a client that would miss an event is closed.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use socketioxide::{
    SendError, SocketError,
    extract::{AckSender, SocketRef},
    handler::{FromMessageParts, Value},
    socket::Socket,
};
use wire::{admin::AuthError, event};

use crate::{
    edge::{CloseReason, Intake, Outgoing, Transport, Way, deflated_frame, text_frame},
    rooms::packet::Packet,
};

/// What an event's packet holds beside its name and payload: `42["",]`.
const EVENT_AROUND: usize = 7;
/// What an answer's packet holds beside its payload: `430[]`, with one digit at least.
const ACK_AROUND: usize = 5;

/// The right to answer an event; `None` where its client gave no callback, and an answer would go
/// nowhere.
pub type Reply = Option<Callback>;

/// A client's callback.
pub struct Callback {
    id: i64,
    sender: AckSender,
}

/// The right to answer an event that came on `socket`.
pub fn reply_to(socket: &Arc<Socket>, value: &mut Value, ack_id: Option<i64>) -> Reply {
    let Ok(sender) = AckSender::from_message_parts(socket, value, &ack_id);
    ack_id.map(|id| Callback { id, sender })
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

    /// Sends an event. A socket for which too much waits is closed: its client reconnects and recovers,
    /// where leaving one event out would lose it.
    pub fn emit(&self, packet: &Packet) {
        // Flushed in any case: who has queued something before may be long in coming to it.
        let _ = self.queue(packet);
        self.transport.flush();
    }

    /// The same, but what can be written is not written yet, where more may follow; whether the
    /// transport is to be flushed then.
    #[must_use]
    pub fn queue(&self, packet: &Packet) -> bool {
        if self.transport.way() == Way::Past {
            return self.socket.connected() && self.push(self.event_frame(packet), Outgoing::Event);
        }
        let bytes = EVENT_AROUND + packet.event.len() + packet.json.get().len();
        self.give(bytes, Outgoing::Event, || self.socket.emit(packet.event, &*packet.json));
        false
    }

    /// Answers a request, where its client wants to know.
    pub fn answer(&self, ack: Reply, body: &impl Serialize) {
        let Some(Callback { id, sender }) = ack else { return };
        let json = match serde_json::value::to_raw_value(body) {
            Ok(json) => json,
            Err(error) => {
                tracing::error!(%error, "cannot encode an answer");
                return self.close(CloseReason::Fault);
            }
        };
        if self.transport.way() == Way::Through {
            let bytes = ACK_AROUND + json.get().len();
            self.give(bytes, Outgoing::Answer, || sender.send(&*json));
        } else if self.socket.connected() {
            let id = id.to_string();
            let (comma, namespace) = self.namespace();
            let frame = self.frame(&["43", namespace, comma, &id, "[", json.get(), "]"]);
            let _ = self.push(frame, Outgoing::Answer);
            self.transport.flush();
        }
    }

    /// The event as a frame, compressed where its client takes that; in the chat namespace, where most
    /// are, each of the two is the same for all.
    fn event_frame(&self, packet: &Packet) -> Bytes {
        let (comma, namespace) = self.namespace();
        let json = packet.json.get();
        let parts = ["42", namespace, comma, "[\"", packet.event, "\",", json, "]"];
        if !namespace.is_empty() {
            return self.frame(&parts);
        }
        let takes = self.transport.is_deflated();
        let deflated = takes.then(|| packet.deflated_frame(|| deflated_frame(&parts))).flatten();
        self.counted(deflated, &parts).unwrap_or_else(|| packet.frame(|| text_frame(&parts)))
    }

    /// A frame for this client alone.
    fn frame(&self, parts: &[&str]) -> Bytes {
        let deflated = self.transport.is_deflated().then(|| deflated_frame(parts)).flatten();
        self.counted(deflated, parts).unwrap_or_else(|| text_frame(parts))
    }

    /// Counts what a compressed frame saves.
    fn counted(&self, deflated: Option<Bytes>, parts: &[&str]) -> Option<Bytes> {
        deflated.inspect(|frame| {
            let plain = parts.iter().map(|part| part.len()).sum();
            self.transport.count_deflated(self.transport.framed(plain), frame.len());
        })
    }

    /// How a packet of Socket.IO names the socket's namespace, and what follows that.
    fn namespace(&self) -> (&'static str, &str) {
        match self.socket.ns() {
            event::CHAT_NAMESPACE => ("", ""),
            other => (",", other),
        }
    }

    /// Has a frame written; whether the transport is to be flushed for that.
    fn push(&self, frame: Bytes, what: Outgoing) -> bool {
        let bytes = frame.len();
        if !self.transport.take_in(bytes, what) {
            // What waits may do so only because nobody has written it yet.
            self.transport.flush();
            if !self.transport.take_in(bytes, what) {
                self.close(CloseReason::SlowConsumer);
                return false;
            }
        }
        self.transport.push(frame)
    }

    /// Gives a packet to socketioxide.
    fn give(&self, bytes: usize, what: Outgoing, give: impl FnOnce() -> Result<(), SendError>) {
        let bytes = self.transport.framed(bytes);
        if !self.transport.take_in(bytes, what) {
            return self.close(CloseReason::SlowConsumer);
        }
        let Err(error) = give() else { return };
        self.transport.refused(bytes);
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
