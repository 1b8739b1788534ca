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
    /// Requests that the room has still to settle; until then the entry stays.
    unsettled: u32,
    /// Whether a join has succeeded.
    joined: bool,
    /// Whether the socket has not left since it last asked to join.
    wanted: bool,
}

impl Membership {
    fn settle_one(&mut self) {
        self.unsettled = self.unsettled.saturating_sub(1);
    }

    fn is_over(&self) -> bool {
        self.unsettled == 0 && !(self.wanted && self.joined)
    }
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

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        matches!(self.state().stage, Stage::Closed)
    }

    /// The socket enters a room, unless its token forbids it or it is gone; the room settles it. `hand`
    /// hands `join` over to the room, before the session can end; it must not wait.
    pub fn enter<J, R>(
        &self,
        room: &RoomName,
        join: J,
        hand: impl FnOnce(J) -> R,
    ) -> Result<R, (J, Failure)> {
        if let Err(failure) = self.allow(room) {
            return Err((join, failure));
        }
        let mut state = self.state();
        if matches!(state.stage, Stage::Closed) {
            let why = Failure::new(ErrorCode::Unavailable, "the connection is closed");
            return Err((join, why));
        }
        let membership = state.rooms.entry(room.clone()).or_default();
        membership.unsettled += 1;
        membership.wanted = true;
        Ok(hand(join))
    }

    /// The socket leaves a room.
    pub fn forget(&self, room: &RoomName) {
        self.change(room, |membership| {
            membership.wanted = false;
            membership.joined = false;
        });
    }

    fn change(&self, room: &RoomName, change: impl FnOnce(&mut Membership)) {
        let mut state = self.state();
        if let Some(membership) = state.rooms.get_mut(room) {
            change(membership);
            if membership.is_over() {
                state.rooms.remove(room);
            }
        }
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
        let is_in = self.state().rooms.get(room).is_some_and(|membership| membership.wanted);
        if is_in { Ok(()) } else { Err(not_a_member(room)) }
    }

    /// Which way a message to a room takes.
    pub fn route(&self, room: &RoomName) -> Result<Route, Failure> {
        self.allow(room)?;
        match self.state().rooms.get_mut(room).filter(|membership| membership.wanted) {
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
        self.change(room, Membership::settle_one);
    }

    /// The room has let the socket in.
    pub fn joined(&self, room: &RoomName) {
        self.change(room, |membership| {
            membership.settle_one();
            membership.joined = membership.wanted;
        });
    }

    /// A join came to nothing. A socket that was in the room before, or waits for another join, stays.
    pub fn refused(&self, room: &RoomName) {
        self.change(room, Membership::settle_one);
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
    use service_shell::token::Role;
    use wire::Timestamp;

    fn session(rooms: &[&str]) -> Session<u32> {
        let rooms: Vec<String> = rooms.iter().map(|&room| room.into()).collect();
        let expires = Timestamp::from_millis(u64::MAX);
        let identity = Identity::new("u".into(), None, Role::User, &rooms, expires).unwrap();
        Session::new(1, identity)
    }

    fn enter(session: &Session<u32>, room: &RoomName) -> Result<(), Failure> {
        session.enter(room, (), |()| ()).map_err(|((), failure)| failure)
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
        assert_eq!(code(enter(&session, &room("general"))), ErrorCode::Forbidden);
        assert_eq!(code(session.require(&room("general"))), ErrorCode::Forbidden);
        enter(&session, &room("team-a")).unwrap();
        session.require(&room("team-a")).unwrap();
        session.forget(&room("team-a"));
        assert_eq!(code(session.require(&room("team-a"))), ErrorCode::NotAMember);
        enter(&session, &room("team-b")).unwrap();
        // The room still has to answer the join that was given up.
        session.refused(&room("team-a"));
        assert_eq!(session.close(), [room("team-b")]);
        assert_eq!(code(enter(&session, &room("team-b"))), ErrorCode::Unavailable);
    }

    #[test]
    fn messages_stay_behind_the_join() {
        let (session, room) = (session(&["*"]), room("r"));
        assert!(session.route(&room).is_err());
        enter(&session, &room).unwrap();
        assert_eq!(session.route(&room), Ok(Route::ByRoom));
        session.joined(&room);
        // The message itself is still on its way: the next must not overtake it.
        assert_eq!(session.route(&room), Ok(Route::ByRoom));
        session.settled(&room);
        session.settled(&room);
        assert_eq!(session.route(&room), Ok(Route::Direct));
    }

    #[test]
    fn a_refused_join_puts_nobody_out_who_is_in() {
        let (session, room) = (session(&["*"]), room("r"));
        enter(&session, &room).unwrap();
        session.refused(&room);
        assert!(session.require(&room).is_err());
        // A second join may still succeed.
        enter(&session, &room).unwrap();
        enter(&session, &room).unwrap();
        session.refused(&room);
        session.joined(&room);
        enter(&session, &room).unwrap();
        session.refused(&room);
        assert_eq!(session.route(&room), Ok(Route::Direct));
        // The room learns of the socket's end.
        assert_eq!(session.close(), [room]);
    }

    /// join, leave, join of a room that is not open yet, as the room answers them: the first join is
    /// refused (it left before it was done), the second succeeds.
    #[test]
    fn a_refusal_of_a_join_before_a_leave_is_not_that_of_the_join_after_it() {
        let (session, room) = (session(&["*"]), room("r"));
        enter(&session, &room).unwrap();
        session.forget(&room);
        enter(&session, &room).unwrap();
        session.refused(&room);
        session.joined(&room);
        assert!(session.require(&room).is_ok(), "the client was told that it is in the room");
        assert_eq!(session.close(), [room], "the room never learns of the socket's end");
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
