//! One socket's session: who it is, which rooms it is in, and the order of its requests.
//!
//! Owns the rooms that a socket may send to. It leaves what happens in a room to [`crate::rooms`].

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use service_shell::token::Identity;
use wire::{ErrorCode, Failure, RoomName};

use crate::rooms::port::SocketKey;

/// Events that may arrive before the connection is announced to its client.
const MAX_EARLY: usize = 64;
/// The least time between two `typing: true` of one socket; more are dropped.
const TYPING_INTERVAL: Duration = Duration::from_millis(300);

/// The state of one socket. Shared by its handlers; never locked over an await.
pub struct Session<E> {
    pub key: SocketKey,
    pub identity: Identity,
    state: Mutex<State<E>>,
}

struct State<E> {
    stage: Stage<E>,
    /// The rooms it is in, or on its way into.
    rooms: HashMap<RoomName, Membership>,
    typed_at: Option<Instant>,
}

#[derive(Default)]
struct Membership {
    /// Requests that the room has still to settle.
    unsettled: u32,
    /// Whether a join has succeeded.
    joined: bool,
}

enum Stage<E> {
    /// Not announced yet: events wait here, in order.
    Starting(Vec<E>),
    Active,
    Closed,
}

/// What to do with an event that came in.
pub enum Admission<E> {
    /// Handle it now.
    Now(E),
    /// It waits for the start, or the session is closed.
    Kept,
    /// Too many came before the start: the connection should end.
    Flood,
}

impl<E> Session<E> {
    pub fn new(key: SocketKey, identity: Identity) -> Self {
        let state =
            State { stage: Stage::Starting(Vec::new()), rooms: HashMap::new(), typed_at: None };
        Self { key, identity, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State<E>> {
        // Nothing in here panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event has come in.
    pub fn admit(&self, event: E) -> Admission<E> {
        match &mut self.state().stage {
            Stage::Starting(early) if early.len() < MAX_EARLY => {
                early.push(event);
                Admission::Kept
            }
            Stage::Starting(_) => Admission::Flood,
            Stage::Active => Admission::Now(event),
            Stage::Closed => Admission::Kept,
        }
    }

    /// Takes the events that came early, a few at a time; `None` once there are none and later ones
    /// are handled as they come.
    pub fn start(&self) -> Option<Vec<E>> {
        let mut state = self.state();
        match &mut state.stage {
            Stage::Starting(early) if !early.is_empty() => Some(std::mem::take(early)),
            Stage::Starting(_) => {
                state.stage = Stage::Active;
                None
            }
            Stage::Active | Stage::Closed => None,
        }
    }

    /// Ends the session; the rooms it was in.
    pub fn close(&self) -> Vec<RoomName> {
        let mut state = self.state();
        state.stage = Stage::Closed;
        state.rooms.drain().map(|(room, _)| room).collect()
    }

    /// The socket enters a room, unless its token forbids it or it is gone. The room settles it.
    pub fn enter(&self, room: &RoomName) -> Result<(), Failure> {
        self.allow(room)?;
        let mut state = self.state();
        if matches!(state.stage, Stage::Closed) {
            return Err(Failure::new(ErrorCode::Unavailable, "the connection is closed"));
        }
        state.rooms.entry(room.clone()).or_default().unsettled += 1;
        Ok(())
    }

    /// The socket leaves a room.
    pub fn forget(&self, room: &RoomName) {
        self.state().rooms.remove(room);
    }

    fn allow(&self, room: &RoomName) -> Result<(), Failure> {
        if self.identity.may_enter(room) {
            return Ok(());
        }
        let message = format!("your token does not allow the room {room:?}");
        Err(Failure::new(ErrorCode::Forbidden, message))
    }

    /// Whether the socket is in a room.
    pub fn require(&self, room: &RoomName) -> Result<(), Failure> {
        self.allow(room)?;
        if self.state().rooms.contains_key(room) { Ok(()) } else { Err(not_a_member(room)) }
    }

    /// Which way a message to a room takes.
    pub fn route(&self, room: &RoomName) -> Result<Route, Failure> {
        self.allow(room)?;
        match self.state().rooms.get_mut(room) {
            None => Err(not_a_member(room)),
            Some(Membership { unsettled: 0, .. }) => Ok(Route::Direct),
            Some(membership) => {
                membership.unsettled += 1;
                Ok(Route::ByRoom)
            }
        }
    }

    /// The room has settled a message that came [`Route::ByRoom`].
    pub fn settled(&self, room: &RoomName) {
        if let Some(membership) = self.state().rooms.get_mut(room) {
            membership.unsettled = membership.unsettled.saturating_sub(1);
        }
    }

    /// The room has let the socket in.
    pub fn joined(&self, room: &RoomName) {
        if let Some(membership) = self.state().rooms.get_mut(room) {
            membership.unsettled = membership.unsettled.saturating_sub(1);
            membership.joined = true;
        }
    }

    /// A join came to nothing. A socket that was in the room before, or waits for another join, stays.
    pub fn refused(&self, room: &RoomName) {
        let mut state = self.state();
        if let Some(membership) = state.rooms.get_mut(room) {
            membership.unsettled = membership.unsettled.saturating_sub(1);
            if !membership.joined && membership.unsettled == 0 {
                state.rooms.remove(room);
            }
        }
    }

    /// Whether a `typing` is worth passing on.
    pub fn may_type(&self, typing: bool, now: Instant) -> bool {
        let mut state = self.state();
        let soon = state.typed_at.is_some_and(|at| now.duration_since(at) < TYPING_INTERVAL);
        if typing {
            if soon {
                return false;
            }
            state.typed_at = Some(now);
        }
        true
    }
}

/// The way of a message to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Nothing of this socket is on its way through the room.
    Direct,
    /// Through the room, behind the socket's join.
    ByRoom,
}

fn not_a_member(room: &RoomName) -> Failure {
    let message = format!("you are not in the room {room:?}; join it first");
    Failure::new(ErrorCode::NotAMember, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_shell::token::{Claims, Role};

    fn session(rooms: &[&str]) -> Session<u32> {
        let claims = Claims {
            sub: "u".into(),
            name: None,
            role: Role::User,
            rooms: rooms.iter().map(|&room| room.into()).collect(),
            exp: 0,
        };
        Session::new(1, claims.into())
    }

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    #[test]
    fn early_events_keep_their_order() {
        let session = session(&["*"]);
        assert!(matches!(session.admit(1), Admission::Kept));
        assert!(matches!(session.admit(2), Admission::Kept));
        assert_eq!(session.start(), Some(vec![1, 2]));
        // Still starting: one that comes while the early ones are handled waits behind them.
        assert!(matches!(session.admit(3), Admission::Kept));
        assert_eq!(session.start(), Some(vec![3]));
        assert_eq!(session.start(), None);
        assert!(matches!(session.admit(4), Admission::Now(4)));
    }

    #[test]
    fn early_events_are_bounded() {
        let session = session(&["*"]);
        let kept = (0..1_000).filter(|n| matches!(session.admit(*n), Admission::Kept)).count();
        assert_eq!(kept, MAX_EARLY);
    }

    #[test]
    fn rooms() {
        let session = session(&["team-*"]);
        let code = |result: Result<(), Failure>| result.unwrap_err().code;
        assert_eq!(code(session.require(&room("team-a"))), ErrorCode::NotAMember);
        assert_eq!(code(session.enter(&room("general"))), ErrorCode::Forbidden);
        assert_eq!(code(session.require(&room("general"))), ErrorCode::Forbidden);
        session.enter(&room("team-a")).unwrap();
        session.require(&room("team-a")).unwrap();
        session.forget(&room("team-a"));
        assert_eq!(code(session.require(&room("team-a"))), ErrorCode::NotAMember);
        session.enter(&room("team-b")).unwrap();
        assert_eq!(session.close(), [room("team-b")]);
        assert_eq!(code(session.enter(&room("team-b"))), ErrorCode::Unavailable);
    }

    #[test]
    fn messages_stay_behind_the_join() {
        let (session, room) = (session(&["*"]), room("r"));
        assert!(session.route(&room).is_err());
        session.enter(&room).unwrap();
        assert_eq!(session.route(&room), Ok(Route::ByRoom));
        session.settled(&room);
        // The message itself is still on its way: the next must not overtake it.
        assert_eq!(session.route(&room), Ok(Route::ByRoom));
        session.settled(&room);
        session.settled(&room);
        assert_eq!(session.route(&room), Ok(Route::Direct));
    }

    #[test]
    fn a_refused_join_puts_nobody_out_who_is_in() {
        let (session, room) = (session(&["*"]), room("r"));
        session.enter(&room).unwrap();
        session.refused(&room);
        assert!(session.require(&room).is_err());
        // A second join may still succeed.
        session.enter(&room).unwrap();
        session.enter(&room).unwrap();
        session.refused(&room);
        session.joined(&room);
        session.enter(&room).unwrap();
        session.refused(&room);
        assert_eq!(session.route(&room), Ok(Route::Direct));
        // The room learns of the socket's end.
        assert_eq!(session.close(), [room]);
    }

    #[test]
    fn typing_is_thinned() {
        let (session, now) = (session(&["*"]), Instant::now());
        assert!(session.may_type(true, now));
        assert!(!session.may_type(true, now));
        assert!(session.may_type(false, now));
        assert!(session.may_type(true, now + TYPING_INTERVAL));
    }
}
