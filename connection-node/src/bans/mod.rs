//! Who is kept away.
//!
//! Bans lie in a bucket; every node follows it ([`follow`]) and holds the list in memory, so that no
//! handshake waits for NATS, and a node that restarts has it before it serves. Owns the list; ending
//! the connections of who is banned is left to the one who follows.

mod follow;

use std::{
    collections::HashMap,
    sync::{Arc, RwLock, atomic::AtomicU64},
};

use async_nats::jetstream::kv;
use service_shell::JetStreamApi;
use wire::{
    ErrorCode, Failure, NodeId, Timestamp,
    admin::{Ban, ban_key},
    stream,
};

pub use follow::BanChanges;

/// How long an administrator is asked to wait, in milliseconds.
const RETRY: u64 = 1_000;

/// The list, and the way to change it for every node. Cheap to clone.
#[derive(Clone)]
pub struct Bans {
    node: NodeId,
    client: async_nats::Client,
    store: kv::Store,
    list: Arc<RwLock<List>>,
    /// How often the bucket was read.
    readings: Arc<AtomicU64>,
}

/// The bans by user.
#[derive(Debug, Default)]
struct List(HashMap<Arc<str>, Ban>);

impl List {
    fn of(&self, user_id: &str, now: Timestamp) -> Option<&Ban> {
        self.0.get(user_id).filter(|ban| ban.holds(now))
    }

    /// Returns whether somebody is banned who was not.
    fn put(&mut self, ban: Ban, now: Timestamp) -> bool {
        self.0.retain(|_, ban| ban.holds(now));
        let holds = ban.holds(now);
        if holds {
            self.0.insert(ban.user_id.clone(), ban);
        }
        holds
    }

    fn lift(&mut self, key: &str) {
        self.0.retain(|user_id, _| ban_key(user_id) != key);
    }
}

impl Bans {
    /// # Errors
    /// When the bucket is not there.
    pub async fn open(
        client: async_nats::Client,
        api: &JetStreamApi,
        node: NodeId,
    ) -> anyhow::Result<Self> {
        let store = api.context(client.clone()).get_key_value(stream::RT_BUCKET).await?;
        Ok(Self { node, client, store, list: Arc::default(), readings: Arc::default() })
    }

    /// The ban that keeps a user away.
    pub fn of(&self, user_id: &str, now: Timestamp) -> Option<Ban> {
        let list = self.list.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        list.of(user_id, now).cloned()
    }

    /// Keeps a ban, for every node and over restarts.
    ///
    /// # Errors
    /// `unavailable` where that is not known.
    pub async fn add(&self, ban: &Ban) -> Result<(), Failure> {
        let payload = serde_json::to_vec(ban).map_err(|_| unknown())?;
        let stored = self.store.put(ban_key(&ban.user_id), payload.into()).await;
        stored.map(drop).map_err(|error| {
            tracing::warn!(%error, "a ban is not known to be stored");
            unknown()
        })
    }

    /// Lifts a ban, if there is one.
    ///
    /// # Errors
    /// `unavailable` where that is not known.
    pub async fn lift(&self, user_id: &str) -> Result<(), Failure> {
        self.store.delete(ban_key(user_id)).await.map_err(|error| {
            tracing::warn!(%error, "a ban is not known to be lifted");
            unknown()
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut List) -> T) -> T {
        // Nothing in there panics half-way through a change.
        change(&mut self.list.write().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

fn unknown() -> Failure {
    let message = "it is not known whether this was stored; ask again";
    Failure::retry(ErrorCode::Unavailable, message, RETRY)
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
        // What has ended is not kept.
        list.put(ban("cem", None), at(30));
        assert_eq!(list.0.len(), 2);
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
