//! Writes and watches leases and sessions in the bucket; [`crate::lease`] decides when.
//!
//! Both are written as plain messages of the bucket's stream: the client's own call that creates a key
//! with a TTL forgets the TTL when an expiry marker is in its way.

use std::time::Duration;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use tokio::sync::mpsc;
use tokio::time::timeout;
use wire::kv::{self, Lease, SESSION_TTL, Session};
use wire::{Partition, WorkerId, stream::RT_STREAM};

use crate::lease::{Answer, Request};
use crate::nats::Nats;
use crate::ordered::{Arrival, From, Ordered, Record};

/// How long an answer is awaited; a later one is learnt from the watch.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(900);
/// How the bucket marks a deleted key (NATS ADR-8).
const KV_OPERATION: &str = "KV-Operation";
const KV_DELETE: &str = "DEL";
/// How long a deletion is there to be seen. Whoever begins to watch later sees no key: a lease is free then
/// too, and the end of a session is asked for.
const MARKER_TTL: Duration = Duration::from_mins(1);

/// What the bucket shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// What was shown before may be wrong: everything comes again.
    Again,
    Lease {
        partition: Partition,
        revision: u64,
        /// `None` for a deleted lease.
        holder: Option<WorkerId>,
    },
    Session {
        worker: WorkerId,
        revision: u64,
        /// Neither deleted nor expired.
        live: bool,
        /// Whether nobody renewed it in time.
        expired: bool,
    },
    /// Every lease and session there is has been shown.
    All,
}

/// Carries `request` out, over revision `expected`.
pub async fn ask(nats: &Nats, request: &Request, expected: u64) -> Answer {
    let (key, message) = match message(&nats.worker, request) {
        Ok(written) => written,
        Err(error) => {
            tracing::error!(?request, "cannot encode a record: {error}");
            return Answer::Unknown;
        }
    };
    let message = message.expected_last_subject_sequence(expected);
    let answer = timeout(ANSWER_TIMEOUT, async {
        let sent = nats.jetstream.send_publish(kv::subject(&key), message).await?;
        Ok::<_, PublishError>(sent.await?.sequence)
    });
    match answer.await {
        Ok(Ok(revision)) => Answer::Written(revision),
        Ok(Err(error)) if error.kind() == PublishErrorKind::WrongLastSequence => Answer::Refused,
        Ok(Err(error)) => {
            tracing::debug!(key, "cannot write a lease or session: {error}");
            Answer::Unknown
        }
        Err(_) => Answer::Unknown,
    }
}

/// The key that `request` writes, and what it writes there. Only a session has a time to live.
fn message(me: &WorkerId, request: &Request) -> serde_json::Result<(String, PublishMessage)> {
    let put = |payload: Vec<u8>| PublishMessage::build().payload(payload.into());
    let marker = || PublishMessage::build().header(KV_OPERATION, KV_DELETE).ttl(MARKER_TTL);
    let worker = me.clone();
    Ok(match request {
        Request::Session => {
            let session = put(serde_json::to_vec(&Session { worker })?);
            (kv::session_key(me), session.ttl(SESSION_TTL))
        }
        Request::EndSession => (kv::session_key(me), marker()),
        Request::Bury(other) => (kv::session_key(other), marker()),
        Request::Take(partition) => {
            (kv::lease_key(*partition), put(serde_json::to_vec(&Lease { worker })?))
        }
        Request::Release(partition) => (kv::lease_key(*partition), marker()),
    })
}

/// Shows every lease and session, and each change of one, until nobody listens. Starts over on `resync`.
pub async fn watch(
    nats: Nats,
    shown: mpsc::Sender<Shown>,
    resync: std::sync::Arc<tokio::sync::Notify>,
) {
    let filters = vec![kv::subject(kv::ALL_LEASES)];
    let mut records =
        Ordered::new(&nats, RT_STREAM, filters, "lease".to_owned(), From::LastPerSubject);
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
            Arrival::Opened { .. } => Shown::Again,
            Arrival::CaughtUp => Shown::All,
            Arrival::Quiet | Arrival::Unopened => continue,
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
    let key = kv::parse_subject(&record.subject)?;
    let revision = record.seq;
    // Markers of deletion and expiry are empty. What nobody can read nobody can renew; it counts as one.
    if let Some(worker) = kv::parse_session_key(key) {
        let live = serde_json::from_slice::<Session>(&record.payload).is_ok();
        let expired = record.expired && !live;
        return Some(Shown::Session { worker, revision, live, expired });
    }
    let partition = kv::parse_lease_key(key)?;
    let lease: Option<Lease> = serde_json::from_slice(&record.payload).ok();
    Some(Shown::Lease { partition, revision, holder: lease.map(|lease| lease.worker) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_sessions_and_markers_are_read() {
        let worker = WorkerId::parse("worker-1").unwrap();
        let lease = |holder: Option<&WorkerId>| {
            let (partition, holder) = (Partition::new(3).unwrap(), holder.cloned());
            Some(Shown::Lease { partition, revision: 7, holder })
        };
        let session = |live, expired| {
            Some(Shown::Session { worker: worker.clone(), revision: 7, live, expired })
        };
        let table = [
            ("$KV.RT.lease.3", r#"{"worker":"worker-1"}"#, false, lease(Some(&worker))),
            ("$KV.RT.lease.3", "", false, lease(None)),
            ("$KV.RT.lease.3", "", true, lease(None)),
            ("$KV.RT.lease.3", "garbage", false, lease(None)),
            ("$KV.RT.lease.by.worker-1", r#"{"worker":"worker-1"}"#, false, session(true, false)),
            ("$KV.RT.lease.by.worker-1", "", false, session(false, false)),
            ("$KV.RT.lease.by.worker-1", "", true, session(false, true)),
            ("$KV.RT.lease.by.worker-1", "garbage", false, session(false, false)),
            ("$KV.RT.lease.by.A", "", false, None),
            ("$KV.RT.lease.64", "", false, None),
            ("$KV.RT.ckpt.3", "", true, None),
            ("lease.3", "", false, None),
        ];
        for (subject, payload, expired, expected) in table {
            let (name, payload) = (subject.into(), payload.into());
            let record =
                Record { subject: name, seq: 7, payload, pending: 0, expired, traceparent: None };
            assert_eq!(read(&record), expected, "{subject} {:?}", record.payload);
        }
    }
}
