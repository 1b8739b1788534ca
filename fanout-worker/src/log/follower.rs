//! One tenure that follows its partition's log, and how far it was handed it.

use tokio::sync::mpsc;
use wire::{Partition, Seq};

use super::Batch;

/// Whom the records of a partition go to.
#[derive(Debug)]
pub struct Follower {
    pub partition: Partition,
    /// The first sequence that was not handed on yet.
    pub next: Seq,
    batches: mpsc::Sender<Batch>,
}

/// The tenure is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

impl Follower {
    pub fn new(partition: Partition, next: Seq, batches: mpsc::Sender<Batch>) -> Self {
        Self { partition, next, batches }
    }

    /// Hands a batch on, once there is room for it. A call that is given up has handed on nothing.
    ///
    /// # Errors
    /// When nobody listens any more.
    pub async fn hand(&mut self, batch: Batch) -> Result<(), Gone> {
        let last = batch.records.last().map(|record| record.seq);
        self.batches.send(batch).await.map_err(|_| Gone)?;
        self.next = last.map_or(self.next, |last| last + 1);
        Ok(())
    }

    pub fn is_gone(&self) -> bool {
        self.batches.is_closed()
    }

    /// Waits until the tenure is over.
    pub async fn gone(&self) {
        self.batches.closed().await;
    }
}
