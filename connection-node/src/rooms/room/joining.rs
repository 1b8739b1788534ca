//! Sockets that come and go: a join is answered once the room is open and the log known to have
//! reached the position with which the client comes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use indexmap::IndexMap;
use wire::{ErrorCode, Failure, Seq, User, event};

use super::{Room, UserChange};
use crate::rooms::{
    member::{Ask, Member, Recovery, Waiter},
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
        let key = join.key;
        // A position beyond all that this node has heard of is either fresher than its own view or
        // made up; storing the interest once more, after the join, tells how far the log is.
        let unheard = join.after.is_some_and(|after| after > high);
        let needs = if unheard { self.store_interest(port) } else { 0 };
        if let Some(waiter) = self.waiters.get_mut(&key) {
            waiter.join_too(join, needs);
        } else if self.is_open() && !unheard {
            return self.admit(key, Waiter::new(join, 0, now), high, port);
        } else {
            self.waiters.insert(key, Waiter::new(join, needs, now));
            if let Some(member) = self.members.get_mut(&key) {
                member.awaiting = true;
            }
        }
        None
    }

    /// The node's interest is stored at `seq`.
    pub fn interest_stored(
        &mut self,
        seq: Seq,
        high: Seq,
        now: Instant,
        port: &mut P,
    ) -> Vec<UserChange> {
        self.stored(port);
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
            _ => page.complete_from,
        };
        // Nothing after `last` is gone, whatever the log may have discarded before it.
        let floor = floor.min(self.last);
        self.window = Some(Window::new(floor, page.messages, capacity));
        self.emit_what_follows(port);
        self.exists(self.last, port);
        self.admit_waiters(high, port)
    }

    fn admit_waiters(&mut self, high: Seq, port: &mut P) -> Vec<UserChange> {
        let done = self.stores.done;
        let ready: Vec<_> = self.waiters.extract_if(.., |_, waiter| waiter.needs <= done).collect();
        self.give_back_waiters();
        ready
            .into_iter()
            .filter_map(|(key, mut waiter)| {
                let held = std::mem::take(&mut waiter.held);
                let change = self.admit(key, waiter, high, port);
                for speech in held {
                    if let Some(member) = self.members.get(&key) {
                        port.speak(&member.socket, &self.name, speech, Ok(()));
                    }
                }
                change
            })
            .collect()
    }

    fn admit(
        &mut self,
        key: SocketKey,
        waiter: Waiter<P>,
        high: Seq,
        port: &mut P,
    ) -> Option<UserChange> {
        let Waiter { socket, user, after, asks, .. } = waiter;
        let Some(window) = &self.window else { return None };
        for Ask { ack, history } in asks {
            let count = if history { event::DEFAULT_HISTORY } else { 0 };
            let latest: Vec<_> = window.latest(count).collect();
            port.joined(&socket, &self.name, ack, self.last, &latest);
        }
        let known = self.members.contains_key(&key);
        if known && after.is_none() {
            // Where it stands, and what it is being sent, stays as it is.
            self.go_on(key, port);
            return None;
        }
        // A position that the log has not reached is no position.
        let reached = after.filter(|after| *after <= high);
        let recovery = after.map(|after| Recovery::new(after, reached.is_some()));
        let behind = recovery.is_some();
        let position = reached.unwrap_or(self.last);
        let busy = self.members.get(&key).is_some_and(|member| member.busy);
        let user_too = user.clone();
        let member = Member { socket, user: user_too, position, recovery, awaiting: false, busy };
        self.members.insert(key, member);
        self.idle_since = None;
        if behind {
            self.recover(key, port);
        }
        if known { None } else { self.add_user(user) }
    }

    /// A member that has waited for another join is sent what came meanwhile.
    fn go_on(&mut self, key: SocketKey, port: &mut P) {
        let Some(member) = self.members.get_mut(&key) else { return };
        if std::mem::take(&mut member.awaiting) {
            member.recovery.get_or_insert(Recovery::new(member.position, true));
            self.recover(key, port);
        }
    }

    /// A socket leaves; `None` where it was not here.
    pub fn leave(&mut self, key: SocketKey, now: Instant, port: &mut P) -> Option<UserChange> {
        if let Some(Waiter { socket, asks, held, .. }) = self.waiters.swap_remove(&key) {
            // It spoke before it left: what it said was in order.
            for speech in held {
                port.speak(&socket, &self.name, speech, Ok(()));
            }
            for Ask { ack, .. } in asks {
                let why = Failure::new(ErrorCode::NotAMember, "left before the join was done");
                port.refused(&socket, &self.name, ack, why);
            }
        }
        self.give_back_waiters();
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
        let late = |waiter: &Waiter<P>| now.duration_since(waiter.since) >= JOIN_TIMEOUT;
        let late: Vec<_> = self.waiters.extract_if(.., |_, waiter| late(waiter)).collect();
        self.give_back_waiters();
        for (key, mut waiter) in late {
            for speech in waiter.held.drain(..) {
                port.speak(&waiter.socket, &self.name, speech, Err(no_answer()));
            }
            let (told, silent): (Vec<_>, Vec<_>) =
                waiter.asks.into_iter().partition(|ask| ask.ack.is_some());
            for Ask { ack, .. } in told {
                port.refused(&waiter.socket, &self.name, ack, no_answer());
            }
            if silent.is_empty() {
                // One that was in the room before is so still.
                self.go_on(key, port);
            } else {
                self.waiters.insert(key, Waiter { asks: silent, since: now, ..waiter });
            }
        }
    }

    /// A socket speaks whose join was not done a moment ago.
    pub fn speak(&mut self, key: SocketKey, socket: &P::Socket, speech: P::Speech, port: &mut P) {
        match self.waiters.get_mut(&key) {
            Some(waiter) if waiter.held.len() < MAX_HELD => waiter.held.push(speech),
            Some(_) => {
                let message = "too much was sent before the join was done; send again after it";
                let why = Failure::retry(ErrorCode::Overloaded, message, 1_000);
                port.speak(socket, &self.name, speech, Err(why));
            }
            None => port.speak(socket, &self.name, speech, Ok(())),
        }
    }

    /// Keeps no table for a crowd that has come in: all wait at the start of a room, and hardly anybody
    /// after it.
    fn give_back_waiters(&mut self) {
        if self.waiters.is_empty() {
            self.waiters = IndexMap::new();
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

fn no_answer() -> Failure {
    let message = "the room's log did not answer in time; try again";
    Failure::retry(ErrorCode::Unavailable, message, 1_000)
}
