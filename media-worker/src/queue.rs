//! The queue: takes jobs, keeps them while they are worked on, and ends each of them once.
//!
//! A job is acknowledged only when its message is in the log, or its sender was told that there will be
//! none. What ends before that is delivered again, to any worker.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, AckKind, Message};
use async_nats::{Client, HeaderMap, HeaderValue, Request};
use bytes::Bytes;
use futures_util::StreamExt as _;
use service_shell::JetStreamApi;
use service_shell::telemetry::{Span, SpanKind};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wire::client::FileError;
use wire::media::{DeadJob, FileFailed};
use wire::{MediaJob, Timestamp, header::TRACEPARENT, stream, subject};

use crate::intake::{Intake, Trouble, Upload};
use crate::metrics::{Metrics, Outcome, Way};
use crate::pipeline::Refusal;
use crate::uploads::Uploads;
use crate::verdict::{self, Step, Verdict};

/// How long a request for a job stands; a new one follows.
const PULL: Duration = Duration::from_secs(10);
/// Between two attempts to reach the queue.
const RETRY: Duration = Duration::from_millis(500);
/// How often the server hears that a job is still worked on.
const PROGRESS: Duration = Duration::from_secs(3);
/// Until the server must have confirmed the end of a job.
const ACKED: Duration = Duration::from_secs(5);
/// How often a sender's node is told of a failure, how long it has to answer, and the pause between. Its
/// connection comes back within that time if the node is there at all.
const TELLINGS: u32 = 5;
const TOLD: Duration = Duration::from_secs(2);
const TELL_AGAIN: Duration = Duration::from_secs(1);
/// How long the job at hand may take after the worker was told to stop.
const FINISH: Duration = Duration::from_secs(10);

/// Takes jobs from the queue.
#[derive(Clone)]
pub(crate) struct Queue {
    client: Client,
    jetstream: jetstream::Context,
    intake: Intake,
    uploads: Uploads,
    give_up_after: Duration,
    metrics: Arc<Metrics>,
}

impl Queue {
    /// Jobs older than `give_up_after` are not tried again.
    pub(crate) fn new(
        client: Client,
        api: &JetStreamApi,
        intake: Intake,
        uploads: Uploads,
        give_up_after: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        let jetstream = api.context(client.clone());
        Self { client, jetstream, intake, uploads, give_up_after, metrics }
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
        let started = Instant::now();
        let ended = tokio::select! {
            ended = self.work(message) => ended,
            never = keep(message) => match never {},
            () = finish => Err(anyhow::anyhow!("the worker stops before the job is done")),
        };
        let outcome = match ended {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!("a media job goes back into the queue: {error:#}");
                // Without this the job comes back all the same, only later.
                let _ = message.ack_with(AckKind::Nak(Some(RETRY))).await;
                Outcome::Deferred
            }
        };
        self.metrics.job(Way::Queue, outcome, started.elapsed());
    }

    /// An error means that the job is not ended.
    async fn work(&self, message: &Message) -> anyhow::Result<Outcome> {
        let Delivery { deliveries, born, .. } = Delivery::of(message)?;
        self.metrics.delivery(deliveries, born.elapsed().unwrap_or_default());
        let job: MediaJob = match serde_json::from_slice(&message.payload) {
            Ok(job) => job,
            Err(error) => {
                let reason = format!("the entry is no media job: {error}");
                self.bury(message, reason).await?;
                end(message).await?;
                return Ok(Outcome::GivenUp);
            }
        };
        let headers = message.headers.as_ref();
        let traceparent = headers.and_then(|headers| headers.get(TRACEPARENT));
        let span =
            Span::following(traceparent.map(HeaderValue::as_str), "media-job", SpanKind::Consumer);
        let outcome = match self.attempts(&job, deliveries, born, span).await {
            Verdict::Done => Outcome::Published,
            Verdict::Refuse(refusal) => {
                self.tell(&job, refusal).await?;
                Outcome::Refused
            }
            Verdict::GiveUp { refusal, reason } => {
                self.bury(message, reason).await?;
                self.tell(&job, refusal).await?;
                Outcome::GivenUp
            }
        };
        // The dead-letter record names the object, so it stays until it expires.
        if outcome != Outcome::GivenUp
            && let Err(error) = self.uploads.delete(&job.object).await
        {
            // It expires by itself.
            tracing::debug!(media = job.media_id, "an upload was left behind: {error:#}");
        }
        end(message).await?;
        Ok(outcome)
    }

    /// Tries until there is an end.
    async fn attempts(
        &self,
        job: &MediaJob,
        deliveries: u64,
        born: SystemTime,
        span: Span,
    ) -> Verdict {
        let upload = Upload {
            media_id: job.media_id.clone(),
            room: job.room.clone(),
            author: job.author.clone(),
            filename: job.filename.clone(),
            span,
        };
        let source = self.uploads.object(&job.object);
        let too_old = self.give_up_after;
        let mut hopeless = verdict::on_delivery(deliveries);
        let mut attempt = 0;
        loop {
            let step = if let Some(reason) = &hopeless {
                let ended = self.intake.finish(&job.media_id).await;
                let ended = ended.inspect_err(|trouble| not_yet(job, attempt, trouble));
                verdict::on_last_look(ended, reason, attempt, age(born), too_old)
            } else {
                let outcome = self.intake.take(&upload, &source).await;
                let outcome = outcome.inspect_err(|trouble| not_yet(job, attempt, trouble));
                verdict::on_attempt(outcome, attempt, age(born), too_old)
            };
            match step {
                Step::End(verdict) => return verdict,
                Step::LastLook(reason) => hopeless = Some(reason),
                Step::Again(pause) => {
                    self.metrics.retries.inc();
                    sleep(pause).await;
                    attempt += 1;
                }
            }
        }
    }

    /// Tells the sender's node that no message will come, until it says that it knows. One that says
    /// nothing is taken for dead: with it the sender's connection is gone.
    async fn tell(&self, job: &MediaJob, refusal: Refusal) -> anyhow::Result<()> {
        self.metrics.refusal(Way::Queue, refusal.code);
        let Some(node) = &job.node else { return Ok(()) };
        let (code, message) = (refusal.code, refusal.message);
        let failed = FileFailed {
            room: job.room.clone(),
            user_id: job.author.user_id.clone(),
            socket: job.socket,
            error: FileError { media_id: job.media_id.clone(), code, message },
        };
        let payload = Bytes::from(serde_json::to_vec(&failed)?);
        for attempt in 1..=TELLINGS {
            let answers = subject::media_answers(&Uuid::new_v4().simple().to_string());
            let asking = Request::new().payload(payload.clone()).inbox(answers);
            let asking = asking.timeout(Some(TOLD));
            let told = self.client.send_request(subject::media_failure(node), asking).await;
            match told {
                Ok(_) => return Ok(()),
                Err(error) => tracing::debug!(%node, attempt, "the node does not answer: {error}"),
            }
            if attempt < TELLINGS {
                sleep(TELL_AGAIN).await;
            }
        }
        tracing::info!(%node, media = job.media_id, "the sender's node takes no word of a failure");
        Ok(())
    }

    /// Writes the dead-letter record: one for a job, though it comes again because its end was not heard.
    async fn bury(&self, message: &Message, reason: String) -> anyhow::Result<()> {
        let Delivery { deliveries, sequence, .. } = Delivery::of(message)?;
        tracing::error!(deliveries, reason, "a media job is given up");
        let dead = DeadJob {
            job: String::from_utf8_lossy(&message.payload).into_owned(),
            reason,
            deliveries,
            timestamp: Timestamp::now(),
        };
        let payload = serde_json::to_vec(&dead)?;
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, &*format!("media-job-{sequence}"));
        let publishing =
            self.jetstream.publish_with_headers(subject::MEDIA_DEAD, headers, payload.into());
        publishing.await?.await.context("cannot write the dead-letter record")?;
        self.metrics.dead_letters.inc();
        Ok(())
    }
}

/// What the server says of a job that it hands out.
struct Delivery {
    /// This one included.
    deliveries: u64,
    /// When the job was queued.
    born: SystemTime,
    /// Its place in the queue, which no other job ever has.
    sequence: u64,
}

impl Delivery {
    fn of(message: &Message) -> anyhow::Result<Self> {
        let info = message.info().map_err(|error| anyhow::anyhow!(error))?;
        Ok(Self {
            deliveries: u64::try_from(info.delivered).unwrap_or(1),
            born: SystemTime::from(info.published),
            sequence: info.stream_sequence,
        })
    }
}

fn age(born: SystemTime) -> Duration {
    born.elapsed().unwrap_or_default()
}

fn not_yet(job: &MediaJob, attempt: u32, trouble: &Trouble) {
    tracing::info!(media = job.media_id, attempt, "no message yet: {trouble}");
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
