//! Reading rooms from the log: what came after a position, the latest, the last sequences.
//!
//! In a cluster every replica answers reads, also one that has not stored yet what another has
//! acknowledged. Reads therefore say how far the log is known to have come (`reached`), and an answer
//! that cannot have come so far is [`DirectGetError::Behind`].

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use async_nats::{Client, jetstream};
use serde::Deserialize;
use service_shell::JetStreamApi;
use time::{OffsetDateTime, serde::rfc3339};
use wire::{NodeId, RoomName, Seq, StoredMessage, stream, subject};

use super::{
    direct::{Batch, DirectGet, DirectGetError, Entry, MAX_SUBJECTS},
    retention::{Aged, Retention},
    search::{Search, Step},
};
use crate::rooms::{packet::Message, port::Page};

/// Reads the stream [`stream::ROOMS`]. Cheap to clone.
#[derive(Clone)]
pub struct LogReader {
    /// Its interest in the rooms that it asks for is in the log: a record that is surely there.
    node: NodeId,
    direct: DirectGet,
    context: jetstream::Context,
    retention: Arc<RwLock<Retention>>,
}

/// How long the stream's limits are believed; an operator may change them.
const LIMITS_HOLD: Duration = Duration::from_secs(30);

/// What a stream is asked for (`STREAM.INFO` of NATS' JetStream API).
#[derive(Deserialize)]
struct StreamInfo {
    config: StreamLimits,
    #[serde(with = "rfc3339")]
    created: OffsetDateTime,
    /// The server's time, by the clock that `created` was read from.
    #[serde(with = "rfc3339")]
    ts: OffsetDateTime,
}

#[derive(Deserialize)]
struct StreamLimits {
    max_msgs_per_subject: i64,
    /// Nanoseconds.
    max_age: u64,
}

impl LogReader {
    /// Looks up the stream's limits.
    ///
    /// # Errors
    /// When the stream does not exist or JetStream does not answer.
    pub async fn open(client: Client, api: &JetStreamApi, node: NodeId) -> anyhow::Result<Self> {
        let context = api.context(client.clone());
        let retention = Arc::new(RwLock::new(ask_limits(&context).await?));
        let direct = DirectGet::new(client, api, stream::ROOMS);
        Ok(Self { node, direct, context, retention })
    }

    /// A page of a room's messages with a higher sequence than `after`, oldest first, at most `limit`.
    /// The room has, or had, a message at `reached`.
    ///
    /// # Errors
    /// [`DirectGetError::Behind`] where the last page does not show it although the log must.
    pub async fn after(
        &self,
        room: &RoomName,
        after: Seq,
        limit: usize,
        reached: Seq,
    ) -> Result<Page, DirectGetError> {
        let batch = self.direct.forward(&subject::message(room), after + 1, limit).await?;
        let more = batch.pending > 0 && !batch.entries.is_empty();
        let up_to = batch.entries.last().map_or(after, |last| last.seq);
        if !more && up_to < reached && self.last(room, reached).await? > up_to {
            return Err(DirectGetError::Behind);
        }
        // Asked after the page was read: what went meanwhile shows.
        let complete_from = self.complete_from(room).await?;
        Ok(Page { messages: messages(room, &batch), more, up_to, complete_from })
    }

    /// The position after which nothing of a room is gone.
    ///
    /// # Errors
    /// Where the log does not answer.
    async fn complete_from(&self, room: &RoomName) -> Result<Seq, DirectGetError> {
        let first = self.direct.forward(&subject::message(room), 1, 1).await?;
        let oldest = first.entries.first();
        self.judge(oldest.map(|e| e.seq), oldest.map_or(0, |e| e.pending + 1)).await
    }

    /// The last `limit` messages of a room as the log had it at `reached`, or later; oldest first.
    ///
    /// # Errors
    /// [`DirectGetError::Behind`] where the log has not come so far.
    pub async fn window(
        &self,
        room: &RoomName,
        limit: usize,
        reached: Seq,
    ) -> Result<Page, DirectGetError> {
        let last = self.last(room, reached).await?;
        let page = self.latest(room, None, limit).await?;
        if page.up_to < last {
            return Err(DirectGetError::Behind);
        }
        Ok(page)
    }

    /// The last `limit` messages of a room with a lower sequence than `before` (of all, without),
    /// oldest first.
    pub async fn latest(
        &self,
        room: &RoomName,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Page, DirectGetError> {
        let name = subject::message(room);
        let first = self.direct.forward(&name, 1, 1).await?;
        let Some(oldest) = first.entries.first() else {
            let complete_from = self.judge(None, 0).await?;
            return Ok(Page { messages: Vec::new(), more: false, up_to: 0, complete_from });
        };
        let (low, total) = (oldest.seq, oldest.pending + 1);
        let complete_from = self.judge(Some(low), total).await?;
        let before = before.unwrap_or(Seq::MAX);
        if before <= low {
            return Ok(Page { messages: Vec::new(), more: false, up_to: 0, complete_from });
        }
        let start = self.find_start(&name, (low, total), before, limit).await?;
        let (mut messages, up_to) = self.read_between(room, start, before).await?;
        let surplus = messages.len().saturating_sub(limit);
        messages.drain(..surplus);
        let more = messages.first().is_some_and(|first| first.seq > low);
        Ok(Page { messages, more, up_to, complete_from })
    }

    /// The last sequence of each room that has any message, as the log had it at `reached` or later.
    /// The node is interested in all of the rooms.
    ///
    /// # Errors
    /// [`DirectGetError::Behind`] where the log has not come so far.
    pub async fn lasts(
        &self,
        rooms: &[RoomName],
        reached: Seq,
    ) -> Result<Vec<(RoomName, Seq)>, DirectGetError> {
        let mut lasts = Vec::with_capacity(rooms.len());
        for rooms in rooms.chunks(MAX_SUBJECTS - 1) {
            let mut subjects: Vec<_> = rooms.iter().map(subject::message).collect();
            // Without any entry an answer does not tell how far the log has come.
            subjects.extend(rooms.first().map(|room| subject::interest(room, &self.node)));
            let batch = self.direct.lasts(&subjects).await?;
            if batch.reached < reached {
                return Err(DirectGetError::Behind);
            }
            lasts.extend(batch.entries.into_iter().filter_map(|entry| {
                match subject::LogSubject::parse(&entry.subject)? {
                    subject::LogSubject::Message { room } => Some((room, entry.seq)),
                    subject::LogSubject::Interest { .. } => None,
                }
            }));
        }
        Ok(lasts)
    }

    /// A room's last sequence, 0 where it has none; as [`Self::lasts`].
    async fn last(&self, room: &RoomName, reached: Seq) -> Result<Seq, DirectGetError> {
        let lasts = self.lasts(std::slice::from_ref(room), reached).await?;
        Ok(lasts.first().map_or(0, |(_, seq)| *seq))
    }

    /// The message stored at `seq`, if it is still there.
    pub async fn stored(&self, seq: Seq) -> Result<Option<StoredMessage>, DirectGetError> {
        let entry = self.direct.at(seq).await?;
        Ok(entry.and_then(|entry| serde_json::from_slice(&entry.payload).ok()))
    }

    async fn find_start(
        &self,
        name: &str,
        low: (Seq, u64),
        before: Seq,
        limit: usize,
    ) -> Result<Seq, DirectGetError> {
        if low.1 <= 2 * limit as u64 {
            return Ok(low.0);
        }
        let high = if before == Seq::MAX {
            // Where the room ends is not known yet, but its last message is one question away.
            let last = self.direct.lasts(&[name.to_owned()]).await?;
            (last.entries.first().map_or(low.0, |last| last.seq.max(low.0)) + 1, 0)
        } else {
            (before, self.remaining(name, before).await?)
        };
        let mut search = Search::new(low, high, limit as u64);
        loop {
            match search.step() {
                Step::ReadFrom(start) => return Ok(start),
                Step::Probe(at) => search.probed(at, self.remaining(name, at).await?),
            }
        }
    }

    /// How many messages lie at or after a sequence.
    async fn remaining(&self, name: &str, at: Seq) -> Result<u64, DirectGetError> {
        let probe = self.direct.forward(name, at, 1).await?;
        Ok(probe.entries.first().map_or(0, |entry| entry.pending + 1))
    }

    async fn read_between(
        &self,
        room: &RoomName,
        start: Seq,
        before: Seq,
    ) -> Result<(Vec<Message>, Seq), DirectGetError> {
        let name = subject::message(room);
        let mut messages = Vec::new();
        let mut from = start;
        loop {
            let batch = self.direct.forward(&name, from, 256).await?;
            let Some(last) = batch.entries.last() else { return Ok((messages, from - 1)) };
            from = last.seq + 1;
            let (more, done) = (batch.pending > 0, last.seq >= before);
            let inside = batch.entries.into_iter().filter(|entry| entry.seq < before);
            messages.extend(inside.filter_map(|entry| message(room, &entry)));
            if done || !more {
                return Ok((messages, from - 1));
            }
        }
    }

    async fn judge(&self, oldest: Option<Seq>, count: u64) -> Result<Seq, DirectGetError> {
        let retention = self.limits().await;
        let aged = if retention.may_have_aged(Instant::now()) {
            let first = self.direct.forward(subject::ALL_MESSAGES, 1, 1).await?;
            Some(Aged { oldest_of_all: first.entries.first().map(|entry| entry.seq) })
        } else {
            None
        };
        Ok(retention.complete_from(oldest, count, aged))
    }

    /// The stream's limits, asked for anew now and then.
    async fn limits(&self) -> Retention {
        let known = *self.retention.read().unwrap_or_else(PoisonError::into_inner);
        if known.asked.elapsed() < LIMITS_HOLD {
            return known;
        }
        match ask_limits(&self.context).await {
            Ok(limits) => {
                *self.retention.write().unwrap_or_else(PoisonError::into_inner) = limits;
                limits
            }
            Err(error) => {
                tracing::warn!("cannot ask for the log's limits, those known stay: {error:#}");
                known
            }
        }
    }
}

async fn ask_limits(context: &jetstream::Context) -> anyhow::Result<Retention> {
    let answer = context.request(format!("STREAM.INFO.{}", stream::ROOMS), &()).await?;
    let StreamInfo { config, created, ts } = match answer {
        jetstream::response::Response::Ok(info) => info,
        jetstream::response::Response::Err { error } => return Err(error.into()),
    };
    Ok(Retention {
        cap: u64::try_from(config.max_msgs_per_subject).ok().filter(|cap| *cap > 0),
        max_age: Duration::from_nanos(config.max_age),
        age: Duration::try_from(ts - created).unwrap_or_default(),
        asked: Instant::now(),
    })
}

fn messages(room: &RoomName, batch: &Batch) -> Vec<Message> {
    batch.entries.iter().filter_map(|entry| message(room, entry)).collect()
}

fn message(room: &RoomName, entry: &Entry) -> Option<Message> {
    Message::from_stored(room, entry.seq, &entry.payload)
}
