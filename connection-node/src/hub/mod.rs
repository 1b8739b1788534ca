//! The tasks that run the rooms' decisions.
//!
//! One task a shard, one writer for its rooms; partitions are dealt to shards. Decisions are in
//! [`crate::rooms`]; here is only IO, which decides nothing: [`port`] tells sockets, [`effects`] reads
//! and writes the log.

mod effects;
mod port;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_nats::jetstream;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::{NodeId, Partition, RoomName, Timestamp};

use self::{effects::Carrier, port::HubPort};
use crate::{
    log::{publisher::Publisher, reader::LogReader},
    metrics::Metrics,
    rooms::{
        port::{Input, SocketKey},
        shard::{Census, Settings, Shard},
    },
    teller::Teller,
};

/// What may wait for a shard.
const QUEUE: usize = 16_384;
/// What a shard deals with before it writes to clients: what comes while it does so waits and is written
/// together, so that a busy node writes less often.
const GATHER: usize = 64;
/// Events that it sends before it does so.
const EMITS: u64 = 8_192;
/// How often a shard looks at the time while something waits for it; the window over which presence is
/// gathered.
const TICK: Duration = Duration::from_millis(100);
/// The same while nothing does: a node whose clients are silent hardly wakes up.
const IDLE_TICK: Duration = Duration::from_secs(1);

type ShardInput = Input<HubPort>;

/// What a shard's task is asked for.
enum Errand {
    Input(ShardInput),
    Count(oneshot::Sender<Census>),
}

/// The way to all shards. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    shards: Arc<[mpsc::Sender<Errand>]>,
}

/// What the shards need to act.
#[derive(Clone)]
pub struct HubIo {
    pub node: NodeId,
    pub client: async_nats::Client,
    pub reader: LogReader,
    pub publisher: Publisher,
    pub teller: Teller,
    pub metrics: Arc<Metrics>,
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

    fn shard(&self, partition: Partition) -> &mpsc::Sender<Errand> {
        &self.shards[usize::from(partition.number()) % self.shards.len()]
    }

    /// Hands an input about a room to its shard; gives it back where the shard is behind.
    // The error is the input itself: nothing is boxed on the way of every join.
    #[allow(clippy::result_large_err)]
    pub fn offer(&self, room: &RoomName, input: ShardInput) -> Result<(), ShardInput> {
        match self.shard(room.partition()).try_reserve() {
            Ok(place) => {
                place.send(Errand::Input(input));
                Ok(())
            }
            Err(_) => Err(input),
        }
    }

    /// Hands over what must not be left out, waiting for a place.
    pub async fn send(&self, partition: Partition, input: ShardInput) {
        // A shard that is gone has closed its rooms.
        let _ = self.shard(partition).send(Errand::Input(input)).await;
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
            let _ = shard.send(Errand::Input(Input::Resync)).await;
        }
    }

    /// What the rooms hold, counted now; in the order of everything else that the shards do.
    pub async fn census(&self) -> Census {
        let mut census = Census::default();
        for shard in self.shards.iter() {
            let (tell, told) = oneshot::channel();
            if shard.send(Errand::Count(tell)).await.is_ok()
                && let Ok(counted) = told.await
            {
                census += counted;
            }
        }
        census
    }

    /// Inputs that wait for the shards.
    pub fn queued(&self) -> usize {
        self.shards.iter().map(|shard| shard.max_capacity() - shard.capacity()).sum()
    }

    /// Gives up every room; the shards end.
    pub async fn close(&self) {
        for shard in self.shards.iter() {
            let _ = shard.send(Errand::Input(Input::Close)).await;
        }
    }
}

async fn run(
    mut shard: Shard<HubPort>,
    mut errands: mpsc::Receiver<Errand>,
    queue: mpsc::WeakSender<Errand>,
    io: HubIo,
) {
    let mut port = HubPort {
        publisher: io.publisher.clone(),
        effects: Vec::new(),
        queued: Vec::new(),
        metrics: io.metrics.clone(),
        emits: 0,
    };
    let context = jetstream::new(io.client.clone());
    let carrier = Carrier { io, context, queue };
    let mut ticked = tokio::time::Instant::now();
    // When a shard that has begun to wait is looked at.
    let mut soon = None;
    let mut tick = std::pin::pin!(tokio::time::sleep_until(ticked));
    let (mut born, mut last) = (Vec::new(), false);
    while !last {
        let due = if shard.is_waiting() {
            *soon.get_or_insert_with(|| tokio::time::Instant::now() + TICK)
        } else {
            soon = None;
            ticked + IDLE_TICK
        };
        if tick.deadline() != due {
            tick.as_mut().reset(due);
        }
        let mut next = tokio::select! {
            errand = errands.recv() => match errand {
                None => return,
                errand => errand,
            },
            () = &mut tick => {
                (ticked, soon) = (tokio::time::Instant::now(), None);
                Some(Errand::Input(Input::Tick))
            }
        };
        let mut handled = 0;
        while let Some(errand) = next.take() {
            match errand {
                // Whoever asked may have given up.
                Errand::Count(tell) => drop(tell.send(shard.census())),
                Errand::Input(input) => {
                    last = matches!(input, Input::Close);
                    note_times(&input, &mut born);
                    shard.handle(input, Instant::now(), &mut port);
                }
            }
            handled += 1;
            if !last && handled < GATHER && port.emits < EMITS {
                next = errands.try_recv().ok();
            }
        }
        port.flush().await;
        let now = Timestamp::now().as_millis();
        for born in born.drain(..) {
            // Another node's clock may be ahead.
            let taken = Duration::from_millis(now.saturating_sub(born));
            carrier.io.metrics.end_to_end_seconds.observe(taken.as_secs_f64());
        }
        for effect in port.effects.drain(..) {
            carrier.carry_out(effect).await;
        }
    }
}

/// Takes note of when the messages that workers sent were born, in milliseconds.
fn note_times(input: &ShardInput, born: &mut Vec<u64>) {
    if let Input::Messages { messages, .. } = input {
        let read = messages.iter().filter_map(|one| one.message.as_ref());
        born.extend(read.map(|message| message.born.as_millis()));
    }
}
