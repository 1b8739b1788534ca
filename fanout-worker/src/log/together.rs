//! Followers that read through one consumer.
//!
//! Each is handed the records of its partition from its own `next` on; whatever else comes is left out. One
//! that takes its batches slowly holds the others up; what makes one slow is the queue that all send through.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;
use wire::subject::{LogSubject, partition_log};
use wire::{Partition, Seq, stream::ROOMS};

use super::follower::Follower;
use super::{Batch, pending_after, take_ready};
use crate::metrics::Backlog;
use crate::nats::Nats;
use crate::ordered::{self, Arrival, From, Ordered};

/// A consumer that could not be made for so long is given up.
const TROUBLE: Duration = Duration::from_secs(5);

/// The consumer and those who read through it.
#[derive(Debug)]
pub struct Together {
    records: Ordered,
    followers: HashMap<Partition, Follower>,
    /// How many partitions the consumer has.
    filters: usize,
    backlog: Backlog,
    /// Since when there is no consumer.
    unopened_since: Option<Instant>,
}

/// Who reads together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Following {
    pub partitions: Vec<Partition>,
    /// Whether the records of others come too, for nobody.
    pub fewer: bool,
    /// From where they all can go on.
    pub next: Seq,
}

/// How handing on went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed {
    Well,
    /// The tenure of some is over.
    SomeGone,
    /// There is no consumer, and it seems that there will be none.
    Trouble,
}

/// A consumer for the logs of `partitions` from `start` on, made now.
///
/// # Errors
/// When NATS does not answer, or denies it.
pub async fn open(nats: &Nats, partitions: &[Partition], start: Seq) -> anyhow::Result<Ordered> {
    let filters = partitions.iter().map(|partition| partition_log(*partition)).collect();
    let mut records = Ordered::new(nats, ROOMS, filters, "log".to_owned(), From::Seq(start));
    records.open().await?;
    Ok(records)
}

impl Together {
    /// `records` has `filters` partitions, those of the followers and maybe more, and begins no later than
    /// the least `next` of the followers.
    pub fn new(
        records: Ordered,
        filters: usize,
        followers: Vec<Follower>,
        backlog: Backlog,
    ) -> Self {
        let followers =
            followers.into_iter().map(|follower| (follower.partition, follower)).collect();
        Self { records, followers, filters, backlog, unopened_since: None }
    }

    /// Whom it reads for now.
    pub fn following(&self) -> Following {
        let there = self.followers.values().filter(|follower| !follower.is_gone());
        let partitions: Vec<_> = there.map(|follower| follower.partition).collect();
        let fewer = partitions.len() < self.filters;
        Following { partitions, fewer, next: self.records.start() }
    }

    /// Leaves a follower out, for another tenure of its partition has begun.
    pub fn forget(&mut self, partition: Partition) {
        self.followers.remove(&partition);
    }

    /// Waits for what comes next, to be handed to [`Self::hand`]. A call that is given up loses nothing.
    pub async fn next(&mut self) -> Arrival {
        self.records.next().await
    }

    /// Hands on what is there, at most `max_records`.
    pub async fn hand(&mut self, arrival: Arrival, max_records: usize) -> Handed {
        let first = match arrival {
            Arrival::Record(first) => first,
            Arrival::Unopened => return self.unopened(),
            Arrival::Opened { pending } => {
                self.unopened_since = None;
                self.backlog.tell(pending);
                return Handed::Well;
            }
            Arrival::Quiet => {
                self.backlog.tell(0);
                return Handed::Well;
            }
            Arrival::CaughtUp => return Handed::Well,
        };
        let ready = take_ready(first, &mut self.records, max_records);
        self.backlog.tell(pending_after(&ready));
        let mut handed = Handed::Well;
        for (partition, batch) in self.sort(&ready) {
            let Some(follower) = self.followers.get_mut(&partition) else { continue };
            if follower.hand(batch).await.is_err() {
                self.followers.remove(&partition);
                handed = Handed::SomeGone;
            }
        }
        handed
    }

    /// The followers, as far as they were handed everything, and the consumer that is to be closed.
    pub fn part(self) -> (Vec<Follower>, Ordered) {
        // Where a partition is silent, its follower's own would be long ago.
        let next = self.records.start();
        let go_on = |mut follower: Follower| {
            follower.next = follower.next.max(next);
            follower
        };
        (self.followers.into_values().map(go_on).collect(), self.records)
    }

    fn unopened(&mut self) -> Handed {
        let since = *self.unopened_since.get_or_insert_with(Instant::now);
        if since.elapsed() > TROUBLE { Handed::Trouble } else { Handed::Well }
    }

    /// What is for whom, without what its follower has already.
    fn sort(&self, ready: &[ordered::Record]) -> BTreeMap<Partition, Batch> {
        let mut sorted: BTreeMap<Partition, Vec<&ordered::Record>> = BTreeMap::new();
        for record in ready {
            if let Some(partition) = LogSubject::partition(&record.subject)
                && let Some(follower) = self.followers.get(&partition)
                && record.seq >= follower.next
            {
                sorted.entry(partition).or_default().push(record);
            }
        }
        sorted.into_iter().map(|(partition, records)| (partition, Batch::of(records))).collect()
    }
}
