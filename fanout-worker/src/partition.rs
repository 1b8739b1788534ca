//! The owner of a partition, without its IO: what the log, the nodes and time say, and whom to tell.
//!
//! Pure. Composes [`Membership`] (who is to get what), [`Rosters`] (who is where) and a [`NodeLink`]
//! a node (what it was sent). Reading, sending and the right to do so are [`crate::owner`]'s.

mod port;
mod presence;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use wire::delivery::{Delivered, ReportPresence, ToNode};
use wire::ephemeral::{FromNode, Interest};
use wire::{NodeId, Partition, RoomName, Seq, client::Typing, kv::Epoch};

pub use self::port::{Effect, Entry, Input, Record};
use crate::liveness::View;
use crate::membership::{Change, Membership};
use crate::node_link::NodeLink;
use crate::roster::Rosters;

/// The least time between two requests for a full report to one node.
const ASK_INTERVAL: Duration = Duration::from_millis(200);
/// While a new owner waits for full reports, it asks again this often.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// The times that an owner keeps.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Over how long presence changes are gathered.
    pub presence_window: Duration,
    /// How long a new owner waits for full reports before it publishes rosters.
    pub gather_timeout: Duration,
    /// How soon a digest follows a change, and messages that no others follow.
    pub digest_delay: Duration,
    /// How often a digest is sent anyway.
    pub digest_interval: Duration,
    /// After how long the interest of a dead node is removed from the log.
    pub remove_dead_after: Duration,
}

/// The state of one tenure.
#[derive(Debug)]
pub struct PartitionCore {
    partition: Partition,
    epoch: Epoch,
    timing: Timing,
    processed: Seq,
    membership: Membership,
    rosters: Rosters,
    links: HashMap<NodeId, NodeLink>,
    nodes: Arc<View<NodeId>>,
    /// Until when full reports are awaited; `None` once rosters are published.
    gather_until: Option<Instant>,
    /// When gathered presence changes and wanted snapshots go out.
    flush_at: Option<Instant>,
    wanted: HashSet<(RoomName, NodeId)>,
    effects: Vec<Effect>,
}

impl PartitionCore {
    /// Begins a tenure whose log is followed from the record after `followed_from`; `membership` is
    /// what held at that record or later. Call [`Self::handle`] with [`Input::Wake`] at once.
    pub fn new(
        (partition, epoch): (Partition, Epoch),
        mut membership: Membership,
        followed_from: Seq,
        nodes: Arc<View<NodeId>>,
        timing: Timing,
        now: Instant,
    ) -> Self {
        membership.follow_from(followed_from);
        let link = |node: &NodeId| {
            let mut link = NodeLink::new(nodes.is_alive(node), timing.remove_dead_after, now);
            if link.alive {
                link.digest_at = Some(now);
                link.ask_at = Some(now + ASK_AGAIN);
            }
            (node.clone(), link)
        };
        let links = membership.nodes().map(link).collect();
        Self {
            partition,
            epoch,
            timing,
            processed: followed_from,
            membership,
            rosters: Rosters::new(epoch),
            links,
            nodes,
            gather_until: Some(now + timing.gather_timeout),
            flush_at: None,
            wanted: HashSet::new(),
            effects: Vec::new(),
        }
    }

    /// The sequence up to which the log has been handled.
    pub fn processed(&self) -> Seq {
        self.processed
    }

    /// How many rooms have members, on how many nodes in sum, and how many users are said to be there.
    pub fn size(&self) -> (usize, usize, usize) {
        let (rooms, room_nodes) = self.membership.size();
        (rooms, room_nodes, self.rosters.present())
    }

    pub fn rosters(&self) -> &Rosters {
        &self.rosters
    }

    /// Takes one input and says what to do, in order.
    pub fn handle(&mut self, input: Input, now: Instant) -> Vec<Effect> {
        match input {
            Input::Log(records) => self.log(records, now),
            Input::Said(FromNode::Presence(report)) => self.presence(&report, now),
            Input::Said(FromNode::WantRoster { node, room }) => self.want_roster(room, node, now),
            Input::Said(FromNode::Typing { node: _, typing }) => self.typing(&typing),
            Input::Nodes(nodes) => self.nodes_changed(nodes, now),
            Input::Reconnected => self.reconnected(now),
            Input::Wake => {}
        }
        self.do_what_is_due(now);
        std::mem::take(&mut self.effects)
    }

    /// When [`Input::Wake`] is due, if nothing else comes first.
    pub fn next_wake(&self) -> Option<Instant> {
        let links = self.links.values().filter_map(NodeLink::next_wake);
        links.chain(self.gather_until).chain(self.flush_at).min()
    }

    fn log(&mut self, records: Vec<Record>, now: Instant) {
        for Record { seq, entry } in records {
            if seq <= self.processed {
                continue;
            }
            self.processed = seq;
            match entry {
                Entry::Message { room, body, trace } => {
                    self.message(&room, seq, &body, trace.as_ref());
                }
                Entry::Interest { room, node, interest } => {
                    self.interest(&room, &node, interest, seq, now);
                }
                Entry::Unreadable => {}
            }
        }
        for (node, link) in &mut self.links {
            if let Some(messages) = link.take_messages(self.partition, self.epoch) {
                // The next messages tell by their counter what a digest would: it comes after the last.
                link.tail_at = Some(now + self.timing.digest_delay);
                let item = ToNode::Messages(messages);
                self.effects.push(Effect::Send { node: node.clone(), item, patient: false });
            }
        }
    }

    fn message(&mut self, room: &RoomName, seq: Seq, body: &RawValue, trace: Option<&Arc<str>>) {
        let Some((prev, members)) = self.membership.message(room, seq) else { return };
        for member in members {
            if let Some(link) = self.links.get_mut(&member.node) {
                link.push(|| Delivered {
                    room: room.clone(),
                    seq,
                    prev,
                    body: body.to_owned(),
                    trace: trace.cloned(),
                });
            }
        }
    }

    fn interest(
        &mut self,
        room: &RoomName,
        node: &NodeId,
        interest: Interest,
        seq: Seq,
        now: Instant,
    ) {
        match self.membership.apply(room, node, interest, seq, seq) {
            Change::Joined { first } => {
                let alive = {
                    let link = self.link(node, now);
                    if first && link.alive {
                        link.digest_by(now);
                    }
                    link.alive
                };
                if alive {
                    self.want(room.clone(), node.clone(), now);
                }
            }
            Change::Left { emptied } => {
                self.wanted.remove(&(room.clone(), node.clone()));
                if emptied {
                    self.rosters.forget_if_empty(room);
                }
            }
            Change::None => {}
        }
    }

    fn typing(&mut self, typing: &Typing) {
        for member in self.membership.members(&typing.room) {
            if self.links.get(&member.node).is_some_and(|link| link.alive) {
                let item = ToNode::Typing(typing.clone());
                let node = member.node.clone();
                self.effects.push(Effect::Send { node, item, patient: false });
            }
        }
    }

    fn nodes_changed(&mut self, nodes: Arc<View<NodeId>>, now: Instant) {
        let (mut died, mut revived) = (Vec::new(), Vec::new());
        for (node, link) in &mut self.links {
            match (link.alive, nodes.is_alive(node)) {
                (true, false) => {
                    link.die(self.timing.remove_dead_after, now);
                    died.push(node.clone());
                }
                (false, true) => {
                    link.revive();
                    link.digest_by(now);
                    link.ask(now, ASK_INTERVAL);
                    revived.push(node.clone());
                }
                _ => {}
            }
        }
        self.nodes = nodes;
        for node in died {
            self.users_of_dead_node(&node, now);
        }
        for node in revived {
            self.snapshots_for(&node, now);
        }
    }

    fn reconnected(&mut self, now: Instant) {
        // Not at once: the nodes may have to connect again too.
        let mut nodes = Vec::new();
        for (node, link) in self.links.iter_mut().filter(|(_, link)| link.alive) {
            link.digest_by(now + self.timing.digest_delay);
            nodes.push(node.clone());
        }
        for node in nodes {
            self.snapshots_for(&node, now);
        }
    }

    fn do_what_is_due(&mut self, now: Instant) {
        self.publish_what_is_due(now);
        for (node, link) in &mut self.links {
            let member = self.membership.has_node(node);
            let mut send = |item, patient| {
                self.effects.push(Effect::Send { node: node.clone(), item, patient });
            };
            if let Some(patient) = link.take_due_digest(now) {
                let digest = link.digest(self.partition, self.epoch, self.processed);
                send(ToNode::Digest(digest), patient);
                link.beat_at = member.then(|| now + self.timing.digest_interval);
            }
            if take_due(&mut link.ask_at, now) {
                let ask = ReportPresence { partition: self.partition, epoch: self.epoch };
                send(ToNode::ReportPresence(ask), false);
                link.asked = Some(now);
                let gathering = self.gather_until.is_some() && !link.has_reported();
                link.ask_at = gathering.then(|| now + ASK_AGAIN);
            }
            if take_due(&mut link.remove_at, now) && member {
                link.remove_at = Some(now + self.timing.remove_dead_after);
                remove_interest(&self.membership, node, &mut self.effects);
            }
        }
    }

    fn link(&mut self, node: &NodeId, now: Instant) -> &mut NodeLink {
        let (nodes, remove_after) = (&self.nodes, self.timing.remove_dead_after);
        self.links
            .entry(node.clone())
            .or_insert_with(|| NodeLink::new(nodes.is_alive(node), remove_after, now))
    }
}

fn remove_interest(membership: &Membership, node: &NodeId, effects: &mut Vec<Effect>) {
    for (room, members) in membership.rooms() {
        if let Some(member) = members.iter().find(|member| member.node == *node) {
            let (room, node, joined) = (room.clone(), node.clone(), member.joined);
            effects.push(Effect::RemoveInterest { room, node, joined });
        }
    }
}

/// Whether `at` has come; it is then cleared.
fn take_due(at: &mut Option<Instant>, now: Instant) -> bool {
    let due = at.is_some_and(|at| now >= at);
    if due {
        *at = None;
    }
    due
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
