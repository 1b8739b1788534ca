//! The rosters' part of a partition: reports in, snapshots and deltas out, at the right time.

use std::collections::HashMap;
use std::time::Instant;

use wire::delivery::{RosterUpdate, ToNode};
use wire::ephemeral::PresenceReport;
use wire::{NodeId, RoomName};

use super::{ASK_INTERVAL, Effect, PartitionCore};
use crate::node_link::{NodeLink, Reported};

impl PartitionCore {
    pub(super) fn presence(&mut self, report: &PresenceReport, now: Instant) {
        if report.rooms.iter().any(|presence| presence.room.partition() != self.partition) {
            return;
        }
        let digest_delay = self.timing.digest_delay;
        let link = self.link(&report.node, now);
        if !link.alive {
            return;
        }
        match link.report(report) {
            Reported::Apply => {
                link.ask_at = None;
                link.digest_by(now + digest_delay);
                self.rosters.report(&report.node, report.full, &report.rooms);
                self.flush_if_changed(now);
                if report.full && self.gather_until.is_none() {
                    // It was cut off, or something was lost: rosters have no digest of their own.
                    self.snapshots_for(&report.node, now);
                }
            }
            Reported::Gap => link.ask(now, ASK_INTERVAL),
            Reported::Old => {}
        }
    }

    pub(super) fn want_roster(&mut self, room: RoomName, node: NodeId, now: Instant) {
        let alive = self.links.get(&node).is_some_and(|link| link.alive);
        if alive && self.membership.is_member(&room, &node) {
            self.want(room, node, now);
        }
    }

    /// The node is to get a snapshot of the room.
    pub(super) fn want(&mut self, room: RoomName, node: NodeId, now: Instant) {
        self.wanted.insert((room, node));
        self.flush_within_window(now);
    }

    pub(super) fn users_of_dead_node(&mut self, node: &NodeId, now: Instant) {
        self.rosters.node_gone(node);
        self.wanted.retain(|(_, of)| of != node);
        self.flush_if_changed(now);
    }

    /// Every roster that the node may have missed a change of.
    pub(super) fn snapshots_for(&mut self, node: &NodeId, now: Instant) {
        let rooms = self.membership.rooms();
        let its = rooms.filter(|(_, members)| members.iter().any(|member| member.node == *node));
        self.wanted.extend(its.map(|(room, _)| (room.clone(), node.clone())));
        self.flush_within_window(now);
    }

    pub(super) fn publish_what_is_due(&mut self, now: Instant) {
        if let Some(until) = self.gather_until {
            let awaited = |node: &NodeId| {
                self.links.get(node).is_some_and(|link| link.alive && !link.has_reported())
            };
            if now >= until || !self.membership.nodes().any(awaited) {
                self.publish_all();
            }
        } else if self.flush_at.is_some_and(|at| now >= at) {
            self.flush();
        }
    }

    /// The first rosters of the tenure: everything to everyone, so that whatever an earlier owner
    /// said is replaced.
    fn publish_all(&mut self) {
        self.gather_until = None;
        self.flush_at = None;
        self.wanted.clear();
        self.rosters.settle();
        for (room, members) in self.membership.rooms() {
            let live = members.iter().filter(|member| is_live(&self.links, &member.node));
            send_roster(
                &mut self.effects,
                live.map(|member| &member.node),
                &self.rosters.snapshot(room),
            );
        }
    }

    /// Deltas to whoever follows a room, then snapshots, which hold them, to whoever begins to.
    fn flush(&mut self) {
        self.flush_at = None;
        let wanted = std::mem::take(&mut self.wanted);
        for (room, updates) in self.rosters.flush() {
            let members = self.membership.members(&room);
            let follows = |node: &&NodeId| {
                is_live(&self.links, node) && !wanted.contains(&(room.clone(), (*node).clone()))
            };
            let nodes = members.iter().map(|member| &member.node).filter(follows);
            send_roster(&mut self.effects, nodes, &updates);
            if members.is_empty() {
                self.rosters.forget_if_empty(&room);
            }
        }
        for (room, node) in wanted {
            if is_live(&self.links, &node) {
                send_roster(&mut self.effects, [&node], &self.rosters.snapshot(&room));
            }
        }
    }

    fn flush_if_changed(&mut self, now: Instant) {
        if self.rosters.is_changed() {
            self.flush_within_window(now);
        }
    }

    fn flush_within_window(&mut self, now: Instant) {
        if self.gather_until.is_none() {
            self.flush_at.get_or_insert(now + self.timing.presence_window);
        }
    }
}

fn is_live(links: &HashMap<NodeId, NodeLink>, node: &NodeId) -> bool {
    links.get(node).is_some_and(|link| link.alive)
}

fn send_roster<'a>(
    effects: &mut Vec<Effect>,
    nodes: impl IntoIterator<Item = &'a NodeId>,
    updates: &[RosterUpdate],
) {
    for node in nodes {
        let items = updates.iter().cloned().map(ToNode::Roster);
        effects.extend(items.map(|item| Effect::Send { node: node.clone(), item, patient: false }));
    }
}

#[cfg(test)]
mod tests;
