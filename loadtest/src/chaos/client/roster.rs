//! Who is in a room, as its members are told by `user-list` and `presence`.

use std::{collections::HashSet, sync::Arc};

use wire::client::{Presence, UserList};

/// A client's copy of a room's roster.
#[derive(Debug, Default)]
pub struct Roster {
    users: HashSet<Arc<str>>,
    count: usize,
}

impl Roster {
    pub fn list(&mut self, list: UserList) {
        self.count = list.count;
        self.users = list.users.into_iter().map(|user| user.user_id).collect();
    }

    pub fn change(&mut self, change: Presence) {
        self.count = change.count;
        self.users.extend(change.joined.into_iter().map(|user| user.user_id));
        for user in change.left {
            self.users.remove(&user.user_id);
        }
    }

    #[must_use]
    pub fn names(&self, user: &str) -> bool {
        self.users.contains(user)
    }

    /// How it differs from who is really there; `None` where it does not. A list names not more than
    /// [`wire::event::MAX_LISTED_USERS`]; of more, only the count is compared.
    #[must_use]
    pub fn difference(&self, truth: &HashSet<Arc<str>>) -> Option<String> {
        if truth.len() > wire::event::MAX_LISTED_USERS {
            let right = self.count == truth.len();
            return (!right).then(|| format!("it counts {}, not {}", self.count, truth.len()));
        }
        let missing: Vec<_> = truth.difference(&self.users).take(3).collect();
        let surplus: Vec<_> = self.users.difference(truth).take(3).collect();
        if missing.is_empty() && surplus.is_empty() && self.count == truth.len() {
            return None;
        }
        let count = self.count;
        Some(format!("it counts {count} of {}, lacks {missing:?}, has {surplus:?}", truth.len()))
    }
}

#[cfg(test)]
mod tests {
    use wire::{RoomName, User};

    use super::*;

    fn users(names: &[&str]) -> Vec<User> {
        let user = |name: &&str| User { user_id: (*name).into(), username: (*name).into() };
        names.iter().map(user).collect()
    }

    fn truth(names: &[&str]) -> HashSet<Arc<str>> {
        names.iter().map(|name| (*name).into()).collect()
    }

    #[test]
    fn lists_and_changes() {
        let room = RoomName::parse("a").unwrap();
        let mut roster = Roster::default();
        roster.list(UserList { room: room.clone(), count: 2, users: users(&["a", "b"]) });
        assert_eq!(roster.difference(&truth(&["a", "b"])), None);
        let (joined, left) = (users(&["c"]), users(&["a"]));
        roster.change(Presence { room, count: 2, joined, left });
        assert_eq!(roster.difference(&truth(&["b", "c"])), None);
        assert!(!roster.names("a") && roster.names("c"));
        let difference = roster.difference(&truth(&["a", "b", "c"])).unwrap();
        assert!(difference.contains("\"a\""), "{difference}");
    }
}
