//! The model: a node's rooms, the log they follow, and an owner that delivers, all in memory.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use service_shell::telemetry::Span;
use wire::{
    NodeId, Partition, RoomName, Seq, User, delivery::Digest, ephemeral::Interest, event,
    heartbeat::DEAD_AFTER,
};

use super::recorder::Recorder;
use crate::rooms::{
    packet::{Message, Packet},
    port::{Delivered, Effect, Input, Join, Page, SocketKey},
    shard::{Settings, Shard},
};

pub(super) const WINDOW: usize = 4;
/// Larger than the window, as in production: a page may hold what the room has not emitted yet.
const PAGE: usize = 6;

/// A node, the log it follows, and the owner that delivers to it.
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) shard: Shard<Recorder>,
    pub(super) port: Recorder,
    pub(super) room: RoomName,
    /// Sequences of the room's messages; other rooms and interest take the others.
    pub(super) log: Vec<Seq>,
    pub(super) end: Seq,
    pub(super) epoch: u64,
    pub(super) counter: u64,
    /// Where the owner has followed the room from, or its last message.
    pub(super) prev: Seq,
    pub(super) interested: bool,
    /// Where each socket must see everything from.
    pub(super) from: BTreeMap<SocketKey, Seq>,
    pub(super) next_key: SocketKey,
    /// The log has lost its oldest messages.
    pub(super) discarded: bool,
}

pub(super) fn message(seq: Seq) -> Message {
    let packet = Packet::new(event::CHAT_MESSAGE, &seq).unwrap();
    Message { seq, born: wire::Timestamp::from_millis(seq), packet: packet.into() }
}

pub(super) fn user(key: SocketKey) -> User {
    let id = format!("user-{}", key / 2);
    User { user_id: id.as_str().into(), username: id.as_str().into() }
}

impl World {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let settings = Settings {
            window: WINDOW,
            linger: Duration::from_secs(1),
            refresh: Duration::from_hours(1),
        };
        Self {
            now,
            shard: Shard::new(NodeId::parse("node-1").unwrap(), settings, now),
            port: Recorder::default(),
            room: RoomName::parse("r").unwrap(),
            log: Vec::new(),
            end: 10,
            epoch: 1,
            counter: 0,
            prev: 10,
            interested: false,
            from: BTreeMap::new(),
            next_key: 1,
            discarded: false,
        }
    }

    pub(super) fn partition(&self) -> Partition {
        self.room.partition()
    }

    pub(super) fn input(&mut self, input: Input<Recorder>) {
        self.shard.handle(input, self.now, &mut self.port);
    }

    pub(super) fn tick(&mut self, after: Duration) {
        let done = |port: &Recorder| {
            // Interest is stored again after hours, and may wait for a second more.
            let soon = |effect: &&Effect<_>| !matches!(effect, Effect::StoreInterest { .. });
            let seen: usize = port.seen.values().map(Vec::len).sum();
            (port.effects.iter().filter(soon).count(), port.refused.len(), seen)
        };
        let before = done(&self.port);
        let quiet = !self.shard.is_waiting() && after < DEAD_AFTER;
        self.now += after;
        self.input(Input::Tick);
        // The hub ticks a shard that waits for nothing rarely.
        assert!(!quiet || done(&self.port) == before, "a tick had something to do");
    }

    pub(super) fn join(&mut self, after: Option<Seq>) -> SocketKey {
        let key = self.next_key;
        self.enter(after, Some(key))
    }

    /// A socket whose client has named the room on connecting: it waits for no answer.
    pub(super) fn connect(&mut self, after: Option<Seq>) -> SocketKey {
        self.enter(after, None)
    }

    /// A socket that is in the room, or waits for it, asks for what comes after the last it has seen.
    pub(super) fn join_again(&mut self, key: SocketKey, with_position: bool) {
        if !with_position {
            return self.enter_as(key, None, Some(key));
        }
        let seen = self.received(key).last().copied();
        // Nothing yet: from where it came in, with a position or without.
        let from = Some(self.from[&key]).filter(|from| *from > 0);
        let joined = self.port.joined.get(&key).map(|joined| joined.0);
        if let Some(after) = seen.or(from).or(joined) {
            self.enter_as(key, Some(after), Some(key));
        }
    }

    fn enter(&mut self, after: Option<Seq>, ack: Option<SocketKey>) -> SocketKey {
        let key = self.next_key;
        self.next_key += 1;
        self.enter_as(key, after, ack);
        key
    }

    fn enter_as(&mut self, key: SocketKey, after: Option<Seq>, ack: Option<SocketKey>) {
        let room = self.room.clone();
        let join = Join { key, socket: key, user: user(key), room, after, ack };
        self.input(Input::Join(join));
    }

    pub(super) fn leave(&mut self, key: SocketKey) {
        self.input(Input::Leave { key, socket: key, room: self.room.clone(), ack: None });
    }

    /// Somebody sends a message; the owner passes it on unless it is `lost` on the way.
    pub(super) fn send(&mut self, lost: bool) {
        self.end += 2;
        let (seq, prev) = (self.end, self.prev);
        self.log.push(seq);
        self.prev = seq;
        if self.interested {
            self.counter += 1;
            if !lost {
                self.deliver(seq, prev, self.counter);
            }
        }
    }

    /// Somebody sends while the node's interest is being stored again: the owner reads the new record
    /// alone, after the message, and believes that nobody here wanted it.
    pub(super) fn send_unseen(&mut self) {
        let joining = |effect: &Effect<_>| {
            matches!(effect, Effect::StoreInterest { interest: Interest::Joined, .. })
        };
        if self.port.effects.iter().any(joining) {
            self.end += 2;
            self.log.push(self.end);
            self.prev = self.end;
        }
    }

    pub(super) fn deliver(&mut self, seq: Seq, prev: Seq, counter: u64) {
        let delivered = Delivered {
            room: self.room.clone(),
            seq,
            prev,
            message: Some(message(seq)),
            span: Span::default(),
        };
        let (partition, epoch) = (self.partition(), self.epoch);
        self.input(Input::Messages { partition, epoch, counter, messages: vec![delivered] });
    }

    /// A new owner starts a little before the end and passes on again what it finds there.
    pub(super) fn take_over(&mut self) {
        self.epoch += 1;
        self.counter = 0;
        let start = self.log.iter().rev().nth(2).map_or(10, |seq| seq - 1);
        self.prev = start;
        let digest = Digest {
            partition: self.partition(),
            epoch: self.epoch,
            counter: 0,
            seq: self.end,
            reports: 0,
        };
        self.input(Input::Digest(digest));
        for seq in self.log.clone().into_iter().filter(|&seq| seq > start) {
            let prev = std::mem::replace(&mut self.prev, seq);
            if self.interested {
                self.counter += 1;
                self.deliver(seq, prev, self.counter);
            }
        }
    }

    pub(super) fn digest(&mut self) {
        let (partition, epoch, counter) = (self.partition(), self.epoch, self.counter);
        self.input(Input::Digest(Digest { partition, epoch, counter, seq: self.end, reports: 0 }));
    }

    /// Carries out one effect that waits; `false` where none does.
    pub(super) fn carry_out(&mut self, which: usize) -> bool {
        if self.port.effects.is_empty() {
            return false;
        }
        let which = which % self.port.effects.len();
        // Interest is stored in order; reads finish in any.
        let interest = |effect: &Effect<_>| matches!(effect, Effect::StoreInterest { .. });
        let which = if interest(&self.port.effects[which]) {
            self.port.effects.iter().position(interest).unwrap()
        } else {
            which
        };
        let effect = self.port.effects.remove(which);
        self.perform(effect);
        true
    }

    pub(super) fn perform(&mut self, effect: Effect<SocketKey>) {
        match effect {
            Effect::StoreInterest { room, interest } => {
                self.end += 1;
                self.interested = interest == Interest::Joined;
                if self.interested {
                    self.prev = self.prev.max(self.log.last().copied().unwrap_or(10));
                    self.input(Input::InterestStored { room, seq: self.end });
                }
            }
            Effect::ReadWindow { room, .. } => {
                let start = self.log.len().saturating_sub(WINDOW);
                let page = Page {
                    messages: self.log[start..].iter().map(|&seq| message(seq)).collect(),
                    more: start > 0,
                    up_to: self.log.last().copied().unwrap_or(0),
                    complete_from: self.complete_from(),
                };
                self.input(Input::WindowRead { room, page });
            }
            Effect::Repair { room, after, .. } => {
                let page = self.page(after);
                self.input(Input::Repaired { room, page });
            }
            Effect::Replay { room, key, asked, .. } => {
                let page = self.page(asked.after);
                self.input(Input::Replayed { room, key, asked, page });
            }
            Effect::Pace { room, key, .. } => {
                self.port.takes = Some(2);
                self.input(Input::Paced { room, key });
            }
            Effect::CheckLasts { check, rooms, .. } => {
                let lasts = self.log.last().map(|&seq| (rooms[0].clone(), seq));
                self.input(Input::Lasts { check, lasts: lasts.into_iter().collect() });
            }
            Effect::Tell { .. } => {}
        }
    }

    pub(super) fn page(&self, after: Seq) -> Page {
        let rest: Vec<_> = self.log.iter().copied().filter(|&seq| seq > after).collect();
        let messages = rest.iter().take(PAGE).map(|&seq| message(seq)).collect();
        let up_to = rest.iter().take(PAGE).next_back().copied().unwrap_or(after);
        let complete_from = self.complete_from();
        Page { messages, more: rest.len() > PAGE, up_to, complete_from }
    }

    fn complete_from(&self) -> Seq {
        if self.discarded { self.log.first().map_or(Seq::MAX, |oldest| oldest - 1) } else { 0 }
    }

    /// Lets everything that is under way come to its end.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            if !self.carry_out(0) {
                return;
            }
        }
        panic!("never settles");
    }
}
