//! A shard of the node's rooms: every room of some partitions, decided by one writer.
//!
//! Owns what spans rooms and deals inputs to them. What partitions' owners say lies in [`follower`],
//! what time and a lost connection ask for in [`upkeep`].

mod follower;
mod upkeep;

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use wire::{NodeId, Partition, RoomName, Seq, ephemeral::Interest, event};

use self::follower::Follower;
use super::{
    packet::Packet,
    port::{Delivered, Effect, Input, Join, Port, SocketKey},
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

/// What a shard holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Rooms that are open or opening.
    pub rooms: usize,
    /// Sockets in them, once for each room.
    pub members: usize,
    /// Sockets whose join is not answered yet.
    pub waiters: usize,
}

impl std::ops::AddAssign for Census {
    fn add_assign(&mut self, other: Self) {
        self.rooms += other.rooms;
        self.members += other.members;
        self.waiters += other.waiters;
    }
}

/// Every room of this node whose partition belongs to the shard.
pub struct Shard<P: Port> {
    node: NodeId,
    settings: Settings,
    rooms: HashMap<RoomName, Room<P>>,
    partitions: HashMap<Partition, Follower>,
    /// The highest sequence heard of.
    high: Seq,
    /// Rooms that a tick must look at: empty ones, those with someone waiting, and those that were
    /// recovered from.
    pending: HashSet<RoomName>,
    /// Rooms whose tail must be compared with the log.
    unchecked: HashSet<RoomName>,
    /// Whether some of them are being compared.
    checking_tails: bool,
    refreshed_at: Instant,
    ticked_at: Instant,
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
            checking_tails: false,
            refreshed_at: now,
            ticked_at: now,
        }
    }

    /// Counts what it holds.
    pub fn census(&self) -> Census {
        self.rooms.values().fold(Census::default(), |census, room| Census {
            rooms: census.rooms + 1,
            members: census.members + room.members().count(),
            waiters: census.waiters + room.waiting().count(),
        })
    }

    /// Whether a tick has something to do soon: until then only a standstill and the rare refresh ask for one.
    pub fn is_waiting(&self) -> bool {
        let unchecked = !self.unchecked.is_empty() && !self.checking_tails;
        let due = |follower: &Follower| follower.reports.is_due();
        unchecked || !self.pending.is_empty() || self.partitions.values().any(due)
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
            Input::Gone { key, room } => self.leave(key, &room, now, port),
            Input::Messages { partition, epoch, counter, messages } => {
                // What was lost before these stands before them in the log.
                let newest = messages.last().map_or(0, |delivered| delivered.seq);
                self.high = self.high.max(newest);
                if self.follow(partition, epoch, Some(counter), port) {
                    for delivered in messages {
                        let Delivered { room, seq, prev, message, span } = delivered;
                        if let Some(room) = self.rooms.get_mut(&room) {
                            room.delivered(seq, prev, message, port);
                        }
                        drop(span);
                    }
                }
            }
            Input::Digest(digest) => self.digest(&digest, now, port),
            Input::Roster(update) => self.roster(update, now, port),
            Input::ReportPresence { partition, epoch } => {
                self.report_presence(partition, epoch, port);
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
            Input::InterestFailed { room, interest, sent } => match self.rooms.get(&room) {
                Some(room) => room.try_interest_again(port),
                // What never left this node needs no taking back.
                None if !sent && interest == Interest::Joined => {}
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
            Input::Replayed { room: name, key, asked, page } => {
                if let Some(room) = self.rooms.get_mut(&name) {
                    room.replayed(key, asked, &page, port);
                    self.pending.insert(name);
                }
            }
            Input::Paced { room: name, key } => {
                if let Some(room) = self.rooms.get_mut(&name) {
                    room.paced(key, port);
                    self.pending.insert(name);
                }
            }
            Input::Lasts { check, lasts } => self.checked(check, lasts, port),
            Input::Resync => self.resync(now, port),
            Input::Tick => self.tick(now, port),
            Input::Close => self.close(now, port),
        }
    }

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
}
