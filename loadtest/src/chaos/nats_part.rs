//! The NATS of a topology: one server, or a cluster of three.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use local_stack::{
    data_folder::DataFolder,
    nats_cluster::NatsCluster,
    nats_process::{NatsOptions, NatsProcess, NatsSettings},
    provision::{ProvisionOptions, provision},
};
use tokio::time::{Instant, sleep, timeout};

use super::topology::NatsLayout;

/// Until a new cluster must be provisioned.
const DEADLINE: Duration = Duration::from_mins(1);
/// The folder of the only server, for its data, its log and the file that names its ports.
pub const SINGLE: &str = "nats-1";
/// Between two looks at an election.
const POLL: Duration = Duration::from_millis(100);

/// Servers, each running, paused, stopped or killed. They count from 0.
#[derive(Debug)]
pub enum NatsPart {
    Single(Box<NatsProcess>),
    Cluster(NatsCluster),
}

impl NatsPart {
    /// Starts servers with their data and logs in folders below `folder`, and makes the streams. A server
    /// that is alone gets `environment`.
    ///
    /// # Errors
    /// When one does not start, or the streams cannot be made.
    pub async fn start(
        layout: NatsLayout,
        folder: &Path,
        room_cap: Option<i64>,
        environment: Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        match layout {
            NatsLayout::Single => {
                let data = DataFolder::kept(folder.join(SINGLE))?;
                let settings = NatsSettings { environment, ..monitored(data.path()) };
                let options = NatsOptions { data, port: None };
                let server = NatsProcess::start_with(options, settings).await?;
                let client = async_nats::connect(server.url()).await?;
                provision(&client, &ProvisionOptions { room_cap, ..Default::default() }).await?;
                Ok(Self::Single(Box::new(server)))
            }
            NatsLayout::Cluster => {
                let cluster = NatsCluster::start_in(folder).await?;
                cluster.provision(room_cap, DEADLINE).await?;
                Ok(Self::Cluster(cluster))
            }
        }
    }

    /// Where clients connect; of a cluster, all servers with commas between them.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Single(server) => server.url(),
            Self::Cluster(cluster) => cluster.urls(),
        }
    }

    /// How many servers there are, running or not: 1 or 3.
    #[must_use]
    pub fn servers(&self) -> usize {
        self.all().len()
    }

    /// The process id of a server while it runs.
    #[must_use]
    pub fn pid(&self, server: usize) -> Option<u32> {
        self.all().get(server)?.pid()
    }

    /// Ends a server with SIGKILL.
    ///
    /// # Errors
    /// When there is no such server, as in all that follow, or it cannot be killed.
    pub fn kill(&mut self, server: usize) -> anyhow::Result<()> {
        self.server(server)?.kill()
    }

    /// Stops a server as an operator does, with SIGTERM, and waits for its end.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(&mut self, server: usize) -> anyhow::Result<()> {
        self.server(server)?.stop().await
    }

    /// Stops a server in its tracks with SIGSTOP.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&mut self, server: usize) -> anyhow::Result<()> {
        self.server(server)?.pause()
    }

    /// Lets it go on with SIGCONT.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&mut self, server: usize) -> anyhow::Result<()> {
        self.server(server)?.resume()
    }

    /// Starts a server again with its data on its port; stops it first if it runs.
    ///
    /// # Errors
    /// When it does not accept connections again.
    pub async fn restart(&mut self, server: usize) -> anyhow::Result<()> {
        self.server(server)?.restart().await
    }

    /// Waits until every server serves, and of a cluster until every stream has all its replicas.
    ///
    /// # Errors
    /// When that is not so `within` the time.
    pub async fn wait_healthy(&self, within: Duration) -> anyhow::Result<()> {
        match self {
            Self::Single(server) => {
                let asking = async {
                    let client = async_nats::connect(server.url()).await?;
                    anyhow::Ok(async_nats::jetstream::new(client).query_account().await?)
                };
                timeout(within, asking).await.context("NATS does not answer")?.map(drop)
            }
            Self::Cluster(cluster) => cluster.wait_healthy(within).await,
        }
    }

    /// The server that leads `stream`; 0 where there is only one.
    ///
    /// # Errors
    /// When nobody leads it at the moment.
    pub async fn leader_of(&self, stream: &str) -> anyhow::Result<usize> {
        match self {
            Self::Single(_) => Ok(0),
            Self::Cluster(cluster) => cluster.leader_of(stream).await,
        }
    }

    /// Waits until a server leads `stream` that is not `late`, and says which.
    ///
    /// # Errors
    /// When that is not so `within` the time, with what is amiss.
    pub async fn wait_leader(
        &self,
        stream: &str,
        late: Option<usize>,
        within: Duration,
    ) -> anyhow::Result<usize> {
        let deadline = Instant::now() + within;
        loop {
            let trouble = match self.leader_of(stream).await {
                Ok(leader) if Some(leader) != late => return Ok(leader),
                Ok(leader) => anyhow::anyhow!("server {} leads {stream} still", leader + 1),
                Err(trouble) => trouble,
            };
            if Instant::now() >= deadline {
                return Err(
                    trouble.context(format!("{stream} has no such leader after {within:?}"))
                );
            }
            sleep(POLL).await;
        }
    }

    /// Stops every server that runs, paused or not.
    ///
    /// # Errors
    /// When one does not end.
    pub async fn stop_all(&mut self) -> anyhow::Result<()> {
        for index in 0..self.servers() {
            let server = self.server(index)?;
            if server.pid().is_some() {
                server.resume()?;
                server.stop().await?;
            }
        }
        Ok(())
    }

    /// Where the first server listens.
    pub(super) fn address(&self) -> anyhow::Result<SocketAddr> {
        let first = self.all().first().context("there is no NATS server")?;
        Ok((Ipv4Addr::LOCALHOST, first.port()).into())
    }

    fn all(&self) -> &[NatsProcess] {
        match self {
            Self::Single(server) => std::slice::from_ref(&**server),
            Self::Cluster(cluster) => cluster.servers(),
        }
    }

    fn server(&mut self, index: usize) -> anyhow::Result<&mut NatsProcess> {
        let servers = self.servers();
        ensure!(index < servers, "there is no NATS server {index}: {servers} count from 0");
        match self {
            Self::Single(server) => Ok(server),
            Self::Cluster(cluster) => Ok(cluster.server(index)),
        }
    }
}

/// Has a server tell what it counts, on any free port, which it writes into a file in `folder`.
fn monitored(folder: &Path) -> NatsSettings {
    let words = ["--http_port", "-1", "--ports_file_dir"].map(ToOwned::to_owned);
    let arguments = words.into_iter().chain([folder.display().to_string()]).collect();
    NatsSettings { arguments, ..NatsSettings::default() }
}
