//! What time asks of a shard, and what a connection that was lost and came back does.

use std::{collections::HashMap, time::Instant};

use wire::{
    Partition, RoomName, Seq,
    ephemeral::{FromNode, Interest, RoomPresence},
    heartbeat::DEAD_AFTER,
};

use super::Shard;
use crate::rooms::{
    port::{Check, Effect, Port},
    room::Room,
};

impl<P: Port> Shard<P> {
    pub(super) fn interest_stored(
        &mut self,
        name: &RoomName,
        seq: Seq,
        now: Instant,
        port: &mut P,
    ) {
        self.high = self.high.max(seq);
        let high = self.high;
        if !self.rooms.contains_key(name) {
            // Everybody has left while it was on its way.
            let interest = Interest::Left;
            return port.effect(Effect::StoreInterest { room: name.clone(), interest });
        }
        // The record replaces an earlier one. Where the owner had not read that yet, what was stored
        // between the two went to nobody, and no counter tells.
        self.unchecked.insert(name.clone());
        let waited: Vec<_> =
            self.rooms.get(name).map(|room| room.waiting().collect()).unwrap_or_default();
        self.with_room(name, now, port, |room, port| room.interest_stored(seq, high, now, port));
        self.welcome(name, &waited, now, port);
    }

    /// After a time without NATS: interest may have been taken for dead, deliveries lost.
    pub(super) fn resync(&mut self, now: Instant, port: &mut P) {
        self.refresh(now, port);
        for follower in self.partitions.values_mut() {
            follower.reports.tell_all();
        }
    }

    pub(super) fn refresh(&mut self, now: Instant, port: &mut P) {
        self.refreshed_at = now;
        for room in self.rooms.values_mut() {
            room.store_interest(port);
        }
    }

    pub(super) fn tick(&mut self, now: Instant, port: &mut P) {
        // A process that stood still for so long was taken for dead, with the connection or without.
        if now.duration_since(std::mem::replace(&mut self.ticked_at, now)) >= DEAD_AFTER {
            self.resync(now, port);
        }
        if now.duration_since(self.refreshed_at) >= self.settings.refresh {
            self.refresh(now, port);
        }
        self.check_tails(port);
        self.look_at_pending(now, port);
        self.report(now, port);
    }

    /// One question for all rooms whose interest was stored again.
    pub(super) fn check_tails(&mut self, port: &mut P) {
        if self.checking_tails {
            return;
        }
        let rooms = &self.rooms;
        self.unchecked.retain(|name| rooms.contains_key(name));
        let open: Vec<_> =
            self.unchecked.extract_if(|name| rooms.get(name).is_some_and(Room::is_open)).collect();
        if !open.is_empty() {
            self.checking_tails = true;
            let check = Check::Tails;
            port.effect(Effect::CheckLasts { check, rooms: open, reached: self.high });
        }
    }

    pub(super) fn look_at_pending(&mut self, now: Instant, port: &mut P) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain(|name| {
            let Some(room) = self.rooms.get_mut(name) else { return false };
            room.expire_waiters(now, port);
            let overdue = room.presence.overdue(name, now);
            room.announce(&overdue, port);
            room.forget_frames();
            let (idle, quiet) = (room.is_idle(self.settings.linger, now), room.is_settled());
            if overdue.ask {
                self.ask(name.clone(), port);
            }
            if idle {
                self.rooms.remove(name);
                let interest = Interest::Left;
                port.effect(Effect::StoreInterest { room: name.clone(), interest });
            }
            !idle && !quiet
        });
        self.pending.extend(pending);
    }

    pub(super) fn report(&mut self, now: Instant, port: &mut P) {
        for (&partition, follower) in &mut self.partitions {
            if !follower.reports.is_due() {
                continue;
            }
            let rooms = &self.rooms;
            let report =
                follower.reports.take(&self.node, now, || users_of_partition(rooms, partition));
            port.effect(Effect::Tell { partition, what: FromNode::Presence(report) });
        }
    }

    pub(super) fn close(&mut self, now: Instant, port: &mut P) {
        for (room, _) in self.rooms.drain() {
            port.effect(Effect::StoreInterest { room, interest: Interest::Left });
        }
        self.report(now, port);
    }
}

fn users_of_partition<P: Port>(
    rooms: &HashMap<RoomName, Room<P>>,
    partition: Partition,
) -> Vec<RoomPresence> {
    rooms
        .iter()
        .filter(|(name, _)| name.partition() == partition)
        .map(|(name, room)| RoomPresence {
            room: name.clone(),
            joined: room.users().cloned().collect(),
            left: Vec::new(),
        })
        .filter(|presence| !presence.joined.is_empty())
        .collect()
}
