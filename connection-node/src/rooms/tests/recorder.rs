//! What the sockets of a world were sent, and what its rooms asked for.

use std::collections::HashMap;

use wire::{Failure, RoomName, Seq, event};

use super::model::World;
use crate::rooms::{
    packet::{Message, Packet},
    port::{Effect, Port, SocketKey},
};

/// Remembers what was sent.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) seen: HashMap<SocketKey, Vec<(&'static str, String)>>,
    pub(super) joined: HashMap<SocketKey, (Seq, Vec<String>)>,
    pub(super) refused: Vec<(SocketKey, wire::ErrorCode)>,
    pub(super) left: Vec<SocketKey>,
    pub(super) spoken: Vec<(&'static str, bool)>,
    pub(super) effects: Vec<Effect<SocketKey>>,
    /// How many events sockets take until they are clogged; without end where it is `None`.
    pub(super) takes: Option<usize>,
}

impl Port for Recorder {
    type Socket = SocketKey;
    type Ack = SocketKey;
    type Speech = &'static str;

    fn emit(&mut self, to: &SocketKey, packet: &Packet) {
        if let Some(takes) = &mut self.takes {
            *takes = takes.saturating_sub(1);
        }
        let json = packet.json.get().to_owned();
        self.seen.entry(*to).or_default().push((packet.event, json));
    }
    fn is_clogged(&self, _: &SocketKey) -> bool {
        self.takes == Some(0)
    }
    fn joined(
        &mut self,
        socket: &SocketKey,
        _: &RoomName,
        _: Option<SocketKey>,
        seq: Seq,
        history: &[&Message],
    ) {
        let history = history.iter().map(|m| m.packet.json.get().to_owned()).collect();
        self.joined.entry(*socket).or_insert((seq, history));
    }
    fn speak(
        &mut self,
        _: &SocketKey,
        _: &RoomName,
        speech: &'static str,
        verdict: Result<(), Failure>,
    ) {
        self.spoken.push((speech, verdict.is_ok()));
    }
    fn left(&mut self, _: &SocketKey, ack: SocketKey) {
        self.left.push(ack);
    }
    fn refused(&mut self, socket: &SocketKey, _: &RoomName, _: Option<SocketKey>, why: Failure) {
        self.refused.push((*socket, why.code));
    }
    fn effect(&mut self, effect: Effect<SocketKey>) {
        self.effects.push(effect);
    }
}

impl World {
    /// The messages that a socket was sent, by history or event.
    pub(super) fn received(&self, key: SocketKey) -> Vec<Seq> {
        let history = self.port.joined.get(&key).map(|(_, history)| history.clone());
        let live = self.port.seen.get(&key).into_iter().flatten();
        let live = live.filter(|(event, _)| *event == event::CHAT_MESSAGE).map(|(_, json)| json);
        history.iter().flatten().chain(live).map(|json| json.parse().unwrap()).collect()
    }

    pub(super) fn events(&self, key: SocketKey, name: &str) -> Vec<serde_json::Value> {
        let seen = self.port.seen.get(&key).into_iter().flatten();
        seen.filter(|(event, _)| *event == name)
            .map(|(_, json)| serde_json::from_str(json).unwrap())
            .collect()
    }
}
