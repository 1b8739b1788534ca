//! The payloads that clients send and receive.
//!
//! Shapes only: validation beyond a payload's shape (lengths, membership, permissions) is the
//! connection node's.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, RoomName, Seq, Timestamp, User};

/// `auth` of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// The JWT; the only source of identity.
    #[serde(default)]
    pub token: Option<String>,
    /// The last sequence that the client saw in each room it wants to be in again.
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    pub rooms: HashMap<String, Seq>,
}

/// `chat-message` from a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendChat {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    pub content: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
}

/// A room by name alone, or with more: `"room"` or `{ room, after? }`. Used by `join-room` and
/// `leave-room`; only a join heeds `after`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RoomRequest {
    Name(String),
    Full {
        room: String,
        /// The last sequence seen: what is newer is replayed. Without it the latest messages come
        /// in the ack's `history`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Seq>,
    },
}

impl RoomRequest {
    #[must_use]
    pub fn room(&self) -> &str {
        match self {
            Self::Name(room) | Self::Full { room, .. } => room,
        }
    }

    #[must_use]
    pub fn after(&self) -> Option<Seq> {
        match self {
            Self::Name(_) => None,
            Self::Full { after, .. } => *after,
        }
    }
}

/// `history` from a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRequest {
    pub room: String,
    /// Only messages with a lower sequence; without it the latest ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// `typing` from a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendTyping {
    pub room: String,
    pub typing: bool,
}

/// What `send-file` says of the bytes that come with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendFile {
    /// [`crate::event::DEFAULT_ROOM`] where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The file's name among those of its sender: sent again under it, it makes no second message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
}

/// The ack of `chat-message`: stored in the log at `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename = "success")]
pub struct ChatStored {
    pub id: Arc<str>,
    pub room: RoomName,
    pub seq: Seq,
    pub timestamp: Timestamp,
}

/// The ack of `join-room`; `M` is a message, or its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename = "success")]
pub struct Joined<M> {
    pub room: RoomName,
    /// Every message with a higher sequence will come as an event.
    pub seq: Seq,
    /// The latest messages up to `seq`, oldest first; empty where the join named a position.
    pub history: Vec<M>,
}

/// The ack of `leave-room`, and of events whose ack says nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename = "success")]
pub struct Done {}

/// The ack of `history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename = "success")]
pub struct HistoryPage<M> {
    /// Oldest first.
    pub messages: Vec<M>,
    /// Whether the room holds still older ones.
    pub more: bool,
}

/// The ack of `send-file`: a `file-message` with this `mediaId` comes into the room, or a `file-error`
/// to the sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename = "success", rename_all = "camelCase")]
pub struct FileQueued {
    pub media_id: String,
}

/// `chat-message` to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessage {
    pub id: Arc<str>,
    pub room: RoomName,
    pub seq: Seq,
    #[serde(flatten)]
    pub author: User,
    pub content: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub html: Option<String>,
    pub timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_message_id: Option<String>,
}

/// `file-message` to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileMessage {
    pub id: Arc<str>,
    pub room: RoomName,
    pub seq: Seq,
    #[serde(flatten)]
    pub author: User,
    pub media_id: String,
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thumbnail_url: Option<String>,
    pub mime: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub height: Option<u32>,
    pub size: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub filename: Option<String>,
    /// The picture in some 30 characters, to show while it loads; see <https://blurha.sh>.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub blurhash: Option<String>,
    pub timestamp: Timestamp,
}

/// `file-error` to the sender of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileError {
    pub media_id: String,
    pub code: ErrorCode,
    pub message: String,
}

/// `user-list`: who is in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserList {
    pub room: RoomName,
    /// How many there are; `users` names at most [`crate::event::MAX_LISTED_USERS`] of them.
    pub count: usize,
    pub users: Vec<User>,
}

/// `presence`: who came and who went since the last one, at most [`crate::event::MAX_LISTED_USERS`] of
/// each. Where more did, a [`UserList`] comes in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    pub room: RoomName,
    pub count: usize,
    pub joined: Vec<User>,
    pub left: Vec<User>,
}

/// `typing` to the other members of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    pub room: RoomName,
    #[serde(flatten)]
    pub user: User,
    pub typing: bool,
}

/// `recovered`: every message of the room in `(from, to]` that the log still holds has been sent. Each
/// room of `auth.rooms` is answered by one, also where the socket is not let into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    pub room: RoomName,
    pub from: Seq,
    pub to: Seq,
    /// `false` says that messages after `from` may be gone from the log, or that there is a `code`.
    pub complete: bool,
    /// Why the socket is not in the room; absent where it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<ErrorCode>,
    /// `code` in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

/// `admin-announcement` to everyone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminAnnouncement {
    pub content: String,
    pub timestamp: Timestamp,
    pub sender: String,
}

/// `POST /api/rooms/{room}/messages`, answered with [`ChatStored`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiMessage {
    pub content: String,
}

/// `GET /config.json`: what the page needs to know of where it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageConfig {
    /// The base URL under which `/media/uploads` is; without it files go by the socket alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub media_url: Option<String>,
}

/// `POST /dev/token`, in the local stack only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DevTokenRequest {
    pub user_id: String,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub role: Option<String>,
    /// Allowed rooms as patterns; everything where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<String>>,
}

/// The answer of `POST /dev/token`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DevToken {
    pub token: String,
    pub expires_at: Timestamp,
}
