//! The system that is put under load: somebody's, or one that is started for the run.

use std::path::PathBuf;

use http::Uri;

use crate::{cli::TargetArgs, cpu::Processes, stack_process::StackProcess};

/// Nodes to connect to, and the processes whose time is measured.
#[derive(Debug)]
pub struct Target {
    /// Base URLs; clients are spread over them in turn.
    pub nodes: Vec<Uri>,
    pub processes: Processes,
    /// Connections that are being made at a time.
    pub connect_at_once: usize,
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
            let processes = Processes { server: args.server_pid, nats: args.nats_pid };
            return Ok(Self { nodes: args.url, processes, connect_at_once, stack: None });
        }
        let binary = match args.stack {
            Some(binary) => binary,
            None => beside_this_program("local-stack")?,
        };
        let stack = StackProcess::start(&binary, args.nodes, args.workers, args.port).await?;
        let processes = Processes { server: Some(stack.pid()), nats: stack.nats_pid() };
        Ok(Self { nodes: stack.nodes().to_vec(), processes, connect_at_once, stack: Some(stack) })
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
