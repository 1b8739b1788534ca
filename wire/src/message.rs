//! What the log holds: the body of a message, without the room and sequence that its place tells.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    RoomName, Seq, Timestamp, User,
    client::{ChatMessage, FileMessage},
};

/// One message as stored in [`crate::stream::ROOMS`] under [`crate::subject::message`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoredMessage {
    Chat(StoredChat),
    File(StoredFile),
}

/// A text message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredChat {
    pub id: Arc<str>,
    #[serde(flatten)]
    pub author: User,
    pub content: String,
    /// A sanitised rendering; only where the content holds markup.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub html: Option<String>,
    pub timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_message_id: Option<String>,
}

/// An image, a voice note or another file, already in S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredFile {
    pub id: Arc<str>,
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
    /// Bytes at `url`.
    pub size: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub filename: Option<String>,
    /// The picture in some 30 characters, to show while it loads; see <https://blurha.sh>.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub blurhash: Option<String>,
    pub timestamp: Timestamp,
}

/// Namespace of the ids that are derived from a client's own (RFC 9562 §5.5).
const CLIENT_MESSAGE_IDS: Uuid = Uuid::from_u128(0x9d0c_6e6b_3f0f_4b5e_8a55_0f8f_6c2d_7a11);

/// The id of a message, and its `Nats-Msg-Id`.
///
/// With a `clientMessageId` it is a function of user, room and that id, so that the same message sent
/// twice has the same id even where the log's deduplication window has passed. Without, it is new.
#[must_use]
pub fn message_id(user_id: &str, room: &RoomName, client_message_id: Option<&str>) -> Arc<str> {
    let id = match client_message_id {
        Some(own) => derived_id(&CLIENT_MESSAGE_IDS, user_id, room, own),
        None => Uuid::now_v7(),
    };
    id.to_string().into()
}

/// The id within `namespace` of what a user calls `own` in a room.
pub(crate) fn derived_id(namespace: &Uuid, user_id: &str, room: &RoomName, own: &str) -> Uuid {
    let room = room.as_str();
    // The lengths tell where one part ends and the next begins.
    let key = format!("{}.{}.{user_id}{room}{own}", user_id.len(), room.len());
    Uuid::new_v5(namespace, key.as_bytes())
}

impl StoredMessage {
    /// The message as clients see it once its place in the log is known.
    #[must_use]
    pub fn into_event(self, room: RoomName, seq: Seq) -> RoomMessage {
        match self {
            Self::Chat(chat) => RoomMessage::Chat(ChatMessage {
                id: chat.id,
                room,
                seq,
                author: chat.author,
                content: chat.content,
                html: chat.html,
                timestamp: chat.timestamp,
                client_message_id: chat.client_message_id,
            }),
            Self::File(file) => RoomMessage::File(FileMessage {
                id: file.id,
                room,
                seq,
                author: file.author,
                media_id: file.media_id,
                url: file.url,
                thumbnail_url: file.thumbnail_url,
                mime: file.mime,
                width: file.width,
                height: file.height,
                size: file.size,
                filename: file.filename,
                blurhash: file.blurhash,
                timestamp: file.timestamp,
            }),
        }
    }

    #[must_use]
    pub fn id(&self) -> &Arc<str> {
        match self {
            Self::Chat(chat) => &chat.id,
            Self::File(file) => &file.id,
        }
    }

    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        match self {
            Self::Chat(chat) => chat.timestamp,
            Self::File(file) => file.timestamp,
        }
    }
}

/// A message of a room with its place: what `history` lists and what its event carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RoomMessage {
    Chat(ChatMessage),
    File(FileMessage),
}

impl RoomMessage {
    /// The Socket.IO event that carries it.
    #[must_use]
    pub fn event(&self) -> &'static str {
        match self {
            Self::Chat(_) => crate::event::CHAT_MESSAGE,
            Self::File(_) => crate::event::FILE_MESSAGE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_user_room_and_client_id() {
        let (a, b) = (RoomName::parse("a").unwrap(), RoomName::parse("b").unwrap());
        let id = message_id("u", &a, Some("1"));
        assert_eq!(id, message_id("u", &a, Some("1")));
        assert_ne!(id, message_id("v", &a, Some("1")));
        assert_ne!(id, message_id("u", &b, Some("1")));
        assert_ne!(id, message_id("u", &a, Some("2")));
        assert_ne!(message_id("ua", &a, Some("b")), message_id("u", &a, Some("ab")));
        assert_ne!(message_id("u", &a, None), message_id("u", &a, None));
    }
}
