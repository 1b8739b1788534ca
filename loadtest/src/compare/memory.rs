//! What a connection costs in memory.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use super::{
    figures::{MemoryFigures, Stages},
    footprint::Footprint,
    holders::Holders,
    plan::Plan,
    system::{Programs, System},
};
use crate::cpu::{Processes, idle_cores};

/// Cores below which a server side counts as silent.
const SILENT: f64 = 0.05;
/// Over what time that is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long silence is waited for: memory is taken then, whatever goes on.
const PATIENCE: Duration = Duration::from_secs(15);

/// Starts a contender anew, and takes its memory empty, with `connections` idle ones, and after each of
/// them has said something.
///
/// # Errors
/// When it does not start, or its memory cannot be read.
pub async fn measure(
    contender: super::contender::Contender,
    plan: &Plan,
    programs: &Programs,
    connections: usize,
) -> anyhow::Result<MemoryFigures> {
    let system = System::start(contender, plan, programs, false).await?;
    let (target, pids) = (system.target(), system.pids());
    let nodes = system.node_pids();
    let now = || -> anyhow::Result<[Footprint; 2]> {
        let of = |pids| Footprint::of(pids).context("the memory of a server cannot be read");
        Ok([of(&pids)?, of(&nodes)?])
    };
    silence(&target.processes).await;
    let empty = now()?;
    let mut holders = Holders::start(&programs.compare, &target, connections).await?;
    silence(&target.processes).await;
    let idle = now()?;
    let burst = holders.burst().await?;
    silence(&target.processes).await;
    let after_burst = now()?;
    let held = holders.held.clone();
    drop(holders);
    system.stop().await?;
    let stages = |whose: usize| Stages {
        empty: empty[whose],
        idle: idle[whose],
        after_burst: after_burst[whose],
    };
    Ok(MemoryFigures {
        asked: connections,
        held: held.held - usize::try_from(burst.disconnected)?.min(held.held),
        refusal: held.refusal,
        all: stages(0),
        nodes: stages(1),
        burst_deliveries: burst.deliveries,
    })
}

/// Waits until nothing is going on, or it is no use to wait.
pub async fn silence(processes: &Processes) {
    let deadline = Instant::now() + PATIENCE;
    // What has just ended may have work left that no processor time shows yet.
    sleep(LOOK).await;
    while Instant::now() < deadline {
        let cores = idle_cores(processes, LOOK).await;
        let busy = cores.server.unwrap_or(0.0) + cores.broker.unwrap_or(0.0);
        if busy < SILENT {
            return;
        }
    }
}
