//! The queue: takes jobs, keeps them while they are worked on, and ends each of them once.
//!
//! A job is acknowledged only when its message is in the log, or its sender was told that there will be
//! none. What ends before that is delivered again, to any worker.

use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use async_nats::Client;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, AckKind, Message};
use futures_util::StreamExt as _;
use service_shell::JetStreamApi;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::client::FileError;
use wire::media::{DeadJob, FileFailed};
use wire::{MediaJob, Timestamp, stream, subject};

use crate::intake::{Intake, Upload};
use crate::pipeline::Refusal;
use crate::uploads::Uploads;
use crate::verdict::{self, Verdict};

/// How long a request for a job stands; a new one follows.
const PULL: Duration = Duration::from_secs(10);
/// Between two attempts to reach the queue.
const RETRY: Duration = Duration::from_millis(500);
/// How often the server hears that a job is still worked on.
const PROGRESS: Duration = Duration::from_secs(3);
/// Until the server must have confirmed the end of a job.
const ACKED: Duration = Duration::from_secs(5);
/// How long the job at hand may take after the worker was told to stop.
const FINISH: Duration = Duration::from_secs(10);

/// Takes jobs from the queue.
#[derive(Clone)]
pub(crate) struct Queue {
    client: Client,
    jetstream: jetstream::Context,
    intake: Intake,
    uploads: Uploads,
}

impl Queue {
    pub(crate) fn new(
        client: Client,
        api: &JetStreamApi,
        intake: Intake,
        uploads: Uploads,
    ) -> Self {
        let jetstream = api.context(client.clone());
        Self { client, jetstream, intake, uploads }
    }

    /// Works on up to `parallel` jobs at a time, until `shutdown` and until those at hand are done or
    /// given back.
    pub(crate) async fn run(self, parallel: usize, shutdown: CancellationToken) {
        let lanes = TaskTracker::new();
        for _ in 0..parallel {
            lanes.spawn(self.clone().lane(shutdown.clone()));
        }
        lanes.close();
        lanes.wait().await;
    }

    /// One job after the other.
    async fn lane(self, shutdown: CancellationToken) {
        let mut in_trouble = false;
        while let Some(next) = shutdown.run_until_cancelled(self.next()).await {
            match next {
                Ok(message) => {
                    in_trouble = false;
                    if let Some(message) = message {
                        self.job(&message, &shutdown).await;
                    }
                }
                Err(error) => {
                    if !in_trouble {
                        tracing::warn!("no jobs can be taken, trying on: {error:#}");
                    }
                    in_trouble = true;
                    shutdown.run_until_cancelled(sleep(RETRY)).await;
                }
            }
        }
    }

    /// The next job, if one comes soon.
    async fn next(&self) -> anyhow::Result<Option<Message>> {
        let consumer: PullConsumer = self
            .jetstream
            .get_consumer_from_stream(stream::MEDIA_CONSUMER, stream::MEDIA)
            .await
            .context("the queue does not answer")?;
        let batch = consumer.batch().max_messages(1).expires(PULL).messages();
        let mut batch = batch.await.context("the queue takes no request")?;
        match timeout(PULL + RETRY, batch.next()).await {
            Ok(Some(Ok(message))) => Ok(Some(message)),
            Ok(Some(Err(error))) => Err(anyhow::anyhow!(error).context("the queue failed")),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// Brings one job to its end, or gives it back.
    async fn job(&self, message: &Message, shutdown: &CancellationToken) {
        let finish = async {
            shutdown.cancelled().await;
            sleep(FINISH).await;
        };
        let ended = tokio::select! {
            ended = self.work(message) => ended,
            never = keep(message) => match never {},
            () = finish => Err(anyhow::anyhow!("the worker stops before the job is done")),
        };
        if let Err(error) = ended {
            tracing::warn!("a media job goes back into the queue: {error:#}");
            // Without this the job comes back all the same, only later.
            let _ = message.ack_with(AckKind::Nak(Some(RETRY))).await;
        }
    }

    /// An error means that the job is not ended.
    async fn work(&self, message: &Message) -> anyhow::Result<()> {
        let (deliveries, born) = {
            let info = message.info().map_err(|error| anyhow::anyhow!(error))?;
            (u64::try_from(info.delivered).unwrap_or(1), SystemTime::from(info.published))
        };
        let job: MediaJob = match serde_json::from_slice(&message.payload) {
            Ok(job) => job,
            Err(error) => {
                let reason = format!("the entry is no media job: {error}");
                self.bury(message, deliveries, reason).await?;
                return end(message).await;
            }
        };
        let verdict = match verdict::on_delivery(deliveries) {
            Some(verdict) => verdict,
            None => self.attempts(&job, born).await,
        };
        match verdict {
            Verdict::Done | Verdict::Again(_) => {}
            Verdict::Refuse(refusal) => self.tell(&job, refusal).await?,
            Verdict::GiveUp { refusal, reason } => {
                self.bury(message, deliveries, reason).await?;
                self.tell(&job, refusal).await?;
            }
        }
        if let Err(error) = self.uploads.delete(&job.object).await {
            // It expires by itself.
            tracing::debug!(media = job.media_id, "an upload was left behind: {error:#}");
        }
        end(message).await
    }

    /// Tries until there is an end.
    async fn attempts(&self, job: &MediaJob, born: SystemTime) -> Verdict {
        let upload = Upload {
            media_id: job.media_id.clone(),
            room: job.room.clone(),
            author: job.author.clone(),
            filename: job.filename.clone(),
        };
        let source = self.uploads.object(&job.object);
        let mut attempt = 0;
        loop {
            let outcome = self.intake.take(&upload, &source).await;
            if let Err(trouble) = &outcome {
                tracing::info!(media = job.media_id, attempt, "no message yet: {trouble}");
            }
            let age = born.elapsed().unwrap_or_default();
            match verdict::on_attempt(outcome, attempt, age) {
                Verdict::Again(pause) => sleep(pause).await,
                verdict => return verdict,
            }
            attempt += 1;
        }
    }

    /// Tells the sender's node that no message will come. Flushed before the job is acknowledged.
    async fn tell(&self, job: &MediaJob, refusal: Refusal) -> anyhow::Result<()> {
        let Some(node) = &job.node else { return Ok(()) };
        let (code, message) = (refusal.code, refusal.message);
        let failed = FileFailed {
            room: job.room.clone(),
            user_id: job.author.user_id.clone(),
            socket: job.socket,
            error: FileError { media_id: job.media_id.clone(), code, message },
        };
        let payload = serde_json::to_vec(&failed)?;
        self.client.publish(subject::media_failure(node), payload.into()).await?;
        self.client.flush().await.context("cannot tell the sender's node")
    }

    /// Writes the dead-letter record.
    async fn bury(&self, message: &Message, deliveries: u64, reason: String) -> anyhow::Result<()> {
        tracing::error!(deliveries, reason, "a media job is given up");
        let dead = DeadJob {
            job: String::from_utf8_lossy(&message.payload).into_owned(),
            reason,
            deliveries,
            timestamp: Timestamp::now(),
        };
        let payload = serde_json::to_vec(&dead)?;
        let publishing = self.jetstream.publish(subject::MEDIA_DEAD, payload.into());
        publishing.await?.await.context("cannot write the dead-letter record")?;
        Ok(())
    }
}

/// Removes the job from the queue, for sure.
async fn end(message: &Message) -> anyhow::Result<()> {
    let acked = timeout(ACKED, message.double_ack()).await.context("no word of the ack in time")?;
    acked.map_err(|error| anyhow::anyhow!(error)).context("the ack failed")
}

/// Keeps the job from being delivered to another worker.
async fn keep(message: &Message) -> std::convert::Infallible {
    let mut ticks = interval_at(Instant::now() + PROGRESS, PROGRESS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = message.ack_with(AckKind::Progress).await {
            tracing::debug!("no progress could be told: {error}");
        }
    }
}
