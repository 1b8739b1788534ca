//! The connection to NATS as the parts of a worker share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream;
use service_shell::Link;
use tokio::sync::watch;
use wire::WorkerId;

/// How long a request may wait for its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// One connection and what is known about it. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Nats {
    pub client: Client,
    pub jetstream: jetstream::Context,
    /// This run.
    pub worker: WorkerId,
    /// Changes each time that something may have been missed.
    pub losses: watch::Receiver<u64>,
    consumers: Arc<AtomicU64>,
}

impl Nats {
    pub fn new(link: Link, worker: WorkerId) -> Self {
        let Link { client, losses, jetstream, .. } = link;
        let jetstream = jetstream
            .builder()
            .timeout(REQUEST_TIMEOUT)
            .ack_timeout(REQUEST_TIMEOUT)
            .build(client.clone());
        Self { client, jetstream, worker, losses, consumers: Arc::default() }
    }

    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// How many connections there have been.
    pub fn connections(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// A name for a consumer that no other has, in this run or another, and that says whose it is.
    pub fn consumer_name(&self, purpose: &str) -> String {
        let number = self.consumers.fetch_add(1, Ordering::Relaxed);
        format!("fanout-{}-{purpose}-{number}", self.worker)
    }
}
