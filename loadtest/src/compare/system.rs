//! A contender that runs: all its processes, and where clients go.

use std::path::PathBuf;

use http::Uri;

use super::{contender::Contender, ending, plan::Plan, socket_io::SocketIo};
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

/// What to start; a contender that has ended is started anew by it.
#[derive(Debug, Clone)]
pub struct Start {
    pub contender: Contender,
    pub nodes: usize,
    pub workers: usize,
    pub programs: Programs,
    /// Whether it has what lets clients get what they missed, where that is not there anyway.
    pub recovery: bool,
}

/// A running contender; dropping it kills every process of it.
#[derive(Debug)]
pub struct System {
    pub contender: Contender,
    start: Start,
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
    /// Given up, to be started anew.
    Nothing,
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
        let Plan { nodes, workers, .. } = *plan;
        Self::of(Start { contender, nodes, workers, programs: programs.clone(), recovery }).await
    }

    async fn of(start: Start) -> anyhow::Result<Self> {
        match start.contender {
            Contender::Starling => Self::starling(start).await,
            Contender::SocketIo => {
                let peers = SocketIo::alone(start.recovery).await?;
                Ok(Self::socket_io(start, peers))
            }
            Contender::SocketIoRedis => {
                let redis_server =
                    start.programs.redis_server.clone().unwrap_or("redis-server".into());
                let peers = SocketIo::with_redis(start.nodes, &redis_server).await?;
                Ok(Self::socket_io(start, peers))
            }
        }
    }

    async fn starling(start: Start) -> anyhow::Result<Self> {
        let options = TopologyOptions::new(start.programs.compare.clone());
        let (nodes, workers) = (start.nodes, start.workers);
        // As the others' processes have.
        let one_thread_each = true;
        let options = TopologyOptions { nodes, workers, one_thread_each, ..options };
        let mut topology = Topology::start(options).await?;
        let (brokers, servers) =
            topology.processes().into_iter().partition(|(name, _)| name.starts_with("nats"));
        let brokers: Vec<_> = brokers;
        let node_pids = (0..start.nodes).filter_map(|index| topology.node(index).pid()).collect();
        Ok(Self {
            node_pids,
            contender: start.contender,
            start,
            nodes: topology.node_urls(),
            servers,
            broker: brokers.into_iter().next(),
            pass: Pass::Signed(topology.jwt_secret().to_owned()),
            running: Running::Starling(Box::new(topology)),
        })
    }

    fn socket_io(start: Start, peers: SocketIo) -> Self {
        let names = (1..).map(|number| format!("socketio-{number}"));
        let pids = peers.nodes.iter().map(super::peer_process::PeerProcess::pid);
        let node_pids: Vec<_> = pids.collect();
        Self {
            contender: start.contender,
            start,
            nodes: peers.nodes.iter().map(|node| node.url().clone()).collect(),
            servers: names.zip(node_pids.iter().copied()).collect(),
            node_pids,
            broker: peers.redis.as_ref().map(|redis| ("redis-server".to_owned(), redis.pid())),
            pass: Pass::Nothing,
            running: Running::SocketIo(peers),
        }
    }

    /// Kills what is left of it and starts it as before.
    ///
    /// # Errors
    /// When a part of it does not start.
    pub async fn start_anew(&mut self) -> anyhow::Result<()> {
        // What is left must not take the processor from what comes.
        self.running = Running::Nothing;
        *self = Self::of(self.start.clone()).await?;
        Ok(())
    }

    /// How the first of its processes ended that has ended by itself, in a sentence; `None` while all run.
    ///
    /// # Errors
    /// When the operating system refuses to tell.
    pub fn ended(&mut self) -> anyhow::Result<Option<String>> {
        match &mut self.running {
            Running::Starling(topology) => of_topology(topology),
            Running::SocketIo(peers) => peers.ended(),
            Running::Nothing => Ok(None),
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
            Running::Nothing => Ok(()),
        }
    }
}

/// The first of Starling's services that has ended by itself. Without NATS none of them could serve, which
/// the counts tell.
fn of_topology(topology: &mut Topology) -> anyhow::Result<Option<String>> {
    for index in 0..topology.nodes() + topology.workers() {
        let service = match index.checked_sub(topology.nodes()) {
            None => topology.node(index),
            Some(worker) => topology.worker(worker),
        };
        if let Some(status) = service.ended()? {
            return Ok(Some(ending::sentence(service.name(), status, &service.log())));
        }
    }
    Ok(None)
}
