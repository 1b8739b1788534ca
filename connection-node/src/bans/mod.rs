//! Who is kept away.
//!
//! Bans lie in a bucket; every node follows it ([`follow`]) and holds the [`list`] in memory, so that
//! no handshake waits for NATS, and a node that restarts has it before it serves. Ending the
//! connections of who is banned is left to the one who follows.

mod follow;
mod list;

use std::{
    sync::{Arc, RwLock, atomic::AtomicU64},
    time::Duration,
};

use async_nats::{
    HeaderMap,
    header::{NATS_MESSAGE_TTL, NATS_ROLLUP},
    jetstream::{self, context::PublishError, stream::Stream},
};
use bytes::Bytes;
use service_shell::JetStreamApi;
use wire::{
    ErrorCode, Failure, NodeId, Timestamp,
    admin::{Ban, ban_key},
    kv::subject,
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
    node: NodeId,
    api: JetStreamApi,
    client: async_nats::Client,
    jetstream: jetstream::Context,
    /// Of the bucket.
    records: Stream,
    list: Arc<RwLock<List>>,
    /// How often the bucket was read.
    readings: Arc<AtomicU64>,
}

impl Bans {
    /// # Errors
    /// When the bucket is not there.
    pub async fn open(
        client: async_nats::Client,
        api: JetStreamApi,
        node: NodeId,
    ) -> anyhow::Result<Self> {
        let jetstream = api.context(client.clone());
        let records = jetstream.get_stream(stream::RT_STREAM).await?;
        let (list, readings) = (Arc::default(), Arc::default());
        Ok(Self { node, api, client, jetstream, records, list, readings })
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
        self.write(&ban.user_id, headers, payload.into()).await.map_err(|error| {
            tracing::warn!(%error, "a ban is not known to be stored");
            unknown()
        })
    }

    /// Lifts a ban, if there is one.
    ///
    /// # Errors
    /// `unavailable` where that is not known.
    pub async fn lift(&self, user_id: &str) -> Result<(), Failure> {
        // A purge of the bucket (NATS ADR-8, ADR-48).
        let mut headers = HeaderMap::new();
        headers.insert("KV-Operation", "PURGE");
        headers.insert(NATS_ROLLUP, "sub");
        headers.insert(NATS_MESSAGE_TTL, LIFTED.as_secs().to_string());
        self.write(user_id, headers, Bytes::new()).await.map_err(|error| {
            tracing::warn!(%error, "a ban is not known to be lifted");
            unknown()
        })
    }

    async fn write(
        &self,
        user_id: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        let subject = self.api.record(&subject(&ban_key(user_id)));
        self.jetstream.publish_with_headers(subject, headers, payload).await?.await.map(drop)
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
