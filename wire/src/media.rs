//! How a file gets in: what a node hands to the media worker, what the worker tells a node, and the
//! HTTP of the direct path.
//!
//! What becomes of a file in the end is a [`crate::StoredFile`] in the room's log.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{NodeId, RoomName, Timestamp, User, client::FileError, message::derived_id};

/// An upload that waits in the object store [`crate::stream::UPLOADS_BUCKET`]: one entry of the queue
/// [`crate::stream::MEDIA`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaJob {
    /// What the sender's ack named; one upload has one.
    pub media_id: String,
    pub room: RoomName,
    #[serde(flatten)]
    pub author: User,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub filename: Option<String>,
    /// The object's name in the store.
    pub object: String,
    /// The node to tell where it fails; without one nobody is told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub node: Option<NodeId>,
    /// The sender's socket, in that node's own count.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub socket: Option<u64>,
}

/// To the sender's node, on [`crate::subject::media_failure`]: no message will come of a file. May
/// arrive more than once. The node answers, with nothing, once it has taken it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileFailed {
    pub room: RoomName,
    pub user_id: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub socket: Option<u64>,
    /// What the sender is to be sent as `file-error`.
    #[serde(flatten)]
    pub error: FileError,
}

/// A job that was given up, in [`crate::stream::MEDIA_DEAD`], for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadJob {
    /// The queue's entry as it was; it may not be a [`MediaJob`].
    pub job: String,
    pub reason: String,
    /// How often it was delivered.
    pub deliveries: u64,
    pub timestamp: Timestamp,
}

/// `POST /media/uploads`: may a file of this size and type be sent to this room?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRequest {
    /// [`crate::event::DEFAULT_ROOM`] where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub room: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub filename: Option<String>,
    pub mime: String,
    /// In bytes.
    pub size: u64,
}

/// The answer: send the file to `url` as `multipart/form-data`, all `fields` first and the bytes last
/// as `file`, then `POST /media/uploads/{uploadId}/complete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename = "success", rename_all = "camelCase")]
pub struct UploadTicket {
    pub upload_id: String,
    pub url: String,
    pub fields: BTreeMap<String, String>,
    /// When `url` stops taking the file.
    pub expires_at: Timestamp,
}

/// The answer to `complete`: the `file-message` with this `mediaId` is in the room's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename = "success", rename_all = "camelCase")]
pub struct UploadDone {
    pub media_id: String,
}

/// What an upload may declare itself to be; what it is, its bytes tell.
pub const TAKEN_TYPES: [&str; 13] = [
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/gif",
    "audio/ogg",
    "audio/webm",
    "audio/mp4",
    "audio/x-m4a",
    "audio/aac",
    "audio/wav",
    "audio/wave",
    "audio/x-wav",
    "audio/vnd.wave",
];

/// Namespace of the ids of files that are derived from a client's own (RFC 9562 §5.5).
const CLIENT_FILE_IDS: Uuid = Uuid::from_u128(0x2e6d_51c4_90ab_4f1d_b6f7_18c0_57e9_43ad);
/// Namespace of the ids of messages that carry files (RFC 9562 §5.5).
const MEDIA_MESSAGE_IDS: Uuid = Uuid::from_u128(0x5c1b_2f0e_77d3_4c0a_9b1e_3a64_9c2f_d8e5);

/// The id of a file that a user sends to a room.
///
/// With a `clientMessageId` it is a function of user, room and that id, so that a file sent twice is
/// worked on as one. Without, it is new.
#[must_use]
pub fn media_id(user_id: &str, room: &RoomName, client_message_id: Option<&str>) -> String {
    let id = match client_message_id {
        Some(own) => derived_id(&CLIENT_FILE_IDS, user_id, room, own),
        None => Uuid::new_v4(),
    };
    id.to_string()
}

/// The id of the message that carries a file, and its `Nats-Msg-Id`: one upload makes one message,
/// however often it is worked on.
#[must_use]
pub fn message_id(media_id: &str) -> Arc<str> {
    Uuid::new_v5(&MEDIA_MESSAGE_IDS, media_id.as_bytes()).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_id_for_each_name_that_its_sender_gives_it() {
        let room = |name| RoomName::parse(name).unwrap();
        let id = media_id("ana", &room("r"), Some("1"));
        assert_eq!(media_id("ana", &room("r"), Some("1")), id);
        for other in [
            media_id("ana", &room("r"), Some("2")),
            media_id("ana", &room("s"), Some("1")),
            media_id("ben", &room("r"), Some("1")),
            crate::message::message_id("ana", &room("r"), Some("1")).to_string(),
        ] {
            assert_ne!(other, id);
        }
        assert_ne!(media_id("ana", &room("r"), None), media_id("ana", &room("r"), None));
    }

    #[test]
    fn one_upload_has_one_message() {
        assert_eq!(message_id("m-1"), message_id("m-1"));
        assert_ne!(message_id("m-1"), message_id("m-2"));
    }
}
