//! What a socket is sent: an event's name and its JSON, encoded once for all recipients.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use wire::{RoomName, Seq, StoredMessage, Timestamp};

/// One event, ready to be sent to any number of sockets.
#[derive(Debug)]
pub struct Packet {
    pub event: &'static str,
    pub json: Box<RawValue>,
    frame: OnceLock<Bytes>,
    /// `None` where compressing it gains nothing.
    deflated: OnceLock<Option<Bytes>>,
}

impl Packet {
    /// # Errors
    /// When the payload cannot be written as JSON.
    pub fn new(event: &'static str, payload: &impl Serialize) -> serde_json::Result<Self> {
        let json = serde_json::value::to_raw_value(payload)?;
        Ok(Self { event, json, frame: OnceLock::new(), deflated: OnceLock::new() })
    }

    /// The event as a frame of a WebSocket, made by whoever asks first.
    pub fn frame(&self, make: impl FnOnce() -> Bytes) -> Bytes {
        self.frame.get_or_init(make).clone()
    }

    /// The same frame, compressed, if that gains something.
    pub fn deflated_frame(&self, make: impl FnOnce() -> Option<Bytes>) -> Option<Bytes> {
        self.deflated.get_or_init(make).clone()
    }
}

/// A message of a room, with its place in the log.
#[derive(Debug, Clone)]
pub struct Message {
    pub seq: Seq,
    /// Its own time, by the clock of its sender's node.
    pub born: Timestamp,
    pub packet: Arc<Packet>,
}

impl Message {
    /// Reads what the log holds and writes what clients get; `None`, and a line in the node's own
    /// log, for what is no [`StoredMessage`].
    pub fn from_stored(room: &RoomName, seq: Seq, stored: &[u8]) -> Option<Self> {
        Self::read(room, seq, stored)
            .inspect_err(|error| {
                tracing::error!(seq, %error, "the log holds something that is no message");
            })
            .ok()
    }

    /// Gives up the frames that were made of it, unless somebody else holds it too. Whoever needs one later
    /// makes it again; a window of such messages is half the size.
    pub fn forget_frames(&mut self) {
        if let Some(packet) = Arc::get_mut(&mut self.packet) {
            (packet.frame, packet.deflated) = (OnceLock::new(), OnceLock::new());
        }
    }

    fn read(room: &RoomName, seq: Seq, stored: &[u8]) -> serde_json::Result<Self> {
        let stored: StoredMessage = serde_json::from_slice(stored)?;
        let born = stored.timestamp();
        let event = stored.into_event(room.clone(), seq);
        Ok(Self { seq, born, packet: Arc::new(Packet::new(event.event(), &event)?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_made_once_and_again_after_they_were_forgotten() {
        let packet = Arc::new(Packet::new("chat-message", &1).unwrap());
        let mut message = Message { seq: 1, born: Timestamp::from_millis(1), packet };
        let frame = |message: &Message, text: &'static str| {
            let make = || Bytes::from_static(text.as_bytes());
            (message.packet.frame(make), message.packet.deflated_frame(|| Some(make())))
        };
        let of = |text: &'static str| (Bytes::from(text), Some(Bytes::from(text)));
        assert_eq!(frame(&message, "a"), of("a"));
        assert_eq!(frame(&message, "b"), of("a"));
        let other = message.clone();
        message.forget_frames();
        assert_eq!(frame(&message, "b"), of("a"), "the other still needs it");
        drop(other);
        message.forget_frames();
        assert_eq!(frame(&message, "b"), of("b"));
    }
}
