//! What a client asks for, checked: from an event's raw JSON to a request or the reason against it.
//!
//! Pure. Whether the sender may do it is the session's question. What comes with a file is read in
//! [`file`].

mod file;

use std::{borrow::Cow, collections::VecDeque, fmt};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use wire::{
    ErrorCode, Failure, RoomName, Seq,
    client::{HistoryRequest, RoomRequest, SendChat, SendTyping},
    event,
};

pub use self::file::File;

/// A well-formed request.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    Chat {
        room: RoomName,
        content: String,
        client_message_id: Option<String>,
    },
    Join {
        room: RoomName,
        after: Option<Seq>,
    },
    Leave {
        room: RoomName,
    },
    History {
        room: RoomName,
        before: Option<Seq>,
        limit: usize,
    },
    Typing {
        room: RoomName,
        typing: bool,
    },
    File(File),
    /// `user-disconnecting`: the transport tells, so there is nothing to do.
    Farewell,
}

impl Request {
    /// The name of the event that it was.
    pub fn event(&self) -> &'static str {
        match self {
            Self::Chat { .. } => event::CHAT_MESSAGE,
            Self::Join { .. } => event::JOIN_ROOM,
            Self::Leave { .. } => event::LEAVE_ROOM,
            Self::History { .. } => event::HISTORY,
            Self::Typing { .. } => event::TYPING,
            Self::File(_) => event::SEND_FILE,
            Self::Farewell => event::USER_DISCONNECTING,
        }
    }

    /// Reads a Socket.IO event: the JSON array of its name and arguments, and the bytes attached to it.
    ///
    /// # Errors
    /// What was wrong, as the client sees it.
    pub fn parse(json: &str, attached: Option<&VecDeque<Bytes>>) -> Result<Self, Failure> {
        let Args { event, payload, more } = Args::read(json)?;
        if !event::CLIENT_EVENTS.contains(&&*event) {
            let known = event::CLIENT_EVENTS.join(", ");
            let event: String = event.chars().take(64).collect();
            return Err(invalid(format!("unknown event {event:?}; expected one of {known}")));
        }
        if event == event::USER_DISCONNECTING {
            return Ok(Self::Farewell);
        }
        if json.len() > event::MAX_EVENT_BYTES {
            return Err(too_much(&event, payload.map_or("", RawValue::get)));
        }
        if event == event::SEND_FILE {
            return file::read(payload, more, attached).map(Self::File);
        }
        Self::from_payload(&event, payload.map_or("null", RawValue::get))
    }

    fn from_payload(event: &str, payload: &str) -> Result<Self, Failure> {
        match event {
            event::CHAT_MESSAGE => {
                let chat: SendChat = read(
                    event,
                    payload,
                    "{ content: string, room?: string, clientMessageId?: string }",
                )?;
                Ok(Self::Chat {
                    room: room(chat.room.as_deref().unwrap_or(event::DEFAULT_ROOM))?,
                    content: content(chat.content)?,
                    client_message_id: chat.client_message_id.map(client_message_id).transpose()?,
                })
            }
            event::JOIN_ROOM => {
                let join: RoomRequest =
                    read(event, payload, "{ room: string, after?: number } or a string")?;
                Ok(Self::Join { room: room(join.room())?, after: join.after() })
            }
            event::LEAVE_ROOM => {
                let leave: RoomRequest = read(event, payload, "{ room: string } or a string")?;
                Ok(Self::Leave { room: room(leave.room())? })
            }
            event::HISTORY => {
                let history: HistoryRequest =
                    read(event, payload, "{ room: string, before?: number, limit?: number }")?;
                let limit = history.limit.unwrap_or(event::DEFAULT_HISTORY);
                Ok(Self::History {
                    room: room(&history.room)?,
                    before: history.before,
                    limit: limit.clamp(1, event::MAX_HISTORY),
                })
            }
            event::TYPING => {
                let typing: SendTyping = read(event, payload, "{ room: string, typing: boolean }")?;
                Ok(Self::Typing { room: room(&typing.room)?, typing: typing.typing })
            }
            _ => Err(invalid(format!("{event} is not taken"))),
        }
    }
}

/// An event's name and first arguments; whatever follows is passed over.
pub(crate) struct Args<'a> {
    pub event: Cow<'a, str>,
    pub payload: Option<&'a RawValue>,
    more: Option<&'a RawValue>,
}

impl<'a> Args<'a> {
    /// # Errors
    /// For what is no event.
    pub fn read(json: &'a str) -> Result<Self, Failure> {
        serde_json::from_str(json)
            .map_err(|_| invalid("an event is a JSON array that begins with its name"))
    }
}

impl<'de> Deserialize<'de> for Args<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ArgsVisitor;
        impl<'de> Visitor<'de> for ArgsVisitor {
            type Value = Args<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array that begins with a string")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Args<'de>, A::Error> {
                #[derive(Deserialize)]
                struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
                let Name(event) = seq
                    .next_element()?
                    .ok_or_else(|| serde::de::Error::invalid_length(0, &self))?;
                let payload = seq.next_element()?;
                let more = seq.next_element()?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Args { event, payload, more })
            }
        }
        deserializer.deserialize_seq(ArgsVisitor)
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::Invalid, message)
}

/// Why an event of more than [`event::MAX_EVENT_BYTES`] is refused: by its text, if that is the cause.
fn too_much(event: &str, payload: &str) -> Failure {
    if event == event::CHAT_MESSAGE
        && let Ok(chat) = serde_json::from_str::<SendChat>(payload)
        && let Err(failure) = content(chat.content)
    {
        return failure;
    }
    let (bytes, limit) = (payload.len(), event::MAX_EVENT_BYTES);
    let message = format!("{event} has {bytes} bytes; expected at most {limit}");
    Failure::new(ErrorCode::TooLarge, message)
}

/// Reads an event's payload; `shape` says what was expected.
pub(crate) fn read<T: DeserializeOwned>(
    event: &str,
    payload: &str,
    shape: &str,
) -> Result<T, Failure> {
    let wrong = || invalid(format!("{event} has a payload of the wrong shape; expected {shape}"));
    // serde would take an array for an object's fields in order.
    if payload.trim_start().starts_with('[') {
        return Err(wrong());
    }
    serde_json::from_str(payload).map_err(|_| wrong())
}

fn room(name: &str) -> Result<RoomName, Failure> {
    RoomName::parse(name).map_err(|error| invalid(error.to_string()))
}

/// Checks the text of a message.
pub(crate) fn content(content: String) -> Result<String, Failure> {
    if content.trim().is_empty() {
        return Err(invalid("content is empty; expected 1 to 1000 characters"));
    }
    let chars = content.chars().count();
    if chars > event::MAX_CONTENT_CHARS {
        let limit = event::MAX_CONTENT_CHARS;
        let message = format!("content has {chars} characters; expected at most {limit}");
        return Err(Failure::new(ErrorCode::TooLong, message));
    }
    Ok(content)
}

/// Checks an id that a client gave its message.
pub(crate) fn client_message_id(id: String) -> Result<String, Failure> {
    if id.is_empty() || id.len() > event::MAX_CLIENT_MESSAGE_ID_BYTES {
        let limit = event::MAX_CLIENT_MESSAGE_ID_BYTES;
        return Err(invalid(format!(
            "clientMessageId has {} bytes; expected 1 to {limit}",
            id.len()
        )));
    }
    Ok(id)
}

#[cfg(test)]
mod tests;
