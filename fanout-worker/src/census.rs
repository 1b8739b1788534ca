//! What this worker has counted, for an administrator who asks.
//!
//! Owners answer for their partitions when they come to it; one that is at work keeps nobody waiting.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, Subject, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, timeout_at};
use wire::admin::{LARGEST_ROOMS, RoomSize, StatsAnswer, WorkerStats};
use wire::subject::is_admin_answers;

use crate::metrics::Metrics;
use crate::nats::Nats;
use crate::partition::PartitionCore;

/// How long the owners have.
const PATIENCE: Duration = Duration::from_millis(100);
/// Questions that an owner may have before it.
const QUESTIONS: usize = 4;
/// Answers that may wait: one for each partition.
const ANSWERS: usize = 64;

/// A question to every owner: which are its largest rooms?
#[derive(Debug, Clone)]
pub struct Question(mpsc::Sender<Vec<RoomSize>>);

impl Question {
    /// An owner's answer.
    pub fn answer(&self, core: &PartitionCore) {
        // Whoever asked may have gone on without it.
        let _ = self.0.try_send(core.rosters().largest(LARGEST_ROOMS));
    }
}

/// The way to ask all owners.
pub type Questions = broadcast::Sender<Question>;

/// Nobody is asked yet.
pub fn questions() -> Questions {
    broadcast::Sender::new(QUESTIONS)
}

/// Answers whoever asks, for as long as there is a connection.
pub async fn answer(
    nats: Nats,
    metrics: Arc<Metrics>,
    questions: Questions,
    mut asked: Subscriber,
) {
    while let Some(request) = asked.next().await {
        let Some(reply) = whereto(request) else { continue };
        let (partitions, rooms, lag) = metrics.totals();
        let largest = largest(&questions).await;
        let worker = nats.worker.clone();
        let stats = StatsAnswer::Worker(WorkerStats { worker, partitions, rooms, lag, largest });
        let Ok(payload) = serde_json::to_vec(&stats) else { continue };
        // One look serves all who asked meanwhile.
        let others = std::iter::from_fn(|| asked.next().now_or_never().flatten());
        for reply in std::iter::once(reply).chain(others.filter_map(whereto)) {
            if let Err(error) = nats.client.publish(reply, payload.clone().into()).await {
                tracing::warn!(%error, "cannot answer an administrator");
            }
        }
    }
}

/// Where the answer goes. A worker may publish more than who asks it.
fn whereto(request: Message) -> Option<Subject> {
    request.reply.filter(|reply| is_admin_answers(reply))
}

async fn largest(questions: &Questions) -> Vec<RoomSize> {
    let (answers, mut answered) = mpsc::channel(ANSWERS);
    let mut owners = questions.send(Question(answers)).unwrap_or_default();
    let deadline = Instant::now() + PATIENCE;
    let mut largest: Vec<RoomSize> = Vec::new();
    while owners > 0
        && let Ok(Some(rooms)) = timeout_at(deadline, answered.recv()).await
    {
        largest.extend(rooms);
        owners -= 1;
    }
    largest.sort_unstable_by_key(|room| Reverse(room.users));
    largest.truncate(LARGEST_ROOMS);
    largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::RoomName;

    #[tokio::test(start_paused = true)]
    async fn owners_that_are_at_work_keep_nobody_waiting() {
        let questions = questions();
        let (mut quick, _busy) = (questions.subscribe(), questions.subscribe());
        let room = |users| RoomSize { room: RoomName::parse("r").unwrap(), users };
        let owner = tokio::spawn(async move {
            let Question(answers) = quick.recv().await.unwrap();
            answers.send(vec![room(1), room(3), room(2)]).await.unwrap();
        });
        assert_eq!(largest(&questions).await, [room(3), room(2), room(1)]);
        owner.await.unwrap();
    }
}
