//! A shard of the node's rooms: every room of some partitions, decided by one writer.
//!
//! Owns what spans rooms: partitions with their epochs and counters, reports of presence, and which
//! rooms need a look at the next tick.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use wire::{
    NodeId, Partition, RoomName, Seq,
    delivery::{Digest, RosterUpdate},
    ephemeral::{FromNode, Interest, RoomPresence},
    event,
    kv::Epoch,
};

use super::{
    packet::Packet,
    port::{Effect, Input, Join, Port, SocketKey},
    reports::Reports,
    room::{Room, UserChange},
};

/// Bounds of a shard.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Messages that an open room keeps in memory.
    pub window: usize,
    /// How long an empty room stays open for those who come back.
    pub linger: Duration,
    /// How often interest is stored again, so that no retention limit can drop it.
    pub refresh: Duration,
}

/// Every room of this node whose partition belongs to the shard.
pub struct Shard<P: Port> {
    node: NodeId,
    settings: Settings,
    rooms: HashMap<RoomName, Room<P>>,
    partitions: HashMap<Partition, Follower>,
    /// The highest sequence heard of.
    high: Seq,
    /// Rooms that a tick must look at: empty ones, and those with someone waiting.
    pending: HashSet<RoomName>,
    /// Rooms whose tail must be compared with the log.
    unchecked: HashSet<RoomName>,
    refreshed_at: Instant,
}

/// This node's view of a partition's owner.
#[derive(Default)]
struct Follower {
    epoch: Epoch,
    counter: u64,
    reports: Reports,
}

impl<P: Port> Shard<P> {
    pub fn new(node: NodeId, settings: Settings, now: Instant) -> Self {
        Self {
            node,
            settings,
            rooms: HashMap::new(),
            partitions: HashMap::new(),
            high: 0,
            pending: HashSet::new(),
            unchecked: HashSet::new(),
            refreshed_at: now,
        }
    }

    /// How many rooms are open or opening.
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Decides.
    pub fn handle(&mut self, input: Input<P>, now: Instant, port: &mut P) {
        match input {
            Input::Join(join) => self.join(join, now, port),
            Input::Speak { key, socket, room: name, speech } => match self.rooms.get_mut(&name) {
                Some(room) => room.speak(key, &socket, speech, port),
                None => port.speak(&socket, &name, speech, Ok(())),
            },
            Input::Leave { key, socket, room, ack } => {
                self.leave(key, &room, now, port);
                if let Some(ack) = ack {
                    port.left(&socket, ack);
                }
            }
            Input::Gone { key, rooms } => {
                for room in rooms {
                    self.leave(key, &room, now, port);
                }
            }
            Input::Messages { partition, epoch, counter, messages } => {
                if self.follow(partition, epoch, Some(counter), port) {
                    for delivered in messages {
                        self.high = self.high.max(delivered.seq);
                        if let Some(room) = self.rooms.get_mut(&delivered.room) {
                            room.delivered(
                                delivered.seq,
                                delivered.prev,
                                delivered.message,
                                port,
                            );
                        }
                    }
                }
            }
            Input::Digest(digest) => self.digest(&digest, now, port),
            Input::Roster(update) => self.roster(update, now, port),
            Input::ReportPresence { partition, epoch } => {
                if self.follow(partition, epoch, None, port) {
                    self.follower(partition).reports.tell_all();
                }
            }
            Input::Typing(typing) => {
                if let (Some(room), Ok(packet)) =
                    (self.rooms.get(&typing.room), Packet::new(event::TYPING, &typing))
                {
                    for (_, member) in room.members() {
                        if member.user.user_id != typing.user.user_id {
                            port.emit(&member.socket, &packet);
                        }
                    }
                }
            }
            Input::InterestStored { room, seq } => self.interest_stored(&room, seq, now, port),
            Input::InterestFailed { room } => match self.rooms.get(&room) {
                Some(room) => room.try_interest_again(port),
                None => {
                    port.effect(Effect::StoreInterest { room, interest: Interest::Left });
                }
            },
            Input::WindowRead { room, page } => {
                let (capacity, high) = (self.settings.window, self.high);
                self.with_room(&room, now, port, |room, port| {
                    room.window_read(page, capacity, high, port)
                });
            }
            Input::Repaired { room, page } => {
                if let Some(room) = self.rooms.get_mut(&room) {
                    room.repaired(page, port);
                }
            }
            Input::Replayed { room, key, page } => {
                if let Some(room) = self.rooms.get_mut(&room) {
                    room.replayed(key, &page, port);
                }
            }
            Input::Lasts(lasts) => {
                for (room, seq) in lasts {
                    self.high = self.high.max(seq);
                    if let Some(room) = self.rooms.get_mut(&room)
                        && seq > room.last()
                    {
                        room.repair(port);
                    }
                }
            }
            Input::Resync => self.resync(now, port),
            Input::Tick => self.tick(now, port),
            Input::Close => self.close(now, port),
        }
    }

    // Sockets.

    fn join(&mut self, join: Join<P>, now: Instant, port: &mut P) {
        let name = join.room.clone();
        if !self.rooms.contains_key(&name) {
            self.rooms.insert(name.clone(), Room::open(name.clone(), now, port));
        }
        let (key, high) = (join.key, self.high);
        self.with_room(&name, now, port, |room, port| {
            room.join(join, high, now, port).into_iter().collect()
        });
        self.welcome(&name, &[key], now, port);
    }

    fn leave(&mut self, key: SocketKey, name: &RoomName, now: Instant, port: &mut P) {
        self.with_room(name, now, port, |room, port| {
            room.leave(key, now, port).into_iter().collect()
        });
    }

    /// Lets a room act, and reports what that means for presence.
    fn with_room(
        &mut self,
        name: &RoomName,
        now: Instant,
        port: &mut P,
        act: impl FnOnce(&mut Room<P>, &mut P) -> Vec<UserChange>,
    ) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        let was_open = room.is_open();
        let waited: Vec<_> = if was_open { Vec::new() } else { room.waiting().collect() };
        let changes = act(room, port);
        let opened = !was_open && room.is_open();
        self.pending.insert(name.clone());
        for change in changes {
            let reports = &mut self.partitions.entry(name.partition()).or_default().reports;
            match change {
                UserChange::Came(user) => reports.joined(name, &user),
                UserChange::Went(user_id) => reports.left(name, &user_id),
            }
        }
        if opened {
            self.welcome(name, &waited, now, port);
        }
    }

    /// Owes newcomers a list, and pays at once where the roster already names them.
    fn welcome(&mut self, name: &RoomName, keys: &[SocketKey], now: Instant, port: &mut P) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        for &key in keys {
            if room.member(key).is_some() {
                room.presence.welcome(key, now);
            }
        }
        let mut presence = std::mem::take(&mut room.presence);
        let list = presence.serve(name, |key| room.member(key).map(|member| &member.user));
        room.presence = presence;
        if let Some((packet, keys)) = list {
            room.emit_to(&packet, &keys, port);
        }
    }

    // The partition's owner.

    fn follower(&mut self, partition: Partition) -> &mut Follower {
        self.partitions.entry(partition).or_default()
    }

    /// Notes who speaks for a partition and whether anything was lost before; `false` for a former
    /// owner, whose word no longer counts.
    fn follow(
        &mut self,
        partition: Partition,
        epoch: Epoch,
        counter: Option<u64>,
        port: &mut P,
    ) -> bool {
        let follower = self.partitions.entry(partition).or_default();
        if epoch < follower.epoch {
            return false;
        }
        let successor = epoch > follower.epoch;
        let lost = counter.is_some_and(|counter| counter != follower.counter + 1);
        if successor {
            follower.epoch = epoch;
            follower.counter = 0;
            follower.reports.tell_all();
        }
        if let Some(counter) = counter {
            follower.counter = counter;
        }
        if successor || lost {
            self.recheck(partition, port);
        }
        true
    }

    fn digest(&mut self, digest: &Digest, now: Instant, port: &mut P) {
        if !self.follow(digest.partition, digest.epoch, None, port) {
            return;
        }
        let follower = self.follower(digest.partition);
        follower.reports.confirmed(digest.reports, now);
        if digest.counter > follower.counter {
            follower.counter = digest.counter;
            self.recheck(digest.partition, port);
        }
    }

    /// Compares the partition's rooms with the log.
    fn recheck(&mut self, partition: Partition, port: &mut P) {
        let rooms: Vec<_> = self
            .rooms
            .iter()
            .filter(|(name, room)| room.is_open() && name.partition() == partition)
            .map(|(name, _)| name.clone())
            .collect();
        if !rooms.is_empty() {
            port.effect(Effect::CheckLasts { rooms });
        }
    }

    fn roster(&mut self, update: RosterUpdate, now: Instant, port: &mut P) {
        let name = update.room.clone();
        let Some(room) = self.rooms.get_mut(&name) else { return };
        let mut presence = std::mem::take(&mut room.presence);
        let news = presence
            .updated(&name, update, now, |key| room.member(key).map(|member| &member.user));
        room.presence = presence;
        if let Some(packet) = news.everyone {
            for (_, member) in room.members() {
                port.emit(&member.socket, &packet);
            }
        }
        if let Some((packet, keys)) = news.newcomers {
            room.emit_to(&packet, &keys, port);
        }
        if news.ask {
            self.ask(name, port);
        }
    }

    fn ask(&self, room: RoomName, port: &mut P) {
        let partition = room.partition();
        let what = FromNode::WantRoster { node: self.node.clone(), room };
        port.effect(Effect::Tell { partition, what });
    }

    // The log.

    fn interest_stored(&mut self, name: &RoomName, seq: Seq, now: Instant, port: &mut P) {
        self.high = self.high.max(seq);
        let high = self.high;
        let waited: Vec<_> =
            self.rooms.get(name).map(|room| room.waiting().collect()).unwrap_or_default();
        self.with_room(name, now, port, |room, port| room.interest_stored(seq, high, now, port));
        self.welcome(name, &waited, now, port);
    }

    /// After a time without NATS: interest may have been taken for dead, deliveries lost.
    fn resync(&mut self, now: Instant, port: &mut P) {
        self.refresh(now, port);
        self.unchecked.extend(self.rooms.keys().cloned());
        for follower in self.partitions.values_mut() {
            follower.reports.tell_all();
        }
    }

    fn refresh(&mut self, now: Instant, port: &mut P) {
        self.refreshed_at = now;
        for room in self.rooms.values_mut() {
            room.store_interest(port);
        }
    }

    // Time.

    fn tick(&mut self, now: Instant, port: &mut P) {
        if now.duration_since(self.refreshed_at) >= self.settings.refresh {
            self.refresh(now, port);
        }
        self.check_tails(port);
        self.look_at_pending(now, port);
        self.report(now, port);
    }

    /// One question for all rooms whose interest was stored again.
    fn check_tails(&mut self, port: &mut P) {
        if !self.unchecked.is_empty() {
            let rooms = std::mem::take(&mut self.unchecked).into_iter();
            let rooms: Vec<_> =
                rooms.filter(|name| self.rooms.get(name).is_some_and(Room::is_open)).collect();
            if !rooms.is_empty() {
                port.effect(Effect::CheckLasts { rooms });
            }
        }
    }

    fn look_at_pending(&mut self, now: Instant, port: &mut P) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain(|name| {
            let Some(room) = self.rooms.get_mut(name) else { return false };
            room.expire_waiters(now, port);
            let (list, ask) = room.presence.overdue(name, now);
            if let Some((packet, keys)) = list {
                room.emit_to(&packet, &keys, port);
            }
            let (idle, quiet) = (room.is_idle(self.settings.linger, now), room.is_settled());
            if ask {
                self.ask(name.clone(), port);
            }
            if idle {
                self.rooms.remove(name);
                let interest = Interest::Left;
                port.effect(Effect::StoreInterest { room: name.clone(), interest });
            }
            !idle && !quiet
        });
        self.pending.extend(pending);
    }

    fn report(&mut self, now: Instant, port: &mut P) {
        for (&partition, follower) in &mut self.partitions {
            if !follower.reports.is_due() {
                continue;
            }
            let rooms = &self.rooms;
            let report =
                follower.reports.take(&self.node, now, || users_of_partition(rooms, partition));
            port.effect(Effect::Tell { partition, what: FromNode::Presence(report) });
        }
    }

    fn close(&mut self, now: Instant, port: &mut P) {
        for (room, _) in self.rooms.drain() {
            port.effect(Effect::StoreInterest { room, interest: Interest::Left });
        }
        self.report(now, port);
    }
}

fn users_of_partition<P: Port>(
    rooms: &HashMap<RoomName, Room<P>>,
    partition: Partition,
) -> Vec<RoomPresence> {
    rooms
        .iter()
        .filter(|(name, _)| name.partition() == partition)
        .map(|(name, room)| RoomPresence {
            room: name.clone(),
            joined: room.users().cloned().collect(),
            left: Vec::new(),
        })
        .filter(|presence| !presence.joined.is_empty())
        .collect()
}
