//! Keeps the list of bans as the bucket has it.

use anyhow::Context as _;
use async_nats::jetstream::{
    Message,
    consumer::{DeliverPolicy, push::Ordered, push::OrderedConfig},
};
use futures_util::StreamExt;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;
use wire::{
    Timestamp,
    admin::{ALL_BANS, Ban},
    kv,
};

use super::{Bans, List};

/// Between two attempts to read the bucket.
const RETRY: Duration = Duration::from_millis(500);

/// Called with each ban that begins to hold, and with those that may have begun unseen.
pub type Banned = Box<dyn Fn(&Ban) + Send + Sync>;

/// What the bucket tells from now on.
pub struct BanChanges(Ordered);

impl Bans {
    /// Reads the whole list, so that it holds before the first client comes.
    ///
    /// # Errors
    /// When the bucket does not answer.
    pub async fn read(&self) -> anyhow::Result<BanChanges> {
        let config = OrderedConfig {
            // With a name and one filter, so that the request's subject tells all: a node has the
            // permission for that one alone. An earlier reading's consumer may be there still.
            name: Some(format!(
                "bans-{}-{}",
                self.node,
                self.readings.fetch_add(1, Ordering::Relaxed)
            )),
            deliver_subject: self.client.new_inbox(),
            filter_subject: kv::subject(ALL_BANS),
            deliver_policy: DeliverPolicy::LastPerSubject,
            ..OrderedConfig::default()
        };
        let consumer = self.store.stream.create_consumer(config).await;
        let consumer = consumer.context("cannot read the bans")?;
        let mut left = consumer.cached_info().num_pending;
        let mut changes = consumer.messages().await.context("cannot read the bans")?;
        let mut list = List::default();
        while left > 0 {
            let record = changes.next().await.context("the bans end too soon")??;
            left = record.info().map_err(|error| anyhow::anyhow!(error))?.pending;
            if let Some(ban) = read(&record) {
                list.put(ban, Timestamp::now());
            }
        }
        self.change(|known| *known = list);
        Ok(BanChanges(changes))
    }

    /// Follows the bucket until `stop`, and starts over where something may have been missed.
    pub async fn follow(
        self,
        changes: BanChanges,
        mut losses: watch::Receiver<u64>,
        banned: Banned,
        stop: CancellationToken,
    ) {
        losses.mark_unchanged();
        let mut changes = Some(changes);
        while !stop.is_cancelled() {
            if let Some(changes) = changes.take() {
                tokio::select! {
                    error = self.hear(changes, &banned) => tracing::debug!("{error:#}"),
                    _ = losses.changed() => {}
                    () = stop.cancelled() => return,
                }
            }
            match stop.run_until_cancelled(self.read()).await {
                Some(Ok(read)) => {
                    self.all().iter().for_each(&banned);
                    changes = Some(read);
                }
                Some(Err(error)) => {
                    tracing::warn!("the list of bans may be out of date: {error:#}");
                    stop.run_until_cancelled(sleep(RETRY)).await;
                }
                None => {}
            }
        }
    }

    async fn hear(&self, BanChanges(mut changes): BanChanges, banned: &Banned) -> anyhow::Error {
        loop {
            let record = match changes.next().await {
                Some(Ok(record)) => record,
                Some(Err(error)) => return anyhow::anyhow!(error).context("the bans ended"),
                None => return anyhow::anyhow!("the bans ended"),
            };
            match read(&record) {
                Some(ban) if self.change(|list| list.put(ban.clone(), Timestamp::now())) => {
                    banned(&ban);
                }
                Some(_) => {}
                // A marker of deletion.
                None => {
                    if let Some(key) = kv::parse_subject(&record.subject) {
                        self.change(|list| list.lift(key));
                    }
                }
            }
        }
    }

    fn all(&self) -> Vec<Ban> {
        self.change(|list| list.0.values().cloned().collect())
    }
}

fn read(record: &Message) -> Option<Ban> {
    if record.payload.is_empty() {
        return None;
    }
    let ban: Result<Ban, _> = serde_json::from_slice(&record.payload);
    ban.inspect_err(|error| tracing::error!(%error, "the bucket holds what is no ban")).ok()
}
