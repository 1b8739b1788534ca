//! One `nats-server` with JetStream as a child process that can be stopped, killed and restarted.
//!
//! Owns the process, its port and its data folder. Leaves finding the binary to [`crate::nats_server`].

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::data_folder::DataFolder;
use crate::leashed_child::{LeashedChild, POLL};
use crate::nats_server;
use crate::places::Places;
use crate::port;

/// Until the server must accept connections; replaying a large store takes seconds.
const START_DEADLINE: Duration = Duration::from_mins(1);
/// How much of what a stranger sends is read, in bytes; INFO has some 500.
const GREETING_BOUND: u64 = 16 * 1024;
/// How many free ports are tried, and how often a held one is tried again on a restart.
const PORT_ATTEMPTS: u32 = 20;

/// How to start a server.
#[derive(Debug)]
pub struct NatsOptions {
    /// The folder for its streams and its log.
    pub data: DataFolder,
    /// The loopback port, or `None` for a free one that is kept over restarts.
    pub port: Option<u16>,
}

/// What a server is told beyond its name, its port and its data.
#[derive(Debug, Clone, Default)]
pub struct NatsSettings {
    /// A configuration of `infra/nats`: the server is guarded and speaks TLS. Without one it lets everyone
    /// in and stores.
    pub config: Option<PathBuf>,
    /// Further words of the command line, which go before the configuration.
    pub arguments: Vec<String>,
    /// The variables that the configuration reads.
    pub environment: Vec<(&'static str, String)>,
}

/// A running, stopped or killed nats-server; dropping it kills the server and waits for its end.
#[derive(Debug)]
pub struct NatsProcess {
    binary: PathBuf,
    /// Stays over restarts: a cluster counts a server by its name.
    name: String,
    port: u16,
    settings: NatsSettings,
    running: Option<LeashedChild>,
    data: DataFolder,
    /// Runs until now, each with a log of its own.
    starts: u32,
}

impl NatsProcess {
    /// Starts a server on a free port, with its data in a folder that is removed when this is dropped.
    ///
    /// # Errors
    /// As [`NatsProcess::start`].
    pub async fn start_temp() -> anyhow::Result<Self> {
        Self::start(NatsOptions { data: DataFolder::temporary()?, port: None }).await
    }

    /// Finds or fetches a nats-server, starts it and waits until it accepts connections.
    ///
    /// # Errors
    /// [`service_shell::BadConfiguration`] when no usable server can be had or the port is in use; otherwise
    /// the last lines of the server's log.
    pub async fn start(options: NatsOptions) -> anyhow::Result<Self> {
        Self::start_with(options, NatsSettings::default()).await
    }

    /// As [`NatsProcess::start`], with more to tell the server.
    ///
    /// # Errors
    /// As [`NatsProcess::start`].
    pub async fn start_with(options: NatsOptions, settings: NatsSettings) -> anyhow::Result<Self> {
        let binary = nats_server::find(&Places::of_this_machine()).await?;
        let NatsOptions { data, port } = options;
        let mut server =
            Self { binary, name: unique_name(), port: 0, settings, running: None, data, starts: 0 };
        if let Some(port) = port {
            server.port = port;
            server.launch().await.map_err(|failure| failure.into_error("nats-server"))?;
            return Ok(server);
        }
        for _ in 0..PORT_ATTEMPTS {
            server.port = port::candidate();
            match server.launch().await {
                Err(Failure::PortInUse(_)) => {}
                Err(failure) => return Err(failure.into_error("nats-server")),
                Ok(()) => return Ok(server),
            }
        }
        bail!("no free port for nats-server after {PORT_ATTEMPTS} attempts");
    }

    /// `nats://127.0.0.1:<port>`, the same before and after a restart; `tls://` where it is guarded.
    pub fn url(&self) -> String {
        let scheme = if self.settings.config.is_some() { "tls" } else { "nats" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The name by which the other servers of its cluster know it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(LeashedChild::pid)
    }

    /// How it ended, if it ended by itself; `None` while it runs and after a stop or kill.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.running.as_mut()?.ended().ok().flatten()
    }

    /// Stops it with SIGTERM, as an operator does, and waits for its end. Its data stays.
    ///
    /// # Errors
    /// When the operating system refuses to wait for or kill the child.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        match self.running.take() {
            Some(running) => running.stop().await,
            None => Ok(()),
        }
    }

    /// Kills it with SIGKILL, as a crash does, and waits for its end. Its data stays.
    ///
    /// # Errors
    /// As [`NatsProcess::stop`].
    pub fn kill(&mut self) -> anyhow::Result<()> {
        match self.running.take() {
            Some(running) => running.kill(),
            None => Ok(()),
        }
    }

    /// Holds it where it is with SIGSTOP: its connections stay open and nobody answers on them.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&mut self) -> anyhow::Result<()> {
        self.running.as_mut().context("nats-server does not run")?.pause()
    }

    /// Lets it go on with SIGCONT.
    ///
    /// # Errors
    /// As [`NatsProcess::pause`].
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.running.as_mut().context("nats-server does not run")?.resume()
    }

    /// Starts it again on the same port with the same data; stops it first if it runs.
    ///
    /// # Errors
    /// As [`NatsProcess::start`]; a port that was taken meanwhile is tried for a second.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        for _ in 1..PORT_ATTEMPTS {
            match self.launch().await {
                Err(Failure::PortInUse(_)) => sleep(POLL * 5).await,
                Err(failure) => return Err(failure.into_error("nats-server")),
                Ok(()) => return Ok(()),
            }
        }
        self.launch().await.map_err(|failure| failure.into_error("nats-server"))
    }

    /// Starts the process on `self.port` and waits until it greets.
    async fn launch(&mut self) -> Result<(), Failure> {
        self.starts += 1;
        let environment = self.environment();
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut running =
            LeashedChild::spawn("nats-server", &self.command(), &environment, &self.log())?;
        // Another server on this port would greet too, while this one fails to bind.
        let greets_as = format!("\"server_name\":\"{}\"", self.name);
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if greeting(self.port).await.is_some_and(|info| info.contains(&greets_as)) {
                self.running = Some(running);
                return Ok(());
            }
            if running.ended()?.is_some() {
                return Err(self.failure());
            }
            if Instant::now() >= deadline {
                running.kill()?;
                return Err(anyhow::anyhow!(
                    "nats-server did not accept within {START_DEADLINE:?}"
                )
                .into());
            }
            sleep(POLL).await;
        }
    }

    fn command(&self) -> Vec<OsString> {
        let port = self.port.to_string();
        let mut command = vec![self.binary.clone().into_os_string()];
        command.extend(
            ["--addr", "127.0.0.1", "--port", &port, "--server_name", &self.name].map(Into::into),
        );
        if let Some(config) = &self.settings.config {
            // Monitoring is on any free port: several servers run here.
            command.extend(["--http_port", "-1", "--config"].map(Into::into));
            command.push(config.into());
        } else {
            command.extend(["--jetstream", "--store_dir"].map(Into::into));
            command.push(self.data.path().into());
        }
        command.extend(self.settings.arguments.iter().map(Into::into));
        command
    }

    fn environment(&self) -> Vec<(&str, String)> {
        let store = format!("\"{}\"", self.data.path().display());
        let mut environment = vec![("NATS_NAME", self.name.clone()), ("NATS_STORE_DIR", store)];
        environment.extend(self.settings.environment.iter().cloned());
        environment
    }

    /// What clients, leaves and other servers asked for and were denied: the lines of its logs, of earlier
    /// starts too.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub fn refusals(&self) -> anyhow::Result<Vec<String>> {
        let mut refusals = Vec::new();
        for start in 1..=self.starts {
            let file = self.log_of(start);
            let log = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let refused =
                |line: &&str| line.contains("Violation") || line.contains("not permitted");
            refusals.extend(log.lines().filter(refused).map(ToOwned::to_owned));
        }
        Ok(refusals)
    }

    /// What it has written since its last start.
    fn log(&self) -> PathBuf {
        self.log_of(self.starts)
    }

    /// Each start has a log of its own; they lie beside each other.
    fn log_of(&self, start: u32) -> PathBuf {
        self.data.path().join(match start {
            0 | 1 => "nats-server.log".to_owned(),
            number => format!("nats-server.{number}.log"),
        })
    }

    /// Why the server ended while it was starting, from its log.
    fn failure(&self) -> Failure {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        if log.contains("address already in use") {
            return Failure::PortInUse(self.port);
        }
        let fatal = log.lines().rev().find(|line| line.contains("[FTL]")).or(log.lines().last());
        let reason = fatal.unwrap_or("its log is empty");
        Failure::Other(anyhow::anyhow!("nats-server ended while starting: {reason}"))
    }
}

/// A server name that no other server shares: a greeting proves whose it is.
fn unique_name() -> String {
    static STARTS: AtomicU64 = AtomicU64::new(0);
    format!("starling-{}-{}", std::process::id(), STARTS.fetch_add(1, Ordering::Relaxed))
}

/// The INFO line that a server sends first, if one listens on `port`.
async fn greeting(port: u16) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let mut line = String::new();
    let mut reader = BufReader::new(stream.take(GREETING_BOUND));
    let read = reader.read_line(&mut line);
    tokio::time::timeout(Duration::from_secs(1), read).await.ok()?.ok()?;
    line.starts_with("INFO ").then_some(line)
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("port {0} is in use")]
    PortInUse(u16),
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl Failure {
    fn into_error(self, what: &str) -> anyhow::Error {
        match self {
            Self::PortInUse(port) => port::in_use(port, what).into(),
            Self::Other(error) => error,
        }
    }
}
