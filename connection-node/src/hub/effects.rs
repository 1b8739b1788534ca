//! What the rooms ask for that takes IO.
//!
//! Interest is sent one after the other, so that the log has it in the order decided; everything else
//! is a task that comes back with its result. Nothing is handed to NATS while NATS is away: it would
//! only pile up there.

use std::time::Duration;

use async_nats::{
    connection::State,
    header::{NATS_MESSAGE_TTL, NATS_ROLLUP},
    jetstream::{
        self,
        context::{PublishAckFuture, PublishError, PublishErrorKind},
        message::PublishMessage,
    },
};
use tokio::sync::mpsc;
use wire::{RoomName, ephemeral::Interest, stream, subject};

use super::{Errand, HubIo, ShardInput};
use crate::{
    gateway::Peer,
    log::{direct::DirectGetError, reader::LogReader},
    rooms::port::{Effect, Input, SocketKey},
};

/// Messages in one read of a gap or replay.
const PAGE: usize = 256;
/// The pause before something that failed is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// The same where a replica of the log lags behind, which it does for milliseconds.
const RETRY_BEHIND: Duration = Duration::from_millis(20);
/// Attempts after which that is no mere lag: the log may have been set back.
const SOON_THERE: u32 = 50;
/// How often a clogged socket is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What carries out the effects of one shard.
pub(super) struct Carrier {
    pub io: HubIo,
    pub context: jetstream::Context,
    pub queue: mpsc::WeakSender<Errand>,
}

impl Carrier {
    pub async fn carry_out(&self, effect: Effect<Peer>) {
        match effect {
            Effect::StoreInterest { room, interest } => self.store_interest(room, interest).await,
            Effect::Tell { partition, what } => self.io.teller.tell(partition, what),
            Effect::Pace { room, key, socket } => self.pace(room, key, socket),
            Effect::ReadWindow { .. }
            | Effect::Repair { .. }
            | Effect::Replay { .. }
            | Effect::CheckLasts { .. } => self.read(effect),
        }
    }

    async fn store_interest(&self, room: RoomName, interest: Interest) {
        let ack = self.send_interest(&room, interest).await;
        let (queue, stop) = (self.queue.clone(), self.io.stop.clone());
        self.io.tasks.spawn(async move {
            let sent = !matches!(ack, Ok(None));
            let stored = async {
                match ack? {
                    Some(ack) => ack.await.map(Some),
                    None => Ok(None),
                }
            };
            let Some(stored) = stop.run_until_cancelled(stored).await else { return };
            let input = match (stored, interest) {
                (Ok(Some(ack)), Interest::Joined) => {
                    Input::InterestStored { room, seq: ack.sequence }
                }
                (Ok(Some(_)), Interest::Left) => return,
                (failed, _) => {
                    if let Err(error) = failed {
                        tracing::warn!(%error, "cannot store interest in a room; trying again");
                    }
                    if stop.run_until_cancelled(tokio::time::sleep(RETRY)).await.is_none() {
                        return;
                    }
                    Input::InterestFailed { room, interest, sent }
                }
            };
            tell(&queue, input).await;
        });
    }

    /// Sends a record; `None` while NATS is away.
    async fn send_interest(
        &self,
        room: &RoomName,
        interest: Interest,
    ) -> Result<Option<PublishAckFuture>, PublishError> {
        if self.io.client.connection_state() != State::Connected {
            return Ok(None);
        }
        let payload = serde_json::to_vec(&interest)
            .map_err(|error| PublishError::with_source(PublishErrorKind::Other, error))?;
        let message = PublishMessage::build().header(NATS_ROLLUP, "sub").payload(payload.into());
        let message = match interest {
            Interest::Joined => message.header(NATS_MESSAGE_TTL, "never"),
            Interest::Left => message.ttl(stream::LEFT_TTL),
        };
        let subject = subject::interest(room, &self.io.node);
        self.context.send_publish(subject, message).await.map(Some)
    }

    /// Waits until a client has taken what it was sent.
    fn pace(&self, room: RoomName, key: SocketKey, socket: Peer) {
        let (queue, stop) = (self.queue.clone(), self.io.stop.clone());
        self.io.tasks.spawn(async move {
            let taken = async {
                while socket.is_clogged() && !socket.is_closed() {
                    tokio::time::sleep(LOOK).await;
                }
            };
            if stop.run_until_cancelled(taken).await.is_some() && !socket.is_closed() {
                tell(&queue, Input::Paced { room, key }).await;
            }
        });
    }

    /// Reads the log in a task of its own, again and again until it answers.
    fn read(&self, effect: Effect<Peer>) {
        let (reader, reads) = (self.io.reader.clone(), self.io.reads.clone());
        let (queue, stop) = (self.queue.clone(), self.io.stop.clone());
        self.io.tasks.spawn(async move {
            let answer = async {
                for attempt in 1_u32.. {
                    // Not held between attempts: others may have better luck.
                    let permit = reads.acquire().await.ok()?;
                    let asked = ask(&effect, &reader).await;
                    drop(permit);
                    let pause = match asked {
                        Ok(input) => return input,
                        Err(DirectGetError::Away) => RETRY,
                        Err(DirectGetError::Behind) if attempt < SOON_THERE => RETRY_BEHIND,
                        Err(error) => {
                            tracing::warn!(%error, "cannot read the log; trying again");
                            RETRY
                        }
                    };
                    tokio::time::sleep(pause).await;
                }
                None
            };
            if let Some(Some(input)) = stop.run_until_cancelled(answer).await {
                tell(&queue, input).await;
            }
        });
    }
}

async fn tell(queue: &mpsc::WeakSender<Errand>, input: ShardInput) {
    if let Some(queue) = queue.upgrade() {
        // A shard that is gone has closed its rooms.
        let _ = queue.send(Errand::Input(input)).await;
    }
}

/// The answer to an effect that reads; `None` for one that does not, or that nobody waits for any
/// more.
async fn ask(
    effect: &Effect<Peer>,
    reader: &LogReader,
) -> Result<Option<ShardInput>, DirectGetError> {
    Ok(Some(match effect {
        Effect::ReadWindow { room, reached } => {
            let page = reader.window(room, wire::event::DEFAULT_HISTORY, *reached).await?;
            Input::WindowRead { room: room.clone(), page }
        }
        Effect::Repair { room, after, reached } => {
            let page = reader.after(room, *after, PAGE, *reached).await?;
            Input::Repaired { room: room.clone(), page }
        }
        Effect::Replay { socket, .. } if socket.is_closed() => return Ok(None),
        Effect::Replay { room, key, asked, reached, .. } => {
            let page = reader.after(room, asked.after, PAGE, *reached).await?;
            Input::Replayed { room: room.clone(), key: *key, asked: *asked, page }
        }
        Effect::CheckLasts { check, rooms, reached } => {
            Input::Lasts { check: *check, lasts: reader.lasts(rooms, *reached).await? }
        }
        Effect::StoreInterest { .. } | Effect::Tell { .. } | Effect::Pace { .. } => {
            return Ok(None);
        }
    }))
}
