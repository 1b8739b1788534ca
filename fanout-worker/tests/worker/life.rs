//! What goes on inside a connection node: heartbeats, presence, and the rule that makes core
//! deliveries and the log into one gapless sequence.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::{self, stream::Stream};
use futures_util::StreamExt as _;
use tokio::sync::{mpsc, oneshot, watch};
use wire::client::Typing;
use wire::delivery::{Delivered, Digest, Frame, Messages, RosterChange, RosterUpdate, ToNode};
use wire::ephemeral::{FromNode, PresenceReport, RoomPresence};
use wire::heartbeat::{HEARTBEAT_INTERVAL, NodeHeartbeat};
use wire::{NodeId, Partition, RoomName, Seq, User, WorkerId, subject};

/// What the node has seen; tests read it.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    pub rooms: HashMap<RoomName, RoomSeen>,
    pub partitions: HashMap<Partition, PartitionSeen>,
    pub rosters: HashMap<RoomName, RosterSeen>,
    pub typing: Vec<Typing>,
    /// Who sent deliveries, in order, repetitions left out.
    pub workers: Vec<WorkerId>,
    /// How often the log had to be read because a delivery was missing.
    pub gaps: usize,
    /// Deliveries whose counter did not follow the one before, in one epoch.
    pub miscounted: usize,
}

#[derive(Debug, Default, Clone)]
pub struct RoomSeen {
    pub last: Seq,
    /// Emitted to clients: sequence and body.
    pub emitted: Vec<(Seq, String)>,
    /// As delivered, before the rule.
    pub delivered: Vec<(Seq, Seq)>,
}

#[derive(Debug, Default, Clone)]
pub struct PartitionSeen {
    pub epoch: u64,
    pub counter: u64,
    pub digests: Vec<Digest>,
    pub asked: usize,
}

#[derive(Debug, Default, Clone)]
pub struct RosterSeen {
    pub epoch: u64,
    pub version: u64,
    pub users: BTreeMap<Arc<str>, Arc<str>>,
    pub updates: Vec<RosterUpdate>,
}

/// What the node is told to do.
pub enum Do {
    Joined(RoomName, Seq, oneshot::Sender<()>),
    Presence(RoomName, Vec<User>, Vec<Arc<str>>),
    LoseNextReport,
}

/// The node itself.
pub struct Life {
    id: NodeId,
    client: Client,
    log: Stream<()>,
    users: HashMap<RoomName, BTreeMap<Arc<str>, Arc<str>>>,
    /// How many reports were sent, by partition.
    reports: HashMap<Partition, u64>,
    lose_report: bool,
    seen: Seen,
    show: watch::Sender<Seen>,
}

impl Life {
    pub fn new(id: NodeId, client: Client, log: Stream<()>, show: watch::Sender<Seen>) -> Self {
        Self {
            id,
            client,
            log,
            users: HashMap::new(),
            reports: HashMap::new(),
            lose_report: false,
            seen: Seen::default(),
            show,
        }
    }

    pub async fn live(
        mut self,
        mut deliveries: async_nats::Subscriber,
        mut orders: mpsc::Receiver<Do>,
    ) {
        let mut beats = tokio::time::interval(HEARTBEAT_INTERVAL);
        loop {
            tokio::select! {
                _ = beats.tick() => {
                    let beat = NodeHeartbeat { node: self.id.clone(), leaving: false };
                    let payload = serde_json::to_vec(&beat).unwrap();
                    self.client.publish(subject::node_heartbeat(&self.id), payload.into()).await.unwrap();
                    continue;
                }
                Some(order) = orders.recv() => self.obey(order).await,
                Some(message) = deliveries.next() => {
                    let frame: Frame = serde_json::from_slice(&message.payload).unwrap();
                    if self.seen.workers.last() != Some(&frame.worker) {
                        self.seen.workers.push(frame.worker);
                    }
                    for item in frame.items {
                        self.hear(item).await;
                    }
                }
                else => return,
            }
            self.show.send_replace(self.seen.clone());
        }
    }

    async fn obey(&mut self, order: Do) {
        match order {
            Do::Joined(room, seq, done) => {
                self.seen.rooms.insert(room, RoomSeen { last: seq, ..RoomSeen::default() });
                done.send(()).unwrap();
            }
            Do::LoseNextReport => self.lose_report = true,
            Do::Presence(room, joined, left) => {
                let here = self.users.entry(room.clone()).or_default();
                here.extend(
                    joined.iter().map(|user| (user.user_id.clone(), user.username.clone())),
                );
                here.retain(|user, _| !left.contains(user));
                let partition = room.partition();
                self.report(partition, false, vec![RoomPresence { room, joined, left }]).await;
            }
        }
    }

    async fn report(&mut self, partition: Partition, full: bool, rooms: Vec<RoomPresence>) {
        let counter = self.reports.entry(partition).or_default();
        *counter += 1;
        if std::mem::take(&mut self.lose_report) {
            return;
        }
        let report = PresenceReport { node: self.id.clone(), counter: *counter, full, rooms };
        let payload = serde_json::to_vec(&FromNode::Presence(report)).unwrap();
        self.client.publish(subject::ephemeral(partition), payload.into()).await.unwrap();
    }

    async fn report_all(&mut self, partition: Partition) {
        let rooms = self.users.iter().filter(|(room, _)| room.partition() == partition);
        let rooms = rooms.map(|(room, users)| RoomPresence {
            room: room.clone(),
            joined: users
                .iter()
                .map(|(id, name)| User { user_id: id.clone(), username: name.clone() })
                .collect(),
            left: Vec::new(),
        });
        let rooms = rooms.collect();
        self.report(partition, true, rooms).await;
    }

    async fn hear(&mut self, item: ToNode) {
        match item {
            ToNode::Messages(messages) => self.messages(messages).await,
            ToNode::Digest(digest) => self.digest(digest).await,
            ToNode::Roster(update) => self.roster(update).await,
            ToNode::ReportPresence(ask) => {
                self.seen.partitions.entry(ask.partition).or_default().asked += 1;
                self.report_all(ask.partition).await;
            }
            ToNode::Typing(typing) => self.seen.typing.push(typing),
        }
    }

    /// Whether the epoch is not of the past; a new one makes the node look into the log.
    async fn accept(&mut self, partition: Partition, epoch: u64) -> bool {
        let seen = self.seen.partitions.entry(partition).or_default();
        if epoch < seen.epoch {
            return false;
        }
        if epoch > seen.epoch {
            seen.epoch = epoch;
            seen.counter = 0;
            self.repair_all(partition).await;
            self.report_all(partition).await;
        }
        true
    }

    async fn messages(&mut self, messages: Messages) {
        let partition = messages.partition;
        if !self.accept(partition, messages.epoch).await {
            return;
        }
        let seen = self.seen.partitions.entry(partition).or_default();
        let expected = std::mem::replace(&mut seen.counter, messages.counter) + 1;
        if messages.counter != expected {
            self.seen.miscounted += 1;
            self.repair_all(partition).await;
        }
        for message in messages.messages {
            self.message(message).await;
        }
    }

    async fn message(&mut self, Delivered { room, seq, prev, body, .. }: Delivered) {
        assert!(prev < seq, "{room}: prev {prev} is not before {seq}");
        let Some(seen) = self.seen.rooms.get_mut(&room) else { return };
        seen.delivered.push((seq, prev));
        if seq <= seen.last {
            return;
        }
        if prev > seen.last {
            self.seen.gaps += 1;
            self.repair(&room).await;
            return;
        }
        seen.last = seq;
        seen.emitted.push((seq, body.get().to_owned()));
    }

    async fn digest(&mut self, digest: Digest) {
        let partition = digest.partition;
        if !self.accept(partition, digest.epoch).await {
            return;
        }
        let seen = self.seen.partitions.entry(partition).or_default();
        seen.digests.push(digest.clone());
        if seen.counter != digest.counter {
            seen.counter = digest.counter;
            self.seen.miscounted += 1;
            self.repair_all(partition).await;
        }
        if digest.reports < self.reports.get(&partition).copied().unwrap_or_default() {
            self.report_all(partition).await;
        }
    }

    async fn roster(&mut self, update: RosterUpdate) {
        let roster = self.seen.rosters.entry(update.room.clone()).or_default();
        if update.epoch < roster.epoch {
            return;
        }
        roster.updates.push(update.clone());
        match update.change {
            RosterChange::Snapshot { users } => {
                roster.users =
                    users.into_iter().map(|user| (user.user_id, user.username)).collect();
            }
            RosterChange::Delta { joined, left } => {
                if (update.epoch, update.version) != (roster.epoch, roster.version + 1) {
                    let (node, room) = (self.id.clone(), update.room);
                    let partition = room.partition();
                    let payload = serde_json::to_vec(&FromNode::WantRoster { node, room }).unwrap();
                    let subject = subject::ephemeral(partition);
                    return self.client.publish(subject, payload.into()).await.unwrap();
                }
                roster.users.extend(joined.into_iter().map(|user| (user.user_id, user.username)));
                for user in left {
                    roster.users.remove(&user.user_id);
                }
            }
        }
        roster.epoch = update.epoch;
        roster.version = update.version;
    }

    async fn repair_all(&mut self, partition: Partition) {
        let rooms: Vec<RoomName> = self.seen.rooms.keys().cloned().collect();
        for room in rooms.into_iter().filter(|room| room.partition() == partition) {
            self.repair(&room).await;
        }
    }

    /// Emits what the log has beyond the last message, however often that must be asked for.
    async fn repair(&mut self, room: &RoomName) {
        let Some(seen) = self.seen.rooms.get_mut(room) else { return };
        loop {
            let next = self.log.direct_get_builder().next_by_subject(subject::message(room));
            match next.sequence(seen.last + 1).send().await {
                Ok(message) => {
                    seen.last = message.sequence;
                    if serde_json::from_slice::<serde::de::IgnoredAny>(&message.payload).is_ok() {
                        let body = String::from_utf8(message.payload.to_vec()).unwrap();
                        seen.emitted.push((message.sequence, body));
                    }
                }
                Err(error) if error.kind() == jetstream::stream::DirectGetErrorKind::NotFound => {
                    return;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}
