//! The shell of this crate's programs: work that a signal ends, and an exit code.

use std::process::ExitCode;

use anyhow::bail;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::LocalSet,
};

/// Does the work, with local tasks, until it is done or Ctrl-C or SIGTERM comes; what it has started is
/// killed with the future that holds it. The exit code is 0 where the work says that all was well.
pub async fn run(work: impl Future<Output = anyhow::Result<bool>>) -> ExitCode {
    let interruptible = async {
        tokio::select! {
            well = work => well,
            signal = interrupted() => signal.and_then(|()| bail!("interrupted")),
        }
    };
    match LocalSet::new().run_until(Box::pin(interruptible)).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => Ok(interrupt?),
        _ = terminate.recv() => Ok(()),
    }
}
