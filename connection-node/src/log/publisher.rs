//! Publishing to the log: in the order given, many at once in flight, each answered when the log has
//! said that it is stored.
//!
//! Owns the bound on what is in flight and the meaning of the log's answers. It never tries again by
//! itself: that would reorder a sender's messages. The sender does, with the same id.

use std::{sync::Arc, time::Duration};

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
use tokio::sync::mpsc;
use wire::{ErrorCode, Failure, Seq, Timestamp};

use super::reader::LogReader;

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
    pub done: Done,
}

/// The way in. Cheap to clone; the publisher ends when the last one is dropped.
#[derive(Clone)]
pub struct Publisher {
    queue: mpsc::Sender<Publication>,
}

impl Publisher {
    /// A publisher and the future that drives it. `capacity` bounds what waits, and what is in
    /// flight.
    pub fn new(
        client: Client,
        reader: LogReader,
        capacity: usize,
    ) -> (Self, impl Future<Output = ()>) {
        let (queue, publications) = mpsc::channel(capacity);
        (Self { queue }, drive(client, reader, publications, capacity))
    }

    /// Takes a message, in order. When there is no room its `done` learns of it at once.
    pub fn publish(&self, publication: Publication) {
        if let Err(error) = self.queue.try_send(publication) {
            let failure = Failure::retry(
                ErrorCode::Overloaded,
                "the node has too many messages in flight; send again a little later",
                RETRY_OVERLOADED,
            );
            (error.into_inner().done)(Err(failure));
        }
    }
}

async fn drive(
    client: Client,
    reader: LogReader,
    mut publications: mpsc::Receiver<Publication>,
    capacity: usize,
) {
    let context = jetstream::context::ContextBuilder::new()
        .timeout(ACK_TIMEOUT)
        .ack_timeout(ACK_TIMEOUT)
        .max_ack_inflight(capacity + 1)
        .build(client.clone());
    let mut in_flight = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(()) = in_flight.next(), if !in_flight.is_empty() => {}
            publication = publications.recv(), if in_flight.len() < capacity => {
                let Some(publication) = publication else { break };
                if let Some((ack, waiting)) = send(&client, &context, publication).await {
                    in_flight.push(settle(ack, waiting, &reader));
                }
            }
        }
    }
    while in_flight.next().await.is_some() {}
}

/// What is left of a publication once it is on its way.
struct Waiting {
    timestamp: Timestamp,
    done: Done,
}

async fn send(
    client: &Client,
    context: &jetstream::Context,
    publication: Publication,
) -> Option<(PublishAckFuture, Waiting)> {
    let Publication { subject, payload, id, timestamp, done } = publication;
    // The client would keep what it cannot send and send it much later: the sender knows better
    // whether that is still wanted.
    if client.connection_state() != State::Connected {
        done(Err(unavailable()));
        return None;
    }
    let mut message = PublishMessage::build().payload(payload);
    if let Some(id) = id {
        message = message.message_id(id);
    }
    match context.send_publish(subject, message).await {
        Ok(ack) => Some((ack, Waiting { timestamp, done })),
        Err(error) => {
            done(Err(refused(&error)));
            None
        }
    }
}

async fn settle(ack: PublishAckFuture, waiting: Waiting, reader: &LogReader) {
    let result = match ack.await {
        Ok(ack) => Ok(stored(&ack, waiting.timestamp, reader).await),
        Err(error) => Err(refused(&error)),
    };
    (waiting.done)(result);
}

async fn stored(ack: &PublishAck, timestamp: Timestamp, reader: &LogReader) -> Stored {
    let seq = ack.sequence;
    let original = if ack.duplicate { reader.stored(seq).await.ok().flatten() } else { None };
    Stored { seq, timestamp: original.map_or(timestamp, |original| original.timestamp()) }
}

fn refused(error: &PublishError) -> Failure {
    tracing::warn!(%error, "a message is not known to be stored");
    unavailable()
}

/// The answer where nobody knows whether a message is stored.
pub fn unavailable() -> Failure {
    Failure::retry(
        ErrorCode::Unavailable,
        "the message is not known to be stored; send it again with the same clientMessageId",
        RETRY_UNAVAILABLE,
    )
}
