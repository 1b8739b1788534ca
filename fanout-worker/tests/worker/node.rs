//! A connection node, as tests handle it.

use std::time::Duration;

use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{Client, HeaderMap};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::task::AbortOnDropHandle;
use wire::ephemeral::{FromNode, Interest};
use wire::{NodeId, Partition, RoomName, Seq, User, subject};

use crate::life::{Do, Life, Seen};

/// How long a test waits for what must happen; a machine under load may be slow.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// A context whose requests give up soon: what was asked while the server was away is never answered.
pub fn impatient(client: &Client) -> jetstream::Context {
    let timeout = Duration::from_millis(500);
    ContextBuilder::new().timeout(timeout).ack_timeout(timeout).build(client.clone())
}

/// A running node; it falls silent when dropped.
pub struct Node {
    pub id: NodeId,
    client: Client,
    jetstream: jetstream::Context,
    orders: mpsc::Sender<Do>,
    seen: watch::Receiver<Seen>,
    _task: AbortOnDropHandle<()>,
}

impl Node {
    pub async fn start(client: &Client, name: &str) -> Self {
        let id = NodeId::parse(name).unwrap();
        let deliveries = client.subscribe(subject::delivery(&id)).await.unwrap();
        let jetstream = impatient(client);
        let log = jetstream.get_stream_no_info(wire::stream::ROOMS).await.unwrap();
        let (orders, ordered) = mpsc::channel(64);
        let (show, seen) = watch::channel(Seen::default());
        let life = Life::new(id.clone(), client.clone(), log, show);
        let task = AbortOnDropHandle::new(tokio::spawn(life.live(deliveries, ordered)));
        Self { id, client: client.clone(), jetstream, orders, seen, _task: task }
    }

    /// Stores the interest and follows the room from there.
    pub async fn join(&self, room: &RoomName) -> Seq {
        let seq = self.write_interest(room).await;
        // What is stored from here on may be delivered at once.
        let (done, following) = oneshot::channel();
        self.orders.send(Do::Joined(room.clone(), seq, done)).await.unwrap();
        following.await.unwrap();
        seq
    }

    async fn write_interest(&self, room: &RoomName) -> Seq {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Rollup", "sub");
        headers.insert("Nats-TTL", "never");
        let payload = serde_json::to_vec(&Interest::Joined).unwrap();
        let subject = subject::interest(room, &self.id);
        let sent = self.jetstream.publish_with_headers(subject, headers, payload.into()).await;
        sent.unwrap().await.unwrap().sequence
    }

    pub async fn users_joined(&self, room: &RoomName, users: &[User]) {
        self.orders.send(Do::Presence(room.clone(), users.to_vec(), Vec::new())).await.unwrap();
    }

    pub async fn users_left(&self, room: &RoomName, users: &[User]) {
        let ids = users.iter().map(|user| user.user_id.clone()).collect();
        self.orders.send(Do::Presence(room.clone(), Vec::new(), ids)).await.unwrap();
    }

    /// The next report does not leave the node.
    pub async fn lose_next_report(&self) {
        self.orders.send(Do::LoseNextReport).await.unwrap();
    }

    pub async fn say(&self, partition: Partition, word: &FromNode) {
        let payload = serde_json::to_vec(word).unwrap();
        self.client.publish(subject::ephemeral(partition), payload.into()).await.unwrap();
    }

    /// Waits until `met`, and says what was waited for where that does not happen.
    pub async fn wait(&self, what: &str, met: impl Fn(&Seen) -> bool) -> Seen {
        let mut seen = self.seen.clone();
        let waited = tokio::time::timeout(DEADLINE, seen.wait_for(|seen| met(seen))).await;
        match waited {
            Ok(Ok(seen)) => seen.clone(),
            _ => panic!("{}: {what} did not happen; seen: {:#?}", self.id, self.seen.borrow()),
        }
    }

    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }
}
