//! A connection node and a fan-out worker in this process, on a nats-server of their own.

use std::time::Duration;

use loadtest::chaos::metrics::Metrics;
use local_stack::{
    nats_process::NatsProcess,
    port,
    provision::{ProvisionOptions, provision},
    service::Service,
    slot::Slot,
};

/// Longer than the test: pings would be counted as writes.
const PING_INTERVAL: Duration = Duration::from_mins(10);

/// Both, running. Dropping it kills them, and then nats-server.
pub struct ServerSide {
    node: Slot,
    worker: Slot,
    _nats: NatsProcess,
}

impl ServerSide {
    /// Starts all and waits until they are ready.
    pub async fn start() -> anyhow::Result<Self> {
        let nats = NatsProcess::start_temp().await?;
        let url = nats.url();
        provision(&async_nats::connect(&url).await?, &ProvisionOptions::default()).await?;
        let config = fanout_worker::Config::local(&url);
        let worker = Slot::start(
            "the worker".to_owned(),
            port::listen_anywhere().await?,
            move |listener| {
                let config = config.clone();
                Service::start("worker", listener, |listener, shutdown| {
                    fanout_worker::run(config, listener, shutdown)
                })
            },
        )?;
        let config = connection_node::Config {
            // Everybody in one room is another load than the one that is measured.
            default_rooms: Vec::new(),
            ping_interval: PING_INTERVAL,
            ..connection_node::Config::local(&url)
        };
        let node =
            Slot::start("the node".to_owned(), port::listen_anywhere().await?, move |listener| {
                let config = config.clone();
                Service::start("node", listener, |listener, shutdown| {
                    connection_node::run(config, listener, shutdown)
                })
            })?;
        worker.ready().await?;
        node.ready().await?;
        Ok(Self { node, worker, _nats: nats })
    }

    /// The base URL of the node.
    pub fn url(&self) -> String {
        self.node.url()
    }

    /// Writes to WebSockets since the start.
    pub async fn writes(&self) -> f64 {
        let metrics = Metrics::scrape(&self.url().parse().unwrap()).await.unwrap();
        metrics.sum("starling_socket_writes_total").unwrap()
    }

    /// Stops both.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.node.stop().await?;
        self.worker.stop().await
    }
}
