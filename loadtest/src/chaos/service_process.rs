//! One service as a process of its own, which can be killed, paused, stopped and started again.

use std::{
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use http::{Request, Uri};
use http_body_util::Full;
use local_stack::{
    leashed_child::{LeashedChild, POLL},
    port,
};
use tokio::time::{Instant, sleep, timeout};

use super::{clock, service_role::ServiceRole};
use crate::http_exchange;

/// How long `/readyz` may take to answer.
const ANSWER: Duration = Duration::from_secs(1);

/// How to start a service, each time alike.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Its name, for people and for its log: `node-1`.
    pub name: String,
    pub role: ServiceRole,
    /// The program `chaos`.
    pub program: PathBuf,
    /// Variables that are added to this process's own; of two with one name the later counts.
    pub environment: Vec<(String, String)>,
    /// The folder for its logs.
    pub logs: PathBuf,
}

/// A service, running or not; dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct ServiceProcess {
    launch: Launch,
    url: Uri,
    address: SocketAddr,
    starts: u32,
    running: Option<LeashedChild>,
}

impl ServiceProcess {
    /// Starts a service on a free loopback port, without waiting until it is ready.
    ///
    /// # Errors
    /// When no port is free, or no process can be started.
    pub async fn start(launch: Launch) -> anyhow::Result<Self> {
        // Freed before the service takes it. It is of a range from which nothing else takes by itself.
        let address = port::listen_anywhere().await?.local_addr()?;
        let url = format!("http://{address}/").parse()?;
        let mut process = Self { launch, url, address, starts: 0, running: None };
        process.start_again()?;
        Ok(process)
    }

    /// Its name, for people: `node-1`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.launch.name
    }

    /// Its base URL, which stays over restarts.
    #[must_use]
    pub fn url(&self) -> &Uri {
        &self.url
    }

    /// What it has written since its last start. Earlier runs have logs of their own beside it.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        let name = self.name();
        let file = match self.starts {
            0 | 1 => format!("{name}.log"),
            number => format!("{name}.{number}.log"),
        };
        self.launch.logs.join(file)
    }

    /// Its process id while it runs (paused, too).
    pub fn pid(&mut self) -> Option<u32> {
        let running = self.running.as_mut()?;
        running.ended().ok()?.is_none().then(|| running.pid())
    }

    /// Ends it with SIGKILL and waits for its end.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.ended()? {
            bail!("{} has ended already with {status}; see {}", self.name(), self.log().display());
        }
        let running =
            self.running.take().with_context(|| format!("{} does not run", self.name()))?;
        let pid = running.pid();
        let killed = running.kill();
        clock::sweep(pid);
        killed
    }

    /// Stops it in its tracks with SIGSTOP: its sockets stay open and nobody answers on them.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&mut self) -> anyhow::Result<()> {
        self.child()?.pause()
    }

    /// Lets it go on with SIGCONT.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.child()?.resume()
    }

    /// Asks it to stop with SIGTERM and returns at once; [`ServiceProcess::wait_ended`] tells the rest.
    ///
    /// # Errors
    /// When it does not run.
    pub fn terminate(&mut self) -> anyhow::Result<()> {
        self.child()?.terminate()
    }

    /// How it ended, if it did so by itself or by [`ServiceProcess::terminate`]; `None` while it runs, and
    /// after [`ServiceProcess::kill`].
    ///
    /// # Errors
    /// When the operating system refuses to tell.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.running.as_mut().map_or(Ok(None), LeashedChild::ended)
    }

    /// Waits until it has ended, and says how. Afterwards it can be started again.
    ///
    /// # Errors
    /// When it does not run, or does not end `within` the time.
    pub async fn wait_ended(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child()?.ended()? {
                clock::sweep(self.child()?.pid());
                self.running = None;
                return Ok(status);
            }
            let log = self.log();
            ensure!(
                Instant::now() < deadline,
                "{} has not ended after {within:?}; see {}",
                self.name(),
                log.display()
            );
            sleep(POLL).await;
        }
    }

    /// Starts it again on the same port, without waiting until it is ready.
    ///
    /// # Errors
    /// When it runs, or no process can be started.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        if let Some(old) = &mut self.running {
            ensure!(old.ended()?.is_some(), "{} runs already", self.launch.name);
            clock::sweep(old.pid());
            self.running = None;
        }
        self.starts += 1;
        let log = self.log();
        self.running = Some(LeashedChild::spawn(self.name(), &self.command(), &[], &log)?);
        Ok(())
    }

    /// Whether it answers `GET /readyz` with 200, within a second.
    pub async fn is_ready(&self) -> bool {
        self.ask().await.is_ok()
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// When it ends, does not run, or is not ready `within` the time; the error holds its last words.
    pub async fn wait_ready(&mut self, within: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child()?.ended()? {
                bail!(
                    "{} ended with {status} while it was starting: {}",
                    self.name(),
                    self.last_words()
                );
            }
            let Err(trouble) = self.ask().await else { return Ok(()) };
            if Instant::now() >= deadline {
                let what =
                    format!("{} is not ready after {within:?}: {}", self.name(), self.last_words());
                return Err(trouble.context(what));
            }
            sleep(POLL).await;
        }
    }

    async fn ask(&self) -> anyhow::Result<()> {
        let request = Request::get(format!("{}readyz", self.url)).body(Full::default())?;
        let answer = timeout(ANSWER, http_exchange::send(request)).await;
        let (status, body) = answer.with_context(|| format!("no answer within {ANSWER:?}"))??;
        ensure!(
            status == 200,
            "/readyz answers {status} {}",
            String::from_utf8_lossy(&body).trim()
        );
        Ok(())
    }

    fn child(&mut self) -> anyhow::Result<&mut LeashedChild> {
        let name = &self.launch.name;
        self.running.as_mut().with_context(|| format!("{name} does not run"))
    }

    /// `env` sets the variables, for the shell on the way must not live by a fake clock.
    fn command(&self) -> Vec<OsString> {
        let Launch { role, program, environment, .. } = &self.launch;
        let mut command: Vec<OsString> = vec!["env".into()];
        command.extend(environment.iter().map(|(name, value)| format!("{name}={value}").into()));
        command.push(program.into());
        command.push(role.subcommand().into());
        command.extend(["--listen".into(), self.address.to_string().into()]);
        command
    }

    /// The last line that it has written, and where the others are.
    fn last_words(&self) -> String {
        let log = self.log();
        let said = last_line(&log).unwrap_or_else(|| "it has written nothing".to_owned());
        format!("{said} (see {})", log.display())
    }
}

fn last_line(log: &Path) -> Option<String> {
    let text = String::from_utf8_lossy(&fs::read(log).ok()?).into_owned();
    text.lines().rev().find(|line| !line.trim().is_empty()).map(ToOwned::to_owned)
}
