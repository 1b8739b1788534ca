//! A `local-stack` as a child process, so that its processor time can be told from the generator's.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, bail, ensure};
use http::{Request, Uri};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::{cpu, http_exchange};

/// Until every node is ready; the first start ever also fetches nats-server.
const START_DEADLINE: Duration = Duration::from_mins(3);
/// Until a stack that was asked to stop is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(30);
/// Between two questions whether it is ready.
const POLL: Duration = Duration::from_millis(50);

/// A running stack with its data in a temporary folder; dropping it kills it.
#[derive(Debug)]
pub struct StackProcess {
    child: Child,
    pid: u32,
    nodes: Vec<Uri>,
    /// Removed last.
    _data: TempDir,
}

impl StackProcess {
    /// Starts `binary` with its first node on `port` and waits until all nodes are ready.
    ///
    /// # Errors
    /// When the program cannot be run, ends, or is not ready within three minutes.
    pub async fn start(binary: &Path, nodes: u16, workers: u16, port: u16) -> anyhow::Result<Self> {
        let data =
            TempDir::with_prefix("starling-bench-").context("cannot make a temporary folder")?;
        let child = Command::new(binary)
            .args(["--nodes", &nodes.to_string(), "--workers", &workers.to_string()])
            .args(["--port", &port.to_string(), "--data"])
            .arg(data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // A group of its own keeps the terminal's Ctrl-C away from it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))?;
        let pid = child.id().context("the stack ended at once")?;
        let urls = (0..nodes).map(|n| format!("http://127.0.0.1:{}", port + n).parse());
        let nodes = urls.collect::<Result<Vec<Uri>, _>>()?;
        let mut stack = Self { child, pid, nodes, _data: data };
        stack.ready().await?;
        Ok(stack)
    }

    #[must_use]
    pub fn nodes(&self) -> &[Uri] {
        &self.nodes
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The nats-server that it has started.
    #[must_use]
    pub fn nats_pid(&self) -> Option<u32> {
        cpu::nats_server_of(self.pid)
    }

    /// Asks it to stop as an operator does, and waits for its end.
    ///
    /// # Errors
    /// When it fails, or has to be killed after 30 s.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.pid.to_string()]).status().await;
        ensure!(asked.context("cannot run kill")?.success(), "the stack had ended already");
        let ended = timeout(STOP_DEADLINE, self.child.wait()).await;
        let status = ended.context("the stack did not stop and is killed")??;
        ensure!(status.success(), "the stack ended with {status}");
        Ok(())
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        for node in &self.nodes {
            let url: Uri = format!("{node}readyz").parse()?;
            loop {
                let answer =
                    http_exchange::send(Request::get(&url).body(http_body_util::Full::default())?)
                        .await;
                if answer.is_ok_and(|(status, _)| status == 200) {
                    break;
                }
                if let Some(status) = self.child.try_wait()? {
                    bail!("the stack ended with {status} while it was starting");
                }
                ensure!(Instant::now() < deadline, "{url} is not ready after {START_DEADLINE:?}");
                sleep(POLL).await;
            }
        }
        Ok(())
    }
}
