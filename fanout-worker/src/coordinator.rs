//! Which partitions this worker owns: carries out what [`crate::lease`] decides.
//!
//! One task that hears heartbeats and the lease bucket, and starts and ends the owners. It never waits
//! for an answer itself; requests are tasks of their own, so that fences are kept in time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use wire::{NodeId, Partition, kv::Epoch};

use crate::lease::{Action, Answer, Lease};
use crate::lease_bucket::{self, Shown};
use crate::liveness::View;
use crate::metrics::LeaseChange;
use crate::owner::{self, End, Surroundings, Tenure};
use crate::peers::Peers;
use crate::senses::Senses;

/// How often time is looked at.
const TICK: Duration = Duration::from_millis(100);
/// The least time between two new readings of the bucket.
const RESYNC_INTERVAL: Duration = Duration::from_secs(1);

/// The worker's part in the division of partitions.
pub struct Coordinator {
    surroundings: Surroundings,
    leases: HashMap<Partition, Lease>,
    owners: HashMap<Partition, OwnerHandle>,
    tasks: JoinSet<Done>,
    peers: Peers,
    leases_known: bool,
    leaving: bool,
    resync: Arc<Notify>,
    resynced: Option<Instant>,
    ready: watch::Sender<bool>,
}

struct OwnerHandle {
    epoch: Epoch,
    until: watch::Sender<Instant>,
    drain: CancellationToken,
    stop: CancellationToken,
}

/// A task that ended.
enum Done {
    Lease { partition: Partition, request: Request, expected: u64, answer: Answer, sent: Instant },
    Owner { partition: Partition, epoch: Epoch, end: End },
}

#[derive(Debug, Clone, Copy)]
enum Request {
    Take,
    Renew,
    Release,
}

impl Coordinator {
    /// `ready` is told whether this worker takes its part.
    pub fn new(
        surroundings: Surroundings,
        shown_nodes: watch::Sender<Arc<View<NodeId>>>,
        resync: Arc<Notify>,
        ready: watch::Sender<bool>,
    ) -> Self {
        let me = surroundings.nats.worker.clone();
        let peers = Peers::new(me.clone(), shown_nodes, Instant::now());
        Self {
            leases: Partition::all().map(|partition| (partition, Lease::new(me.clone()))).collect(),
            surroundings,
            owners: HashMap::new(),
            tasks: JoinSet::new(),
            peers,
            leases_known: false,
            leaving: false,
            resync,
            resynced: None,
            ready,
        }
    }

    /// Works until `shutdown`, then hands everything over within `drain_timeout`.
    ///
    /// # Errors
    /// When the connection is closed for good.
    pub async fn run(
        mut self,
        mut senses: Senses,
        shutdown: CancellationToken,
        drain_timeout: Duration,
    ) -> anyhow::Result<()> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut deadline: Option<Instant> = None;
        loop {
            tokio::select! {
                Some(done) = self.tasks.join_next() => self.task_ended(done),
                Some(shown) = senses.leases.recv() => self.lease_shown(shown),
                beat = senses.workers.next() => {
                    let Some(beat) = beat else {
                        self.stop_all().await;
                        anyhow::bail!("the connection to NATS is closed for good");
                    };
                    self.peers.worker_beat(&beat.payload, Instant::now());
                }
                Some(beat) = senses.nodes.next() => {
                    self.peers.node_beat(&beat.payload, Instant::now());
                },
                _ = ticks.tick() => self.tick(),
                () = shutdown.cancelled(), if deadline.is_none() => {
                    deadline = Some(Instant::now() + drain_timeout);
                    self.leave();
                }
            }
            if let Some(deadline) = deadline {
                if self.leases.values().all(Lease::is_idle) && self.tasks.is_empty() {
                    return Ok(());
                }
                if Instant::now() >= deadline {
                    tracing::warn!(
                        owned = self.owners.len(),
                        "leaving before everything was handed over"
                    );
                    self.stop_all().await;
                    return Ok(());
                }
            }
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.peers.tick(self.surroundings.nats.connections(), now);
        for partition in Partition::all() {
            self.step(partition, now);
        }
        let nodes = i64::try_from(self.peers.live_nodes()).unwrap_or(i64::MAX);
        self.surroundings.metrics.nodes.set(nodes);
        let connected = self.surroundings.nats.is_connected();
        let ready = connected && self.judging_since(now).is_some() && !self.leaving;
        self.ready.send_if_modified(|was| std::mem::replace(was, ready) != ready);
    }

    fn step(&mut self, partition: Partition, now: Instant) {
        let judging = self.judging_since(now).filter(|_| !self.leaving);
        let winner = self.peers.winner(partition).filter(|_| judging.is_some());
        let Some(lease) = self.leases.get_mut(&partition) else { return };
        let mut actions = lease.tick(winner, judging, now);
        if self.leaving {
            // A lease whose taking was under way has arrived meanwhile.
            actions.extend(lease.leave());
        }
        self.carry_out(partition, actions);
    }

    /// Since when this worker has known enough of the others and of the bucket to decide anything.
    fn judging_since(&self, now: Instant) -> Option<Instant> {
        self.peers.known_since(now).filter(|_| self.leases_known)
    }

    fn carry_out(&mut self, partition: Partition, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Take { expected } => self.request(partition, Request::Take, expected),
                Action::Renew { expected } => self.request(partition, Request::Renew, expected),
                Action::Release { expected } => self.request(partition, Request::Release, expected),
                Action::Start { epoch, until } => self.start(partition, epoch, until),
                Action::Extend { until } => {
                    if let Some(owner) = self.owners.get(&partition) {
                        owner.until.send_replace(until);
                    }
                }
                Action::Drain => {
                    if let Some(owner) = self.owners.get(&partition) {
                        owner.drain.cancel();
                    }
                }
                Action::Stop => self.stop(partition),
                Action::Resync => self.read_again(),
            }
        }
    }

    fn request(&mut self, partition: Partition, request: Request, expected: u64) {
        let nats = self.surroundings.nats.clone();
        self.tasks.spawn(async move {
            let sent = Instant::now();
            let answer = match request {
                Request::Take | Request::Renew => {
                    lease_bucket::write(&nats, partition, expected).await
                }
                Request::Release => lease_bucket::delete(&nats, partition, expected).await,
            };
            Done::Lease { partition, request, expected, answer, sent }
        });
    }

    fn start(&mut self, partition: Partition, epoch: Epoch, until: Instant) {
        self.surroundings.metrics.lease(LeaseChange::Taken);
        let (until, fence) = watch::channel(until);
        let handle = OwnerHandle {
            epoch,
            until,
            drain: CancellationToken::new(),
            stop: CancellationToken::new(),
        };
        let (drain, stop) = (handle.drain.clone(), handle.stop.clone());
        let tenure = Tenure { partition, epoch, until: fence, drain, stop };
        let surroundings = self.surroundings.clone();
        self.tasks.spawn(async move {
            let end = owner::own(surroundings, tenure).await;
            Done::Owner { partition, epoch, end }
        });
        self.owners.insert(partition, handle);
    }

    fn stop(&mut self, partition: Partition) {
        if let Some(owner) = self.owners.remove(&partition) {
            self.surroundings.metrics.lease(LeaseChange::Lost);
            tracing::warn!(%partition, epoch = owner.epoch, "the lease is lost, the owner stops");
            owner.stop.cancel();
        }
    }

    fn read_again(&mut self) {
        if self.resynced.is_none_or(|then| then.elapsed() >= RESYNC_INTERVAL) {
            self.resynced = Some(Instant::now());
            tracing::debug!("what is known of the leases is out of date, reading them again");
            self.resync.notify_one();
        }
    }

    fn task_ended(&mut self, done: Result<Done, tokio::task::JoinError>) {
        let now = Instant::now();
        match done {
            Ok(Done::Lease { partition, request, expected, answer, sent }) => {
                let Some(lease) = self.leases.get_mut(&partition) else { return };
                let actions = match request {
                    Request::Take => lease.taken(expected, answer, sent, now),
                    Request::Renew => lease.renewed(expected, answer, sent, now),
                    Request::Release => {
                        if matches!(answer, Answer::Written(_)) {
                            self.surroundings.metrics.lease(LeaseChange::Released);
                        }
                        lease.released(expected, answer, now);
                        Vec::new()
                    }
                };
                self.carry_out(partition, actions);
            }
            Ok(Done::Owner { partition, epoch, end }) => {
                self.owner_ended(partition, epoch, end, now);
            }
            Err(error) if error.is_cancelled() => {}
            Err(error) => {
                // Its lease is renewed for nobody; giving all of them up is the safe way out.
                tracing::error!("a task of this worker failed: {error}");
                self.surroundings.metrics.tenure(End::Failed);
                self.orphaned(now);
            }
        }
    }

    fn owner_ended(&mut self, partition: Partition, epoch: Epoch, end: End, now: Instant) {
        if self.owners.get(&partition).is_some_and(|owner| owner.epoch == epoch) {
            self.owners.remove(&partition);
        }
        self.surroundings.metrics.tenure(end);
        if end != End::Drained {
            tracing::warn!(%partition, epoch, ?end, "an owner ended");
        }
        if let Some(lease) = self.leases.get_mut(&partition) {
            let actions = lease.ended(epoch, end != End::Drained, now);
            self.carry_out(partition, actions);
        }
    }

    /// Some owner may have panicked, and nothing says which: all are replaced.
    fn orphaned(&mut self, now: Instant) {
        for (partition, owner) in std::mem::take(&mut self.owners) {
            owner.stop.cancel();
            if let Some(lease) = self.leases.get_mut(&partition) {
                let actions = lease.ended(owner.epoch, true, now);
                self.carry_out(partition, actions);
            }
        }
    }

    fn lease_shown(&mut self, shown: Shown) {
        let now = Instant::now();
        match shown {
            Shown::Again => {
                self.leases_known = false;
                self.leases.values_mut().for_each(Lease::forget_record);
            }
            Shown::All => {
                self.leases_known = true;
                self.leases.values_mut().for_each(|lease| lease.absent(now));
            }
            Shown::Record { partition, revision, holder, expired } => {
                if let Some(lease) = self.leases.get_mut(&partition) {
                    if let Some(lapsed) = lease.holder().filter(|_| expired) {
                        self.peers.lease_lapsed(lapsed, now);
                    }
                    let actions = lease.observed(revision, holder, now);
                    self.carry_out(partition, actions);
                    self.step(partition, now);
                }
            }
        }
    }

    fn leave(&mut self) {
        self.leaving = true;
        self.ready.send_replace(false);
        for partition in Partition::all() {
            if let Some(lease) = self.leases.get_mut(&partition) {
                let actions = lease.leave();
                self.carry_out(partition, actions);
            }
        }
    }

    async fn stop_all(&mut self) {
        for owner in self.owners.values() {
            owner.stop.cancel();
        }
        self.tasks.shutdown().await;
    }
}
