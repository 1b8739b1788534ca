//! This node's copy of who is in a room, kept by the owner's updates.

use std::{collections::BTreeMap, sync::Arc};

use wire::{
    User,
    delivery::{RosterChange, RosterUpdate},
    kv::Epoch,
};

/// Everyone in a room, on all nodes.
#[derive(Debug, Default)]
pub struct Roster {
    /// Where the copy stands; `None` until the first snapshot.
    version: Option<(Epoch, u64)>,
    users: BTreeMap<Arc<str>, User>,
}

/// What an update did to the copy.
#[derive(Debug, PartialEq, Eq)]
pub enum Applied {
    /// These came and went; both may be empty.
    Changed { joined: Vec<User>, left: Vec<User> },
    /// Older than what is known.
    Stale,
    /// An update before this one is missing: a snapshot is needed.
    Gap,
}

impl Roster {
    /// Applies an update of the room's roster.
    pub fn apply(&mut self, update: RosterUpdate) -> Applied {
        let at = (update.epoch, update.version);
        if self.version.is_some_and(|known| at < known) {
            return Applied::Stale;
        }
        match update.change {
            RosterChange::Snapshot { users } => {
                self.version = Some(at);
                self.replace(users)
            }
            RosterChange::Delta { joined, left } => match self.version {
                Some(known) if known == at => Applied::Stale,
                Some((epoch, version)) if (epoch, version + 1) == at => {
                    self.version = Some(at);
                    self.change(joined, left)
                }
                _ => Applied::Gap,
            },
        }
    }

    fn replace(&mut self, users: Vec<User>) -> Applied {
        let users: BTreeMap<_, _> =
            users.into_iter().map(|user| (user.user_id.clone(), user)).collect();
        let joined = users.values().filter(|u| self.users.get(&u.user_id) != Some(u));
        let left = self.users.values().filter(|u| !users.contains_key(&u.user_id));
        let applied =
            Applied::Changed { joined: joined.cloned().collect(), left: left.cloned().collect() };
        self.users = users;
        applied
    }

    fn change(&mut self, joined: Vec<User>, left: Vec<User>) -> Applied {
        for user in &left {
            self.users.remove(&user.user_id);
        }
        for user in &joined {
            self.users.insert(user.user_id.clone(), user.clone());
        }
        Applied::Changed { joined, left }
    }

    /// Whether a snapshot has come.
    pub fn is_known(&self) -> bool {
        self.version.is_some()
    }

    pub fn contains(&self, user_id: &str) -> bool {
        self.users.contains_key(user_id)
    }

    pub fn count(&self) -> usize {
        self.users.len()
    }

    /// The users by id.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }
}

#[cfg(test)]
mod tests {
    use wire::RoomName;

    use super::*;

    fn user(id: &str) -> User {
        User { user_id: id.into(), username: id.to_uppercase().into() }
    }

    fn update(epoch: Epoch, version: u64, change: RosterChange) -> RosterUpdate {
        RosterUpdate { room: RoomName::parse("r").unwrap(), epoch, version, change }
    }

    fn snapshot(epoch: Epoch, version: u64, users: &[&str]) -> RosterUpdate {
        let users = users.iter().map(|id| user(id)).collect();
        update(epoch, version, RosterChange::Snapshot { users })
    }

    fn delta(epoch: Epoch, version: u64, joined: &[&str], left: &[&str]) -> RosterUpdate {
        let joined = joined.iter().map(|id| user(id)).collect();
        let left = left.iter().map(|id| user(id)).collect();
        update(epoch, version, RosterChange::Delta { joined, left })
    }

    fn changed(joined: &[&str], left: &[&str]) -> Applied {
        Applied::Changed {
            joined: joined.iter().map(|id| user(id)).collect(),
            left: left.iter().map(|id| user(id)).collect(),
        }
    }

    #[test]
    fn follows_an_owner_and_its_successor() {
        let mut roster = Roster::default();
        for (update, expected) in [
            (delta(1, 1, &["a"], &[]), Applied::Gap),
            (snapshot(1, 1, &["a", "b"]), changed(&["a", "b"], &[])),
            (delta(1, 2, &["c"], &["a"]), changed(&["c"], &["a"])),
            (delta(1, 2, &["c"], &["a"]), Applied::Stale),
            (delta(1, 4, &["d"], &[]), Applied::Gap),
            (snapshot(1, 4, &["b", "c", "d"]), changed(&["d"], &[])),
            // A new owner that knows the same people changes nothing.
            (snapshot(2, 1, &["b", "c", "d"]), changed(&[], &[])),
            (delta(1, 5, &[], &["b"]), Applied::Stale),
            (delta(2, 2, &[], &["b"]), changed(&[], &["b"])),
        ] {
            assert_eq!(roster.apply(update.clone()), expected, "{update:?}");
        }
        assert_eq!(roster.count(), 2);
        assert!(roster.contains("c") && !roster.contains("b"));
    }
}
