//! A whole Starling of real processes, for the chaos suite.

use std::path::PathBuf;

use http::Uri;

use super::{nats_part::NatsPart, network::Link, service_process::ServiceProcess};

/// How NATS is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NatsLayout {
    /// One server.
    Single,
    /// Three servers, and three replicas of each stream.
    Cluster,
}

/// One of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    Node(usize),
    Worker(usize),
}

/// What to start.
#[derive(Debug, Clone)]
pub struct TopologyOptions {
    /// The program `chaos`, which is every service.
    pub program: PathBuf,
    pub nodes: usize,
    pub workers: usize,
    pub nats: NatsLayout,
    /// Variables of the environment of every node, before the defaults.
    pub node_settings: Vec<(String, String)>,
    /// Variables of the environment of every worker, before the defaults.
    pub worker_settings: Vec<(String, String)>,
    /// The nodes that reach NATS through a [`Link`]; only with [`NatsLayout::Single`], for clients learn
    /// the addresses of a cluster's servers by themselves.
    pub linked_nodes: Vec<usize>,
    /// Messages that a room keeps, where not the default.
    pub room_cap: Option<i64>,
    /// Who lives by the clock that [`Topology::jump_clock`] sets.
    pub faked_clocks: Vec<Member>,
}

impl TopologyOptions {
    /// Two nodes and two workers with one NATS server.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            nodes: 2,
            workers: 2,
            nats: NatsLayout::Single,
            node_settings: Vec::new(),
            worker_settings: Vec::new(),
            linked_nodes: Vec::new(),
            room_cap: None,
            faked_clocks: Vec::new(),
        }
    }
}

/// A running system. Dropping it kills everything and keeps the logs; after a stop they are removed.
#[derive(Debug)]
pub struct Topology {
    nodes: Vec<ServiceProcess>,
    workers: Vec<ServiceProcess>,
    links: Vec<Option<Link>>,
    nats: NatsPart,
    jwt_secret: String,
}

impl Topology {
    /// Starts NATS, provisions it, starts workers and nodes, and waits until all are ready.
    pub async fn start(options: TopologyOptions) -> anyhow::Result<Self> {
        let _ = options;
        todo!()
    }

    /// The base URL of each node, running or not.
    #[must_use]
    pub fn node_urls(&self) -> Vec<Uri> {
        self.nodes.iter().map(|node| node.url().clone()).collect()
    }

    /// How many nodes there are, running or not.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// How many workers there are, running or not.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// The node `index`, from 0.
    pub fn node(&mut self, index: usize) -> &mut ServiceProcess {
        &mut self.nodes[index]
    }

    /// The worker `index`, from 0.
    pub fn worker(&mut self, index: usize) -> &mut ServiceProcess {
        &mut self.workers[index]
    }

    /// The network between a node and NATS, where the options name the node.
    #[must_use]
    pub fn link(&self, node: usize) -> Option<&Link> {
        self.links.get(node)?.as_ref()
    }

    pub fn nats(&mut self) -> &mut NatsPart {
        &mut self.nats
    }

    /// Where everybody but linked nodes reaches NATS.
    #[must_use]
    pub fn nats_url(&self) -> String {
        self.nats.url()
    }

    /// The secret that tokens are signed with (HS256).
    #[must_use]
    pub fn jwt_secret(&self) -> &str {
        &self.jwt_secret
    }

    /// The worker that holds the lease of each partition.
    pub async fn partition_owners(&self) -> anyhow::Result<Vec<Option<usize>>> {
        todo!()
    }

    /// Name and id of every running process, the NATS servers too.
    pub fn processes(&mut self) -> Vec<(String, u32)> {
        todo!()
    }

    /// Sets the clock of those named in `faked_clocks` to `offset_seconds` from the true time.
    pub fn jump_clock(&self, offset_seconds: i64) -> anyhow::Result<()> {
        let _ = offset_seconds;
        todo!()
    }

    /// The folder with the logs of every process.
    #[must_use]
    pub fn logs(&self) -> &std::path::Path {
        todo!()
    }

    /// Keeps the logs although the system will be stopped in peace: the run has failed otherwise.
    pub fn keep_logs(&mut self) {
        todo!()
    }

    /// Stops everything as an operator does: nodes, workers, NATS. What was killed stays so.
    pub async fn stop(self) -> anyhow::Result<()> {
        todo!()
    }
}
