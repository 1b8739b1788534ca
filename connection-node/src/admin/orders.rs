//! What administrators want of all nodes, done on this one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_nats::{Client, Message, Subscriber};
use futures_util::{FutureExt, StreamExt};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use wire::{
    NodeId,
    admin::{AdminOrder, Ban, NodeStats, Reached, StatsAnswer},
    error, event, subject,
};

use crate::{
    edge::Edge,
    engine::Engine,
    hub::Hub,
    metrics::{Metrics, Published},
    rates::Rate,
    rooms::packet::Packet,
    stay::{Guest, House},
};

/// How often the counts are looked at.
const SAMPLE: Duration = Duration::from_secs(1);
/// How long the rooms may take to be counted.
const CENSUS: Duration = Duration::from_millis(100);
/// Sockets that are told something without a break.
const AT_ONCE: usize = 512;

/// What this node has and does, for administrators of any node.
pub struct Orders {
    node: NodeId,
    client: Client,
    house: Arc<House>,
    edge: Arc<Edge>,
    hub: Hub,
    metrics: Arc<Metrics>,
    started: Instant,
    rates: Mutex<Rates>,
}

/// What is measured over time.
#[derive(Default)]
struct Rates {
    messages: Rate,
    deliveries: Rate,
}

/// What nodes are asked.
pub struct Asked {
    orders: Subscriber,
    stats: Subscriber,
}

impl Asked {
    /// # Errors
    /// When the connection is closed.
    pub async fn listen(client: &Client) -> anyhow::Result<Self> {
        let orders = client.subscribe(subject::ADMIN_ORDER).await?;
        let stats = client.subscribe(subject::ADMIN_STATS).await?;
        Ok(Self { orders, stats })
    }
}

impl Orders {
    pub fn new(engine: &Engine, house: Arc<House>, edge: Arc<Edge>) -> Self {
        let io = &engine.io;
        Self {
            node: io.node.clone(),
            client: io.client.clone(),
            house,
            edge,
            hub: engine.hub.clone(),
            metrics: io.metrics.clone(),
            started: Instant::now(),
            rates: Mutex::default(),
        }
    }

    /// Carries out and answers, until `stop`.
    pub async fn serve(self: Arc<Self>, mut asked: Asked, stop: CancellationToken) {
        let mut samples = tokio::time::interval(SAMPLE);
        loop {
            tokio::select! {
                Some(message) = asked.orders.next() => self.obey(message).await,
                Some(message) = asked.stats.next() => {
                    let stats = StatsAnswer::Node(self.stats().await);
                    self.reply(message, &stats).await;
                    // One look serves all who asked meanwhile.
                    while let Some(Some(message)) = asked.stats.next().now_or_never() {
                        self.reply(message, &stats).await;
                    }
                }
                _ = samples.tick() => self.sample(),
                () = stop.cancelled() => return,
            }
        }
    }

    async fn obey(&self, message: Message) {
        let sockets = match serde_json::from_slice::<AdminOrder>(&message.payload) {
            Ok(AdminOrder::Announce { announcement }) => {
                self.tell_all(event::ADMIN_ANNOUNCEMENT, &announcement).await
            }
            Ok(AdminOrder::Kick { user_id, reason }) => {
                let mut message = error::KICKED.to_owned();
                if let Some(reason) = reason {
                    message = format!("{message}: {reason}");
                }
                let guests = self.guests(|guest| *guest.user_id == *user_id);
                for guest in &guests {
                    guest.line.dismiss(message.clone());
                }
                guests.len()
            }
            Err(error) => return tracing::error!(%error, "an order that cannot be read"),
        };
        self.reply(message, &Reached { nodes: 1, sockets }).await;
    }

    /// Ends the connections of all who are banned.
    pub fn banned(&self, bans: &[Ban]) {
        let bans: HashMap<&str, &Ban> = bans.iter().map(|ban| (&*ban.user_id, ban)).collect();
        for guest in self.guests(|guest| bans.contains_key(&*guest.user_id)) {
            if let Some(ban) = bans.get(&*guest.user_id) {
                guest.line.dismiss(ban.to_string());
            }
        }
    }

    async fn tell_all(&self, event: &'static str, payload: &impl Serialize) -> usize {
        let Ok(packet) = Packet::new(event, payload) else { return 0 };
        let guests = self.guests(|guest| guest.chats);
        for some in guests.chunks(AT_ONCE) {
            for guest in some {
                guest.line.emit(&packet);
            }
            // What else the node does goes on in between.
            tokio::task::yield_now().await;
        }
        guests.len()
    }

    fn guests(&self, which: impl Fn(&Guest) -> bool) -> Vec<Guest> {
        self.house.sockets.matching(which)
    }

    fn sample(&self) {
        let now = Instant::now();
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.messages.sample(self.metrics.published(Published::stored), now);
        rates.deliveries.sample(self.metrics.emits.get(), now);
    }

    async fn stats(&self) -> NodeStats {
        let census = tokio::time::timeout(CENSUS, self.hub.census()).await.unwrap_or_default();
        let rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        NodeStats {
            node: self.node.clone(),
            connections: self.edge.connections(),
            sockets: usize::try_from(self.metrics.sockets.get()).unwrap_or_default(),
            rooms: census.rooms,
            messages_per_second: rates.messages.per_second(),
            deliveries_per_second: rates.deliveries.per_second(),
            uptime_seconds: self.started.elapsed().as_secs(),
        }
    }

    async fn reply(&self, message: Message, answer: &impl Serialize) {
        let to = message.reply.filter(|to| subject::is_admin_answers(to));
        let (Some(to), Ok(payload)) = (to, serde_json::to_vec(answer)) else { return };
        if let Err(error) = self.client.publish(to, payload.into()).await {
            tracing::warn!(%error, "cannot answer an administrator's node");
        }
    }
}
