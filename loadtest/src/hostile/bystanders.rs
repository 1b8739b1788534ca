//! The well-behaved clients beside the hostile ones: real `socket.io-client`s in a process of Node.js.

use std::{process::Stdio, time::Duration};

use anyhow::{Context as _, bail};
use http::Uri;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::node_js;

/// How long they may take to do what they are told.
const DEADLINE: Duration = Duration::from_secs(90);
/// Lines that may wait to be looked at; they come one for each order.
const LINES: usize = 8;

/// What they have done so far.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Tally {
    pub sent: u64,
    pub acked: u64,
    pub delivered: u64,
    pub disconnects: u64,
}

/// What they say at the end. Times in milliseconds.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Testimony {
    pub clients: u64,
    pub sent: u64,
    pub acked: u64,
    pub delivered: u64,
    pub disconnects: u64,
    pub ack_p50: f64,
    pub ack_p99: f64,
    pub ack_max: f64,
    /// Everything that went wrong, in words.
    pub findings: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Ready(#[allow(dead_code)] u64),
    Progress(Tally),
    Came(u64),
    Failed(String),
    End(Testimony),
}

/// The running clients; dropping this ends them.
#[derive(Debug)]
pub struct Bystanders {
    child: Child,
    orders: ChildStdin,
    lines: mpsc::Receiver<Line>,
    progress: watch::Receiver<Tally>,
    reading: JoinHandle<()>,
}

impl Bystanders {
    /// Has `clients` connect to the node at `url`, join their rooms, and talk: `rate` messages a second in
    /// all.
    ///
    /// # Errors
    /// When Node.js or its packages are missing, or one of them does not come in.
    pub async fn start(url: &Uri, clients: u32, rate: f64) -> anyhow::Result<Self> {
        node_js::check_node()?;
        node_js::install_packages()?;
        let mut child = Command::new("node")
            .arg("hostile/bystanders.mjs")
            .arg(url.to_string().trim_end_matches('/'))
            .args([clients.to_string(), rate.to_string()])
            .current_dir(node_js::folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node cannot be run")?;
        let orders = child.stdin.take().context("node takes no orders")?;
        let mut output = BufReader::new(child.stdout.take().context("node says nothing")?).lines();
        let (tell, lines) = mpsc::channel(LINES);
        let (tally, progress) = watch::channel(Tally::default());
        let reading = tokio::spawn(async move {
            while let Ok(Some(line)) = output.next_line().await {
                match serde_json::from_str(&line) {
                    Ok(Line::Progress(now)) => drop(tally.send_replace(now)),
                    Ok(line) => {
                        if tell.send(line).await.is_err() {
                            break;
                        }
                    }
                    Err(_) => eprintln!("bystanders: {line}"),
                }
            }
        });
        let mut bystanders = Self { child, orders, lines, progress, reading };
        match bystanders.line().await? {
            Line::Ready(_) => Ok(bystanders),
            other => bail!("the well-behaved clients do not come in: {other:?}"),
        }
    }

    /// What they have done so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        *self.progress.borrow()
    }

    /// Has new clients come, join a room and say something; how many came.
    ///
    /// # Errors
    /// When one of them was not served.
    pub async fn newcomers(&mut self) -> anyhow::Result<u64> {
        self.orders.write_all(b"come\n").await?;
        match self.line().await? {
            Line::Came(count) => Ok(count),
            Line::Failed(why) => bail!("{why}"),
            other => bail!("expected newcomers, got {other:?}"),
        }
    }

    /// Has them finish what they say, wait until everybody has everything, compare, and leave.
    ///
    /// # Errors
    /// When they do not end in time.
    pub async fn stop(mut self) -> anyhow::Result<Testimony> {
        self.orders.write_all(b"stop\n").await?;
        let Line::End(testimony) = self.line().await? else { bail!("they do not come to an end") };
        let status = timeout(DEADLINE, self.child.wait()).await.context("node does not end")??;
        anyhow::ensure!(status.success(), "node ended with {status}");
        Ok(testimony)
    }

    async fn line(&mut self) -> anyhow::Result<Line> {
        let line = timeout(DEADLINE, self.lines.recv()).await;
        let line =
            line.with_context(|| format!("the well-behaved say nothing for {DEADLINE:?}"))?;
        line.context("the well-behaved clients have ended; see above")
    }
}

impl Drop for Bystanders {
    fn drop(&mut self) {
        self.reading.abort();
    }
}
