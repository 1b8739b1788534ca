//! One client's side of Socket.IO: what it answers, what it asks, what it records.
//!
//! Pure: frames and times in, frames out. It behaves as the page does: it names the positions it has
//! reached when it connects, joins what it is not let into again, and sends a message until it is
//! acknowledged. Connections are made and lost by [`super::connection`].

mod hearing;
mod place;

use std::collections::HashMap;

use wire::{
    client::{Auth, HistoryRequest, RoomRequest, SendChat, SendTyping},
    event,
};

use self::place::{Place, Standing};
use super::{
    outbox::{Line, Outbox, Step},
    roster::Roster,
};
use crate::{
    chaos::history::History,
    ledger::Micros,
    packet::{self, Incoming},
};

/// How long to wait before a join is tried again, where the answer does not say.
const REJOIN: Micros = 500_000;

/// A client, whatever its connection.
#[derive(Debug)]
pub struct Conversation {
    /// Its number in the history.
    client: usize,
    token: String,
    places: Vec<Place>,
    outbox: Outbox,
    content_bytes: usize,
    next_ack: u64,
    /// Requests of this connection that are not answered; messages are the outbox's.
    requests: HashMap<u64, Request>,
    /// Frames that were written between two looks at the socket.
    kept: Vec<String>,
    connected: bool,
    /// Connected, in all of its rooms, up to date.
    settled: bool,
}

#[derive(Debug, Clone, Copy)]
enum Request {
    Join(usize),
    Leave(usize),
    /// Whatever the answer.
    Other,
}

/// What a frame meant for the connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    GoOn,
    /// The server's heartbeat: how long it may be silent, in milliseconds.
    Opened(u64),
    Ping,
    /// The connection ends, for this reason.
    End(String),
}

impl Conversation {
    #[must_use]
    pub fn new(client: usize, token: String, content_bytes: usize) -> Self {
        Self {
            client,
            token,
            places: Vec::new(),
            outbox: Outbox::default(),
            content_bytes,
            next_ack: 1,
            requests: HashMap::new(),
            kept: Vec::new(),
            connected: false,
            settled: false,
        }
    }

    /// Has it be in a room, once it is connected.
    pub fn enter(&mut self, room: usize, name: String, guest: bool) {
        let standing = Standing::Out(0);
        let roster = Roster::default();
        let (position, leave_at) = (None, None);
        self.places.push(Place { room, name, guest, position, standing, leave_at, roster });
        self.settled = false;
    }

    /// Takes a message to a room, by the client's own number of it; `false` where it cannot.
    #[must_use]
    pub fn say(&mut self, place: usize, due: Micros) -> bool {
        self.outbox.push(Line { place, due })
    }

    /// Whether it is connected, in its rooms and up to date.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Messages of this connection that were not answered in time, and not since.
    #[must_use]
    pub fn overdue(&self) -> usize {
        self.outbox.overdue()
    }

    /// The length of what it says from now on, in bytes.
    pub fn speak_at_length(&mut self, bytes: usize) {
        self.content_bytes = bytes;
    }

    /// Its copy of a room's roster.
    #[must_use]
    pub fn roster(&self, room: usize) -> Option<&Roster> {
        self.places.iter().find(|place| place.room == room).map(|place| &place.roster)
    }

    /// Where it stands, for people who wonder why it is not settled.
    #[must_use]
    pub fn describe(&self) -> String {
        let places: Vec<_> = self
            .places
            .iter()
            .map(|place| format!("{} {:?} at {:?}", place.name, place.standing, place.position))
            .collect();
        let connected = if self.connected { "connected" } else { "not connected" };
        format!("{connected}; {}; outbox {:?}", places.join(", "), self.outbox)
    }

    /// A frame has come.
    pub fn hear(
        &mut self,
        frame: &str,
        now: Micros,
        history: &mut History,
        out: &mut Vec<String>,
    ) -> Heard {
        match Incoming::read(frame) {
            Incoming::Open(handshake) => {
                out.push(packet::connect(&self.auth()));
                return Heard::Opened(patience(handshake));
            }
            Incoming::Ping => {
                out.push(packet::PONG.to_owned());
                return Heard::Ping;
            }
            Incoming::Connected => self.connected = true,
            Incoming::Refused(why) => return Heard::End(format!("refused: {why}")),
            Incoming::Closed => return Heard::End("the server closed it".to_owned()),
            Incoming::Dismissed => {
                history.dismissed(self.client);
                return Heard::End("told not to come back".to_owned());
            }
            Incoming::Ack { id, body } => self.answered(id, body, now, history),
            Incoming::Event(event) => self.happened(event, now, history),
            Incoming::Other => {}
        }
        self.act(now, history, out);
        Heard::GoOn
    }

    /// What is to be sent by now.
    pub fn act(&mut self, now: Micros, history: &mut History, out: &mut Vec<String>) {
        if !self.connected {
            return;
        }
        out.append(&mut self.kept);
        for at in 0..self.places.len() {
            let place = &mut self.places[at];
            if matches!(place.standing, Standing::Out(due) if now >= due) {
                place.standing = Standing::Entering;
                let (room, after) = (place.name.clone(), place.position);
                let ask = RoomRequest::Full { room, after };
                out.push(self.request(Request::Join(at), event::JOIN_ROOM, &ask));
            } else if place.leave_at.is_some_and(|due| now >= due) {
                (place.standing, place.leave_at) = (Standing::Leaving, None);
                let ask = RoomRequest::Name(place.name.clone());
                out.push(self.request(Request::Leave(at), event::LEAVE_ROOM, &ask));
            }
        }
        loop {
            match self.outbox.step(now) {
                Step::Nothing => break,
                Step::Launch(line) => {
                    let room = self.places[line.place].room;
                    self.outbox.launch(line, history.sent(self.client, room, line.due));
                }
                Step::Try { index, place, silent } => {
                    if silent {
                        history.silent();
                    }
                    let chat = SendChat {
                        room: Some(self.places[place].name.clone()),
                        content: packet::content(index, self.content_bytes),
                        client_message_id: Some(index.to_string()),
                    };
                    let ack = self.ack();
                    out.push(packet::event(ack, event::CHAT_MESSAGE, &chat));
                    self.outbox.tried(ack, now);
                }
            }
        }
        if !self.settled && self.places.iter().all(|place| place.standing == Standing::In) {
            self.settled = true;
            history.back(self.client, now);
        }
    }

    /// When there is something to do without any event.
    #[must_use]
    pub fn due(&self) -> Option<Micros> {
        if !self.connected {
            return None;
        }
        let joins = self.places.iter().filter_map(|place| match place.standing {
            Standing::Out(due) => Some(due),
            _ => place.leave_at,
        });
        joins.chain(self.outbox.due()).min()
    }

    /// The connection is gone.
    pub fn lost(&mut self, now: Micros, history: &mut History) {
        if self.connected {
            history.disconnected(self.client, now);
        }
        self.connected = false;
        self.settled = false;
        self.requests.clear();
        self.kept.clear();
        self.outbox.lost();
        // Who was leaving is not in any connection's rooms any more.
        let client = self.client;
        self.places.retain(|place| {
            let leaves = place.standing == Standing::Leaving || place.leave_at.is_some();
            if leaves {
                history.left(client, place.room);
            }
            !leaves
        });
        for place in &mut self.places {
            place.standing = Standing::Out(0);
            // What happens meanwhile is not told: the next connection has to bring a list.
            place.roster = Roster::default();
        }
    }

    /// The client leaves for good.
    pub fn end(&mut self, history: &mut History) {
        if self.outbox.abandon() {
            history.abandoned();
        }
        for place in self.places.drain(..) {
            history.left(self.client, place.room);
        }
        history.gone(self.client);
    }

    /// Has it be a guest in one more room, unless it is in two already.
    pub fn visit(&mut self, room: usize, name: String) {
        if self.places.len() < 2 {
            self.enter(room, name, true);
        }
    }

    /// Whether it is a guest anywhere.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.places.iter().any(|place| place.guest)
    }

    /// Leaves its last room, where it is a guest there and has another.
    pub fn leave_last(&mut self) {
        let Some(at) = self.places.len().checked_sub(1).filter(|at| *at > 0) else { return };
        let connected = self.connected;
        let place = &mut self.places[at];
        if place.guest && place.standing == Standing::In && connected {
            place.leave_at.get_or_insert(0);
        }
    }

    /// Shows in its first room that it is typing, and asks for what was said there.
    pub fn fidget(&mut self, typing: bool) {
        let Some(room) = self.places.first().map(|place| place.name.clone()) else { return };
        if !self.connected || self.places[0].standing != Standing::In {
            return;
        }
        let asked = if typing {
            self.request(Request::Other, event::TYPING, &SendTyping { room, typing })
        } else {
            let ask = HistoryRequest { room, before: None, limit: Some(20) };
            self.request(Request::Other, event::HISTORY, &ask)
        };
        self.kept.push(asked);
    }

    fn auth(&mut self) -> Auth {
        let mut rooms = HashMap::new();
        for place in &mut self.places {
            if let Some(position) = place.position {
                place.standing = Standing::Entering;
                rooms.insert(place.name.clone(), position);
            }
        }
        Auth { token: Some(self.token.clone()), rooms }
    }

    fn ack(&mut self) -> u64 {
        self.next_ack += 1;
        self.next_ack
    }

    fn request(&mut self, request: Request, name: &str, payload: &impl serde::Serialize) -> String {
        let ack = self.ack();
        // Typing is never answered.
        if name != event::TYPING {
            self.requests.insert(ack, request);
        }
        packet::event(ack, name, payload)
    }
}

/// How long a server may be silent, by its handshake, in milliseconds.
fn patience(handshake: &str) -> u64 {
    let handshake: serde_json::Value = serde_json::from_str(handshake).unwrap_or_default();
    let field = |name: &str| handshake.get(name).and_then(serde_json::Value::as_u64);
    field("pingInterval").unwrap_or(25_000) + field("pingTimeout").unwrap_or(20_000)
}

#[cfg(test)]
mod tests;
