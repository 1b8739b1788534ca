//! What a topology is to be: how many of what, and with which settings.

use std::path::PathBuf;

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
    /// Variables of the environment of every node, which go before the defaults.
    pub node_settings: Vec<(String, String)>,
    /// Variables of the environment of every worker, which go before the defaults.
    pub worker_settings: Vec<(String, String)>,
    /// The nodes that reach NATS through a [`Link`](crate::chaos::network::Link); only with
    /// [`NatsLayout::Single`], for clients learn the addresses of a cluster's servers by themselves.
    pub linked_nodes: Vec<usize>,
    /// Messages that a room keeps, where not the default.
    pub room_cap: Option<i64>,
    /// Who lives by the clock that [`Topology::jump_clock`](super::Topology::jump_clock) sets.
    pub faked_clocks: Vec<Member>,
    /// Nodes, and a NATS server that is alone, have one thread to work with, as where each has one
    /// processor; a worker has no more in any case.
    pub one_thread_each: bool,
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
            one_thread_each: false,
        }
    }
}
