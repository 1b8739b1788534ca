//! The rooms' log: a file's message is put there, and looked for.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use async_nats::{Client, HeaderMap};
use service_shell::JetStreamApi;
use service_shell::telemetry::{Span, SpanKind};
use wire::header::TRACEPARENT;
use wire::{RoomName, Seq, StoredFile, StoredMessage, stream, subject};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(crate) struct Log {
    jetstream: Context,
    rooms: Stream<()>,
}

impl Log {
    pub(crate) async fn open(client: Client, api: &JetStreamApi) -> anyhow::Result<Self> {
        let mut jetstream = api.context(client);
        jetstream.set_timeout(TIMEOUT);
        let rooms = jetstream.get_stream_no_info(stream::ROOMS).await.context("no such stream")?;
        Ok(Self { jetstream, rooms })
    }

    /// The last message of the room, or 0. A replica that lags may name an earlier one.
    pub(crate) async fn last(&self, room: &RoomName) -> anyhow::Result<Seq> {
        match self.rooms.direct_get_last_for_subject(subject::message(room)).await {
            Ok(message) => Ok(message.sequence),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(0),
            Err(error) => Err(error).context("cannot ask for the room's last message"),
        }
    }

    /// Whether the room holds a message of this id after `after`. A replica may lag by moments; the
    /// log's deduplication window is longer than that.
    pub(crate) async fn holds(
        &self,
        room: &RoomName,
        after: Seq,
        id: &str,
    ) -> anyhow::Result<bool> {
        let subject = subject::message(room);
        let mut from = after + 1;
        loop {
            let next = self.rooms.direct_get_next_for_subject(subject.clone(), Some(from)).await;
            let message = match next {
                Ok(message) => message,
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error).context("cannot read the room"),
            };
            if message.headers.get(NATS_MESSAGE_ID).is_some_and(|own| own.as_str() == id) {
                return Ok(true);
            }
            from = message.sequence + 1;
        }
    }

    /// Puts the message into the room, and returns once it is stored.
    pub(crate) async fn publish(
        &self,
        room: &RoomName,
        message: &StoredFile,
        span: &Span,
    ) -> anyhow::Result<()> {
        let publishing = span.child("publish", SpanKind::Producer);
        let payload = serde_json::to_vec(&StoredMessage::File(message.clone()))?;
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, &*message.id);
        if let Some(traceparent) = publishing.traceparent() {
            headers.insert(TRACEPARENT, traceparent);
        }
        let stored =
            self.jetstream.publish_with_headers(subject::message(room), headers, payload.into());
        stored.await.context("cannot publish")?.await.context("the log did not confirm")?;
        Ok(())
    }
}
