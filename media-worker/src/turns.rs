//! How many uploads may be in memory at a time.
//!
//! Owns the turns, and that one ends with the work that it was taken for: a thread goes on when whoever
//! waited for it is gone. What the work is, is its caller's business.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::intake::Trouble;

/// How long an upload waits for its turn.
const WAIT: Duration = Duration::from_secs(10);

/// The turns of a worker; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

/// Room for one upload, until it is dropped or spent.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Turns {
    pub(crate) fn new(parallel: usize) -> Self {
        Self(Arc::new(Semaphore::new(parallel)))
    }

    pub(crate) async fn take(&self) -> Result<Turn, Trouble> {
        let permit = timeout(WAIT, self.0.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| Trouble::Busy)?.context("there are no turns any more")?;
        Ok(Turn { _permit: permit })
    }
}

impl Turn {
    /// Works on a thread of its own. The turn ends with the work, whether or not somebody still waits.
    pub(crate) async fn spend<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        let work = move || {
            let made = work();
            drop(self);
            made
        };
        tokio::task::spawn_blocking(work).await.context("the work did not end")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_that_nobody_waits_for_keeps_its_turn() {
        let turns = Turns::new(1);
        let turn = turns.take().await.unwrap();
        let (begun, beginning) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let waiting = tokio::spawn(turn.spend(move || {
            begun.send(()).unwrap();
            released.recv().unwrap();
        }));
        beginning.await.unwrap();
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert_eq!(turns.0.available_permits(), 0);
        release.send(()).unwrap();
        turns.take().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_gets_no_turn_is_told() {
        let turns = Turns::new(1);
        let turn = turns.take().await.unwrap();
        assert!(matches!(turns.take().await, Err(Trouble::Busy)));
        drop(turn);
        turns.take().await.unwrap();
    }
}
