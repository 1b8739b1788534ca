//! One consumer: what is asked of the server, and what its messages mean.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::jetstream::{self, Context};
use async_nats::{StatusCode, Subject, Subscriber, header};
use tokio::time::{Instant, sleep};
use wire::{Seq, header::TRACEPARENT};

use super::{From, Record};
use crate::nats::Nats;

/// How often the server says that a silent consumer lives.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Before a consumer that could not be made is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// After this long without a reader the server removes the consumer.
const INACTIVE: Duration = Duration::from_secs(5);

/// The header of a heartbeat that asks for an answer before more is sent (NATS ADR-15).
const CONSUMER_STALLED: &str = "Nats-Consumer-Stalled";
/// How the server marks what it removed by itself (NATS ADR-43).
const MARKER_REASON: &str = "Nats-Marker-Reason";
const OUTLIVED: &str = "MaxAge";

/// The consumer that is made next.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub nats: Nats,
    pub stream: &'static str,
    /// One, or several that have no subject in common.
    pub filters: Vec<String>,
    pub purpose: String,
    pub from: From,
}

/// A consumer that was made, and what was heard of it.
#[derive(Debug)]
pub struct Open {
    pub name: String,
    pub subscriber: Subscriber,
    /// The number of the last delivery.
    delivered: u64,
    pub heard: Instant,
    /// How many records are missing until all that was there has come; `None` once that is said.
    pub behind: Option<u64>,
    /// Where the server wants a word before it sends on (flow control).
    pub owed: Option<Subject>,
}

/// What a message of the subscription means.
pub enum Meaning {
    Record(Record),
    /// Everything was delivered that there is up to a sequence.
    Quiet {
        searched: Seq,
    },
    Nothing,
    /// Something is missing before it.
    Broken,
}

impl Wanted {
    /// As [`Wanted::create`]; a failure comes after a while, for it is no use to try at once.
    pub async fn create_or_wait(self) -> anyhow::Result<(Open, u64)> {
        let created = self.create().await;
        if created.is_err() {
            sleep(RETRY).await;
        }
        created
    }

    /// Makes it; the consumer, and how many records there are for it.
    pub async fn create(self) -> anyhow::Result<(Open, u64)> {
        let client = &self.nats.client;
        let deliver_subject = client.new_inbox();
        let subscriber = client.subscribe(deliver_subject.clone()).await?;
        let name = self.nats.consumer_name(&self.purpose);
        // One alone goes into the request's subject too, where permissions see it.
        let (filter_subject, filter_subjects) = match &self.filters[..] {
            [only] => (only.clone(), Vec::new()),
            several => (String::new(), several.to_vec()),
        };
        let config = push::Config {
            deliver_subject,
            name: Some(name.clone()),
            deliver_policy: match self.from {
                From::Seq(seq) => DeliverPolicy::ByStartSequence { start_sequence: seq.max(1) },
                From::LastPerSubject => DeliverPolicy::LastPerSubject,
            },
            ack_policy: AckPolicy::None,
            max_deliver: 1,
            filter_subject,
            filter_subjects,
            flow_control: true,
            idle_heartbeat: HEARTBEAT,
            inactive_threshold: INACTIVE,
            num_replicas: 1,
            memory_storage: true,
            ..push::Config::default()
        };
        let consumer = self.nats.jetstream.create_consumer_on_stream(config, self.stream).await?;
        let pending = consumer.cached_info().num_pending;
        let behind = (self.from == From::LastPerSubject).then_some(pending);
        let heard = Instant::now();
        Ok((Open { name, subscriber, delivered: 0, heard, behind, owed: None }, pending))
    }
}

impl Open {
    /// What the server says by `message`.
    pub fn read(&mut self, message: async_nats::Message, jetstream: &Context) -> Meaning {
        match message.status {
            None => self.record(message, jetstream),
            Some(StatusCode::IDLE_HEARTBEAT) => self.heartbeat(message),
            // The consumer was deleted, or its leader changed.
            Some(_) => Meaning::Broken,
        }
    }

    fn record(&mut self, message: async_nats::Message, jetstream: &Context) -> Meaning {
        let message = jetstream::Message { message, context: jetstream.clone() };
        let (delivered, seq, pending) = match message.info() {
            Ok(info) => (info.consumer_sequence, info.stream_sequence, info.pending),
            Err(_) => return Meaning::Nothing,
        };
        if delivered != self.delivered + 1 {
            return Meaning::Broken;
        }
        self.delivered = delivered;
        if let Some(behind) = &mut self.behind {
            *behind = if pending == 0 { 0 } else { behind.saturating_sub(1) };
        }
        let async_nats::Message { subject, payload, headers, .. } = message.message;
        let header = |name| headers.as_ref().and_then(|headers| headers.get(name));
        let expired = header(MARKER_REASON).is_some_and(|reason| reason.as_str() == OUTLIVED);
        let traceparent = header(TRACEPARENT).map(ToString::to_string);
        Meaning::Record(Record { subject, seq, payload, pending, expired, traceparent })
    }

    fn heartbeat(&mut self, message: async_nats::Message) -> Meaning {
        if message.reply.is_some() {
            self.owed = message.reply;
            return Meaning::Nothing;
        }
        let headers = message.headers.unwrap_or_default();
        if let Some(stalled) = headers.get(CONSUMER_STALLED) {
            self.owed = Some(stalled.as_str().into());
            return Meaning::Nothing;
        }
        let number = |name| -> Option<u64> { headers.get(name)?.as_str().parse().ok() };
        match (number(header::NATS_LAST_CONSUMER), number(header::NATS_LAST_STREAM)) {
            (Some(last), _) if last != self.delivered => Meaning::Broken,
            (Some(_), Some(searched)) => Meaning::Quiet { searched },
            _ => Meaning::Nothing,
        }
    }
}
