//! Three `nats-server` processes that are one NATS, as in production.
//!
//! Owns their places in the cluster and the question whether it is whole. Leaves each process to
//! [`crate::nats_process`], and streams to [`crate::provision`].

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use async_nats::jetstream::stream;
use async_nats::{ConnectOptions, jetstream};
use futures_util::TryStreamExt as _;
use tokio::time::{Instant, sleep, timeout};

use crate::data_folder::DataFolder;
use crate::nats_process::{NatsOptions, NatsProcess, NatsSettings};
use crate::port;
use crate::provision::{ProvisionOptions, provision};

/// Servers of a cluster, and replicas of each stream.
pub const SERVERS: usize = 3;
/// Between two looks at a cluster that is not whole yet.
const POLL: Duration = Duration::from_millis(100);
/// How long a server may take for one answer.
const ANSWER: Duration = Duration::from_secs(2);

/// A server's place in a cluster on loopback.
#[derive(Debug, Clone)]
struct ClusterMember {
    /// Where the other servers reach this one.
    port: u16,
    /// Where all servers of the cluster reach each other; its own is ignored.
    routes: Vec<u16>,
}

impl ClusterMember {
    /// What it adds to the server's command line.
    fn arguments(&self) -> [String; 6] {
        let url = |port: &u16| format!("nats://127.0.0.1:{port}");
        let routes: Vec<String> = self.routes.iter().map(url).collect();
        let (here, routes) = (url(&self.port), routes.join(","));
        let [name, cluster, listen, peers] =
            ["--cluster_name", "starling", "--cluster", "--routes"].map(ToOwned::to_owned);
        [name, cluster, listen, here, peers, routes]
    }
}

/// A cluster, each server of it running, stopped or killed. They count from 0.
#[derive(Debug)]
pub struct NatsCluster {
    servers: Vec<NatsProcess>,
}

impl NatsCluster {
    /// Starts a cluster with its data in folders that are removed when this is dropped.
    ///
    /// # Errors
    /// As [`NatsProcess::start`].
    pub async fn start_temp() -> anyhow::Result<Self> {
        let folders = (0..SERVERS).map(|_| DataFolder::temporary());
        Self::start(folders.collect::<Result<_, _>>()?).await
    }

    /// Starts a cluster with its data in the folders `nats-1` to `nats-3` of `folder`.
    ///
    /// # Errors
    /// As [`NatsProcess::start`].
    pub async fn start_in(folder: &Path) -> anyhow::Result<Self> {
        let names = (1..=SERVERS).map(|number| format!("nats-{number}"));
        let folders = names.map(|name| DataFolder::kept(folder.join(name)));
        Self::start(folders.collect::<Result<_, _>>()?).await
    }

    async fn start(folders: Vec<DataFolder>) -> anyhow::Result<Self> {
        let routes = free_ports().await?;
        let mut servers = Vec::new();
        for (data, port) in folders.into_iter().zip(routes.clone()) {
            let member = ClusterMember { port, routes: routes.clone() };
            let options = NatsOptions { data, port: None };
            let arguments = member.arguments().to_vec();
            let settings = NatsSettings { arguments, ..NatsSettings::default() };
            servers.push(NatsProcess::start_with(options, settings).await?);
        }
        Ok(Self { servers })
    }

    /// The URLs of all servers with commas between them, the same over restarts.
    pub fn urls(&self) -> String {
        let urls: Vec<String> = self.servers.iter().map(NatsProcess::url).collect();
        urls.join(",")
    }

    /// All servers, running or not.
    pub fn servers(&self) -> &[NatsProcess] {
        &self.servers
    }

    /// The server `index`, to be killed, stopped, paused or restarted.
    ///
    /// # Panics
    /// When there is no such server.
    pub fn server(&mut self, index: usize) -> &mut NatsProcess {
        &mut self.servers[index]
    }

    /// Waits until every server answers for JetStream, and every stream has a leader and all its replicas
    /// up to date.
    ///
    /// # Errors
    /// When that is not so `within` the time, with what is amiss.
    pub async fn wait_healthy(&self, within: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + within;
        while let Err(trouble) = self.check().await {
            if Instant::now() >= deadline {
                return Err(trouble.context(format!("the cluster is not whole after {within:?}")));
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Provisions the streams with a replica on each server, trying again while the cluster forms.
    ///
    /// # Errors
    /// The last refusal when it does not work `within` the time.
    pub async fn provision(&self, room_cap: Option<i64>, within: Duration) -> anyhow::Result<()> {
        let options =
            ProvisionOptions { replicas: Some(SERVERS), room_cap, ..ProvisionOptions::default() };
        self.wait_healthy(within).await?;
        let urls: Vec<String> = self.servers.iter().map(NatsProcess::url).collect();
        let client = async_nats::connect(urls).await.context("the cluster cannot be reached")?;
        let deadline = Instant::now() + within;
        while let Err(refusal) = provision(&client, &options).await {
            if Instant::now() >= deadline {
                return Err(refusal);
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// The server that leads `stream`.
    ///
    /// # Errors
    /// When no server answers, or none leads it at the moment.
    pub async fn leader_of(&self, stream: &str) -> anyhow::Result<usize> {
        let running = self.servers.iter().filter(|server| server.pid().is_some());
        for server in running {
            let Ok(jetstream) = connect(server).await else { continue };
            let Ok(Ok(stream)) = timeout(ANSWER, jetstream.get_stream(stream)).await else {
                continue;
            };
            let cluster = stream.cached_info().cluster.as_ref();
            let leader = cluster.and_then(|cluster| cluster.leader.as_deref());
            let index = self.servers.iter().position(|server| Some(server.name()) == leader);
            return index.with_context(|| format!("{leader:?} is no server of this cluster"));
        }
        bail!("no server of the cluster knows the leader of {stream}")
    }

    async fn check(&self) -> anyhow::Result<()> {
        // What a killed server does to the others' streams is second to that it is away.
        if let Some(index) = self.servers.iter().position(|server| server.pid().is_none()) {
            bail!("nats-server {} does not run", index + 1);
        }
        for (index, server) in self.servers.iter().enumerate() {
            let whole = async {
                let jetstream = connect(server).await?;
                let limits =
                    jetstream.query_account().await.context("JetStream does not answer")?;
                drop(limits);
                let streams: Vec<stream::Info> = jetstream.streams().try_collect().await?;
                streams.iter().try_for_each(check_replicas)
            };
            timeout(ANSWER * 2, whole)
                .await
                .context("it does not answer")
                .flatten()
                .with_context(|| format!("nats-server {} at {}", index + 1, server.url()))?;
        }
        Ok(())
    }
}

fn check_replicas(stream: &stream::Info) -> anyhow::Result<()> {
    let name = &stream.config.name;
    let cluster = stream.cluster.as_ref().with_context(|| format!("{name} is not replicated"))?;
    ensure!(cluster.leader.is_some(), "nobody leads {name}");
    ensure!(
        cluster.replicas.len() + 1 >= stream.config.num_replicas,
        "{name} lacks replicas: only {} of {}",
        cluster.replicas.len() + 1,
        stream.config.num_replicas
    );
    for replica in &cluster.replicas {
        ensure!(
            !replica.offline && replica.current,
            "the replica of {name} on {} is behind",
            replica.name
        );
    }
    Ok(())
}

/// A connection to this server and to no other.
async fn connect(server: &NatsProcess) -> anyhow::Result<jetstream::Context> {
    let options = ConnectOptions::new().ignore_discovered_servers().connection_timeout(ANSWER);
    let client = options.connect(server.url()).await.context("it cannot be reached")?;
    let mut jetstream = jetstream::new(client);
    jetstream.set_timeout(ANSWER);
    Ok(jetstream)
}

/// Ports for the servers among themselves. All are known before the first server starts.
async fn free_ports() -> anyhow::Result<Vec<u16>> {
    let mut held = Vec::new();
    for _ in 0..SERVERS {
        held.push(port::listen_anywhere().await?);
    }
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}
