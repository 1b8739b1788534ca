//! Sockets that come and go: a join is answered once the room is open and the log known to have
//! reached the position with which the client comes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use wire::{ErrorCode, Failure, Seq, User, event};

use super::{Room, UserChange};
use crate::rooms::{
    member::{Member, Recovery, Waiter},
    port::{Effect, Join, Page, Port, SocketKey},
    window::Window,
};

/// Messages of one socket that may wait for its join.
const MAX_HELD: usize = 64;
/// How long a join waits for the log.
const JOIN_TIMEOUT: Duration = Duration::from_secs(5);

impl<P: Port> Room<P> {
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
            port.effect(Effect::ReadWindow { room: self.name.clone(), reached: seq });
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
            _ => page.complete_from.unwrap_or(Seq::MAX),
        };
        self.window = Some(Window::new(floor, page.messages, capacity));
        self.emit_what_follows(port);
        self.exists(self.last, port);
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

    /// Ends the patience of those who have waited too long for the log: a join that asked for an ack
    /// is refused. One that did not has nobody to tell, and waits on: its client named the room on
    /// connecting and counts on being in it. What was said meanwhile is refused in either case.
    pub fn expire_waiters(&mut self, now: Instant, port: &mut P) {
        let why = || {
            Failure::retry(
                ErrorCode::Unavailable,
                "the room's log did not answer in time; try again",
                1_000,
            )
        };
        for mut waiter in std::mem::take(&mut self.waiters) {
            if now.duration_since(waiter.since) < JOIN_TIMEOUT {
                self.waiters.push(waiter);
                continue;
            }
            for speech in waiter.held.drain(..) {
                port.speak(&waiter.join.socket, &self.name, speech, Err(why()));
            }
            if waiter.join.ack.is_some() {
                let Join { socket, ack, .. } = waiter.join;
                port.refused(&socket, &self.name, ack, why());
            } else {
                waiter.since = now;
                self.waiters.push(waiter);
            }
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
}
