//! Who is in the rooms of a partition.
//!
//! Pure: the nodes' reports go in, versioned snapshots and deltas come out. Changes are gathered
//! until [`Rosters::flush`]; who came and went in between is never spoken of. Whether a report is
//! whole, and when to flush, is [`crate::partition`]'s to say.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use wire::admin::RoomSize;
use wire::delivery::{RosterChange, RosterUpdate};
use wire::ephemeral::RoomPresence;
use wire::{NodeId, RoomName, User, kv::Epoch};

/// The most users in one update, so that it fits into one NATS message. A larger roster goes out as a
/// snapshot and the deltas that complete it.
pub const MAX_USERS_PER_UPDATE: usize = 1_000;
/// The version of a new roster. A snapshot in parts counts up to the roster's version, so there must
/// be room below it.
const FIRST_VERSION: u64 = 1 << 20;

type UserId = Arc<str>;
type UserName = Arc<str>;

/// The rosters of one partition, for one tenure.
#[derive(Debug)]
pub struct Rosters {
    epoch: Epoch,
    rooms: HashMap<RoomName, Roster>,
    /// The same by node: whom a full report replaces, and who goes when the node goes.
    by_node: HashMap<NodeId, HashMap<RoomName, HashSet<UserId>>>,
    changed: HashSet<RoomName>,
    /// How many users there are, each as often as it is in a room.
    present: usize,
    /// No roster starts below this version, so that versions never go back.
    floor: u64,
}

#[derive(Debug)]
struct Roster {
    users: HashMap<UserId, Present>,
    version: u64,
    /// The users touched since the last flush, and the name each was last published under.
    touched: HashMap<UserId, Option<UserName>>,
}

#[derive(Debug)]
struct Present {
    name: UserName,
    nodes: Vec<NodeId>,
}

impl Rosters {
    pub fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            rooms: HashMap::new(),
            by_node: HashMap::new(),
            changed: HashSet::new(),
            present: 0,
            floor: FIRST_VERSION,
        }
    }

    /// Applies what a node reports: the change since its last report, or all it has.
    pub fn report(&mut self, node: &NodeId, full: bool, rooms: &[RoomPresence]) {
        if full {
            self.drop_missing(node, rooms);
        }
        for presence in rooms {
            if !full {
                for user in &presence.left {
                    self.remove(&presence.room, user, node);
                }
            }
            for user in &presence.joined {
                self.add(&presence.room, user, node);
            }
        }
    }

    /// Removes the users of a node that a full report does not name.
    fn drop_missing(&mut self, node: &NodeId, rooms: &[RoomPresence]) {
        let Some(known) = self.by_node.get(node) else { return };
        let mut named = HashSet::new();
        for presence in rooms {
            named.extend(presence.joined.iter().map(|user| (&presence.room, &user.user_id)));
        }
        let pairs =
            known.iter().flat_map(|(room, users)| users.iter().map(move |user| (room, user)));
        let gone: Vec<(RoomName, UserId)> = pairs
            .filter(|pair| !named.contains(pair))
            .map(|(room, user)| (room.clone(), user.clone()))
            .collect();
        for (room, user) in gone {
            self.remove(&room, &user, node);
        }
    }

    /// The node is gone, and its users with it.
    pub fn node_gone(&mut self, node: &NodeId) {
        self.drop_missing(node, &[]);
    }

    fn add(&mut self, room: &RoomName, user: &User, node: &NodeId) {
        let floor = self.floor;
        let roster = self.rooms.entry(room.clone()).or_insert_with(|| Roster::new(floor));
        let changes = roster.users.get(&user.user_id).is_none_or(|here| here.name != user.username);
        if changes {
            roster.touch(&user.user_id);
            self.changed.insert(room.clone());
        }
        let here = roster.users.entry(user.user_id.clone()).or_insert_with(|| {
            self.present += 1;
            Present { name: user.username.clone(), nodes: Vec::new() }
        });
        here.name = user.username.clone();
        if !here.nodes.contains(node) {
            here.nodes.push(node.clone());
        }
        let of_node = self.by_node.entry(node.clone()).or_default();
        of_node.entry(room.clone()).or_default().insert(user.user_id.clone());
    }

    fn remove(&mut self, room: &RoomName, user: &UserId, node: &NodeId) {
        if let Some(of_node) = self.by_node.get_mut(node) {
            if let Some(users) = of_node.get_mut(room) {
                users.remove(user);
                if users.is_empty() {
                    of_node.remove(room);
                }
            }
            if of_node.is_empty() {
                self.by_node.remove(node);
            }
        }
        let Some(roster) = self.rooms.get_mut(room) else { return };
        let Some(here) = roster.users.get_mut(user) else { return };
        here.nodes.retain(|of| of != node);
        if here.nodes.is_empty() {
            roster.touch(user);
            roster.users.remove(user);
            self.present -= 1;
            self.changed.insert(room.clone());
        }
    }

    /// How many users there are, each as often as it is in a room.
    pub fn present(&self) -> usize {
        self.present
    }

    /// The rooms with most users, at most `most` of them, largest first.
    pub fn largest(&self, most: usize) -> Vec<RoomSize> {
        let size = |(room, roster): (_, &Roster)| (roster.users.len(), room);
        let mut sizes: Vec<(usize, &RoomName)> = self.rooms.iter().map(size).collect();
        let larger_first = |one: &(usize, _), other: &(usize, _)| other.cmp(one);
        if sizes.len() > most {
            sizes.select_nth_unstable_by(most, larger_first);
            sizes.truncate(most);
        }
        sizes.sort_unstable_by(larger_first);
        let largest = sizes.into_iter().filter(|(users, _)| *users > 0);
        largest.map(|(users, room)| RoomSize { room: room.clone(), users }).collect()
    }

    /// Whether a flush would have something to look at.
    pub fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What changed in each room since the last flush, as deltas in order. Rooms in which everything
    /// is again as it was are left out.
    pub fn flush(&mut self) -> Vec<(RoomName, Vec<RosterUpdate>)> {
        let mut updates = Vec::new();
        for room in std::mem::take(&mut self.changed) {
            let Some(roster) = self.rooms.get_mut(&room) else { continue };
            let deltas = roster.deltas(&room, self.epoch);
            if !deltas.is_empty() {
                updates.push((room, deltas));
            }
        }
        updates
    }

    /// Takes what there is as published: snapshots of every room are about to go out.
    pub fn settle(&mut self) {
        for room in std::mem::take(&mut self.changed) {
            if let Some(roster) = self.rooms.get_mut(&room) {
                roster.touched.clear();
            }
        }
    }

    /// The room as last published: a snapshot, and deltas that complete it where it is large. Whoever
    /// gets it can follow from there, so an empty roster is kept too, until it is forgotten.
    pub fn snapshot(&mut self, room: &RoomName) -> Vec<RosterUpdate> {
        let (epoch, floor) = (self.epoch, self.floor);
        let update = |version, change| RosterUpdate { room: room.clone(), epoch, version, change };
        let roster = self.rooms.entry(room.clone()).or_insert_with(|| Roster::new(floor));
        let users = roster.published();
        let mut parts = users.chunks(MAX_USERS_PER_UPDATE).map(<[User]>::to_vec);
        let further = users.len().div_ceil(MAX_USERS_PER_UPDATE).saturating_sub(1);
        let first = roster.version.saturating_sub(further as u64);
        let users = parts.next().unwrap_or_default();
        let mut updates = vec![update(first, RosterChange::Snapshot { users })];
        updates.extend(parts.zip(first + 1..).map(|(joined, version)| {
            update(version, RosterChange::Delta { joined, left: Vec::new() })
        }));
        updates
    }

    /// Nobody is interested in the room any more: nothing is kept of it if it is empty.
    pub fn forget_if_empty(&mut self, room: &RoomName) {
        let empty = |roster: &Roster| roster.users.is_empty() && roster.touched.is_empty();
        if self.rooms.get(room).is_some_and(empty)
            && let Some(roster) = self.rooms.remove(room)
        {
            self.floor = self.floor.max(roster.version);
        }
    }
}

impl Roster {
    fn new(version: u64) -> Self {
        Self { users: HashMap::new(), version, touched: HashMap::new() }
    }

    /// To be called before `user` changes.
    fn touch(&mut self, user: &UserId) {
        if !self.touched.contains_key(user) {
            let name = self.users.get(user).map(|here| here.name.clone());
            self.touched.insert(user.clone(), name);
        }
    }

    fn deltas(&mut self, room: &RoomName, epoch: Epoch) -> Vec<RosterUpdate> {
        let (mut joined, mut left) = (Vec::new(), Vec::new());
        for (user_id, before) in std::mem::take(&mut self.touched) {
            let now = self.users.get(&user_id).map(|here| here.name.clone());
            match (before, now) {
                (before, Some(username)) if before.as_ref() != Some(&username) => {
                    joined.push(User { user_id, username });
                }
                (Some(username), None) => left.push(User { user_id, username }),
                _ => {}
            }
        }
        joined.sort_unstable();
        left.sort_unstable();
        let parts = joined
            .len()
            .div_ceil(MAX_USERS_PER_UPDATE)
            .max(left.len().div_ceil(MAX_USERS_PER_UPDATE));
        let mut joined = joined.chunks(MAX_USERS_PER_UPDATE);
        let mut left = left.chunks(MAX_USERS_PER_UPDATE);
        let mut updates = Vec::with_capacity(parts);
        for _ in 0..parts {
            self.version += 1;
            let part = |chunk: Option<&[User]>| chunk.map(<[User]>::to_vec).unwrap_or_default();
            let change =
                RosterChange::Delta { joined: part(joined.next()), left: part(left.next()) };
            updates.push(RosterUpdate { room: room.clone(), epoch, version: self.version, change });
        }
        updates
    }

    /// Everyone as of the last flush, sorted.
    fn published(&self) -> Vec<User> {
        let untouched = self.users.iter().filter(|(user, _)| !self.touched.contains_key(*user));
        let untouched = untouched.map(|(user, here)| (user, &here.name));
        let touched = self.touched.iter().filter_map(|(user, name)| Some((user, name.as_ref()?)));
        let user = |(user_id, username): (&UserId, &UserName)| User {
            user_id: user_id.clone(),
            username: username.clone(),
        };
        let mut users: Vec<User> = untouched.chain(touched).map(user).collect();
        users.sort_unstable();
        users
    }
}

#[cfg(test)]
mod tests;
