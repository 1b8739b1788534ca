//! What the rooms decide, done: sockets are told when all that is ready is dealt with, effects wait for
//! the task.

use std::sync::Arc;

use tokio::task::yield_now;
use wire::{
    Failure, RoomName, Seq,
    client::{Done, Joined},
    event,
};

use crate::{
    edge::Transport,
    gateway::{Callback, Peer},
    log::publisher::{Publication, Publisher},
    metrics::Metrics,
    rooms::{
        packet::{Message, Packet},
        port::{Effect, Port},
    },
};

/// Transports that are written to without a pause for others.
const FLUSHES: usize = 64;

/// Queues for sockets what is to be sent, until it is flushed, and keeps what takes IO for the task.
pub struct HubPort {
    pub(super) publisher: Publisher,
    pub(super) effects: Vec<Effect<Peer>>,
    /// Transports for which something is queued.
    pub(super) queued: Vec<Transport>,
    pub(super) metrics: Arc<Metrics>,
    /// Events sent since they were last added to the metric, which all shards share.
    pub(super) emits: u64,
}

impl HubPort {
    /// Writes what was queued, in one go for each client however much that is, and adds it up.
    pub(super) async fn flush(&mut self) {
        for (at, transport) in self.queued.drain(..).enumerate() {
            transport.flush();
            if at % FLUSHES == FLUSHES - 1 {
                yield_now().await;
            }
        }
        if self.emits > 0 {
            self.metrics.emits.inc_by(std::mem::take(&mut self.emits));
        }
    }
}

impl Port for HubPort {
    type Socket = Peer;
    type Ack = Callback;
    type Speech = Publication;

    fn emit(&mut self, to: &Peer, packet: &Packet) {
        if to.queue(packet) {
            self.queued.push(to.transport().clone());
        }
        self.emits += 1;
        if packet.event == event::RECOVERED {
            self.metrics.recoveries.inc();
        }
    }

    fn is_clogged(&self, socket: &Peer) -> bool {
        socket.is_clogged()
    }

    fn joined(
        &mut self,
        peer: &Peer,
        room: &RoomName,
        ack: Option<Callback>,
        seq: Seq,
        history: &[&Message],
    ) {
        peer.joined(room);
        if let Some(ack) = ack {
            let history = history.iter().map(|message| &*message.packet.json).collect();
            peer.answer(Some(ack), &Joined { room: room.clone(), seq, history });
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

    fn left(&mut self, peer: &Peer, ack: Callback) {
        peer.answer(Some(ack), &Done {});
    }

    fn refused(&mut self, peer: &Peer, room: &RoomName, ack: Option<Callback>, why: Failure) {
        peer.refused(room, ack, &why);
    }

    fn effect(&mut self, effect: Effect<Peer>) {
        match effect {
            Effect::Replay { .. } => {
                self.metrics.replays.inc();
            }
            Effect::Repair { .. } => {
                self.metrics.repairs.inc();
            }
            _ => {}
        }
        self.effects.push(effect);
    }
}
