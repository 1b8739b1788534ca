//! One service as a process of its own, which can be killed, paused, stopped and started again.

use std::{
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use http::Uri;

/// A service, running or not; dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct ServiceProcess {
    name: String,
    url: Uri,
    log: PathBuf,
}

impl ServiceProcess {
    /// Its name, for people: `node-1`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its base URL, which stays over restarts.
    #[must_use]
    pub fn url(&self) -> &Uri {
        &self.url
    }

    /// What it has written since its last start.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its process id while it runs (paused, too).
    pub fn pid(&mut self) -> Option<u32> {
        todo!()
    }

    /// Ends it with SIGKILL and waits for its end.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        todo!()
    }

    /// Stops it in its tracks with SIGSTOP: its sockets stay open and nobody answers on them.
    pub fn pause(&mut self) -> anyhow::Result<()> {
        todo!()
    }

    /// Lets it go on with SIGCONT.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        todo!()
    }

    /// Asks it to stop with SIGTERM and returns at once; [`ServiceProcess::wait_ended`] tells the rest.
    pub fn terminate(&mut self) -> anyhow::Result<()> {
        todo!()
    }

    /// Waits until it has ended, and says how.
    pub async fn wait_ended(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        let _ = within;
        todo!()
    }

    /// Starts it again on the same port, without waiting until it is ready.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        todo!()
    }

    /// Whether it answers `GET /readyz` with 200, within a second.
    pub async fn is_ready(&self) -> bool {
        todo!()
    }

    /// Waits until it is ready.
    pub async fn wait_ready(&mut self, within: Duration) -> anyhow::Result<()> {
        let _ = within;
        todo!()
    }
}
