//! Reads partitions out of the stream of rooms: membership as of now, then every record in order.
//!
//! [`reader`] decides who reads with whom: a tenure begins [`alone`], and goes on [`together`] with the
//! others once it has caught up.

mod alone;
mod follower;
mod reader;
mod together;

use async_nats::jetstream::stream::DirectGetErrorKind;
use serde_json::value::RawValue;
use service_shell::telemetry::{Span, SpanKind};
use wire::ephemeral::Interest;
use wire::subject::{LogSubject, partition_interest};
use wire::{Partition, Seq, stream::ROOMS};

use crate::membership::Membership;
use crate::nats::Nats;
use crate::ordered::{self, Arrival, From, Ordered};
use crate::partition::{Entry, Record};

pub use self::reader::LogReader;

/// The most bytes of message bodies in one batch, so that what is made of it fits into a frame.
const MAX_BATCH_BYTES: usize = 64 * 1024;
/// Every subject of the log.
const WHOLE_LOG: &str = "rt.>";

/// Records that were there at once.
#[derive(Debug)]
pub struct Batch {
    pub records: Vec<Record>,
    /// The steps of the messages among them that are traced, which go on until those are sent.
    pub spans: Vec<Span>,
}

/// The sequence of the last record in the log of all partitions; 0 when it is empty. It may be a
/// little behind.
///
/// # Errors
/// When NATS does not answer, or the stream is missing.
pub async fn end(nats: &Nats) -> anyhow::Result<Seq> {
    let stream = nats.jetstream.get_stream_no_info(ROOMS).await?;
    match stream.direct_get_last_for_subject(WHOLE_LOG).await {
        Ok(message) => Ok(message.sequence),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Which nodes have members in the rooms of `partition`, as of now.
pub async fn membership(nats: &Nats, partition: Partition) -> Membership {
    let filters = vec![partition_interest(partition)];
    let purpose = format!("members-{partition}");
    let mut records = Ordered::new(nats, ROOMS, filters, purpose, From::LastPerSubject);
    let mut membership = Membership::default();
    loop {
        match records.next().await {
            Arrival::Opened { .. } => membership = Membership::default(),
            Arrival::CaughtUp => break,
            Arrival::Quiet | Arrival::Unopened => {}
            Arrival::Record(record) => {
                let (record, _) = decode(&record);
                if let Entry::Interest { room, node, interest } = record.entry {
                    membership.apply(&room, &node, interest, record.seq, 0);
                }
            }
        }
    }
    records.close().await;
    membership
}

/// `first` and the records that are there already, at most `max_records` and so many that what is made of
/// them fits into a frame.
fn take_ready(
    first: ordered::Record,
    records: &mut Ordered,
    max_records: usize,
) -> Vec<ordered::Record> {
    let mut bytes = first.payload.len();
    let mut taken = vec![first];
    while taken.len() < max_records && bytes < MAX_BATCH_BYTES {
        let Some(record) = records.ready() else { break };
        bytes += record.payload.len();
        taken.push(record);
    }
    taken
}

/// How many more the log had, when it gave the last of these.
fn pending_after(records: &[ordered::Record]) -> u64 {
    records.last().map_or(0, |record| record.pending)
}

impl Batch {
    fn of<'a>(records: impl IntoIterator<Item = &'a ordered::Record>) -> Self {
        let mut batch = Self { records: Vec::new(), spans: Vec::new() };
        for record in records {
            let (record, span) = decode(record);
            batch.records.push(record);
            if span.is_traced() {
                batch.spans.push(span);
            }
        }
        batch
    }
}

fn decode(record: &ordered::Record) -> (Record, Span) {
    let mut span = Span::default();
    let entry = match LogSubject::parse(&record.subject) {
        Some(LogSubject::Message { room }) => body(&record.payload).map(|body| {
            span = Span::following(record.traceparent.as_deref(), "route", SpanKind::Consumer);
            Entry::Message { room, body, trace: span.traceparent().map(Into::into) }
        }),
        Some(LogSubject::Interest { room, node }) => {
            Some(Entry::Interest { room, node, interest: interest(&record.payload) })
        }
        None => None,
    };
    let entry = entry.unwrap_or_else(|| {
        let (subject, seq) = (record.subject.as_str(), record.seq);
        tracing::warn!(subject, seq, "a record of the log cannot be read and is left out");
        Entry::Unreadable
    });
    (Record { seq: record.seq, entry }, span)
}

/// The body as it is, checked to be JSON once.
fn body(payload: &[u8]) -> Option<Box<RawValue>> {
    let text = std::str::from_utf8(payload).ok()?;
    RawValue::from_string(text.to_owned()).ok()
}

/// What does not say that the node came says that it left: the server marks removed records with an
/// empty payload.
fn interest(payload: &[u8]) -> Interest {
    serde_json::from_slice(payload).unwrap_or(Interest::Left)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use wire::{NodeId, RoomName, subject};

    use super::*;

    fn decoded(subject: &str, payload: &'static [u8]) -> Entry {
        let (subject, payload) = (subject.into(), Bytes::from_static(payload));
        let (pending, expired, traceparent) = (0, false, None);
        let record = ordered::Record { subject, seq: 7, payload, pending, expired, traceparent };
        decode(&record).0.entry
    }

    #[test]
    fn bodies_pass_as_they_are() {
        let subject = subject::message(&RoomName::parse("a b").unwrap());
        let Entry::Message { room, body, .. } = decoded(&subject, br#"{"chat": {"x":1}}"#) else {
            panic!()
        };
        assert_eq!((room.as_str(), body.get()), ("a b", r#"{"chat": {"x":1}}"#));
    }

    #[test]
    fn what_is_not_json_is_left_out() {
        let subject = subject::message(&RoomName::parse("general").unwrap());
        for payload in [&b""[..], b"{", b"{} {}", b"\xff\xfe", b"\"\xff\""] {
            assert!(matches!(decoded(&subject, payload), Entry::Unreadable), "{payload:?}");
        }
        assert!(
            matches!(decoded("rt.0.m.general", b"{}"), Entry::Unreadable),
            "a foreign partition"
        );
    }

    #[test]
    fn interest_is_joined_or_left() {
        let (room, node) = (RoomName::parse("general").unwrap(), NodeId::parse("node-1").unwrap());
        let subject = subject::interest(&room, &node);
        for (payload, expected) in [
            (&br#""joined""#[..], Interest::Joined),
            (br#""left""#, Interest::Left),
            (b"", Interest::Left),
            (b"garbage", Interest::Left),
        ] {
            let Entry::Interest { interest, .. } = decoded(&subject, payload) else { panic!() };
            assert_eq!(interest, expected);
        }
    }
}
