//! The system that is put under load: somebody's, or one that is started for the run.

use std::{net::Ipv4Addr, path::PathBuf};

use http::Uri;

use crate::{cli::TargetArgs, cpu::Processes, pass::Pass, stack_process::StackProcess};

/// Connections that are being made at a time, where nobody says otherwise.
const CONNECT_AT_ONCE: usize = 32;

/// Nodes to connect to, and the processes whose time is measured.
#[derive(Debug)]
pub struct Target {
    /// Base URLs; clients are spread over them in turn.
    pub nodes: Vec<Uri>,
    pub processes: Processes,
    /// Connections that are being made at a time.
    pub connect_at_once: usize,
    /// What clients show at the entrance.
    pub pass: Pass,
    /// The address that clients come from, where it matters: each has ports of its own.
    pub source: Option<Ipv4Addr>,
    /// Running as long as the target is used.
    stack: Option<StackProcess>,
}

impl Target {
    /// Takes the nodes that were named, or starts a local stack.
    ///
    /// # Errors
    /// When the stack does not start.
    pub async fn reach(args: TargetArgs) -> anyhow::Result<Self> {
        let connect_at_once = args.connect_at_once;
        if !args.url.is_empty() {
            let servers = args.server_pid.into_iter().collect();
            let processes = Processes { servers, broker: args.nats_pid };
            let target = Self::of(args.url, processes, Pass::Dev);
            return Ok(Self { connect_at_once, ..target });
        }
        let binary = match args.stack {
            Some(binary) => binary,
            None => beside_this_program("local-stack")?,
        };
        let stack = StackProcess::start(&binary, args.nodes, args.workers, args.port).await?;
        let processes = Processes { servers: vec![stack.pid()], broker: stack.nats_pid() };
        let target = Self::of(stack.nodes().to_vec(), processes, Pass::Dev);
        Ok(Self { connect_at_once, stack: Some(stack), ..target })
    }

    /// Nodes that somebody else starts and stops.
    #[must_use]
    pub fn of(nodes: Vec<Uri>, processes: Processes, pass: Pass) -> Self {
        Self { nodes, processes, connect_at_once: CONNECT_AT_ONCE, pass, source: None, stack: None }
    }

    /// Stops what was started.
    ///
    /// # Errors
    /// When the stack did not end well.
    pub async fn leave(self) -> anyhow::Result<()> {
        match self.stack {
            Some(stack) => stack.stop().await,
            None => Ok(()),
        }
    }
}

fn beside_this_program(name: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(
        program.is_file(),
        "there is no {}: build it with `cargo build --release`, or name nodes with --url",
        program.display()
    );
    Ok(program)
}
