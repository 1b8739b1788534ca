//! One room on this node: its place in the log and the sockets that follow it.
//!
//! Owns order and exactly-once: a message is emitted when its predecessor was, and never again. It
//! leaves presence to [`super::presence`] and everything about partitions to [`super::shard`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use indexmap::IndexMap;
use wire::{
    ErrorCode, Failure, RoomName, Seq, User,
    client::Recovered,
    ephemeral::Interest,
    event,
};

use super::{
    member::{Goal, Member, Recovery, Waiter},
    packet::{Message, Packet},
    port::{Effect, Join, Page, Port, SocketKey},
    presence::RoomPresence,
    window::Window,
};

/// Messages that may wait for a gap to be filled; beyond, they are read from the log again.
const MAX_AHEAD: usize = 1_024;
/// Reads of the log that may miss a message known to exist (a lagging replica) before it is taken
/// for discarded.
const MAX_REPAIRS: u32 = 5;
/// Messages of one socket that may wait for its join.
const MAX_HELD: usize = 64;
/// How long a join waits for the log.
const JOIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A room with members, or that had some a moment ago.
pub struct Room<P: Port> {
    name: RoomName,
    /// `None` until the node's interest is stored and the window read.
    window: Option<Window>,
    /// Everything up to here was emitted, or is older than the node's interest.
    last: Seq,
    /// Messages that came before one they follow: by sequence, with what must come first.
    ahead: BTreeMap<Seq, (Seq, Option<Message>)>,
    /// Something did not fit into `ahead` since the log was last asked.
    spilled: bool,
    /// Reads of the log in a row that have not closed the gap; `None` where none is under way.
    repairs: Option<u32>,
    /// How often storing the node's interest was asked for, and how often it was done.
    stores: (u64, u64),
    waiters: Vec<Waiter<P>>,
    members: IndexMap<SocketKey, Member<P>>,
    /// This node's users here, with how many sockets each has.
    users: HashMap<Arc<str>, (User, usize)>,
    pub presence: RoomPresence,
    /// Since when nobody is here.
    idle_since: Option<Instant>,
}

/// What a change of members meant for presence.
#[derive(Debug, PartialEq, Eq)]
pub enum UserChange {
    /// The user's first socket on this node.
    Came(User),
    /// The user's last socket on this node.
    Went(Arc<str>),
}

impl<P: Port> Room<P> {
    /// Opens a room: its interest must be stored before anything is promised.
    pub fn open(name: RoomName, now: Instant, port: &mut P) -> Self {
        let mut room = Self {
            name,
            window: None,
            last: 0,
            ahead: BTreeMap::new(),
            spilled: false,
            repairs: None,
            stores: (0, 0),
            waiters: Vec::new(),
            members: IndexMap::new(),
            users: HashMap::new(),
            presence: RoomPresence::default(),
            idle_since: Some(now),
        };
        room.store_interest(port);
        room
    }

    /// Stores the node's interest, for the first time or again.
    pub fn store_interest(&mut self, port: &mut P) {
        self.stores.0 += 1;
        self.try_interest_again(port);
    }

    /// The last attempt to store the node's interest has failed.
    pub fn try_interest_again(&self, port: &mut P) {
        port.effect(Effect::StoreInterest {
            room: self.name.clone(),
            interest: Interest::Joined,
        });
    }

    pub fn last(&self) -> Seq {
        self.last
    }

    pub fn is_open(&self) -> bool {
        self.window.is_some()
    }

    /// The sockets whose join is not answered yet.
    pub fn waiting(&self) -> impl Iterator<Item = SocketKey> {
        self.waiters.iter().map(|waiter| waiter.join.key)
    }

    /// Whether time alone changes nothing here: nobody waits and the room is not empty.
    pub fn is_settled(&self) -> bool {
        self.waiters.is_empty() && !self.presence.is_owing() && self.idle_since.is_none()
    }

    pub fn member(&self, key: SocketKey) -> Option<&Member<P>> {
        self.members.get(&key)
    }

    /// Sends an event to some members.
    pub fn emit_to(&self, packet: &Packet, keys: &[SocketKey], port: &mut P) {
        for member in keys.iter().filter_map(|key| self.members.get(key)) {
            port.emit(&member.socket, packet);
        }
    }

    pub fn members(&self) -> impl Iterator<Item = (SocketKey, &Member<P>)> {
        self.members.iter().map(|(key, member)| (*key, member))
    }

    /// This node's users, once each.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values().map(|(user, _)| user)
    }

    /// Whether the room has been empty for `linger`.
    pub fn is_idle(&self, linger: Duration, now: Instant) -> bool {
        self.is_open()
            && self.waiters.is_empty()
            && self.idle_since.is_some_and(|since| now.duration_since(since) >= linger)
    }

    // Joining and leaving.

    /// A socket wants in. `high` is a sequence that the log has reached.
    pub fn join(
        &mut self,
        join: Join<P>,
        high: Seq,
        now: Instant,
        port: &mut P,
    ) -> Option<UserChange> {
        // A position beyond all that this node has heard of is either fresher than its own view or
        // made up; storing the interest once more, after the join, tells how far the log is.
        let unheard = join.after.is_some_and(|after| after > high);
        if self.is_open() && !unheard {
            return self.admit(join, high, port);
        }
        let needs = if unheard { self.stores.0 + 1 } else { 0 };
        self.waiters.push(Waiter { join, since: now, needs, held: Vec::new() });
        self.store_for_waiters(port);
        None
    }

    /// One store at a time serves all who have come until it is sent.
    fn store_for_waiters(&mut self, port: &mut P) {
        let (asked, done) = self.stores;
        if asked == done && self.waiters.iter().any(|waiter| waiter.needs > asked) {
            self.store_interest(port);
        }
    }

    /// The node's interest is stored at `seq`.
    pub fn interest_stored(
        &mut self,
        seq: Seq,
        high: Seq,
        now: Instant,
        port: &mut P,
    ) -> Vec<UserChange> {
        self.stores.1 = self.stores.0.min(self.stores.1 + 1);
        self.store_for_waiters(port);
        if self.is_open() {
            return self.admit_waiters(high, port);
        }
        if self.last == 0 {
            self.last = seq;
            port.effect(Effect::ReadWindow { room: self.name.clone() });
        }
        self.idle_since = self.idle_since.map(|_| now);
        Vec::new()
    }

    /// The latest messages are read: whoever waited is let in.
    pub fn window_read(
        &mut self,
        page: Page,
        capacity: usize,
        high: Seq,
        port: &mut P,
    ) -> Vec<UserChange> {
        if self.is_open() {
            return Vec::new();
        }
        let newest = page.messages.last().map_or(0, |message| message.seq);
        self.last = self.last.max(newest);
        let floor = match page.messages.first() {
            Some(oldest) if page.more => oldest.seq - 1,
            _ => page.complete_from,
        };
        self.window = Some(Window::new(floor, page.messages, capacity));
        self.drain_ahead(port);
        if self.spilled || !self.ahead.is_empty() {
            self.repair(port);
        }
        self.admit_waiters(high, port)
    }

    fn admit_waiters(&mut self, high: Seq, port: &mut P) -> Vec<UserChange> {
        let (ready, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiters)
            .into_iter()
            .partition(|waiter| waiter.needs <= self.stores.1);
        self.waiters = waiting;
        ready
            .into_iter()
            .filter_map(|waiter| {
                let socket = waiter.join.key;
                let change = self.admit(waiter.join, high, port);
                for speech in waiter.held {
                    if let Some(member) = self.members.get(&socket) {
                        port.speak(&member.socket, &self.name, speech, Ok(()));
                    }
                }
                change
            })
            .collect()
    }

    fn admit(&mut self, join: Join<P>, high: Seq, port: &mut P) -> Option<UserChange> {
        let Join { key, socket, user, after, ack, .. } = join;
        let Some(window) = &self.window else { return None };
        let latest: Vec<_> = match after {
            None if ack.is_some() => window.latest(event::DEFAULT_HISTORY).collect(),
            _ => Vec::new(),
        };
        port.joined(&socket, &self.name, ack, self.last, &latest);
        let recovery = after.map(Recovery::from);
        let behind = recovery.is_some();
        // A position that the log has not reached is no position.
        let position = after.filter(|after| *after <= high).unwrap_or(self.last);
        let known = self.members.contains_key(&key);
        self.members.insert(key, Member { socket, user: user.clone(), position, recovery });
        self.idle_since = None;
        if behind {
            self.recover(key, port);
        }
        if known { None } else { self.add_user(user) }
    }

    /// A socket leaves; `None` where it was not here.
    pub fn leave(&mut self, key: SocketKey, now: Instant, port: &mut P) -> Option<UserChange> {
        let (gone, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiters).into_iter().partition(|w| w.join.key == key);
        self.waiters = waiting;
        for Waiter { join, held, .. } in gone {
            // It spoke before it left: what it said was in order.
            for speech in held {
                port.speak(&join.socket, &self.name, speech, Ok(()));
            }
            let why = Failure::new(ErrorCode::NotAMember, "left before the join was done");
            port.refused(&join.socket, &self.name, join.ack, why);
        }
        let member = self.members.swap_remove(&key)?;
        if self.members.is_empty() {
            self.idle_since = Some(now);
        }
        self.presence.forget(key);
        self.remove_user(&member.user.user_id)
    }

    /// Refuses joins that have waited too long.
    pub fn expire_waiters(&mut self, now: Instant, port: &mut P) {
        let (late, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiters)
            .into_iter()
            .partition(|w| now.duration_since(w.since) >= JOIN_TIMEOUT);
        self.waiters = waiting;
        for Waiter { join, held, .. } in late {
            let why = Failure::retry(
                ErrorCode::Unavailable,
                "the room's log did not answer in time; join again",
                1_000,
            );
            for speech in held {
                port.speak(&join.socket, &self.name, speech, Err(why.clone()));
            }
            port.refused(&join.socket, &self.name, join.ack, why);
        }
    }

    /// A socket speaks whose join was not done a moment ago.
    pub fn speak(&mut self, key: SocketKey, socket: &P::Socket, speech: P::Speech, port: &mut P) {
        match self.waiters.iter_mut().find(|waiter| waiter.join.key == key) {
            Some(waiter) if waiter.held.len() < MAX_HELD => waiter.held.push(speech),
            Some(_) => {
                let message = "too much was sent before the join was done; send again after it";
                let why = Failure::retry(ErrorCode::Overloaded, message, 1_000);
                port.speak(socket, &self.name, speech, Err(why));
            }
            None => port.speak(socket, &self.name, speech, Ok(())),
        }
    }

    fn add_user(&mut self, user: User) -> Option<UserChange> {
        let entry = self.users.entry(user.user_id.clone()).or_insert((user.clone(), 0));
        entry.1 += 1;
        (entry.1 == 1).then_some(UserChange::Came(user))
    }

    fn remove_user(&mut self, user_id: &Arc<str>) -> Option<UserChange> {
        let (_, sockets) = self.users.get_mut(user_id)?;
        *sockets -= 1;
        if *sockets > 0 {
            return None;
        }
        self.users.remove(user_id);
        Some(UserChange::Went(user_id.clone()))
    }

    // The log.

    /// A message came: emitted now, dropped as known, or kept until what precedes it is read.
    pub fn delivered(&mut self, seq: Seq, prev: Seq, message: Option<Message>, port: &mut P) {
        if seq <= self.last {
            return;
        }
        if self.is_open() && self.repairs.is_none() && prev <= self.last {
            self.advance(seq, message, port);
            return;
        }
        // While the room opens nothing has been promised yet beyond `ahead`; its window is read
        // later than all of these were stored.
        if self.ahead.len() < MAX_AHEAD {
            self.ahead.insert(seq, (prev, message));
        } else {
            self.spilled = true;
        }
        if self.is_open() && self.repairs.is_none() {
            self.repair(port);
        }
    }

    /// Reads what is missing after `last`, unless that is under way.
    pub fn repair(&mut self, port: &mut P) {
        if self.is_open() && self.repairs.is_none() {
            self.repairs = Some(1);
            self.read_after_last(port);
        }
    }

    fn read_after_last(&mut self, port: &mut P) {
        self.spilled = false;
        port.effect(Effect::Repair { room: self.name.clone(), after: self.last });
    }

    /// What the log holds after `last`.
    pub fn repaired(&mut self, page: Page, port: &mut P) {
        let Some(attempt) = self.repairs else { return };
        for message in page.messages {
            if message.seq > self.last {
                self.advance(message.seq, Some(message), port);
            }
        }
        if page.more {
            self.read_after_last(port);
            return;
        }
        self.repairs = None;
        self.drain_ahead(port);
        if self.ahead.is_empty() {
            if self.spilled {
                self.repair(port);
            }
            return;
        }
        // The log is the truth, but a replica of it may lag behind what was already delivered.
        if attempt < MAX_REPAIRS {
            self.repairs = Some(attempt + 1);
            self.read_after_last(port);
        } else {
            for (seq, (_, message)) in std::mem::take(&mut self.ahead) {
                self.advance(seq, message, port);
            }
        }
    }

    /// Emits what waited, up to the next gap.
    fn drain_ahead(&mut self, port: &mut P) {
        while let Some(first) = self.ahead.first_entry() {
            let (seq, prev) = (*first.key(), first.get().0);
            if seq > self.last && prev > self.last {
                return;
            }
            let (_, message) = first.remove();
            if seq > self.last {
                self.advance(seq, message, port);
            }
        }
    }

    /// Emits the room's next message.
    fn advance(&mut self, seq: Seq, message: Option<Message>, port: &mut P) {
        self.last = seq;
        let Some(message) = message else { return };
        for member in self.members.values_mut() {
            if member.recovery.is_none() && seq > member.position {
                port.emit(&member.socket, &message.packet);
                member.position = seq;
            }
        }
        if let Some(window) = &mut self.window {
            window.push(message);
        }
    }

    // Recovery of one socket.

    /// A page of what a socket missed.
    pub fn replayed(&mut self, key: SocketKey, page: &Page, port: &mut P) {
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(recovery) = &mut member.recovery else { return };
        recovery.complete.get_or_insert(recovery.from >= page.complete_from);
        let goal = recovery.goal;
        let read = page.messages.last().map_or(0, |message| message.seq);
        for message in &page.messages {
            if message.seq > member.position && message.seq <= self.last {
                port.emit(&member.socket, &message.packet);
                member.position = message.seq;
            }
        }
        // A replica of the log that lags would end before a message that was emitted already.
        let lagging = read < goal.message && member.position < goal.message;
        if !page.more && !lagging {
            member.position = member.position.max(goal.last);
        }
        self.recover(key, port);
    }

    /// Brings a socket up to date from memory, or asks for the next page.
    fn recover(&mut self, key: SocketKey, port: &mut P) {
        let Some(window) = &self.window else { return };
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(recovery) = &mut member.recovery else { return };
        if !window.covers(member.position) {
            let message = window.latest(1).next().map_or(0, |message| message.seq);
            recovery.goal = Goal { last: self.last, message };
            let (room, after) = (self.name.clone(), member.position);
            port.effect(Effect::Replay { room, key, after });
            return;
        }
        for message in window.after(member.position) {
            port.emit(&member.socket, &message.packet);
        }
        let reached = recovery.from <= member.position;
        member.position = member.position.max(self.last);
        let recovered = Recovered {
            room: self.name.clone(),
            from: recovery.from,
            to: member.position,
            complete: reached && recovery.complete.unwrap_or(true),
        };
        member.recovery = None;
        if let Ok(packet) = Packet::new(event::RECOVERED, &recovered) {
            port.emit(&member.socket, &packet);
        }
    }
}
