//! One Node.js process of a Socket.IO server.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{bail, ensure};
use http::{Request, Uri};
use http_body_util::Full;
use local_stack::{
    leashed_child::{LeashedChild, POLL},
    port,
};
use tokio::time::{Instant, sleep};

use super::{ending, peer_tools};
use crate::http_exchange;

/// Until it must answer.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// A running server; dropping it kills it.
#[derive(Debug)]
pub struct PeerProcess {
    name: String,
    child: LeashedChild,
    url: Uri,
    log: PathBuf,
}

impl PeerProcess {
    /// Starts `peers/server.mjs` on a free loopback port and waits until it answers. `environment` says
    /// whether it has an adapter.
    ///
    /// # Errors
    /// When it ends or does not answer.
    pub async fn start(
        name: &str,
        environment: &[(&str, &str)],
        logs: &Path,
    ) -> anyhow::Result<Self> {
        let port = port::listen_anywhere().await?.local_addr()?.port().to_string();
        let log = logs.join(format!("{name}.log"));
        let command = ["node".into(), peer_tools::folder().join("server.mjs").into_os_string()];
        let mut all = vec![("NODE_ENV", "production"), ("PORT", port.as_str())];
        all.extend_from_slice(environment);
        let mut child = LeashedChild::spawn(name, &command, &all, &log)?;
        let url: Uri = format!("http://127.0.0.1:{port}/").parse()?;
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let request = Request::get(&url).body(Full::default())?;
            if http_exchange::send(request).await.is_ok_and(|(status, _)| status == 200) {
                return Ok(Self { name: name.to_owned(), child, url, log });
            }
            if let Some(status) = child.ended()? {
                bail!("{}", ending::sentence(name, status, &log));
            }
            ensure!(Instant::now() < deadline, "{name} does not answer; see {}", log.display());
            sleep(POLL).await;
        }
    }

    #[must_use]
    pub fn url(&self) -> &Uri {
        &self.url
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
        Ok(status.map(|status| ending::sentence(&self.name, status, &self.log)))
    }

    /// # Errors
    /// When it cannot be stopped.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.child.stop().await
    }
}
