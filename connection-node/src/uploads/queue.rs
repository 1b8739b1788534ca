//! The way to the media worker: a file's bytes into the object store, then its job into the queue.
//!
//! Owns a connection to NATS for nothing else, so that deliveries never wait behind a file, and the
//! bound on the bytes that are under way. Whose file it is, and what the sender hears, is left to
//! [`super`].

use std::{io::Cursor, sync::Arc, time::Duration};

use anyhow::Context as _;
use async_nats::{
    Client, Message, Subscriber,
    jetstream::{
        self,
        message::PublishMessage,
        object_store::{ObjectMetadata, ObjectStore},
    },
};
use bytes::Bytes;
use service_shell::{
    Link, NatsArgs,
    telemetry::{Span, SpanKind},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};
use wire::{ErrorCode, Failure, MediaJob, NatsRole, NodeId, header::TRACEPARENT, stream, subject};

use crate::log::publisher::DownSince;

/// The bytes of one chunk of the store.
const CHUNK: usize = 512 << 10;
/// How long a file may take into the queue; its sender waits for it.
const DEADLINE: Duration = Duration::from_secs(20);
/// How long the queue may take to answer, and how often it is asked: with the same id, so that the
/// attempt is there once.
const ATTEMPT: Duration = Duration::from_secs(5);
const ATTEMPTS: usize = 3;
/// Words of the media worker that may wait.
const WORDS: usize = 1_024;
/// How long a sender is asked to wait, in milliseconds.
const RETRY_UNAVAILABLE: u64 = 1_000;
const RETRY_OVERLOADED: u64 = 500;

/// Cheap to clone.
#[derive(Clone)]
pub struct MediaQueue {
    node: NodeId,
    client: Client,
    jetstream: jetstream::Context,
    down_since: DownSince,
    refusals: watch::Receiver<u64>,
    /// A permit for each KiB.
    room: Arc<Semaphore>,
    capacity: usize,
}

/// The right to hold a file's bytes.
pub struct Held(#[allow(dead_code)] OwnedSemaphorePermit);

impl MediaQueue {
    /// Connects. `capacity` bounds the bytes of files under way.
    ///
    /// # Errors
    /// As [`service_shell::connect`].
    pub async fn open(nats: &NatsArgs, node: NodeId, capacity: u64) -> anyhow::Result<Self> {
        let name = format!("connection-node {node} uploads");
        let Link { client, down_since, refusals, jetstream, .. } =
            service_shell::connect(nats, NatsRole::Node, &name, WORDS).await?;
        let jetstream =
            jetstream.builder().timeout(ATTEMPT).ack_timeout(ATTEMPT).build(client.clone());
        let capacity = kib(capacity);
        let room = Arc::new(Semaphore::new(capacity));
        Ok(Self { node, client, jetstream, down_since, refusals, room, capacity })
    }

    /// What the media worker says of this node's files.
    ///
    /// # Errors
    /// When the connection is gone for good.
    pub async fn words(&self) -> anyhow::Result<Subscriber> {
        let subject = subject::media_failure(&self.node);
        let words = self.client.subscribe(subject).await.context("cannot subscribe")?;
        self.client.flush().await.context("cannot reach NATS")?;
        Ok(words)
    }

    /// Tells the media worker that its word was taken, if it asked to be told where that may be.
    pub async fn taken(&self, word: Message) {
        let Some(answers) = word.reply.filter(|answers| subject::is_media_answers(answers)) else {
            return;
        };
        // Without the answer it says so again.
        if let Err(error) = self.client.publish(answers, Bytes::new()).await {
            tracing::debug!("the media worker is not told that its word was taken: {error}");
        }
    }

    /// Bytes under way, in steps of a KiB.
    pub fn held(&self) -> usize {
        (self.capacity - self.room.available_permits()) << 10
    }

    /// What NATS has denied to this connection.
    pub fn refusals(&self) -> u64 {
        *self.refusals.borrow()
    }

    /// Room for a file of so many bytes.
    ///
    /// # Errors
    /// `unavailable` without a connection to NATS, `overloaded` where too much is under way.
    pub fn hold(&self, bytes: usize) -> Result<Held, Failure> {
        if self.down_since.borrow().is_some() {
            return Err(unavailable());
        }
        let permits = u32::try_from(kib(bytes as u64)).unwrap_or(u32::MAX);
        self.room.clone().try_acquire_many_owned(permits).map(Held).map_err(|_| {
            let message = "the node has too many files in flight; send it again a little later";
            Failure::retry(ErrorCode::Overloaded, message, RETRY_OVERLOADED)
        })
    }

    /// Stores the bytes and queues the job: on success some worker will deal with the file.
    ///
    /// # Errors
    /// `unavailable` where that is not known.
    pub async fn put(
        &self,
        job: &MediaJob,
        bytes: Bytes,
        _held: Held,
        span: &Span,
    ) -> Result<(), Failure> {
        let media = &job.media_id;
        match timeout(DEADLINE, self.try_put(job, bytes, span)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(media, "a file is not known to be queued: {error:#}");
                Err(unavailable())
            }
            Err(_) => {
                tracing::warn!(media, "a file is not known to be queued after {DEADLINE:?}");
                Err(unavailable())
            }
        }
    }

    async fn try_put(&self, job: &MediaJob, bytes: Bytes, span: &Span) -> anyhow::Result<()> {
        let storing = span.child("store", SpanKind::Client);
        let store = self.store().await?;
        let meta = ObjectMetadata {
            name: job.object.clone(),
            chunk_size: Some(CHUNK),
            ..ObjectMetadata::default()
        };
        store.put(meta, &mut Cursor::new(bytes)).await.context("the store took no file")?;
        drop(storing);
        let queueing = span.child("queue", SpanKind::Producer);
        let payload: Bytes = serde_json::to_vec(job)?.into();
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.queue(job, payload.clone(), &queueing).await {
                Err(error) if attempts < ATTEMPTS => {
                    tracing::debug!(media = job.media_id, "queueing again: {error:#}");
                }
                last => return last,
            }
        }
    }

    async fn store(&self) -> anyhow::Result<ObjectStore> {
        let store = self.jetstream.get_object_store(stream::UPLOADS_BUCKET).await;
        store.context("the store of uploads does not answer")
    }

    async fn queue(&self, job: &MediaJob, payload: Bytes, span: &Span) -> anyhow::Result<()> {
        let mut message = PublishMessage::build().payload(payload).message_id(&job.object);
        if let Some(traceparent) = span.traceparent() {
            message = message.header(TRACEPARENT, traceparent.as_str());
        }
        let sent = self.jetstream.send_publish(subject::media_job(&self.node), message);
        sent.await.context("the queue takes nothing")?.await.context("no word of the queue")?;
        Ok(())
    }
}

/// Never none, so that even the smallest files are bounded.
fn kib(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(1 << 10).max(1)).unwrap_or(Semaphore::MAX_PERMITS)
}

fn unavailable() -> Failure {
    let message = "the file is not known to be stored; send it again";
    Failure::retry(ErrorCode::Unavailable, message, RETRY_UNAVAILABLE)
}
