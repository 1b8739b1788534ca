//! The processes that hold talking clients, seen from the one that started them.

use std::{path::Path, process::Stdio};

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::talker::{Gathered, Order, SUBCOMMAND, Talk};
use crate::run::Outcome;

/// Such processes, all of whose clients are in their rooms; dropping this closes their connections.
#[derive(Debug)]
pub struct Talkers(Vec<Talker>);

#[derive(Debug)]
struct Talker {
    /// Killed when it is dropped.
    _child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Talkers {
    /// Starts one process for each order, and waits until everybody is in the room.
    ///
    /// # Errors
    /// When one does not start, or a client cannot enter.
    pub async fn gather(program: &Path, orders: &[Order]) -> anyhow::Result<Self> {
        let mut talkers = Vec::new();
        for order in orders {
            let mut talker = Talker::start(program)?;
            talker.tell(order).await?;
            talkers.push(talker);
        }
        let gathered: Vec<Gathered> = try_join_all(talkers.iter_mut().map(Talker::answer)).await?;
        for (order, gathered) in orders.iter().zip(gathered) {
            ensure!(gathered.clients == order.clients, "somebody is missing: {gathered:?}");
        }
        Ok(Self(talkers))
    }

    /// Has each of them say its own at the same time, and waits until everything has come.
    ///
    /// # Errors
    /// When one of them breaks.
    pub async fn say_each(&mut self, talks: &[Talk]) -> anyhow::Result<Vec<Outcome>> {
        for (talker, talk) in self.0.iter_mut().zip(talks) {
            talker.tell(talk).await?;
        }
        try_join_all(self.0.iter_mut().map(Talker::answer)).await
    }
}

impl Talker {
    fn start(program: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .arg(SUBCOMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let orders = child.stdin.take().context("a talker has no standard input")?;
        let answers = child.stdout.take().context("a talker has no standard output")?;
        Ok(Self { _child: child, orders, answers: BufReader::new(answers).lines() })
    }

    async fn tell(&mut self, words: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(words)?;
        line.push(b'\n');
        Ok(self.orders.write_all(&line).await?)
    }

    async fn answer<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let line = self.answers.next_line().await?;
        let line = line.context("a process that held clients has ended; it has said why above")?;
        Ok(serde_json::from_str(&line)?)
    }
}
