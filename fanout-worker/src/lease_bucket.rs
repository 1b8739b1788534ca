//! Writes and watches leases in the bucket; [`crate::lease`] decides when.
//!
//! Leases are written as plain messages of the bucket's stream: the client's own call that creates a
//! key with a TTL forgets the TTL when an expiry marker is in its way.

use std::time::Duration;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use tokio::sync::mpsc;
use tokio::time::timeout;
use wire::kv::{self, LEASE_TTL, Lease};
use wire::{Partition, WorkerId, stream::RT_STREAM};

use crate::lease::Answer;
use crate::nats::Nats;
use crate::ordered::{Arrival, From, Ordered, Record};

/// How long an answer is awaited; a later one is learnt from the watch.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(900);
/// How the bucket marks a deleted key (NATS ADR-8).
const KV_OPERATION: &str = "KV-Operation";
const KV_DELETE: &str = "DEL";

/// What the bucket shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// What was shown before may be wrong: everything comes again.
    Again,
    Record {
        partition: Partition,
        revision: u64,
        /// `None` for a deleted or expired lease.
        holder: Option<WorkerId>,
        /// Whether nobody renewed it in time.
        expired: bool,
    },
    /// Every lease there is has been shown.
    All,
}

/// Writes the lease of this worker over revision `expected`.
pub async fn write(nats: &Nats, partition: Partition, expected: u64) -> Answer {
    let lease = Lease { worker: nats.worker.clone() };
    let Ok(payload) = serde_json::to_vec(&lease) else { return Answer::Unknown };
    publish(nats, partition, PublishMessage::build().payload(payload.into()), expected).await
}

/// Deletes the lease over revision `expected`.
pub async fn delete(nats: &Nats, partition: Partition, expected: u64) -> Answer {
    publish(nats, partition, PublishMessage::build().header(KV_OPERATION, KV_DELETE), expected)
        .await
}

async fn publish(
    nats: &Nats,
    partition: Partition,
    message: PublishMessage,
    expected: u64,
) -> Answer {
    let message = message.ttl(LEASE_TTL).expected_last_subject_sequence(expected);
    let key = kv::subject(&kv::lease_key(partition));
    let answer = timeout(ANSWER_TIMEOUT, async {
        Ok::<_, PublishError>(nats.jetstream.send_publish(key, message).await?.await?.sequence)
    });
    match answer.await {
        Ok(Ok(revision)) => Answer::Written(revision),
        Ok(Err(error)) if error.kind() == PublishErrorKind::WrongLastSequence => Answer::Refused,
        Ok(Err(error)) => {
            tracing::debug!(%partition, "cannot write a lease: {error}");
            Answer::Unknown
        }
        Err(_) => Answer::Unknown,
    }
}

/// Shows every lease, and each change of one, until nobody listens. Starts over on `resync`.
pub async fn watch(
    nats: Nats,
    shown: mpsc::Sender<Shown>,
    resync: std::sync::Arc<tokio::sync::Notify>,
) {
    let filter = kv::subject(kv::ALL_LEASES);
    let mut records =
        Ordered::new(&nats, RT_STREAM, filter, "lease".to_owned(), From::LastPerSubject);
    loop {
        let arrival = tokio::select! {
            arrival = records.next() => arrival,
            () = resync.notified() => {
                records.reopen();
                continue;
            }
            () = shown.closed() => return records.close().await,
        };
        let show = match arrival {
            Arrival::Opened => Shown::Again,
            Arrival::CaughtUp => Shown::All,
            Arrival::Record(record) => match read(&record) {
                Some(shown) => shown,
                None => continue,
            },
        };
        if shown.send(show).await.is_err() {
            return records.close().await;
        }
    }
}

fn read(record: &Record) -> Option<Shown> {
    let partition = kv::parse_lease_key(kv::parse_subject(&record.subject)?)?;
    // Markers of deletion and expiry are empty; what nobody can read nobody can renew. Both are free.
    let lease: Option<Lease> = serde_json::from_slice(&record.payload).ok();
    let (revision, holder) = (record.seq, lease.map(|lease| lease.worker));
    let expired = record.expired && holder.is_none();
    Some(Shown::Record { partition, revision, holder, expired })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(subject: &str, payload: &'static str, expired: bool) -> Record {
        let (subject, payload) = (subject.into(), payload.into());
        Record { subject, seq: 7, payload, pending: 0, expired, traceparent: None }
    }

    #[test]
    fn leases_and_markers_are_read() {
        let worker = WorkerId::parse("worker-1").unwrap();
        let table = [
            ("$KV.RT.lease.3", r#"{"worker":"worker-1"}"#, false, Some((3, Some(worker)))),
            ("$KV.RT.lease.3", "", false, Some((3, None))),
            ("$KV.RT.lease.3", "", true, Some((3, None))),
            ("$KV.RT.lease.3", "garbage", false, Some((3, None))),
            ("$KV.RT.lease.64", "", false, None),
            ("$KV.RT.ckpt.3", "", true, None),
            ("lease.3", "", false, None),
        ];
        for (subject, payload, expired, expected) in table {
            let expected = expected.map(|(number, holder)| Shown::Record {
                partition: Partition::new(number).unwrap(),
                revision: 7,
                holder,
                expired,
            });
            assert_eq!(read(&record(subject, payload, expired)), expected, "{subject} {payload}");
        }
    }
}
