//! A follower with a consumer of its own: how every tenure begins, for it may have much to catch up on.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wire::subject::partition_log;
use wire::{Seq, stream::ROOMS};

use super::follower::Follower;
use super::{Batch, pending_after, take_ready};
use crate::metrics::Backlog;
use crate::nats::Nats;
use crate::ordered::{Arrival, From, Ordered};

/// How far such a follower has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// As in [`Follower`].
    pub next: Seq,
    /// How many records the log had beyond; `None` before the first word of it.
    pub pending: Option<u64>,
}

/// The task that reads for one follower.
#[derive(Debug)]
pub struct Alone {
    position: watch::Receiver<Position>,
    stop: CancellationToken,
    /// Returns what it reads with, and for whom, if it was told to stop before the tenure was over.
    task: AbortOnDropHandle<Option<(Follower, Ordered)>>,
}

impl Alone {
    /// Reads until it is told to stop, or the tenure is over. A batch holds what is there, at most
    /// `max_records`.
    pub fn begin(nats: Nats, follower: Follower, max_records: usize, backlog: Backlog) -> Self {
        let (told, position) = watch::channel(Position { next: follower.next, pending: None });
        let stop = CancellationToken::new();
        let reading = read(nats, follower, max_records, backlog, told, stop.clone());
        Self { position, stop, task: AbortOnDropHandle::new(tokio::spawn(reading)) }
    }

    pub fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// Whether the tenure is over, and its consumer removed.
    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Ends the reading between two batches: the follower, with all that was read for it handed on, and
    /// the consumer that is to be closed; `None` when the tenure is over.
    pub async fn stop(self) -> Option<(Follower, Ordered)> {
        self.stop.cancel();
        self.ended().await
    }

    /// Waits until the tenure is over, or, told to stop, until that is done.
    pub async fn ended(self) -> Option<(Follower, Ordered)> {
        match self.task.await {
            Ok(ended) => ended,
            Err(error) => {
                // Its owner's channel is closed by this, and the owner fails.
                tracing::error!("a reader of the log failed: {error}");
                None
            }
        }
    }
}

async fn read(
    nats: Nats,
    mut follower: Follower,
    max_records: usize,
    mut backlog: Backlog,
    told: watch::Sender<Position>,
    stop: CancellationToken,
) -> Option<(Follower, Ordered)> {
    let purpose = format!("log-{}", follower.partition);
    let filters = vec![partition_log(follower.partition)];
    let mut records = Ordered::new(&nats, ROOMS, filters, purpose, From::Seq(follower.next));
    loop {
        let arrival = tokio::select! {
            () = stop.cancelled() => return Some((follower, records)),
            () = follower.gone() => break,
            arrival = records.next() => arrival,
        };
        let pending = match arrival {
            Arrival::Opened { pending } => {
                backlog.tell(pending);
                continue;
            }
            Arrival::CaughtUp | Arrival::Unopened => continue,
            Arrival::Quiet => 0,
            Arrival::Record(first) => {
                let ready = take_ready(first, &mut records, max_records);
                tokio::select! {
                    () = stop.cancelled() => return Some((follower, records)),
                    handed = follower.hand(Batch::of(&ready)) => if handed.is_err() { break },
                }
                pending_after(&ready)
            }
        };
        follower.next = follower.next.max(records.start());
        backlog.tell(pending);
        told.send_replace(Position { next: follower.next, pending: Some(pending) });
    }
    records.close().await;
    None
}
