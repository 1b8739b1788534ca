//! A running system of as many nodes as are wanted, with its counts.

use std::path::PathBuf;

use anyhow::Context as _;
use http::Uri;
use serde::Serialize;

use super::{nats_monitor, spent::Spent, traffic::Traffic};
use crate::{
    chaos::{
        metrics::Metrics,
        nats_part::SINGLE,
        service_role::ServiceRole,
        topology::{Topology, TopologyOptions},
    },
    compare::footprint::Footprint,
    cpu::Processes,
    pass::Pass,
    target::Target,
};

/// The most that a worker waits before it follows a delivery with a digest. Digests go by time, and what is
/// counted here is what goes by messages.
const DIGESTS: (&str, &str) = ("FANOUT_DIGEST_DELAY_MS", "1000");

/// Nodes, workers and nats-server, all processes of their own; dropping it kills them.
#[derive(Debug)]
pub struct System {
    pub nodes: Vec<Uri>,
    pub processes: Vec<(String, u32)>,
    workers: Vec<Uri>,
    monitoring: Uri,
    topology: Topology,
}

/// The memory of one process.
#[derive(Debug, Clone, Serialize)]
pub struct Memory {
    pub name: String,
    pub footprint: Footprint,
}

impl System {
    /// Starts so many nodes and workers, and waits until they are ready. `program` is every one of them.
    ///
    /// # Errors
    /// When a part of it does not start.
    pub async fn start(program: PathBuf, nodes: usize, workers: usize) -> anyhow::Result<Self> {
        let (name, value) = DIGESTS;
        let worker_settings = vec![(name.to_owned(), value.to_owned())];
        let options = TopologyOptions::new(program);
        let mut topology =
            Topology::start(TopologyOptions { nodes, workers, worker_settings, ..options }).await?;
        Ok(Self {
            nodes: topology.node_urls(),
            processes: topology.processes(),
            workers: topology.worker_urls(),
            monitoring: nats_monitor::address(&topology.logs().join(SINGLE))?,
            topology,
        })
    }

    /// What clients of the first `nodes` nodes connect to.
    #[must_use]
    pub fn target(&self, nodes: usize) -> Target {
        let (brokers, servers): (Vec<_>, Vec<_>) =
            self.processes.iter().partition(|(name, _)| name.starts_with("nats"));
        let processes = Processes {
            servers: servers.into_iter().map(|(_, pid)| *pid).collect(),
            broker: brokers.first().map(|(_, pid)| *pid),
        };
        let pass = Pass::Signed(self.topology.jwt_secret().to_owned());
        Target::of(self.nodes[..nodes.min(self.nodes.len())].to_vec(), processes, pass)
    }

    /// What has passed in it until now.
    ///
    /// # Errors
    /// When a part of it does not tell.
    pub async fn traffic(&self) -> anyhow::Result<Traffic> {
        let mut traffic = Traffic::default();
        for worker in &self.workers {
            let metrics = Metrics::scrape(worker).await?;
            traffic.frames += sum(&metrics, "starling_worker_frames_total")?;
            traffic.frame_bytes += sum(&metrics, "starling_worker_frame_bytes_total")?;
            traffic.node_deliveries += sum(&metrics, "starling_worker_deliveries_total")?;
        }
        for node in &self.nodes {
            let metrics = Metrics::scrape(node).await?;
            traffic.emits += sum(&metrics, "starling_emits_total")?;
            traffic.writes += sum(&metrics, "starling_socket_writes_total")?;
            traffic.sent_bytes += sum(&metrics, "starling_sent_bytes_total")?;
        }
        let varz = nats_monitor::varz(&self.monitoring).await?;
        let of_nodes = ServiceRole::ConnectionNode.subcommand();
        let nodes = nats_monitor::of_clients(&self.monitoring, of_nodes).await?;
        #[allow(clippy::cast_precision_loss)]
        let count = |count: u64| count as f64;
        Ok(Traffic {
            nats_in: count(varz.in_msgs),
            nats_out: count(varz.out_msgs),
            nats_bytes_in: count(varz.in_bytes),
            nats_bytes_out: count(varz.out_bytes),
            node_in: count(nodes.in_msgs),
            node_out: count(nodes.out_msgs),
            node_bytes_in: count(nodes.in_bytes),
            node_bytes_out: count(nodes.out_bytes),
            ..traffic
        })
    }

    /// The processor time that it has used until now.
    #[must_use]
    pub fn spent(&self) -> Spent {
        Spent::of(&self.processes)
    }

    /// The memory of each process now.
    ///
    /// # Errors
    /// When one has ended.
    pub fn memory(&self) -> anyhow::Result<Vec<Memory>> {
        let one = |(name, pid): &(String, u32)| {
            let footprint = Footprint::of(&[*pid])
                .with_context(|| format!("the memory of {name} cannot be read"))?;
            Ok(Memory { name: name.clone(), footprint })
        };
        self.processes.iter().map(one).collect()
    }

    /// # Errors
    /// When a process had ended by itself, or does not end well.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.topology.stop().await
    }
}

fn sum(metrics: &Metrics, name: &str) -> anyhow::Result<f64> {
    metrics.sum(name).with_context(|| format!("a process does not count {name}"))
}
