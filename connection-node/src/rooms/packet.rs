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

    fn read(room: &RoomName, seq: Seq, stored: &[u8]) -> serde_json::Result<Self> {
        let stored: StoredMessage = serde_json::from_slice(stored)?;
        let born = stored.timestamp();
        let event = stored.into_event(room.clone(), seq);
        Ok(Self { seq, born, packet: Arc::new(Packet::new(event.event(), &event)?) })
    }
}
