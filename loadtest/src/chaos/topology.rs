//! A whole Starling of real processes, for the chaos suite.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail, ensure};
use http::Uri;
use wire::WorkerId;

use super::{
    clock::FakeClock,
    nats_part::NatsPart,
    network::Link,
    partition_owners,
    run_folder::RunFolder,
    service_process::{Launch, ServiceProcess},
    service_role::ServiceRole,
};

pub use self::options::{Member, NatsLayout, TopologyOptions};

mod options;

/// What tokens are signed with.
const JWT_SECRET: &str = "3f1c9a7e5b0d8264c1e7f92ab3d5064887aee01942cb6fd3";
/// Every client of a run has the same address, and talks as fast as it can.
const NO_LIMITS: [(&str, &str); 7] = [
    ("LIMIT_HANDSHAKES", "0"),
    ("LIMIT_FAILURES", "0"),
    ("LIMIT_SOCKET_EVENTS", "0"),
    ("LIMIT_USER_EVENTS", "0"),
    ("LIMIT_ADDRESS_EVENTS", "0"),
    ("MAX_UNAUTHENTICATED", "0"),
    ("MAX_UNAUTHENTICATED_PER_ADDRESS", "0"),
];
/// How many threads tokio works with, and Go: both read it by themselves.
const TOKIO_THREADS: &str = "TOKIO_WORKER_THREADS";
const GO_THREADS: &str = "GOMAXPROCS";
/// Until a service must be ready after its start.
const READY_DEADLINE: Duration = Duration::from_mins(1);
/// Until a service that was asked to stop must have ended; a node drains first.
const STOP_DEADLINE: Duration = Duration::from_mins(1);

/// What has a nats-server work with one thread.
#[must_use]
pub fn one_go_thread() -> Vec<(&'static str, String)> {
    vec![(GO_THREADS, "1".to_owned())]
}

/// A running system. Dropping it kills everything and keeps the logs; after a stop they are removed.
#[derive(Debug)]
pub struct Topology {
    nodes: Vec<ServiceProcess>,
    workers: Vec<ServiceProcess>,
    links: Vec<Option<Link>>,
    clock: Option<FakeClock>,
    nats: NatsPart,
    keep_logs: bool,
    folder: RunFolder,
}

impl Topology {
    /// Starts NATS, provisions it, starts workers and nodes, and waits until all are ready.
    ///
    /// # Errors
    /// When something does not start, or the options contradict each other.
    pub async fn start(options: TopologyOptions) -> anyhow::Result<Self> {
        ensure!(
            options.linked_nodes.is_empty() || options.nats == NatsLayout::Single,
            "a link to NATS needs one server: clients learn the addresses of a cluster by themselves"
        );
        let folder = RunFolder::create()?;
        let jumps = !options.faked_clocks.is_empty();
        let clock = jumps.then(|| FakeClock::start(folder.path())).transpose()?;
        let environment = if options.one_thread_each { one_go_thread() } else { Vec::new() };
        let nats =
            NatsPart::start(options.nats, folder.path(), options.room_cap, environment).await?;
        let mut topology = Self {
            nodes: Vec::new(),
            workers: Vec::new(),
            links: Vec::new(),
            clock,
            nats,
            keep_logs: false,
            folder,
        };
        topology.start_workers(&options).await?;
        topology.start_nodes(&options).await?;
        for process in topology.workers.iter_mut().chain(&mut topology.nodes) {
            process.wait_ready(READY_DEADLINE).await?;
        }
        Ok(topology)
    }

    async fn start_workers(&mut self, options: &TopologyOptions) -> anyhow::Result<()> {
        for index in 0..options.workers {
            let name = worker_name(index);
            let mut environment =
                settings([("NATS_URL", self.nats.url().as_str()), ("WORKER_ID", &name)]);
            environment.extend(options.worker_settings.iter().cloned());
            let member = Member::Worker(index);
            self.workers.push(self.start_member(member, name, environment, options).await?);
        }
        Ok(())
    }

    async fn start_nodes(&mut self, options: &TopologyOptions) -> anyhow::Result<()> {
        for index in 0..options.nodes {
            let linked = options.linked_nodes.contains(&index);
            let link = if linked { Some(Link::start(self.nats.address()?).await?) } else { None };
            let through = link.as_ref().map(|link| format!("nats://{}", link.address()));
            let nats_url = through.unwrap_or_else(|| self.nats.url());
            let name = format!("node-{}", index + 1);
            let mut environment = settings([
                ("NATS_URL", nats_url.as_str()),
                ("NODE_ID", &name),
                ("JWT_SECRET", JWT_SECRET),
                ("DEV_TOKENS", "true"),
                ("ALLOWED_ORIGINS", "*"),
                ("DRAIN_DELAY", "0"),
                ("DRAIN_OVER", "0.5"),
            ]);
            environment.extend(settings(NO_LIMITS));
            if options.one_thread_each {
                environment.extend(settings([(TOKIO_THREADS, "1")]));
            }
            environment.extend(options.node_settings.iter().cloned());
            self.links.push(link);
            let member = Member::Node(index);
            self.nodes.push(self.start_member(member, name, environment, options).await?);
        }
        Ok(())
    }

    async fn start_member(
        &self,
        member: Member,
        name: String,
        mut environment: Vec<(String, String)>,
        options: &TopologyOptions,
    ) -> anyhow::Result<ServiceProcess> {
        let clock = self.clock.as_ref().filter(|_| options.faked_clocks.contains(&member));
        environment.extend(clock.map(FakeClock::environment).unwrap_or_default());
        let role = match member {
            Member::Node(_) => ServiceRole::ConnectionNode,
            Member::Worker(_) => ServiceRole::FanoutWorker,
        };
        let (program, logs) = (options.program.clone(), self.folder.path().to_owned());
        ServiceProcess::start(Launch { name, role, program, environment, logs }).await
    }

    /// The base URL of each node, running or not.
    #[must_use]
    pub fn node_urls(&self) -> Vec<Uri> {
        self.nodes.iter().map(|node| node.url().clone()).collect()
    }

    /// The base URL of each worker, running or not.
    #[must_use]
    pub fn worker_urls(&self) -> Vec<Uri> {
        self.workers.iter().map(|worker| worker.url().clone()).collect()
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
    ///
    /// # Panics
    /// When there is no such node, as with workers.
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

    /// The NATS servers.
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
        JWT_SECRET
    }

    /// The worker that holds the lease of each partition; `None` where nobody does. Its leases outlive a
    /// killed worker by [`wire::kv::SESSION_TTL`] at most.
    ///
    /// # Errors
    /// When NATS does not tell.
    pub async fn partition_owners(&self) -> anyhow::Result<Vec<Option<usize>>> {
        let owners = partition_owners::read(&self.nats.url()).await?;
        let index = |worker: &WorkerId| {
            (0..self.workers.len()).find(|index| is_run_of(worker, &worker_name(*index)))
        };
        Ok(owners.iter().map(|owner| owner.as_ref().and_then(index)).collect())
    }

    /// Name and id of every running process, the NATS servers too.
    pub fn processes(&mut self) -> Vec<(String, u32)> {
        let servers = (0..self.nats.servers())
            .filter_map(|index| Some((format!("nats-{}", index + 1), self.nats.pid(index)?)));
        let mut running: Vec<_> = servers.collect();
        let services = self.workers.iter_mut().chain(&mut self.nodes);
        running.extend(services.filter_map(|service| {
            let pid = service.pid()?;
            Some((service.name().to_owned(), pid))
        }));
        running
    }

    /// Sets the clock of those named in `faked_clocks` to `offset_seconds` from the true time.
    ///
    /// # Errors
    /// When the options name nobody, or the clock cannot be set.
    pub fn jump_clock(&self, offset_seconds: i64) -> anyhow::Result<()> {
        let clock = self
            .clock
            .as_ref()
            .context("nobody lives by a fake clock: name them in faked_clocks")?;
        clock.jump(offset_seconds)
    }

    /// The folder with the logs of every process, and below it NATS's data with its own logs.
    #[must_use]
    pub fn logs(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps the logs although the system will be stopped in peace: the run has failed otherwise.
    pub fn keep_logs(&mut self) {
        self.keep_logs = true;
    }

    /// Stops everything as an operator does: nodes, workers, NATS. Who is paused is resumed for it; who was
    /// killed stays so.
    ///
    /// # Errors
    /// When a process had ended by itself, or does not end well now; the logs stay then.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        stop_all(&mut self.nodes).await?;
        stop_all(&mut self.workers).await?;
        self.nats.stop_all().await?;
        if self.keep_logs {
            return Ok(());
        }
        self.folder.discard()
    }
}

/// Asks all to stop, then waits for each.
async fn stop_all(services: &mut [ServiceProcess]) -> anyhow::Result<()> {
    let mut asked = Vec::new();
    for service in services {
        if let Some(status) = service.ended()? {
            bail!("{} had ended with {status}; see {}", service.name(), service.log().display());
        }
        if service.pid().is_some() {
            service.resume()?;
            service.terminate()?;
            asked.push(service);
        }
    }
    for service in asked {
        let status = service.wait_ended(STOP_DEADLINE).await?;
        let log = service.log();
        ensure!(status.success(), "{} ended with {status}; see {}", service.name(), log.display());
    }
    Ok(())
}

fn worker_name(index: usize) -> String {
    format!("worker-{}", index + 1)
}

/// Whether `worker` is the id of a run of the process called `name`.
fn is_run_of(worker: &WorkerId, name: &str) -> bool {
    worker.as_str().rsplit_once('-').is_some_and(|(named, _run)| named == name)
}

fn settings<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}
