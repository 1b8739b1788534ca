//! Reads a partition out of the stream of rooms: membership as of now, then every record in order.

use async_nats::jetstream::stream::DirectGetErrorKind;
use serde_json::value::RawValue;
use service_shell::telemetry::{Span, SpanKind};
use tokio::sync::mpsc;
use wire::ephemeral::Interest;
use wire::subject::{LogSubject, partition_interest, partition_log};
use wire::{Partition, Seq, stream::ROOMS};

use crate::membership::Membership;
use crate::nats::Nats;
use crate::ordered::{self, Arrival, From, Ordered};
use crate::partition::{Entry, Record};

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
    /// How many more the log had for this partition when it gave the last of them.
    pub pending: u64,
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
    let filter = partition_interest(partition);
    let purpose = format!("members-{partition}");
    let mut records = Ordered::new(nats, ROOMS, filter, purpose, From::LastPerSubject);
    let mut membership = Membership::default();
    loop {
        match records.next().await {
            Arrival::Opened => membership = Membership::default(),
            Arrival::CaughtUp => break,
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

/// Reads every record of `partition` from sequence `from` on, until nobody listens. A batch holds what
/// is there, at most `max_records`.
pub async fn follow(
    nats: Nats,
    partition: Partition,
    from: Seq,
    max_records: usize,
    batches: mpsc::Sender<Batch>,
) {
    let purpose = format!("log-{partition}");
    let mut records =
        Ordered::new(&nats, ROOMS, partition_log(partition), purpose, From::Seq(from));
    loop {
        let arrival = tokio::select! {
            arrival = records.next() => arrival,
            () = batches.closed() => break,
        };
        let Arrival::Record(first) = arrival else { continue };
        let mut bytes = first.payload.len();
        let mut batch = Batch { records: Vec::new(), spans: Vec::new(), pending: first.pending };
        batch.push(decode(&first));
        while batch.records.len() < max_records && bytes < MAX_BATCH_BYTES {
            let Some(record) = records.ready() else { break };
            bytes += record.payload.len();
            batch.pending = record.pending;
            batch.push(decode(&record));
        }
        if batches.send(batch).await.is_err() {
            break;
        }
    }
    records.close().await;
}

impl Batch {
    fn push(&mut self, (record, span): (Record, Span)) {
        self.records.push(record);
        if span.is_traced() {
            self.spans.push(span);
        }
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
