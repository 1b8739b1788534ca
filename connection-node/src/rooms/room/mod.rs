//! One room on this node: its place in the log and the sockets that follow it.
//!
//! Owns the state and its queries. What changes it lies beside: [`joining`], [`order`], [`recovery`].
//! It leaves presence to [`super::presence`] and everything about partitions to [`super::shard`].

mod joining;
mod order;
mod recovery;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use indexmap::IndexMap;
use wire::{RoomName, Seq, User, ephemeral::Interest};

use super::{
    member::{Member, Waiter},
    packet::{Message, Packet},
    port::{Effect, Port, SocketKey},
    presence::{Announcement, RoomPresence},
    window::Window,
};

/// A room with members, or that had some a moment ago.
pub struct Room<P: Port> {
    name: RoomName,
    /// `None` until the node's interest is stored and the window read.
    window: Option<Window>,
    /// Everything up to here was emitted, or is older than the node's interest.
    last: Seq,
    /// Messages that came before one they follow: by sequence, with what must come first.
    ahead: BTreeMap<Seq, (Seq, Option<Message>)>,
    /// The last message that the log is known to hold, here or not.
    known: Seq,
    /// What the log is being read up to; `None` where no read is under way.
    repairing: Option<Seq>,
    stores: Stores,
    waiters: IndexMap<SocketKey, Waiter<P>>,
    members: IndexMap<SocketKey, Member<P>>,
    /// This node's users here, with how many sockets each has.
    users: HashMap<Arc<str>, (User, usize)>,
    pub presence: RoomPresence,
    /// Since when nobody is here.
    idle_since: Option<Instant>,
}

/// The stores of a node's interest, numbered; one is under way where `sent` is above `done`.
#[derive(Default, Clone, Copy)]
struct Stores {
    wanted: u64,
    sent: u64,
    done: u64,
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
            known: 0,
            repairing: None,
            stores: Stores::default(),
            waiters: IndexMap::new(),
            members: IndexMap::new(),
            users: HashMap::new(),
            presence: RoomPresence::default(),
            idle_since: Some(now),
        };
        room.store_interest(port);
        room
    }

    /// Stores the node's interest, for the first time or again; what is asked for while that is under
    /// way is done once more after it. Returns the number of the store that follows this moment.
    pub fn store_interest(&mut self, port: &mut P) -> u64 {
        self.stores.wanted = self.stores.sent + 1;
        if self.stores.sent == self.stores.done {
            self.send_interest(port);
        }
        self.stores.wanted
    }

    fn send_interest(&mut self, port: &mut P) {
        self.stores.sent = self.stores.wanted;
        self.try_interest_again(port);
    }

    /// The last attempt to store the node's interest has failed.
    pub fn try_interest_again(&self, port: &mut P) {
        port.effect(Effect::StoreInterest { room: self.name.clone(), interest: Interest::Joined });
    }

    /// The store that was under way is done.
    fn stored(&mut self, port: &mut P) {
        self.stores.done = self.stores.sent;
        if self.stores.wanted > self.stores.sent {
            self.send_interest(port);
        }
    }

    pub fn is_open(&self) -> bool {
        self.window.is_some()
    }

    /// The sockets whose join is not answered yet.
    pub fn waiting(&self) -> impl Iterator<Item = SocketKey> {
        self.waiters.keys().copied()
    }

    /// Whether time alone changes nothing here: nobody waits and the room is not empty.
    pub fn is_settled(&self) -> bool {
        self.waiters.is_empty() && !self.presence.is_owing() && self.idle_since.is_none()
    }

    pub fn member(&self, key: SocketKey) -> Option<&Member<P>> {
        self.members.get(&key)
    }

    /// Gives up the frames that recoveries were sent; those of one crowd have shared them by then.
    pub fn forget_frames(&mut self) {
        if let Some(window) = &mut self.window {
            window.forget_frames();
        }
    }

    /// Tells members of who is here.
    pub fn announce(&self, news: &Announcement, port: &mut P) {
        if let Some(packet) = &news.everyone {
            for member in self.members.values() {
                port.emit(&member.socket, packet);
            }
        }
        if let Some((packet, keys)) = &news.newcomers {
            self.emit_to(packet, keys, port);
        }
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

    /// Whether the room has been empty for `linger`, be it open or not.
    pub fn is_idle(&self, linger: Duration, now: Instant) -> bool {
        self.waiters.is_empty()
            && self.idle_since.is_some_and(|since| now.duration_since(since) >= linger)
    }
}
