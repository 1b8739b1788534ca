//! Another process of this program, which takes orders and answers, both as lines of JSON.
//!
//! It lives as long as this is held, for it ends with its standard input.

use std::{path::Path, process::Stdio};

use anyhow::Context as _;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// A running process; dropping it kills it.
#[derive(Debug)]
pub struct Assistant {
    subcommand: &'static str,
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Assistant {
    /// Starts `program` with the word `subcommand`, and gives it its first order.
    ///
    /// # Errors
    /// When it does not run, or takes no order.
    pub async fn start(
        program: &Path,
        subcommand: &'static str,
        order: &impl Serialize,
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .arg(subcommand)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let orders = child.stdin.take().context("it has no standard input")?;
        let answers = child.stdout.take().context("it has no standard output")?;
        let answers = BufReader::new(answers).lines();
        let mut assistant = Self { subcommand, child, orders, answers };
        assistant.order(order).await?;
        Ok(assistant)
    }

    /// Its process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// # Errors
    /// When it takes no orders any more.
    pub async fn order(&mut self, order: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        let taken = self.orders.write_all(&line).await;
        taken.with_context(|| format!("`compare {}` takes no orders any more", self.subcommand))
    }

    /// # Errors
    /// When it has ended, or answers something else.
    pub async fn answer<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let line = self.answers.next_line().await?;
        let line = line.with_context(|| {
            format!("`compare {}` has ended without an answer", self.subcommand)
        })?;
        Ok(serde_json::from_str(&line)?)
    }
}
