//! Reading rooms from the log: what came after a position, the latest, the last sequences.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, jetstream};
use wire::{RoomName, Seq, StoredMessage, stream, subject};

use super::{
    direct::{Batch, DirectGet, DirectGetError, Entry, MAX_SUBJECTS},
    retention::Retention,
    search::{Search, Step},
};
use crate::rooms::{packet::Message, port::Page};

/// Reads the stream [`stream::ROOMS`]. Cheap to clone.
#[derive(Clone)]
pub struct LogReader {
    direct: DirectGet,
    retention: Arc<Retention>,
}

impl LogReader {
    /// Looks up the stream's limits.
    ///
    /// # Errors
    /// When the stream does not exist or JetStream does not answer.
    pub async fn open(client: Client) -> anyhow::Result<Self> {
        let context = jetstream::new(client.clone());
        let info = context.get_stream(stream::ROOMS).await?.get_info().await?;
        let age = time::OffsetDateTime::now_utc() - info.created;
        let retention = Retention {
            cap: u64::try_from(info.config.max_messages_per_subject).ok().filter(|cap| *cap > 0),
            max_age: info.config.max_age,
            age: Duration::try_from(age).unwrap_or_default(),
        };
        let direct = DirectGet::new(client, stream::ROOMS);
        Ok(Self { direct, retention: Arc::new(retention) })
    }

    /// Up to `limit` messages of a room with a higher sequence than `after`, oldest first.
    pub async fn after(
        &self,
        room: &RoomName,
        after: Seq,
        limit: usize,
    ) -> Result<Page, DirectGetError> {
        let batch = self.direct.forward(&subject::message(room), after + 1, limit).await?;
        let complete_from = self.complete_from(room).await?;
        Ok(page(room, &batch, complete_from))
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
            return Ok(Page { messages: Vec::new(), more: false, complete_from });
        };
        let (low, total) = (oldest.seq, oldest.pending + 1);
        let complete_from = self.judge(Some(low), total).await?;
        let before = before.unwrap_or(Seq::MAX);
        if before <= low {
            return Ok(Page { messages: Vec::new(), more: false, complete_from });
        }
        let start = self.find_start(&name, (low, total), before, limit).await?;
        let mut messages = self.read_between(room, start, before).await?;
        let surplus = messages.len().saturating_sub(limit);
        messages.drain(..surplus);
        let more = messages.first().is_some_and(|first| first.seq > low);
        Ok(Page { messages, more, complete_from })
    }

    /// The last sequence of each room that has any message.
    pub async fn lasts(&self, rooms: &[RoomName]) -> Result<Vec<(RoomName, Seq)>, DirectGetError> {
        let mut lasts = Vec::with_capacity(rooms.len());
        for rooms in rooms.chunks(MAX_SUBJECTS) {
            let subjects: Vec<_> = rooms.iter().map(subject::message).collect();
            let batch = self.direct.lasts(&subjects).await?;
            lasts.extend(batch.entries.into_iter().filter_map(|entry| {
                match subject::LogSubject::parse(&entry.subject)? {
                    subject::LogSubject::Message { room } => Some((room, entry.seq)),
                    subject::LogSubject::Interest { .. } => None,
                }
            }));
        }
        Ok(lasts)
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
            (last.entries.first().map_or(low.0, |last| last.seq) + 1, 0)
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
    ) -> Result<Vec<Message>, DirectGetError> {
        let name = subject::message(room);
        let mut messages = Vec::new();
        let mut from = start;
        loop {
            let batch = self.direct.forward(&name, from, 256).await?;
            let Some(last) = batch.entries.last() else { return Ok(messages) };
            from = last.seq + 1;
            let (more, done) = (batch.pending > 0, last.seq >= before);
            let inside = batch.entries.into_iter().filter(|entry| entry.seq < before);
            messages.extend(inside.filter_map(|entry| message(room, &entry)));
            if done || !more {
                return Ok(messages);
            }
        }
    }

    async fn complete_from(&self, room: &RoomName) -> Result<Seq, DirectGetError> {
        let first = self.direct.forward(&subject::message(room), 1, 1).await?;
        let oldest = first.entries.first();
        self.judge(oldest.map(|e| e.seq), oldest.map_or(0, |e| e.pending + 1)).await
    }

    async fn judge(&self, oldest: Option<Seq>, count: u64) -> Result<Seq, DirectGetError> {
        let of_all = if self.retention.may_have_aged() {
            let first = self.direct.forward(subject::ALL_MESSAGES, 1, 1).await?;
            first.entries.first().map(|entry| entry.seq)
        } else {
            None
        };
        Ok(self.retention.complete_from(oldest, count, of_all))
    }
}

fn page(room: &RoomName, batch: &Batch, complete_from: Seq) -> Page {
    let more = batch.pending > 0 && !batch.entries.is_empty();
    let messages = batch.entries.iter().filter_map(|entry| message(room, entry)).collect();
    Page { messages, more, complete_from }
}

fn message(room: &RoomName, entry: &Entry) -> Option<Message> {
    Message::from_stored(room, entry.seq, &entry.payload)
}
