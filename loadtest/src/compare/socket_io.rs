//! A Socket.IO server: one process alone, or several with redis-server between them.

use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

use super::{peer_process::PeerProcess, redis::Redis};

/// All its processes.
#[derive(Debug)]
pub struct SocketIo {
    pub nodes: Vec<PeerProcess>,
    pub redis: Option<Redis>,
    /// Removed last.
    _logs: TempDir,
}

impl SocketIo {
    /// One process without an adapter, with connection state recovery or without.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn alone(recovery: bool) -> anyhow::Result<Self> {
        let logs = logs()?;
        let recovery: &[_] = if recovery { &[("RECOVERY", "1")] } else { &[] };
        let node = PeerProcess::start("socketio-1", recovery, logs.path()).await?;
        Ok(Self { nodes: vec![node], redis: None, _logs: logs })
    }

    /// Several processes with the Redis adapter.
    ///
    /// # Errors
    /// When one of them, or `redis_server`, does not start.
    pub async fn with_redis(count: usize, redis_server: &Path) -> anyhow::Result<Self> {
        let logs = logs()?;
        let redis = Redis::start(redis_server, logs.path()).await?;
        let mut nodes = Vec::new();
        for number in 1..=count {
            let (name, url) = (format!("socketio-{number}"), redis.url());
            nodes.push(PeerProcess::start(&name, &[("REDIS_URL", &url)], logs.path()).await?);
        }
        Ok(Self { nodes, redis: Some(redis), _logs: logs })
    }

    /// How the first of its processes ended that has ended by itself; `None` while all run.
    ///
    /// # Errors
    /// When the operating system refuses to tell.
    pub fn ended(&mut self) -> anyhow::Result<Option<String>> {
        for node in &mut self.nodes {
            if let Some(sentence) = node.ended()? {
                return Ok(Some(sentence));
            }
        }
        self.redis.as_mut().map_or(Ok(None), Redis::ended)
    }

    /// # Errors
    /// When a process cannot be stopped.
    pub async fn stop(self) -> anyhow::Result<()> {
        for node in self.nodes {
            node.stop().await?;
        }
        match self.redis {
            Some(redis) => redis.stop().await,
            None => Ok(()),
        }
    }
}

fn logs() -> anyhow::Result<TempDir> {
    TempDir::with_prefix("starling-compare-").context("cannot make a temporary folder")
}
