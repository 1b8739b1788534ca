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

use crate::fence::Right;
use crate::lease::{Action, Answer, Claims, Request};
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
    claims: Claims,
    /// What the session gives, while there is one.
    right: Option<Right>,
    owners: HashMap<Partition, OwnerHandle>,
    tasks: JoinSet<Done>,
    peers: Peers,
    resync: Arc<Notify>,
    resynced: Option<Instant>,
    ready: watch::Sender<bool>,
}

struct OwnerHandle {
    epoch: Epoch,
    drain: CancellationToken,
    stop: CancellationToken,
}

/// A task that ended.
enum Done {
    Request { request: Request, expected: u64, answer: Answer, sent: Instant },
    Owner { partition: Partition, epoch: Epoch, end: End },
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
            claims: Claims::new(me, Partition::all()),
            surroundings,
            right: None,
            owners: HashMap::new(),
            tasks: JoinSet::new(),
            peers,
            resync,
            resynced: None,
            ready,
        }
    }

    /// Works until `shutdown`, then hands everything over within `drain_timeout`.
    ///
    /// # Errors
    /// When the connection is closed for good, or leases are not read any more.
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
                shown = senses.leases.recv() => {
                    let Some(shown) = shown else {
                        self.stop_all().await;
                        anyhow::bail!("the reader of the leases has ended");
                    };
                    self.shown(shown);
                }
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
                if self.claims.is_over() && self.tasks.is_empty() {
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
        self.decide(now);
        let nodes = i64::try_from(self.peers.live_nodes()).unwrap_or(i64::MAX);
        self.surroundings.metrics.nodes.set(nodes);
        let connected = self.surroundings.nats.is_connected();
        let judging = self.peers.known_since(now).is_some();
        let ready = connected && judging && self.claims.takes_part(now);
        self.ready.send_if_modified(|was| std::mem::replace(was, ready) != ready);
    }

    fn decide(&mut self, now: Instant) {
        let (peers, judging) = (&self.peers, self.peers.known_since(now));
        let actions = self.claims.tick(|partition| peers.winner(partition), judging, now);
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Ask { request, expected } => self.ask(request, expected),
                Action::Begin { until } => self.right = Some(Right::new(until)),
                Action::Extend { until } => {
                    if let Some(right) = &self.right {
                        right.extend(until);
                    }
                }
                Action::Lost => self.lose(),
                Action::Start { partition, epoch } => self.start(partition, epoch),
                Action::Drain { partition } => {
                    if let Some(owner) = self.owners.get(&partition) {
                        owner.drain.cancel();
                    }
                }
                Action::Stop { partition } => self.stop(partition),
                Action::Resync => self.read_again(),
            }
        }
    }

    fn ask(&mut self, request: Request, expected: u64) {
        let nats = self.surroundings.nats.clone();
        self.tasks.spawn(async move {
            let sent = Instant::now();
            let answer = lease_bucket::ask(&nats, &request, expected).await;
            Done::Request { request, expected, answer, sent }
        });
    }

    fn start(&mut self, partition: Partition, epoch: Epoch) {
        let Some(right) = &self.right else {
            return tracing::error!(%partition, epoch, "a lease was taken without a session");
        };
        self.surroundings.metrics.lease(LeaseChange::Taken);
        let (drain, stop) = (CancellationToken::new(), CancellationToken::new());
        let fence = right.fence(stop.clone());
        let tenure = Tenure { partition, epoch, fence, drain: drain.clone() };
        let surroundings = self.surroundings.clone();
        self.tasks.spawn(async move {
            let end = owner::own(surroundings, tenure).await;
            Done::Owner { partition, epoch, end }
        });
        self.owners.insert(partition, OwnerHandle { epoch, drain, stop });
    }

    fn lose(&mut self) {
        if let Some(right) = self.right.take() {
            right.revoke(Instant::now());
            tracing::warn!(owned = self.owners.len(), "the session is lost, every owner stops");
        }
    }

    fn stop(&mut self, partition: Partition) {
        if let Some(owner) = self.owners.remove(&partition) {
            self.surroundings.metrics.lease(LeaseChange::Lost);
            if self.right.is_some() {
                let epoch = owner.epoch;
                tracing::warn!(%partition, epoch, "the lease is lost, the owner stops");
            }
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
            Ok(Done::Request { request, expected, answer, sent }) => {
                if matches!((&request, answer), (Request::Release(_), Answer::Written(_))) {
                    self.surroundings.metrics.lease(LeaseChange::Released);
                }
                let actions = self.claims.answered(&request, expected, answer, sent, now);
                self.carry_out(actions);
                // What waited for this answer goes on at once.
                if !matches!(request, Request::Take(_)) {
                    self.decide(now);
                }
            }
            Ok(Done::Owner { partition, epoch, end }) => {
                self.owner_ended(partition, epoch, end, now);
            }
            Err(error) if error.is_cancelled() => {}
            Err(error) => {
                // Its lease is held for nobody; giving all of them up is the safe way out.
                tracing::error!("a task of this worker failed: {error}");
                self.surroundings.metrics.tenure(End::Failed);
                self.orphaned(now);
            }
        }
    }

    fn owner_ended(&mut self, partition: Partition, epoch: Epoch, end: End, now: Instant) {
        let ended = self.owners.get(&partition).is_some_and(|owner| owner.epoch == epoch);
        if ended
            && let Some(owner) = self.owners.remove(&partition)
            && end != End::Drained
        {
            // What it left unsent is for the next owner to send.
            owner.stop.cancel();
        }
        self.surroundings.metrics.tenure(end);
        if ended && end != End::Drained {
            tracing::warn!(%partition, epoch, ?end, "an owner ended");
        }
        let actions = self.claims.owner_ended(partition, epoch, end == End::Failed, now);
        self.carry_out(actions);
    }

    /// Some owner may have panicked, and nothing says which: all are replaced.
    fn orphaned(&mut self, now: Instant) {
        for (partition, owner) in std::mem::take(&mut self.owners) {
            owner.stop.cancel();
            let actions = self.claims.owner_ended(partition, owner.epoch, true, now);
            self.carry_out(actions);
        }
    }

    fn shown(&mut self, shown: Shown) {
        let now = Instant::now();
        match shown {
            Shown::Again => self.claims.forget(),
            Shown::All => {
                self.claims.all_shown(now);
                self.decide(now);
            }
            Shown::Lease { partition, revision, holder } => {
                let mut actions = self.claims.lease_shown(partition, revision, holder, now);
                let (judging, winner) = (self.peers.known_since(now), self.peers.winner(partition));
                actions.extend(self.claims.step(partition, winner, judging, now));
                self.carry_out(actions);
            }
            Shown::Session { worker, revision, live, expired } => {
                if expired && self.claims.lives(&worker) {
                    self.peers.session_lapsed(&worker, now);
                }
                let actions = self.claims.session_shown(&worker, revision, live, now);
                self.carry_out(actions);
                if !live {
                    // All that it held is free in this instant.
                    self.decide(now);
                }
            }
        }
    }

    fn leave(&mut self) {
        self.ready.send_replace(false);
        let actions = self.claims.leave();
        self.carry_out(actions);
        self.decide(Instant::now());
    }

    async fn stop_all(&mut self) {
        for owner in self.owners.values() {
            owner.stop.cancel();
        }
        self.tasks.shutdown().await;
    }
}
