//! Who reads the log with whom.
//!
//! A consumer costs the server a timer and a heartbeat a second, and each of its records a wake-up; so
//! followers that have caught up read through one ([`Together`]). Making that anew reads again what the
//! others have had since the last of them came so far, and so a follower begins [`Alone`], and changes over
//! once no tenure has begun for a while. Nothing is read by two at once, and the change over leaves nothing
//! out: a follower goes with its `next`, and the new consumer begins no later than that.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use wire::{PARTITIONS, Partition, Seq};

use super::Batch;
use super::alone::{Alone, Position};
use super::follower::Follower;
use super::together::{self, Following, Handed, Together};
use crate::metrics::{Backlog, Metrics};
use crate::nats::Nats;
use crate::ordered::{Arrival, Ordered};

/// Batches of one partition that are read ahead.
const AHEAD: usize = 2;
/// How long no tenure must have begun before followers are gathered, and how often that is looked at.
const CALM: Duration = Duration::from_secs(2);
/// Before a consumer for all that could not be made is tried again.
const RETRY: Duration = Duration::from_secs(30);
/// A follower with more records before it than this reads on alone.
const NEAR: u64 = 1_024;
/// So much of the stream may be read again for a change over: well below a second's work.
const AGAIN: Seq = 65_536;

/// What tenures ask for their partitions' records.
#[derive(Debug, Clone)]
pub struct LogReader {
    newcomers: mpsc::Sender<Follower>,
}

/// What [`LogReader`]s have asked for.
type Newcomers = mpsc::Receiver<Follower>;

impl LogReader {
    /// A reader, and its work: it goes on until nobody can ask any more. A batch has at most
    /// `max_records`.
    pub fn new(
        nats: Nats,
        metrics: Arc<Metrics>,
        max_records: usize,
    ) -> (Self, impl Future<Output = ()>) {
        let (newcomers, asked) = mpsc::channel(PARTITIONS.into());
        let reader = Reader {
            nats,
            metrics,
            max_records,
            alone: HashMap::new(),
            together: None,
            gather_at: Instant::now() + CALM,
            opening: None,
            ending: JoinSet::new(),
        };
        (Self { newcomers }, reader.read(asked))
    }

    /// Every record of `partition` from sequence `from` on, until the receiver is dropped. The channel ends
    /// when reading has failed.
    pub async fn follow(&self, partition: Partition, from: Seq) -> mpsc::Receiver<Batch> {
        let (batches, followed) = mpsc::channel(AHEAD);
        // Refused only when the reader is gone; the end of the channel says so.
        let _ = self.newcomers.send(Follower::new(partition, from, batches)).await;
        followed
    }

    /// Waits until nothing is read any more.
    pub async fn ended(&self) {
        self.newcomers.closed().await;
    }
}

struct Reader {
    nats: Nats,
    metrics: Arc<Metrics>,
    max_records: usize,
    alone: HashMap<Partition, Alone>,
    together: Option<Together>,
    /// When followers are gathered, if none come or go before.
    gather_at: Instant,
    opening: Option<Opening>,
    /// Consumers that are being removed.
    ending: JoinSet<()>,
}

/// A consumer for all that is being made, while everyone reads on as before.
struct Opening {
    plan: Plan,
    records: AbortOnDropHandle<anyhow::Result<Ordered>>,
}

/// Who is to read together, and from where on.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    partitions: Vec<Partition>,
    start: Seq,
}

impl Reader {
    async fn read(mut self, mut newcomers: Newcomers) {
        loop {
            let opening = self.opening.is_some();
            tokio::select! {
                newcomer = newcomers.recv() => match newcomer {
                    Some(follower) => self.begin(follower),
                    None => break,
                },
                arrival = next(&mut self.together) => self.hand(arrival).await,
                opened = opened(&mut self.opening) => self.change_over(opened).await,
                () = sleep_until(self.gather_at), if !opening => self.gather(),
                Some(_) = self.ending.join_next() => {}
            }
        }
        self.end().await;
    }

    /// A tenure begins.
    fn begin(&mut self, follower: Follower) {
        let partition = follower.partition;
        if let Some(together) = &mut self.together {
            together.forget(partition);
        }
        let backlog = Backlog::new(&self.metrics, [partition]);
        let alone = Alone::begin(self.nats.clone(), follower, self.max_records, backlog);
        if let Some(earlier) = self.alone.insert(partition, alone) {
            self.ending.spawn(async move { drop(earlier.ended().await) });
        }
        self.gather_at = Instant::now() + CALM;
    }

    async fn hand(&mut self, arrival: Arrival) {
        let Some(together) = &mut self.together else { return };
        match together.hand(arrival, self.max_records).await {
            Handed::Well => {}
            Handed::SomeGone => self.gather_at = Instant::now() + CALM,
            Handed::Trouble => self.part(),
        }
    }

    /// Everyone goes on alone.
    fn part(&mut self) {
        let Some(together) = self.together.take() else { return };
        tracing::warn!("the consumer for all partitions cannot be made again; each has its own");
        let (followers, records) = together.part();
        self.ending.spawn(records.close());
        for follower in followers.into_iter().filter(|follower| !follower.is_gone()) {
            self.begin(follower);
        }
    }

    /// Begins to make a consumer for all, if there are any to be gathered.
    fn gather(&mut self) {
        self.gather_at = Instant::now() + CALM;
        self.alone.retain(|_, alone| !alone.is_over());
        let following = self.together.as_ref().map(Together::following).unwrap_or_default();
        if following.partitions.is_empty()
            && let Some(together) = self.together.take()
        {
            self.ending.spawn(together.part().1.close());
        }
        let alone = self.alone.iter().map(|(partition, alone)| (*partition, alone.position()));
        let Some(plan) = plan(alone, following) else { return };
        let (nats, partitions, start) = (self.nats.clone(), plan.partitions.clone(), plan.start);
        let opening = async move { together::open(&nats, &partitions, start).await };
        let records = AbortOnDropHandle::new(tokio::spawn(opening));
        self.opening = Some(Opening { plan, records });
    }

    async fn change_over(&mut self, (plan, opened): (Plan, anyhow::Result<Ordered>)) {
        let records = match opened {
            Ok(records) => records,
            Err(error) => {
                tracing::warn!(
                    "cannot read {} partitions through one consumer, which would cost less; each goes \
                     on with its own: {error:#}",
                    plan.partitions.len()
                );
                self.gather_at = Instant::now() + RETRY;
                return;
            }
        };
        let mut followers = Vec::with_capacity(plan.partitions.len());
        if let Some(together) = self.together.take() {
            let (followed, before) = together.part();
            followers.extend(followed.into_iter().filter(|follower| !follower.is_gone()));
            self.ending.spawn(before.close());
        }
        for partition in &plan.partitions {
            let Some(alone) = self.alone.remove(partition) else { continue };
            if let Some((follower, before)) = alone.stop().await {
                followers.push(follower);
                self.ending.spawn(before.close());
            }
        }
        // A tenure that began meanwhile may be behind the consumer.
        let (ready, behind): (Vec<_>, Vec<_>) =
            followers.into_iter().partition(|follower| follower.next >= plan.start);
        for follower in behind {
            self.begin(follower);
        }
        let filters = plan.partitions.len();
        let backlog = Backlog::new(&self.metrics, ready.iter().map(|follower| follower.partition));
        tracing::debug!(partitions = ready.len(), from = plan.start, "reading together");
        self.together = Some(Together::new(records, filters, ready, backlog));
    }

    /// Removes every consumer.
    async fn end(mut self) {
        if let Some(together) = self.together.take() {
            self.ending.spawn(together.part().1.close());
        }
        if let Some(opening) = self.opening.take()
            && let Ok(Ok(records)) = opening.records.await
        {
            self.ending.spawn(records.close());
        }
        for (_, alone) in self.alone.drain() {
            self.ending.spawn(async move { drop(alone.ended().await) });
        }
        while self.ending.join_next().await.is_some() {}
    }
}

/// The consumer with which all who have caught up can go on; `None` while there is none to gain, or it would
/// read too much again.
fn plan(alone: impl Iterator<Item = (Partition, Position)>, following: Following) -> Option<Plan> {
    let Following { mut partitions, fewer, next } = following;
    let near = |position: &Position| position.pending.is_some_and(|pending| pending <= NEAR);
    let mut joining: Vec<_> = alone.filter(|(_, position)| near(position)).collect();
    let goes_on = (!partitions.is_empty()).then_some(next);
    let newest = joining.iter().map(|(_, position)| position.next).chain(goes_on).max()?;
    let oldest = newest.saturating_sub(AGAIN);
    if goes_on.is_some_and(|next| next < oldest) {
        return None;
    }
    joining.retain(|(_, position)| position.next >= oldest);
    if joining.is_empty() && !fewer {
        return None;
    }
    let start = joining.iter().map(|(_, position)| position.next).chain(goes_on).min()?;
    partitions.extend(joining.into_iter().map(|(partition, _)| partition));
    partitions.sort_unstable();
    Some(Plan { partitions, start })
}

/// The next arrival for those who read together; never, where nobody does.
async fn next(together: &mut Option<Together>) -> Arrival {
    match together {
        Some(together) => together.next().await,
        None => std::future::pending().await,
    }
}

/// The outcome of what is being opened; never, where nothing is.
async fn opened(opening: &mut Option<Opening>) -> (Plan, anyhow::Result<Ordered>) {
    let Some(under_way) = opening else { return std::future::pending().await };
    let records = match (&mut under_way.records).await {
        Ok(records) => records,
        Err(error) => Err(error.into()),
    };
    let Some(Opening { plan, .. }) = opening.take() else { return std::future::pending().await };
    (plan, records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(numbers: &[u16]) -> Vec<Partition> {
        numbers.iter().map(|number| Partition::new(*number).unwrap()).collect()
    }

    fn alone(table: &[(u16, Seq, Option<u64>)]) -> impl Iterator<Item = (Partition, Position)> {
        table.iter().map(|(number, next, pending)| {
            let position = Position { next: *next, pending: *pending };
            (Partition::new(*number).unwrap(), position)
        })
    }

    #[test]
    fn those_who_have_caught_up_are_gathered_from_where_the_last_of_them_is() {
        let far = Some(NEAR + 1);
        let some = |numbers: &[u16], start| Some(Plan { partitions: partitions(numbers), start });
        let following = |numbers: &[u16], fewer, next| Following {
            partitions: partitions(numbers),
            fewer,
            next,
        };
        let nobody = || following(&[], false, 0);
        let table = [
            (&[][..], nobody(), None),
            (&[(4, 90, Some(0)), (3, 80, Some(NEAR))], nobody(), some(&[3, 4], 80)),
            (&[(4, 90, Some(0)), (3, 10, far), (2, 20, None)], nobody(), some(&[4], 90)),
            (&[(3, 10, far)], following(&[5, 7], false, 100), None),
            (&[(3, 80, Some(0))], following(&[5, 7], false, 100), some(&[3, 5, 7], 80)),
            (&[(3, 120, Some(0))], following(&[5, 7], false, 100), some(&[3, 5, 7], 100)),
            (&[(3, 120, Some(0))], following(&[], true, 100), some(&[3], 120)),
            (&[], following(&[5, 7], true, 100), some(&[5, 7], 100)),
            (&[], following(&[], true, 100), None),
            // Whoever would have too much read again waits until it hears where it is.
            (&[(3, 9, Some(0)), (4, 9 + AGAIN, Some(0))], nobody(), some(&[3, 4], 9)),
            (&[(3, 8, Some(0)), (4, 9 + AGAIN, Some(0))], nobody(), some(&[4], 9 + AGAIN)),
            (&[(3, 8, Some(0))], following(&[5, 7], false, 9 + AGAIN), None),
            (&[(3, 9 + AGAIN, Some(0))], following(&[5, 7], false, 8), None),
        ];
        for (who, following, expected) in table {
            let described = format!("{who:?} {following:?}");
            assert_eq!(plan(alone(who), following), expected, "{described}");
        }
    }
}
