//! Keeps the list of bans as the bucket has it.

use anyhow::Context as _;
use async_nats::jetstream::{
    Message,
    consumer::{DeliverPolicy, push::Ordered, push::OrderedConfig},
};
use futures_util::StreamExt;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use wire::{
    Timestamp,
    admin::{ALL_BANS, Ban},
    kv,
};

use super::{Bans, list::List};

/// Between two attempts to read the bucket.
const RETRY: Duration = Duration::from_millis(500);

/// How long a look at the whole bucket may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Called with each ban that begins to hold, and with all once some may have begun unseen.
pub type Banned = Box<dyn Fn(&[Ban]) + Send + Sync>;

/// What the bucket tells from now on.
pub struct BanChanges(Ordered);

impl Bans {
    /// Reads the whole list, so that it holds before the first client comes.
    ///
    /// # Errors
    /// When the bucket does not answer.
    pub async fn read(&self) -> anyhow::Result<BanChanges> {
        let read = timeout(PATIENCE, self.read_all()).await;
        read.context("cannot read the bans: NATS did not answer in time")?
            .context("cannot read the bans")
    }

    async fn read_all(&self) -> anyhow::Result<BanChanges> {
        let reading = self.readings.fetch_add(1, Ordering::Relaxed);
        let config = OrderedConfig {
            // With a name and one filter, so that the request's subject tells all: a node has the
            // permission for that one alone. An earlier reading's consumer may be there still.
            name: Some(format!("bans-{}-{reading}", self.node)),
            deliver_subject: self.client.new_inbox(),
            filter_subject: kv::subject(ALL_BANS),
            deliver_policy: DeliverPolicy::LastPerSubject,
            ..OrderedConfig::default()
        };
        let consumer = self.records.create_consumer(config).await?;
        let mut left = consumer.cached_info().num_pending;
        let mut changes = consumer.messages().await?;
        let (mut list, now) = (List::default(), Timestamp::now());
        while left > 0 {
            let record = changes.next().await.context("they end too soon")??;
            left = record.info().map_err(|error| anyhow::anyhow!(error))?.pending;
            let ban = match read(&record) {
                Record::Ban(ban) => Some(ban),
                Record::Lifted => None,
                Record::Unreadable => self.change(|known| known.at(key(&record))),
            };
            if let Some(ban) = ban {
                list.put(ban, now);
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
        let (mut changes, mut warned) = (Some(changes), false);
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
                    if std::mem::take(&mut warned) {
                        tracing::info!("the list of bans is up to date again");
                    }
                    banned(&self.change(|list| list.all()));
                    changes = Some(read);
                }
                Some(Err(error)) => {
                    if !std::mem::replace(&mut warned, true) {
                        tracing::warn!("the list of bans may be out of date: {error:#}");
                    }
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
                Record::Ban(ban) => {
                    if self.change(|list| list.put(ban.clone(), Timestamp::now())) {
                        banned(&[ban]);
                    }
                }
                Record::Lifted => self.change(|list| list.lift(key(&record))),
                Record::Unreadable => {}
            }
        }
    }
}

fn key(record: &Message) -> &str {
    kv::parse_subject(&record.subject).unwrap_or_default()
}

/// What the bucket holds under a key.
enum Record {
    Ban(Ban),
    /// A marker of deletion, or of a record's end.
    Lifted,
    /// It changes nothing: who is banned stays so.
    Unreadable,
}

fn read(record: &Message) -> Record {
    if record.payload.is_empty() {
        return Record::Lifted;
    }
    serde_json::from_slice(&record.payload).map_or_else(
        |error| {
            tracing::error!(%error, key = %record.subject, "the bucket holds what is no ban");
            Record::Unreadable
        },
        Record::Ban,
    )
}
