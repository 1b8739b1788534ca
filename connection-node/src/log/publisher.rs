//! Publishing to the log: in the order given, many at once in flight, each answered when the log has
//! said that it is stored.
//!
//! Owns the bound on what is in flight and the meaning of the log's answers. It never tries again by
//! itself: that would reorder a sender's messages. The sender does, with the same id.
//!
//! Every message is answered, once: at the latest when it is dropped on the way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_nats::{
    Client,
    connection::State,
    jetstream::{
        self,
        context::{PublishAckFuture, PublishError},
        message::PublishMessage,
        publish::PublishAck,
    },
};
use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesUnordered};
use service_shell::telemetry::{Span, SpanKind};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use wire::{ErrorCode, Failure, Seq, Timestamp, header::TRACEPARENT};

use super::reader::LogReader;
use crate::metrics::{Metrics, Published};

/// How long the log may take to say that a message is stored.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a sender is asked to wait, in milliseconds, when the log is away.
const RETRY_UNAVAILABLE: u64 = 1_000;
/// The same when the node has its hands full.
const RETRY_OVERLOADED: u64 = 250;

/// Where a message went.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    pub seq: Seq,
    /// The message's own time: of its first publish, where this one was a repetition.
    pub timestamp: Timestamp,
}

/// Called once, with where the message was stored or why that is not known.
pub type Done = Box<dyn FnOnce(Result<Stored, Failure>) + Send>;

/// One message to publish.
pub struct Publication {
    pub subject: String,
    pub payload: Bytes,
    /// The `Nats-Msg-Id`; without one the log does not look for repetitions.
    pub id: Option<Arc<str>>,
    pub timestamp: Timestamp,
    /// Ends with the answer.
    pub span: Span,
    pub done: Done,
}

/// Since when the connection to NATS is down, where it is.
pub type DownSince = watch::Receiver<Option<Instant>>;

/// The way in. Cheap to clone; the publisher ends when the last one is dropped.
#[derive(Clone)]
pub struct Publisher {
    queue: mpsc::Sender<Publication>,
    in_flight: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

impl Publisher {
    /// A publisher and the future that drives it. `capacity` bounds what waits, and what is in
    /// flight.
    pub fn new(
        client: Client,
        reader: LogReader,
        down_since: DownSince,
        capacity: usize,
        metrics: Arc<Metrics>,
    ) -> (Self, impl Future<Output = ()>) {
        let (queue, publications) = mpsc::channel(capacity);
        let in_flight = Arc::new(AtomicUsize::new(0));
        let publisher = Self { queue, in_flight: in_flight.clone(), metrics: metrics.clone() };
        let way = Way { client, reader, down_since, in_flight, capacity, metrics };
        (publisher, drive(way, publications))
    }

    /// How many messages wait for the log's answer, or for their turn.
    pub fn in_flight(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity() + self.in_flight.load(Ordering::Relaxed)
    }

    /// Takes a message, in order. When there is no room its `done` learns of it at once.
    pub fn publish(&self, publication: Publication) {
        if let Err(error) = self.queue.try_send(publication) {
            let failure = Failure::retry(
                ErrorCode::Overloaded,
                "the node has too many messages in flight; send again a little later",
                RETRY_OVERLOADED,
            );
            self.metrics.count_publish(Published::overloaded);
            let mut refused = error.into_inner();
            refused.span.fail("overloaded");
            (refused.done)(Err(failure));
        }
    }
}

/// What publishing needs.
struct Way {
    client: Client,
    reader: LogReader,
    down_since: DownSince,
    in_flight: Arc<AtomicUsize>,
    capacity: usize,
    metrics: Arc<Metrics>,
}

async fn drive(mut way: Way, mut publications: mpsc::Receiver<Publication>) {
    let context = jetstream::context::ContextBuilder::new()
        .timeout(ACK_TIMEOUT)
        .ack_timeout(ACK_TIMEOUT)
        // Acks that are not awaited any more after an outage count until they time out.
        .max_ack_inflight(2 * way.capacity + 1)
        .build(way.client.clone());
    let mut in_flight = FuturesUnordered::new();
    let mut was_down = false;
    loop {
        way.in_flight.store(in_flight.len(), Ordering::Relaxed);
        tokio::select! {
            Some(()) = in_flight.next(), if !in_flight.is_empty() => {}
            publication = publications.recv(), if in_flight.len() < way.capacity => {
                let Some(publication) = publication else { break };
                if let Some((ack, waiting)) = send(&way, &context, publication).await {
                    in_flight.push(settle(ack, waiting, &way.reader));
                }
            }
            Ok(()) = way.down_since.changed() => {
                // An answer that was on its way is lost with the connection: their senders are told
                // now, not when they have waited in vain. A connection that is back already was
                // away without being seen so.
                let down = way.down_since.borrow_and_update().is_some();
                if (down || !was_down) && !in_flight.is_empty() {
                    let messages = in_flight.len();
                    tracing::warn!(messages, "lost the answers to messages in flight");
                    in_flight.clear();
                }
                was_down = down;
            }
        }
    }
    while in_flight.next().await.is_some() {}
}

/// What is left of a publication once it is on its way.
struct Waiting {
    timestamp: Timestamp,
    done: Option<Done>,
    metrics: Arc<Metrics>,
    /// The step within [`Publication::span`]: from here to the log and back.
    publishing: Span,
    span: Span,
}

impl Waiting {
    fn stored(mut self, stored: Stored, published: Published) {
        self.metrics.count_publish(published);
        if let Some(done) = self.done.take() {
            done(Ok(stored));
        }
    }
}

/// Whoever lets go of a message without knowing its fate says so.
impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            self.metrics.count_publish(Published::unavailable);
            self.publishing.fail("unavailable");
            self.span.fail("unavailable");
            done(Err(unavailable()));
        }
    }
}

async fn send(
    way: &Way,
    context: &jetstream::Context,
    publication: Publication,
) -> Option<(PublishAckFuture, Waiting)> {
    let Publication { subject, payload, id, timestamp, span, done } = publication;
    let publishing = span.child("publish", SpanKind::Producer);
    let traceparent = publishing.traceparent();
    let (done, metrics) = (Some(done), way.metrics.clone());
    let waiting = Waiting { timestamp, done, metrics, publishing, span };
    // The client would keep what it cannot send and send it much later: the sender knows better
    // whether that is still wanted.
    if way.client.connection_state() != State::Connected {
        return None;
    }
    let mut message = PublishMessage::build().payload(payload);
    if let Some(id) = id {
        message = message.message_id(id);
    }
    if let Some(traceparent) = traceparent {
        message = message.header(TRACEPARENT, traceparent.as_str());
    }
    let sent = context.send_publish(subject, message).await;
    sent.inspect_err(complain).ok().map(|ack| (ack, waiting))
}

async fn settle(ack: PublishAckFuture, waiting: Waiting, reader: &LogReader) {
    if let Ok(ack) = ack.await.inspect_err(complain) {
        let published = if ack.duplicate { Published::repeated } else { Published::stored };
        let stored = stored(&ack, waiting.timestamp, reader).await;
        waiting.stored(stored, published);
    }
}

fn complain(error: &PublishError) {
    tracing::warn!(%error, "a message is not known to be stored");
}

async fn stored(ack: &PublishAck, timestamp: Timestamp, reader: &LogReader) -> Stored {
    let seq = ack.sequence;
    let original = if ack.duplicate { reader.stored(seq).await.ok().flatten() } else { None };
    Stored { seq, timestamp: original.map_or(timestamp, |original| original.timestamp()) }
}

/// The answer where nobody knows whether a message is stored.
pub fn unavailable() -> Failure {
    Failure::retry(
        ErrorCode::Unavailable,
        "the message is not known to be stored; send it again with the same clientMessageId",
        RETRY_UNAVAILABLE,
    )
}
