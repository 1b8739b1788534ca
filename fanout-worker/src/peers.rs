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
    /// How many connections there had been at the last tick.
    connections: Option<u64>,
}

impl Peers {
    /// Changes among the nodes are shown to `shown_nodes`.
    pub fn new(me: WorkerId, shown_nodes: watch::Sender<Arc<View<NodeId>>>, now: Instant) -> Self {
        let (workers, nodes) = (Liveness::new(now), Liveness::new(now));
        Self { me, workers, nodes, shown_nodes, first_beat: None, connections: None }
    }

    /// Time passes; this worker has had so many `connections`. On a new one the others may have to make
    /// theirs first.
    pub fn tick(&mut self, connections: u64, now: Instant) {
        if self.connections.replace(connections).is_some_and(|before| before != connections) {
            self.workers.interrupted(now);
            self.nodes.interrupted(now);
        }
        self.workers.expire(now);
        self.nodes.expire(now);
        self.show_nodes(now);
    }

    /// How many nodes are heard to live.
    pub fn live_nodes(&self) -> usize {
        self.nodes.alive().count()
    }

    /// The session ran out that `worker` should have renewed.
    pub fn session_lapsed(&mut self, worker: &WorkerId, now: Instant) {
        if *worker != self.me {
            self.workers.lapsed(worker, now);
        }
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
    fn who_lets_its_session_lapse_in_silence_wins_nothing_until_it_is_heard_again() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let (me, other) = (WorkerId::parse("me").unwrap(), WorkerId::parse("other").unwrap());
        let mut peers = Peers::new(me.clone(), watch::channel(Arc::default()).0, start);
        for beat_at in (0..5_000).step_by(500) {
            peers.worker_beat(&beat("me"), at(beat_at));
            if beat_at < 3_000 {
                peers.worker_beat(&beat("other"), at(beat_at));
            }
            peers.tick(1, at(beat_at));
        }
        let won = |peers: &Peers, by: &WorkerId| {
            let winners = Partition::all().map(|partition| peers.winner(partition).unwrap());
            winners.filter(|winner| winner.worker == by).count()
        };
        let (mine, its) = (won(&peers, &me), won(&peers, &other));
        assert!(its > 0 && mine > 0);
        // Its last beat is two seconds old.
        peers.session_lapsed(&other, at(4_500));
        peers.session_lapsed(&me, at(4_500));
        assert_eq!(won(&peers, &me), mine + its);
        peers.worker_beat(&beat("other"), at(9_000));
        assert_eq!((won(&peers, &me), won(&peers, &other)), (mine, its));
    }

    #[test]
    fn a_new_connection_spares_the_nodes_that_are_slow_to_return() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let node = NodeId::parse("node-1").unwrap();
        let node_beat = NodeHeartbeat { node: node.clone(), leaving: false };
        for (connections, lives) in [(1, false), (2, true)] {
            let (show, shown) = watch::channel(Arc::default());
            let mut peers = Peers::new(WorkerId::parse("me").unwrap(), show, start);
            peers.node_beat(&serde_json::to_vec(&node_beat).unwrap(), at(4_000));
            for now in (0..7_100).step_by(100) {
                // A second without a connection is no time in which this worker misses its own beat.
                if !(4_000..5_000).contains(&now) {
                    peers.worker_beat(&beat("me"), at(now));
                }
                peers.tick(if now < 5_000 { 1 } else { connections }, at(now));
            }
            assert_eq!(shown.borrow().is_alive(&node), lives, "{connections}");
        }
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
