//! What a client keeps of a connection, to get what it missed when it comes back.
//!
//! Pure: told what came, it says what to show.

use serde::Serialize;
use serde_json::{Value, json};
use wire::client::Auth;

use super::contender::Recovery;
use crate::packet::{self, ChatArrived};

/// What one client knows of its room.
#[derive(Debug)]
pub struct Session {
    recovery: Recovery,
    room: String,
    seq: Option<u64>,
    private_id: Option<String>,
    offset: Option<String>,
}

/// What is shown at the entrance.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Shown {
    Starling(Auth),
    SocketIo(Value),
}

impl Session {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(recovery: Recovery, room: String) -> Self {
        Self { recovery, room, seq: None, private_id: None, offset: None }
    }

    /// An event has come.
    pub fn heard(&mut self, event: &str, chat: ChatArrived) {
        self.seq = self.seq.max(Some(chat.seq));
        if self.recovery == Recovery::Session {
            // The server adds the packet's offset as a last argument.
            let last = event.strip_suffix("\"]").and_then(|event| event.rsplit_once("},\""));
            self.offset = last.map(|(_, offset)| offset.to_owned()).or(self.offset.take());
        }
    }

    /// What to show on the next connection.
    #[must_use]
    pub fn shown(&self, token: Option<String>) -> Shown {
        match (self.recovery, &self.private_id, &self.offset) {
            (Recovery::Position, ..) => {
                let rooms = self.seq.map(|seq| (self.room.clone(), seq));
                Shown::Starling(Auth { token, rooms: rooms.into_iter().collect() })
            }
            (Recovery::Session, Some(pid), Some(offset)) => {
                Shown::SocketIo(json!({ "pid": pid, "offset": offset }))
            }
            _ => Shown::SocketIo(json!({})),
        }
    }

    /// The server has answered with `connected`. Returns whether the client is in its room again, by what
    /// it has shown.
    pub fn connected(&mut self, connected: &str) -> bool {
        let private_id = packet::text_field(connected, "pid").map(ToOwned::to_owned);
        let recovered = match self.recovery {
            Recovery::Position => self.seq.is_some(),
            Recovery::Session => private_id.is_some() && private_id == self.private_id,
            Recovery::None => false,
        };
        self.private_id = private_id;
        recovered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: ChatArrived = ChatArrived { seq: 7, index: 1 };

    fn shown(session: &Session) -> String {
        serde_json::to_string(&session.shown(None)).unwrap()
    }

    #[test]
    fn positions_are_named_once_there_are_any() {
        let mut session = Session::new(Recovery::Position, "a".to_owned());
        assert!(!session.connected("{}"));
        session.heard(r#"["chat-message",{"seq":7}]"#, CHAT);
        assert_eq!(shown(&session), r#"{"token":null,"rooms":{"a":7}}"#);
        assert!(session.connected("{}"));
    }

    #[test]
    fn a_session_is_recovered_where_the_server_still_has_it() {
        let mut session = Session::new(Recovery::Session, "a".to_owned());
        assert!(!session.connected(r#"{"sid":"s","pid":"p"}"#));
        assert_eq!(shown(&session), "{}", "without an offset there is nothing to recover");
        session.heard(r#"["chat-message",{"seq":7},"off"]"#, CHAT);
        assert_eq!(shown(&session), r#"{"offset":"off","pid":"p"}"#);
        assert!(session.connected(r#"{"sid":"s","pid":"p"}"#));
        assert!(!session.connected(r#"{"sid":"t","pid":"q"}"#));
    }

    #[test]
    fn without_recovery_nothing_is_shown() {
        let mut session = Session::new(Recovery::None, "a".to_owned());
        session.heard(r#"["chat-message",{"seq":7}]"#, CHAT);
        assert_eq!(shown(&session), "{}");
        assert!(!session.connected(r#"{"sid":"s"}"#));
    }
}
