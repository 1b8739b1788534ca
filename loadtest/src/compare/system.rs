//! A contender that runs: all its processes, and where clients go.

use std::path::PathBuf;

use http::Uri;

use super::{contender::Contender, plan::Plan, socket_io::SocketIo};
use crate::{
    chaos::topology::{Topology, TopologyOptions},
    cpu::Processes,
    pass::Pass,
    target::Target,
};

/// The programs that contenders are made of.
#[derive(Debug, Clone)]
pub struct Programs {
    /// This program, which is each of Starling's services too.
    pub compare: PathBuf,
    /// Where the Redis adapter is compared.
    pub redis_server: Option<PathBuf>,
}

/// A running contender; dropping it kills every process of it.
#[derive(Debug)]
pub struct System {
    pub contender: Contender,
    nodes: Vec<Uri>,
    /// What clients are connected to.
    node_pids: Vec<u32>,
    servers: Vec<(String, u32)>,
    broker: Option<(String, u32)>,
    pass: Pass,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Starling(Box<Topology>),
    SocketIo(SocketIo),
}

impl System {
    /// Starts a contender anew. `recovery` asks for what lets clients get what they missed, where that
    /// is not there anyway.
    ///
    /// # Errors
    /// When a part of it does not start.
    pub async fn start(
        contender: Contender,
        plan: &Plan,
        programs: &Programs,
        recovery: bool,
    ) -> anyhow::Result<Self> {
        match contender {
            Contender::Starling => Self::starling(plan, programs).await,
            Contender::SocketIo => Ok(Self::socket_io(contender, SocketIo::alone(recovery).await?)),
            Contender::SocketIoRedis => {
                let redis_server = programs.redis_server.clone().unwrap_or("redis-server".into());
                let peers = SocketIo::with_redis(plan.nodes, &redis_server).await?;
                Ok(Self::socket_io(contender, peers))
            }
        }
    }

    async fn starling(plan: &Plan, programs: &Programs) -> anyhow::Result<Self> {
        let options = TopologyOptions::new(programs.compare.clone());
        let options = TopologyOptions { nodes: plan.nodes, workers: plan.workers, ..options };
        let mut topology = Topology::start(options).await?;
        let (brokers, servers) =
            topology.processes().into_iter().partition(|(name, _)| name.starts_with("nats"));
        let brokers: Vec<_> = brokers;
        let node_pids = (0..plan.nodes).filter_map(|index| topology.node(index).pid()).collect();
        Ok(Self {
            node_pids,
            contender: Contender::Starling,
            nodes: topology.node_urls(),
            servers,
            broker: brokers.into_iter().next(),
            pass: Pass::Signed(topology.jwt_secret().to_owned()),
            running: Running::Starling(Box::new(topology)),
        })
    }

    fn socket_io(contender: Contender, peers: SocketIo) -> Self {
        let names = (1..).map(|number| format!("socketio-{number}"));
        let pids = peers.nodes.iter().map(super::peer_process::PeerProcess::pid);
        let node_pids: Vec<_> = pids.collect();
        Self {
            contender,
            nodes: peers.nodes.iter().map(|node| node.url().clone()).collect(),
            servers: names.zip(node_pids.iter().copied()).collect(),
            node_pids,
            broker: peers.redis.as_ref().map(|redis| ("redis-server".to_owned(), redis.pid())),
            pass: Pass::Nothing,
            running: Running::SocketIo(peers),
        }
    }

    /// What clients connect to.
    #[must_use]
    pub fn target(&self) -> Target {
        let servers = self.servers.iter().map(|(_, pid)| *pid).collect();
        let broker = self.broker.as_ref().map(|(_, pid)| *pid);
        Target::of(self.nodes.clone(), Processes { servers, broker }, self.pass.clone())
    }

    /// The process ids of the whole server side.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.servers.iter().chain(&self.broker).map(|(_, pid)| *pid).collect()
    }

    /// The process ids of those alone that clients are connected to.
    #[must_use]
    pub fn node_pids(&self) -> Vec<u32> {
        self.node_pids.clone()
    }

    /// The names of the whole server side.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.servers.iter().chain(&self.broker).map(|(name, _)| name.clone()).collect()
    }

    /// # Errors
    /// When a process had ended by itself, or does not end well.
    pub async fn stop(self) -> anyhow::Result<()> {
        match self.running {
            Running::Starling(topology) => topology.stop().await,
            Running::SocketIo(peers) => peers.stop().await,
        }
    }
}
