//! The tasks that run the rooms' decisions and carry out what they decide.
//!
//! One task a shard, one writer for its rooms; partitions are dealt to shards. Decisions are in
//! [`crate::rooms`]; here is only IO, which decides nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_nats::jetstream::{self, message::PublishMessage};
use socketioxide::extract::AckSender;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::{
    Failure, NodeId, Partition, RoomName, Seq,
    client::{Done, Joined},
    ephemeral::Interest,
    stream, subject,
};

use crate::{
    gateway::Peer,
    log::{
        direct::DirectGetError,
        publisher::{Publication, Publisher},
        reader::LogReader,
    },
    rooms::{
        packet::{Message, Packet},
        port::{Effect, Input, Port, SocketKey},
        shard::{Settings, Shard},
    },
    teller::Teller,
};

/// What may wait for a shard.
const QUEUE: usize = 16_384;
/// How often a shard looks at the time; the window over which presence is gathered.
const TICK: Duration = Duration::from_millis(100);
/// Messages in one read of a gap or replay.
const PAGE: usize = 256;
/// The pause between two pages for one socket, so that its queue can drain.
const PAGE_PAUSE: Duration = Duration::from_millis(20);
/// The pause before something that failed is tried again.
const RETRY: Duration = Duration::from_millis(500);

type ShardInput = Input<HubPort>;

/// The way to all shards. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    shards: Arc<[mpsc::Sender<ShardInput>]>,
}

/// What the shards need to act.
#[derive(Clone)]
pub struct HubIo {
    pub node: NodeId,
    pub client: async_nats::Client,
    pub reader: LogReader,
    pub publisher: Publisher,
    pub teller: Teller,
    /// Bounds reads of the log.
    pub reads: Arc<Semaphore>,
    pub tasks: TaskTracker,
    /// Ends what waits for the log.
    pub stop: CancellationToken,
}

impl Hub {
    /// Starts `count` shards; their tasks end with [`Hub::close`].
    pub fn start(io: &HubIo, settings: Settings, count: usize) -> Self {
        let shards = (0..count.max(1))
            .map(|_| {
                let (queue, inputs) = mpsc::channel(QUEUE);
                let shard = Shard::new(io.node.clone(), settings, Instant::now());
                io.tasks.spawn(run(shard, inputs, queue.downgrade(), io.clone()));
                queue
            })
            .collect();
        Self { shards }
    }

    fn shard(&self, partition: Partition) -> &mpsc::Sender<ShardInput> {
        &self.shards[usize::from(partition.number()) % self.shards.len()]
    }

    /// Hands an input about a room to its shard; gives it back where the shard is behind.
    // The error is the input itself: nothing is boxed on the way of every join.
    #[allow(clippy::result_large_err)]
    pub fn offer(&self, room: &RoomName, input: ShardInput) -> Result<(), ShardInput> {
        self.shard(room.partition()).try_send(input).map_err(mpsc::error::TrySendError::into_inner)
    }

    /// Hands over what must not be left out, waiting for a place.
    pub async fn send(&self, partition: Partition, input: ShardInput) {
        // A shard that is gone has closed its rooms.
        let _ = self.shard(partition).send(input).await;
    }

    /// A socket's transport has ended.
    pub async fn gone(&self, key: SocketKey, rooms: Vec<RoomName>) {
        for room in rooms {
            self.send(room.partition(), Input::Gone { key, room }).await;
        }
    }

    /// NATS is back, or dropped something.
    pub async fn resync(&self) {
        for shard in self.shards.iter() {
            let _ = shard.send(Input::Resync).await;
        }
    }

    /// Gives up every room; the shards end.
    pub async fn close(&self) {
        for shard in self.shards.iter() {
            let _ = shard.send(Input::Close).await;
        }
    }
}

async fn run(
    mut shard: Shard<HubPort>,
    mut inputs: mpsc::Receiver<ShardInput>,
    queue: mpsc::WeakSender<ShardInput>,
    io: HubIo,
) {
    let mut port = HubPort { publisher: io.publisher.clone(), effects: Vec::new() };
    let context = jetstream::new(io.client.clone());
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let input = tokio::select! {
            input = inputs.recv() => input,
            _ = ticks.tick() => Some(Input::Tick),
        };
        let Some(input) = input else { return };
        let last = matches!(input, Input::Close);
        shard.handle(input, Instant::now(), &mut port);
        for effect in port.effects.drain(..) {
            carry_out(effect, &io, &context, &queue).await;
        }
        if last {
            return;
        }
    }
}

/// Starts what takes IO. Interest is sent from here, one after the other, so that the log has it in
/// the order decided; everything else is a task that comes back with its result.
async fn carry_out(
    effect: Effect,
    io: &HubIo,
    context: &jetstream::Context,
    queue: &mpsc::WeakSender<ShardInput>,
) {
    match effect {
        Effect::StoreInterest { room, interest } => {
            store_interest(room, interest, io, context, queue).await;
        }
        Effect::Tell { partition, what } => io.teller.tell(partition, what),
        Effect::ReadWindow { .. }
        | Effect::Repair { .. }
        | Effect::Replay { .. }
        | Effect::CheckLasts { .. } => read(effect, io, queue),
    }
}

async fn store_interest(
    room: RoomName,
    interest: Interest,
    io: &HubIo,
    context: &jetstream::Context,
    queue: &mpsc::WeakSender<ShardInput>,
) {
    let Ok(payload) = serde_json::to_vec(&interest) else { return };
    let message = PublishMessage::build()
        .header(async_nats::header::NATS_ROLLUP, "sub")
        .payload(payload.into());
    let message = match interest {
        Interest::Joined => message.header(async_nats::header::NATS_MESSAGE_TTL, "never"),
        Interest::Left => message.ttl(stream::LEFT_TTL),
    };
    let ack = context.send_publish(subject::interest(&room, &io.node), message).await;
    let (queue, stop) = (queue.clone(), io.stop.clone());
    io.tasks.spawn(async move {
        let stored = async {
            match ack {
                Ok(ack) => ack.await,
                Err(error) => Err(error),
            }
        };
        let Some(stored) = stop.run_until_cancelled(stored).await else { return };
        let input = match (stored, interest) {
            (Ok(ack), Interest::Joined) => Input::InterestStored { room, seq: ack.sequence },
            (Ok(_), Interest::Left) => return,
            (Err(error), _) => {
                tracing::warn!(%error, "cannot store interest in a room; trying again");
                if stop.run_until_cancelled(tokio::time::sleep(RETRY)).await.is_none() {
                    return;
                }
                Input::InterestFailed { room }
            }
        };
        if let Some(queue) = queue.upgrade() {
            let _ = queue.send(input).await;
        }
    });
}

/// Reads the log in a task of its own, again and again until it answers.
fn read(effect: Effect, io: &HubIo, queue: &mpsc::WeakSender<ShardInput>) {
    let (reader, reads) = (io.reader.clone(), io.reads.clone());
    let (queue, stop) = (queue.clone(), io.stop.clone());
    io.tasks.spawn(async move {
        let answer = async {
            let _permit = reads.acquire().await.ok()?;
            loop {
                match ask(&effect, &reader).await {
                    Ok(input) => return input,
                    Err(error) => {
                        tracing::warn!(%error, "cannot read the log; trying again");
                        tokio::time::sleep(RETRY).await;
                    }
                }
            }
        };
        if let Some(Some(input)) = stop.run_until_cancelled(answer).await
            && let Some(queue) = queue.upgrade()
        {
            let _ = queue.send(input).await;
        }
    });
}

/// The answer to an effect that reads; `None` for one that does not.
async fn ask(effect: &Effect, reader: &LogReader) -> Result<Option<ShardInput>, DirectGetError> {
    Ok(Some(match effect {
        Effect::ReadWindow { room } => {
            let page = reader.latest(room, None, wire::event::DEFAULT_HISTORY).await?;
            Input::WindowRead { room: room.clone(), page }
        }
        Effect::Repair { room, after } => {
            let page = reader.after(room, *after, PAGE).await?;
            Input::Repaired { room: room.clone(), page }
        }
        Effect::Replay { room, key, after } => {
            let page = reader.after(room, *after, PAGE).await?;
            if page.more {
                tokio::time::sleep(PAGE_PAUSE).await;
            }
            Input::Replayed { room: room.clone(), key: *key, page }
        }
        Effect::CheckLasts { rooms } => Input::Lasts(reader.lasts(rooms).await?),
        Effect::StoreInterest { .. } | Effect::Tell { .. } => return Ok(None),
    }))
}

/// Sends to sockets at once, and keeps what takes IO for the task.
pub struct HubPort {
    publisher: Publisher,
    effects: Vec<Effect>,
}

impl Port for HubPort {
    type Socket = Peer;
    type Ack = AckSender;
    type Speech = Publication;

    fn emit(&mut self, to: &Peer, packet: &Packet) {
        to.emit(packet);
    }

    fn joined(
        &mut self,
        peer: &Peer,
        room: &RoomName,
        ack: Option<AckSender>,
        seq: Seq,
        history: &[&Message],
    ) {
        peer.settled(room);
        if let Some(ack) = ack {
            let history = history.iter().map(|message| &*message.packet.json).collect();
            peer.answer(ack, &Joined { room: room.clone(), seq, history });
        }
    }

    fn speak(
        &mut self,
        peer: &Peer,
        room: &RoomName,
        speech: Publication,
        verdict: Result<(), Failure>,
    ) {
        match verdict {
            Ok(()) => self.publisher.publish(speech),
            Err(failure) => (speech.done)(Err(failure)),
        }
        peer.settled(room);
    }

    fn left(&mut self, peer: &Peer, ack: AckSender) {
        peer.answer(ack, &Done {});
    }

    fn refused(&mut self, peer: &Peer, room: &RoomName, ack: Option<AckSender>, why: Failure) {
        peer.refused(room, ack, &why);
    }

    fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}
