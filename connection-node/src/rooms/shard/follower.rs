//! Following partitions' owners: whose word counts, what was lost on the way, who is where.

use std::time::Instant;

use wire::{
    Partition, RoomName, Seq,
    delivery::{Digest, RosterUpdate},
    ephemeral::FromNode,
    kv::Epoch,
};

use super::Shard;
use crate::rooms::{
    port::{Check, Effect, Port},
    reports::Reports,
};

/// This node's view of a partition's owner.
#[derive(Default)]
pub(super) struct Follower {
    epoch: Epoch,
    counter: u64,
    check: Checking,
    pub(super) reports: Reports,
}

/// Whether the partition's rooms are being compared with the log.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Checking {
    #[default]
    No,
    UnderWay,
    /// Something was lost meanwhile: once more.
    Stale,
}

impl<P: Port> Shard<P> {
    pub(super) fn follower(&mut self, partition: Partition) -> &mut Follower {
        self.partitions.entry(partition).or_default()
    }

    /// Notes who speaks for a partition and whether anything was lost before; `false` for a former
    /// owner, whose word no longer counts.
    pub(super) fn follow(
        &mut self,
        partition: Partition,
        epoch: Epoch,
        counter: Option<u64>,
        port: &mut P,
    ) -> bool {
        let follower = self.partitions.entry(partition).or_default();
        if epoch < follower.epoch {
            return false;
        }
        let successor = epoch > follower.epoch;
        let lost = counter.is_some_and(|counter| counter != follower.counter + 1);
        if successor {
            follower.epoch = epoch;
            follower.counter = 0;
            follower.reports.tell_all();
        }
        if let Some(counter) = counter {
            follower.counter = counter;
        }
        if successor || lost {
            self.recheck(partition, port);
        }
        true
    }

    /// The owner wants to know who is here. One that asks again has lost sight of this node, and may
    /// have taken its interest out of the log.
    pub(super) fn report_presence(&mut self, partition: Partition, epoch: Epoch, port: &mut P) {
        let again = self.follower(partition).epoch == epoch;
        if !self.follow(partition, epoch, None, port) {
            return;
        }
        self.follower(partition).reports.tell_all();
        if again {
            let its = self.rooms.iter_mut().filter(|(name, _)| name.partition() == partition);
            for (_, room) in its {
                room.store_interest(port);
            }
        }
    }

    pub(super) fn digest(&mut self, digest: &Digest, now: Instant, port: &mut P) {
        self.high = self.high.max(digest.seq);
        if !self.follow(digest.partition, digest.epoch, None, port) {
            return;
        }
        let follower = self.follower(digest.partition);
        follower.reports.confirmed(digest.reports, now);
        if digest.counter > follower.counter {
            follower.counter = digest.counter;
            self.recheck(digest.partition, port);
        }
    }

    /// Compares the partition's rooms with the log, once more if that is under way.
    fn recheck(&mut self, partition: Partition, port: &mut P) {
        let follower = self.follower(partition);
        if follower.check != Checking::No {
            follower.check = Checking::Stale;
            return;
        }
        let rooms: Vec<_> = self
            .rooms
            .iter()
            .filter(|(name, room)| room.is_open() && name.partition() == partition)
            .map(|(name, _)| name.clone())
            .collect();
        if !rooms.is_empty() {
            self.follower(partition).check = Checking::UnderWay;
            let check = Check::Partition(partition);
            port.effect(Effect::CheckLasts { check, rooms, reached: self.high });
        }
    }

    /// What the log holds of rooms that were to be compared with it.
    pub(super) fn checked(&mut self, check: Check, lasts: Vec<(RoomName, Seq)>, port: &mut P) {
        for (room, seq) in lasts {
            self.high = self.high.max(seq);
            if let Some(room) = self.rooms.get_mut(&room) {
                room.exists(seq, port);
            }
        }
        match check {
            Check::Tails => self.checking_tails = false,
            Check::Partition(partition) => {
                let follower = self.follower(partition);
                let was = std::mem::take(&mut follower.check);
                if was == Checking::Stale {
                    self.recheck(partition, port);
                }
            }
        }
    }

    pub(super) fn roster(&mut self, update: RosterUpdate, now: Instant, port: &mut P) {
        let name = update.room.clone();
        let Some(room) = self.rooms.get_mut(&name) else { return };
        let mut presence = std::mem::take(&mut room.presence);
        let news =
            presence.updated(&name, update, now, |key| room.member(key).map(|member| &member.user));
        room.presence = presence;
        room.announce(&news, port);
        if room.presence.is_owing() {
            self.pending.insert(name.clone());
        }
        if news.ask {
            self.ask(name, port);
        }
    }

    pub(super) fn ask(&self, room: RoomName, port: &mut P) {
        let partition = room.partition();
        let what = FromNode::WantRoster { node: self.node.clone(), room };
        port.effect(Effect::Tell { partition, what });
    }
}
