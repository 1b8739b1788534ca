//! What the coordinator listens to.

use async_nats::Subscriber;
use tokio::sync::mpsc;
use wire::subject::{ALL_NODE_HEARTBEATS, ALL_WORKER_HEARTBEATS};

use crate::lease_bucket::Shown;
use crate::nats::Nats;

/// The heartbeats and the leases.
pub struct Senses {
    pub workers: Subscriber,
    pub nodes: Subscriber,
    pub leases: mpsc::Receiver<Shown>,
}

impl Senses {
    /// Subscribes to heartbeats; `leases` comes from [`crate::lease_bucket::watch`].
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn open(nats: &Nats, leases: mpsc::Receiver<Shown>) -> anyhow::Result<Self> {
        Ok(Self {
            workers: nats.client.subscribe(ALL_WORKER_HEARTBEATS).await?,
            nodes: nats.client.subscribe(ALL_NODE_HEARTBEATS).await?,
            leases,
        })
    }
}
