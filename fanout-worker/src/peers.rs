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

    /// Whether this worker has heard enough of the others, and still hears them.
    pub fn are_known(&self, now: Instant) -> bool {
        let listened = self.first_beat.is_some_and(|first| now >= first + LISTEN_FIRST);
        listened && !self.workers.is_cut_off(now)
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
