//! Followers that read through one consumer: what a worker whose partitions stay costs no more than one.
//!
//! Each follower is handed the records of its partition from its own `next` on; whatever else comes is
//! left out. One that takes its batches slowly holds the others up, and they send through one queue anyway.

use std::collections::{BTreeMap, HashMap};

use wire::subject::{LogSubject, partition_log};
use wire::{Partition, Seq, stream::ROOMS};

use super::follower::{Follower, Gone};
use super::{Batch, pending_after, take_ready};
use crate::metrics::Backlog;
use crate::nats::Nats;
use crate::ordered::{self, Arrival, From, Ordered};

/// The consumer and those who read through it.
#[derive(Debug)]
pub struct Together {
    records: Ordered,
    followers: HashMap<Partition, Follower>,
    begun_with: usize,
    backlog: Backlog,
}

/// Who reads together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Following {
    pub partitions: Vec<Partition>,
    /// Whether there were more when it began, whose records still come for nobody.
    pub fewer: bool,
    /// From where they all can go on.
    pub next: Seq,
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
    /// `records` begins at the least `next` of the followers or before it, and has all of their partitions.
    pub fn new(records: Ordered, followers: Vec<Follower>, backlog: Backlog) -> Self {
        let begun_with = followers.len();
        let followers =
            followers.into_iter().map(|follower| (follower.partition, follower)).collect();
        Self { records, followers, begun_with, backlog }
    }

    /// Whom it reads for now.
    pub fn following(&self) -> Following {
        let there = self.followers.values().filter(|follower| !follower.is_gone());
        let partitions: Vec<_> = there.map(|follower| follower.partition).collect();
        let fewer = partitions.len() < self.begun_with;
        Following { partitions, fewer, next: self.next_of_all() }
    }

    /// Leaves a follower out, for another tenure of its partition has begun.
    pub fn forget(&mut self, partition: Partition) {
        self.followers.remove(&partition);
    }

    /// Waits for what comes next, to be handed to [`Self::hand`]. A call that is given up loses nothing.
    pub async fn next(&mut self) -> Arrival {
        self.records.next().await
    }

    /// Hands on what is there, at most `max_records`; whether some followers turned out to be gone.
    pub async fn hand(&mut self, arrival: Arrival, max_records: usize) -> Result<(), Gone> {
        let Arrival::Record(first) = arrival else { return Ok(()) };
        let ready = take_ready(first, &mut self.records, max_records);
        self.backlog.tell(pending_after(&ready));
        let mut outcome = Ok(());
        for (partition, batch) in self.sort(&ready) {
            let Some(follower) = self.followers.get_mut(&partition) else { continue };
            if let Err(gone) = follower.hand(batch).await {
                self.followers.remove(&partition);
                outcome = Err(gone);
            }
        }
        outcome
    }

    /// The followers, as far as they were handed everything, and the consumer that is to be closed.
    pub fn part(self) -> (Vec<Follower>, Ordered) {
        let next = self.next_of_all();
        let go_on = |mut follower: Follower| {
            follower.next = follower.next.max(next);
            follower
        };
        (self.followers.into_values().map(go_on).collect(), self.records)
    }

    /// All before it was handed on, to each its own; for a follower whose partition is silent, its own
    /// `next` would be long ago.
    fn next_of_all(&self) -> Seq {
        self.records.start().unwrap_or_default()
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
