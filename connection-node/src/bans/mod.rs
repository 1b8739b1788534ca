//! Who is kept away.
//!
//! Bans lie in a bucket; every node follows it ([`follow`]) and holds the [`list`] in memory, so that
//! no handshake waits for NATS, and a node that restarts has it before it serves. Ending the
//! connections of who is banned is left to the one who follows.

mod follow;
mod list;

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use async_nats::{
    HeaderMap,
    header::NATS_MESSAGE_TTL,
    jetstream::{self, kv},
};
use wire::{
    ErrorCode, Failure, Timestamp,
    admin::{Ban, ban_key},
    stream,
};

pub use follow::BanChanges;
use list::List;

/// How long an administrator is asked to wait, in milliseconds.
const RETRY: u64 = 1_000;
/// How far the clocks of nodes may be apart, in seconds.
const CLOCKS: u64 = 60;
/// How long the bucket keeps the record of a ban that was lifted: a node that was away for longer reads
/// the bucket anew.
const LIFTED: Duration = Duration::from_hours(1);

/// The list, and the way to change it for every node. Cheap to clone.
#[derive(Clone)]
pub struct Bans {
    client: async_nats::Client,
    jetstream: jetstream::Context,
    store: kv::Store,
    list: Arc<RwLock<List>>,
}

impl Bans {
    /// # Errors
    /// When the bucket is not there.
    pub async fn open(client: async_nats::Client) -> anyhow::Result<Self> {
        let jetstream = jetstream::new(client.clone());
        let store = jetstream.get_key_value(stream::RT_BUCKET).await?;
        Ok(Self { client, jetstream, store, list: Arc::default() })
    }

    /// The ban that keeps a user away.
    pub fn of(&self, user_id: &str, now: Timestamp) -> Option<Ban> {
        let list = self.list.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        list.of(user_id, now).cloned()
    }

    /// Keeps a ban, for every node and over restarts; the bucket forgets it at its end.
    ///
    /// # Errors
    /// `unavailable` where that is not known.
    pub async fn add(&self, ban: &Ban) -> Result<(), Failure> {
        let payload = serde_json::to_vec(ban).map_err(|_| unknown())?;
        let mut headers = HeaderMap::new();
        if let Some(until) = ban.until {
            let left = until.as_millis().saturating_sub(ban.timestamp.as_millis());
            // Not before its end by any node's clock.
            headers.insert(NATS_MESSAGE_TTL, (left.div_ceil(1_000) + CLOCKS).to_string());
        }
        let subject = format!("{}{}", self.store.prefix, ban_key(&ban.user_id));
        let stored = async {
            self.jetstream.publish_with_headers(subject, headers, payload.into()).await?.await
        };
        stored.await.map(drop).map_err(|error| {
            tracing::warn!(%error, "a ban is not known to be stored");
            unknown()
        })
    }

    /// Lifts a ban, if there is one.
    ///
    /// # Errors
    /// `unavailable` where that is not known.
    pub async fn lift(&self, user_id: &str) -> Result<(), Failure> {
        let lifted = self.store.purge_with_ttl(ban_key(user_id), LIFTED).await;
        lifted.map_err(|error| {
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
