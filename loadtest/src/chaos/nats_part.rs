//! The NATS of a topology: one server, or a cluster of three.

use std::time::Duration;

/// Servers count from 0.
#[derive(Debug)]
pub struct NatsPart;

impl NatsPart {
    /// Where clients connect; of a cluster, all servers with commas between them.
    #[must_use]
    pub fn url(&self) -> String {
        todo!()
    }

    /// How many servers there are, running or not: 1 or 3.
    #[must_use]
    pub fn servers(&self) -> usize {
        todo!()
    }

    /// The process id of a server while it runs.
    #[must_use]
    pub fn pid(&self, server: usize) -> Option<u32> {
        let _ = server;
        todo!()
    }

    /// Ends a server with SIGKILL.
    pub fn kill(&mut self, server: usize) -> anyhow::Result<()> {
        let _ = server;
        todo!()
    }

    /// Stops a server as an operator does, with SIGTERM, and waits for its end.
    pub async fn stop(&mut self, server: usize) -> anyhow::Result<()> {
        let _ = server;
        todo!()
    }

    /// Stops a server in its tracks with SIGSTOP.
    pub fn pause(&self, server: usize) -> anyhow::Result<()> {
        let _ = server;
        todo!()
    }

    /// Lets it go on with SIGCONT.
    pub fn resume(&self, server: usize) -> anyhow::Result<()> {
        let _ = server;
        todo!()
    }

    /// Starts a server again with its data on its port; stops it first if it runs.
    pub async fn restart(&mut self, server: usize) -> anyhow::Result<()> {
        let _ = server;
        todo!()
    }

    /// Waits until every server serves, and of a cluster until every stream has all its replicas.
    pub async fn wait_healthy(&self, within: Duration) -> anyhow::Result<()> {
        let _ = within;
        todo!()
    }

    /// The server that leads `stream`; 0 where there is only one.
    pub async fn leader_of(&self, stream: &str) -> anyhow::Result<usize> {
        let _ = stream;
        todo!()
    }
}
