//! The bans as a node holds them.
//!
//! Pure.

use std::collections::HashMap;

use wire::{
    Timestamp,
    admin::{Ban, ban_key},
};

/// Ended bans are looked for once the list has grown to twice what was left, and to this at least.
const SMALL: usize = 64;

/// The bans by their keys in the bucket.
#[derive(Debug, Default)]
pub struct List {
    bans: HashMap<String, Ban>,
    /// How many there may be before those that have ended are forgotten.
    prune_at: usize,
}

impl List {
    /// The ban that keeps a user away.
    pub fn of(&self, user_id: &str, now: Timestamp) -> Option<&Ban> {
        if self.bans.is_empty() {
            return None;
        }
        self.bans.get(&ban_key(user_id)).filter(|ban| ban.holds(now))
    }

    /// Notes a ban, instead of an earlier one of the same user. Returns whether it holds.
    pub fn put(&mut self, ban: Ban, now: Timestamp) -> bool {
        let (key, holds) = (ban_key(&ban.user_id), ban.holds(now));
        if !holds {
            self.bans.remove(&key);
            return false;
        }
        self.bans.insert(key, ban);
        if self.bans.len() > self.prune_at.max(SMALL) {
            self.bans.retain(|_, ban| ban.holds(now));
            self.prune_at = self.bans.len() * 2;
        }
        true
    }

    pub fn lift(&mut self, key: &str) {
        self.bans.remove(key);
    }

    /// What is known of a key: for a record that cannot be read.
    pub fn at(&self, key: &str) -> Option<Ban> {
        self.bans.get(key).cloned()
    }

    pub fn all(&self) -> Vec<Ban> {
        self.bans.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(user: &str, until: Option<u64>) -> Ban {
        Ban {
            user_id: user.into(),
            until: until.map(Timestamp::from_millis),
            reason: None,
            by: "admin".into(),
            timestamp: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn bans_hold_until_their_end() {
        let (mut list, at) = (List::default(), Timestamp::from_millis);
        assert!(list.put(ban("ana", None), at(10)) && list.put(ban("ben", Some(20)), at(10)));
        assert!(!list.put(ban("old", Some(10)), at(10)));
        for (user, now, banned) in
            [("ana", 99, true), ("ben", 19, true), ("ben", 20, false), ("old", 1, false)]
        {
            assert_eq!(list.of(user, at(now)).is_some(), banned, "{user} at {now}");
        }
    }

    #[test]
    fn a_ban_that_has_ended_ends_the_one_before_it() {
        let (mut list, at) = (List::default(), Timestamp::from_millis);
        assert!(list.put(ban("ana", None), at(10)));
        assert!(!list.put(ban("ana", Some(5)), at(10)));
        assert!(list.of("ana", at(10)).is_none());
    }

    #[test]
    fn what_has_ended_is_not_kept_for_ever() {
        let (mut list, at) = (List::default(), Timestamp::from_millis);
        for user in 0..10_000_u64 {
            list.put(ban(&user.to_string(), Some(user + 10)), at(user));
        }
        assert!(list.bans.len() <= SMALL + 1, "{}", list.bans.len());
        // Those that hold all stay.
        for user in 0..1_000 {
            list.put(ban(&user.to_string(), None), at(99_999));
        }
        assert_eq!(list.all().iter().filter(|ban| ban.until.is_none()).count(), 1_000);
    }

    #[test]
    fn a_ban_is_lifted_by_its_key() {
        let (mut list, now) = (List::default(), Timestamp::from_millis(0));
        list.put(ban("a.b *", None), now);
        list.put(ban("a", None), now);
        list.lift(&ban_key("a.b *"));
        assert!(list.of("a.b *", now).is_none() && list.of("a", now).is_some());
    }
}
