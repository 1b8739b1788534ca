//! JetStream's direct get, which any replica answers without a consumer (ADR-31).
//!
//! Owns the request and the gathering of its answers, batches included; async-nats knows only the
//! single form. It leaves what the messages mean to [`super::reader`].

use std::time::Duration;

use async_nats::{Client, HeaderMap, Message as NatsMessage, connection::State};
use futures_util::StreamExt;
use serde::Serialize;
use service_shell::JetStreamApi;
use wire::Seq;

/// How long one read may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The bytes of one batch, so that what is made of it fits into a socket's queue.
const MAX_BATCH_BYTES: usize = 256 * 1024;

/// A stream's direct get.
#[derive(Clone)]
pub struct DirectGet {
    client: Client,
    subject: String,
}

/// Why a read failed; all of these may pass.
#[derive(Debug, thiserror::Error)]
pub enum DirectGetError {
    #[error("cannot send a read of the log: {0}")]
    Send(String),
    #[error("NATS is away")]
    Away,
    #[error("the log did not answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    /// A replica of the log answered that has not stored what is known to be there. It soon will.
    #[error("a replica of the log lags behind")]
    Behind,
    #[error("the log refused a read: {0}")]
    Refused(String),
    #[error("the log's answer cannot be understood: {0}")]
    Malformed(&'static str),
}

/// One stored message.
#[derive(Debug)]
pub struct Entry {
    pub subject: String,
    pub seq: Seq,
    pub payload: bytes::Bytes,
    /// How many messages that match follow; only in answers to [`DirectGet::forward`].
    pub pending: u64,
}

/// The answers to one read.
#[derive(Debug, Default)]
pub struct Batch {
    pub entries: Vec<Entry>,
    /// How many messages that match follow the last entry.
    pub pending: u64,
    /// How far the log of the replica that answered reached; only in answers to [`DirectGet::lasts`],
    /// and only where these have any entry.
    pub reached: Seq,
}

#[derive(Serialize)]
struct Forward<'a> {
    seq: Seq,
    next_by_subj: &'a str,
    batch: usize,
    max_bytes: usize,
}

#[derive(Serialize)]
struct MultiLast<'a> {
    multi_last: &'a [String],
}

#[derive(Serialize)]
struct BySeq {
    seq: Seq,
}

/// The most subjects in one [`DirectGet::lasts`] (the server's limit).
pub const MAX_SUBJECTS: usize = 1_024;

impl DirectGet {
    pub fn new(client: Client, api: &JetStreamApi, stream: &str) -> Self {
        Self { client, subject: api.subject(&format!("DIRECT.GET.{stream}")) }
    }

    /// Up to `batch` messages of `subject` (wildcards allowed) from `seq` on, fewer where they are
    /// large.
    pub async fn forward(
        &self,
        subject: &str,
        seq: Seq,
        batch: usize,
    ) -> Result<Batch, DirectGetError> {
        let seq = seq.max(1);
        let max_bytes = MAX_BATCH_BYTES;
        self.ask(&Forward { seq, next_by_subj: subject, batch, max_bytes }).await
    }

    /// The last message of each subject; at most [`MAX_SUBJECTS`].
    pub async fn lasts(&self, subjects: &[String]) -> Result<Batch, DirectGetError> {
        self.ask(&MultiLast { multi_last: subjects }).await
    }

    /// The message at `seq`, if it is still there.
    pub async fn at(&self, seq: Seq) -> Result<Option<Entry>, DirectGetError> {
        let request = self.request(&BySeq { seq })?;
        let answer = self.client.request(self.subject.clone(), request);
        let answer = tokio::time::timeout(TIMEOUT, answer)
            .await
            .map_err(|_| DirectGetError::Timeout)?
            .map_err(|error| DirectGetError::Send(error.to_string()))?;
        match answer.status.map_or(200, |status| status.as_u16()) {
            200 => entry(answer).map(Some),
            404 => Ok(None),
            _ => Err(refused(&answer)),
        }
    }

    async fn ask(&self, request: &impl Serialize) -> Result<Batch, DirectGetError> {
        let request = self.request(request)?;
        tokio::time::timeout(TIMEOUT, self.gather(request))
            .await
            .map_err(|_| DirectGetError::Timeout)?
    }

    /// A request's bytes. While NATS is away the client would keep them and send them later: the
    /// answer would come to nobody.
    fn request(&self, request: &impl Serialize) -> Result<bytes::Bytes, DirectGetError> {
        if self.client.connection_state() != State::Connected {
            return Err(DirectGetError::Away);
        }
        serde_json::to_vec(request)
            .map(Into::into)
            .map_err(|error| DirectGetError::Send(error.to_string()))
    }

    async fn gather(&self, request: bytes::Bytes) -> Result<Batch, DirectGetError> {
        let send = |error: String| DirectGetError::Send(error);
        let inbox = self.client.new_inbox();
        let mut answers =
            self.client.subscribe(inbox.clone()).await.map_err(|e| send(e.to_string()))?;
        self.client
            .publish_with_reply(self.subject.clone(), inbox, request)
            .await
            .map_err(|e| send(e.to_string()))?;
        let mut batch = Batch::default();
        while let Some(answer) = answers.next().await {
            match answer.status.map_or(200, |status| status.as_u16()) {
                200 => {
                    let entry = entry(answer)?;
                    batch.pending = entry.pending;
                    batch.entries.push(entry);
                }
                204 => {
                    let headers = answer.headers.unwrap_or_default();
                    batch.pending = number(&headers, "Nats-Num-Pending").unwrap_or(0);
                    batch.reached = number(&headers, "Nats-UpTo-Sequence").unwrap_or(0);
                    return Ok(batch);
                }
                404 => return Ok(batch),
                _ => return Err(refused(&answer)),
            }
        }
        Err(DirectGetError::Send("the connection was closed".to_owned()))
    }
}

fn entry(message: NatsMessage) -> Result<Entry, DirectGetError> {
    let headers = message.headers.ok_or(DirectGetError::Malformed("no headers"))?;
    let subject = headers
        .get("Nats-Subject")
        .ok_or(DirectGetError::Malformed("no subject"))?
        .as_str()
        .to_owned();
    let seq = number(&headers, "Nats-Sequence").ok_or(DirectGetError::Malformed("no sequence"))?;
    let pending = number(&headers, "Nats-Num-Pending").unwrap_or(0);
    Ok(Entry { subject, seq, payload: message.payload, pending })
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.as_str().parse().ok()
}

fn refused(answer: &NatsMessage) -> DirectGetError {
    DirectGetError::Refused(format!(
        "{} {}",
        answer.status.map_or(0, |status| status.as_u16()),
        answer.description.as_deref().unwrap_or("without a reason")
    ))
}
