//! What the rooms decide, done: sockets are told at once, effects wait for the task.

use std::sync::Arc;

use socketioxide::extract::AckSender;
use wire::{
    Failure, RoomName, Seq,
    client::{Done, Joined},
    event,
};

use crate::{
    gateway::Peer,
    log::publisher::{Publication, Publisher},
    metrics::Metrics,
    rooms::{
        packet::{Message, Packet},
        port::{Effect, Port},
    },
};

/// Sends to sockets at once, and keeps what takes IO for the task.
pub struct HubPort {
    pub(super) publisher: Publisher,
    pub(super) effects: Vec<Effect<Peer>>,
    pub(super) metrics: Arc<Metrics>,
    /// Events sent since they were last added to the metric, which all shards share.
    pub(super) emits: u64,
}

impl HubPort {
    /// Adds up what one input has led to.
    pub(super) fn count(&mut self) {
        if self.emits > 0 {
            self.metrics.emits.inc_by(std::mem::take(&mut self.emits));
        }
    }
}

impl Port for HubPort {
    type Socket = Peer;
    type Ack = AckSender;
    type Speech = Publication;

    fn emit(&mut self, to: &Peer, packet: &Packet) {
        to.emit(packet);
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
        ack: Option<AckSender>,
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

    fn left(&mut self, peer: &Peer, ack: AckSender) {
        peer.answer(Some(ack), &Done {});
    }

    fn refused(&mut self, peer: &Peer, room: &RoomName, ack: Option<AckSender>, why: Failure) {
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
