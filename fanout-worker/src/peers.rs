//! Who else is there: the workers that divide the partitions, and the nodes that are told.
//!
//! Gathers heartbeats into [`Liveness`] and answers what the coordinator asks of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use wire::heartbeat::{HEARTBEAT_INTERVAL, NodeHeartbeat, WorkerHeartbeat};
use wire::{NodeId, Partition, WorkerId};

use crate::lease::Winner;
use crate::liveness::{Liveness, View};
use crate::rendezvous;

/// How long a worker listens to the others before it takes its first lease: so long that each of them
/// has beaten, and workers that start together do not take and hand over.
const LISTEN_FIRST: Duration = HEARTBEAT_INTERVAL.saturating_add(Duration::from_millis(250));

/// The other processes, as this worker hears them.
pub struct Peers {
    me: WorkerId,
    workers: Liveness<WorkerId>,
    nodes: Liveness<NodeId>,
    shown_nodes: watch::Sender<Arc<View<NodeId>>>,
    /// Since when this worker hears itself.
    first_beat: Option<Instant>,
}

impl Peers {
    /// Changes among the nodes are shown to `shown_nodes`.
    pub fn new(me: WorkerId, shown_nodes: watch::Sender<Arc<View<NodeId>>>, now: Instant) -> Self {
        let (workers, nodes) = (Liveness::new(now), Liveness::new(now));
        Self { me, workers, nodes, shown_nodes, first_beat: None }
    }

    /// Time passes.
    pub fn tick(&mut self, now: Instant) {
        self.workers.expire(now);
        self.nodes.expire(now);
        self.show_nodes(now);
    }

    /// How many nodes are heard to live.
    pub fn live_nodes(&self) -> usize {
        self.nodes.alive().count()
    }

    /// Since when this worker has heard enough of the others; `None` while it has not, or does not
    /// hear them.
    pub fn known_since(&self, now: Instant) -> Option<Instant> {
        let since = self.first_beat?.max(self.workers.listening_since()) + LISTEN_FIRST;
        (now >= since && !self.workers.is_cut_off(now)).then_some(since)
    }

    /// The worker that should own `partition`.
    pub fn winner(&self, partition: Partition) -> Option<Winner<'_>> {
        let worker = rendezvous::winner(self.workers.alive(), partition)?;
        Some(Winner { worker, alive_since: self.workers.alive_since(worker)? })
    }

    /// A worker's heartbeat; what cannot be read is nobody's.
    pub fn worker_beat(&mut self, payload: &[u8], now: Instant) {
        let Ok(beat) = serde_json::from_slice::<WorkerHeartbeat>(payload) else { return };
        if beat.worker == self.me {
            self.first_beat.get_or_insert(now);
            self.workers.contact(now);
            self.nodes.contact(now);
        }
        self.workers.beat(&beat.worker, beat.leaving, now);
    }

    /// A node's heartbeat; what cannot be read is nobody's.
    pub fn node_beat(&mut self, payload: &[u8], now: Instant) {
        let Ok(beat) = serde_json::from_slice::<NodeHeartbeat>(payload) else { return };
        let known = self.nodes.alive_since(&beat.node).is_some();
        self.nodes.beat(&beat.node, beat.leaving, now);
        if known == beat.leaving {
            self.show_nodes(now);
        }
    }

    fn show_nodes(&self, now: Instant) {
        let view = self.nodes.view(now);
        self.shown_nodes.send_if_modified(|shown| {
            let changed = **shown != view;
            if changed {
                *shown = Arc::new(view);
            }
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(worker: &str) -> Vec<u8> {
        let worker = WorkerId::parse(worker).unwrap();
        serde_json::to_vec(&WorkerHeartbeat { worker, leaving: false }).unwrap()
    }

    #[test]
    fn a_worker_judges_only_after_it_has_listened() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let me = WorkerId::parse("me").unwrap();
        let mut peers = Peers::new(me, watch::channel(Arc::default()).0, start);
        peers.worker_beat(&beat("other"), at(100));
        assert_eq!(peers.known_since(at(1_000)), None, "it has not heard itself");
        peers.worker_beat(&beat("me"), at(1_000));
        assert_eq!(peers.known_since(at(1_749)), None);
        assert_eq!(peers.known_since(at(1_750)), Some(at(1_750)));
        // Silence, and after it the same again.
        assert_eq!(peers.known_since(at(2_501)), None);
        peers.worker_beat(&beat("me"), at(4_000));
        assert_eq!(peers.known_since(at(4_749)), None);
        assert_eq!(peers.known_since(at(4_750)), Some(at(4_750)));
        assert!(peers.winner(Partition::of_room("general")).is_some());
    }

    #[test]
    fn nodes_that_come_or_leave_are_shown_at_once() {
        let start = Instant::now();
        let (show, shown) = watch::channel(Arc::default());
        let mut peers = Peers::new(WorkerId::parse("me").unwrap(), show, start);
        let node = NodeId::parse("node-1").unwrap();
        for leaving in [false, true] {
            let beat = NodeHeartbeat { node: node.clone(), leaving };
            peers.node_beat(&serde_json::to_vec(&beat).unwrap(), start);
            assert_eq!(shown.borrow().is_alive(&node), !leaving);
        }
        peers.node_beat(b"garbage", start);
    }
}
