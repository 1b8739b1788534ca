//! What a room's members on this node are told of who is there.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use wire::{
    RoomName, User,
    client::{Presence, UserList},
    delivery::RosterUpdate,
    event,
};

use super::{
    packet::Packet,
    port::SocketKey,
    roster::{Applied, Roster},
};

/// How long a joiner waits for a list that names it, and a lost snapshot is not asked for again.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// The roster's copy, and who still waits for a list.
#[derive(Default)]
pub struct RoomPresence {
    roster: Roster,
    /// So many have come or gone at once that everyone is owed a list. It waits for the next look at the
    /// clock, for the owner tells of a crowd in parts.
    crowd: bool,
    /// Joiners that have not seen a list with themselves in it.
    newcomers: HashSet<SocketKey>,
    newcomers_since: Option<Instant>,
    asked_at: Option<Instant>,
}

/// What to do after the roster changed.
#[derive(Debug, Default)]
pub struct Announcement {
    /// Goes to every member.
    pub everyone: Option<Packet>,
    /// Goes to these alone.
    pub newcomers: Option<(Packet, Vec<SocketKey>)>,
    /// The owner must be asked for a snapshot.
    pub ask: bool,
}

impl RoomPresence {
    /// A socket has joined: it is owed a list.
    pub fn welcome(&mut self, key: SocketKey, now: Instant) {
        self.newcomers.insert(key);
        self.newcomers_since.get_or_insert(now);
    }

    /// A socket has left.
    pub fn forget(&mut self, key: SocketKey) {
        self.newcomers.remove(&key);
    }

    /// Whether somebody waits for a list.
    pub fn is_owing(&self) -> bool {
        self.crowd || !self.newcomers.is_empty()
    }

    /// The owner's update. `user_of` tells whose a newcomer's socket is.
    pub fn updated<'a>(
        &mut self,
        room: &RoomName,
        update: RosterUpdate,
        now: Instant,
        user_of: impl Fn(SocketKey) -> Option<&'a User>,
    ) -> Announcement {
        match self.roster.apply(update) {
            Applied::Stale => Announcement::default(),
            Applied::Gap => Announcement { ask: self.may_ask(now), ..Announcement::default() },
            Applied::Changed { joined, left } => {
                self.asked_at = None;
                let everyone = self.news(room, joined, left);
                let newcomers = self.serve(room, user_of);
                Announcement { everyone, newcomers, ask: false }
            }
        }
    }

    /// What everyone is told of those who came and went: their names, or who is there now where that
    /// is less to say.
    fn news(&mut self, room: &RoomName, joined: Vec<User>, left: Vec<User>) -> Option<Packet> {
        if joined.is_empty() && left.is_empty() {
            return None;
        }
        if self.roster.count() <= event::SMALL_ROOM_USERS {
            self.crowd = false;
            self.newcomers = HashSet::new();
            return self.list(room);
        }
        self.crowd |= joined.len().max(left.len()) > event::MAX_LISTED_USERS;
        if self.crowd {
            return None;
        }
        let presence = Presence { room: room.clone(), count: self.roster.count(), joined, left };
        Packet::new(event::PRESENCE, &presence).ok()
    }

    /// Lists for newcomers whom the roster names by now.
    pub fn serve<'a>(
        &mut self,
        room: &RoomName,
        user_of: impl Fn(SocketKey) -> Option<&'a User>,
    ) -> Option<(Packet, Vec<SocketKey>)> {
        if !self.roster.is_known() {
            return None;
        }
        let listed =
            |key: &SocketKey| user_of(*key).is_some_and(|u| self.roster.contains(&u.user_id));
        let served: Vec<_> = self.newcomers.iter().copied().filter(listed).collect();
        self.give(room, served)
    }

    /// The list that a crowd has made due, and lists for newcomers who have waited long enough, complete
    /// or not; then the owner may have to be asked again.
    pub fn overdue(&mut self, room: &RoomName, now: Instant) -> Announcement {
        if std::mem::take(&mut self.crowd) {
            return Announcement { everyone: self.list(room), ..Announcement::default() };
        }
        if self.newcomers.is_empty() {
            self.newcomers_since = None;
            return Announcement::default();
        }
        let since = *self.newcomers_since.get_or_insert(now);
        if now.duration_since(since) < PATIENCE {
            return Announcement::default();
        }
        let ask = !self.roster.is_known() && self.may_ask(now);
        let waiting = self.newcomers.iter().copied().collect();
        Announcement { everyone: None, newcomers: self.give(room, waiting), ask }
    }

    fn give(&mut self, room: &RoomName, keys: Vec<SocketKey>) -> Option<(Packet, Vec<SocketKey>)> {
        if keys.is_empty() {
            return None;
        }
        for key in &keys {
            self.newcomers.remove(key);
        }
        if self.newcomers.is_empty() {
            self.newcomers_since = None;
            // A crowd leaves no table behind.
            self.newcomers = HashSet::new();
        }
        self.list(room).map(|packet| (packet, keys))
    }

    fn may_ask(&mut self, now: Instant) -> bool {
        let may = self.asked_at.is_none_or(|at| now.duration_since(at) >= PATIENCE);
        if may {
            self.asked_at = Some(now);
        }
        may
    }

    fn list(&self, room: &RoomName) -> Option<Packet> {
        let users = self.roster.users().take(event::MAX_LISTED_USERS).cloned().collect();
        let list = UserList { room: room.clone(), count: self.roster.count(), users };
        Packet::new(event::USER_LIST, &list).ok()
    }
}
