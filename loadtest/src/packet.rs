//! The text of Engine.IO 4 and Socket.IO 5 packets, as far as a load generator needs it.
//!
//! Over WebSocket each frame is one Engine.IO packet (engine.io-protocol); inside a message packet,
//! `4`, stands a Socket.IO packet (socket.io-protocol). Nothing is parsed that is not looked at: a
//! generator shares its machine with what it measures.

use serde::Serialize;

/// The ack id of a `join-room`; messages use their index, which is never this one.
pub const JOIN_ACK: u64 = 0;

/// What came in one WebSocket frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// The Engine.IO handshake: its JSON.
    Open(&'a str),
    /// To be answered with [`PONG`].
    Ping,
    /// The namespace was entered.
    Connected,
    /// The namespace was refused; the JSON says why.
    Refused(&'a str),
    /// The JSON array of an event: its name and its payload.
    Event(&'a str),
    /// The JSON array of an ack.
    Ack { id: u64, body: &'a str },
    /// The server closed the connection; a client reconnects.
    Closed,
    /// The server ended the namespace; a client stays away.
    Dismissed,
    /// Anything else that is legal.
    Other,
}

pub const PONG: &str = "3";

impl<'a> Incoming<'a> {
    /// Reads one frame's text.
    #[must_use]
    pub fn read(frame: &'a str) -> Self {
        let (kind, rest) = match frame.as_bytes().first() {
            Some(b'4') => (frame.as_bytes().get(1), frame.get(2..).unwrap_or_default()),
            Some(b'0') => return Self::Open(frame.get(1..).unwrap_or_default()),
            Some(b'1') => return Self::Closed,
            Some(b'2') => return Self::Ping,
            _ => return Self::Other,
        };
        match kind {
            Some(b'0') => Self::Connected,
            Some(b'1') => Self::Dismissed,
            Some(b'2') => Self::Event(rest),
            Some(b'3') => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                let (id, body) = rest.split_at(digits);
                id.parse().map_or(Self::Other, |id| Self::Ack { id, body })
            }
            Some(b'4') => Self::Refused(rest),
            _ => Self::Other,
        }
    }
}

/// Enters the chat namespace.
#[must_use]
pub fn connect(auth: &impl Serialize) -> String {
    format!("40{}", json(auth))
}

/// An event that asks for an ack.
#[must_use]
pub fn event(ack: u64, name: &str, payload: &impl Serialize) -> String {
    format!("42{ack}[{},{}]", json(&name), json(payload))
}

fn json(value: &impl Serialize) -> String {
    // Strings and structs of strings, which is all that is sent, always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

/// An event's name and its payload's JSON; `None` where it has not exactly one.
#[must_use]
pub fn split(event: &str) -> Option<(&str, &str)> {
    event.strip_prefix("[\"")?.strip_suffix(']')?.split_once("\",")
}

/// What a load generator must know of a `chat-message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatArrived {
    pub seq: u64,
    /// The index that [`content`] wrote.
    pub index: u64,
}

impl ChatArrived {
    /// Reads the JSON array of an event; `None` where it is no `chat-message` of this generator.
    #[must_use]
    pub fn read(event: &str) -> Option<Self> {
        let rest = event.strip_prefix("[\"")?.strip_prefix(wire::event::CHAT_MESSAGE)?;
        Some(Self {
            seq: number_after(rest, "\"seq\":")?,
            index: number_after(rest, "\"content\":\"#")?,
        })
    }
}

/// The text of the first field `key` in some JSON; only for values without escapes.
#[must_use]
pub fn text_field<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let start = json.find(&format!("\"{key}\":\""))? + key.len() + 4;
    json[start..].split_once('"').map(|(text, _)| text)
}

/// Whether an ack's body says that the request was done.
#[must_use]
pub fn is_success(body: &str) -> bool {
    body.contains("\"status\":\"success\"")
}

/// The text of message `index`, `bytes` long where that leaves room for the index.
#[must_use]
pub fn content(index: u64, bytes: usize) -> String {
    let mut text = format!("#{index} ");
    while text.len() < bytes {
        text.push('x');
    }
    text
}

fn number_after(text: &str, key: &str) -> Option<u64> {
    let start = text.find(key)? + key.len();
    let digits = text[start..].bytes().take_while(u8::is_ascii_digit).count();
    text[start..start + digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::client::{RoomRequest, SendChat};

    use super::*;

    #[test]
    fn frames_are_read() {
        const HANDSHAKE: &str = "{\"sid\":\"x\",\"pingInterval\":25000}";
        let table = [
            (&*format!("0{HANDSHAKE}"), Incoming::Open(HANDSHAKE)),
            ("2", Incoming::Ping),
            ("1", Incoming::Closed),
            ("41", Incoming::Dismissed),
            ("40{\"sid\":\"y\"}", Incoming::Connected),
            ("44{\"message\":\"no\"}", Incoming::Refused("{\"message\":\"no\"}")),
            ("42[\"typing\",{}]", Incoming::Event("[\"typing\",{}]")),
            ("4317[{}]", Incoming::Ack { id: 17, body: "[{}]" }),
            ("43[{}]", Incoming::Other),
            ("6", Incoming::Other),
            ("", Incoming::Other),
            ("4", Incoming::Other),
            ("4ß", Incoming::Other),
        ];
        for (frame, expected) in table {
            assert_eq!(Incoming::read(frame), expected, "{frame:?}");
        }
    }

    #[test]
    fn packets_are_written() {
        let chat =
            SendChat { room: Some("a".into()), content: content(7, 6), client_message_id: None };
        assert_eq!(
            event(7, wire::event::CHAT_MESSAGE, &chat),
            r##"427["chat-message",{"room":"a","content":"#7 xxx"}]"##
        );
        let join = RoomRequest::Name("a".into());
        assert_eq!(event(JOIN_ACK, wire::event::JOIN_ROOM, &join), r#"420["join-room","a"]"#);
    }

    #[test]
    fn chat_messages_are_read() {
        let fixtures = include_str!("../../wire/fixtures/server-events.json");
        let fixtures: serde_json::Value = serde_json::from_str(fixtures).unwrap();
        let mut payload = fixtures[wire::event::CHAT_MESSAGE][0].clone();
        let event = |payload: &serde_json::Value| format!("[\"chat-message\",{payload}]");
        assert_eq!(ChatArrived::read(&event(&payload)), None);
        payload["content"] = content(42, 64).into();
        assert_eq!(ChatArrived::read(&event(&payload)), Some(ChatArrived { seq: 4711, index: 42 }));
        assert_eq!(ChatArrived::read(&event(&payload).replace("chat-message", "typing")), None);
    }

    #[test]
    fn events_are_split() {
        assert_eq!(split(r#"["typing",{"a":1}]"#), Some(("typing", r#"{"a":1}"#)));
        assert_eq!(split(r#"["typing"]"#), None);
        assert_eq!(text_field(r#"{"id":"7","room":"a"}"#, "room"), Some("a"));
        assert_eq!(text_field(r#"{"id":"7"}"#, "room"), None);
    }

    #[test]
    fn acks_tell_success() {
        let fixtures = include_str!("../../wire/fixtures/acks.json");
        let fixtures: serde_json::Value = serde_json::from_str(fixtures).unwrap();
        assert!(is_success(&fixtures[wire::event::CHAT_MESSAGE].to_string()));
        let failures = include_str!("../../wire/fixtures/errors.json");
        assert!(!is_success(failures));
    }

    proptest! {
        #[test]
        fn no_frame_makes_it_panic(frame in ".{0,40}") {
            let _ = Incoming::read(&frame);
            let _ = ChatArrived::read(&frame);
            let _ = (split(&frame), text_field(&frame, "room"));
            let _ = ChatArrived::read(&format!("[\"chat-message\",\"seq\":{frame}\"content\":\"#{frame}"));
        }
    }
}
