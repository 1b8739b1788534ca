//! `bench`: puts load on a Starling and says what it saw.

use std::process::ExitCode;

use anyhow::bail;
use clap::Parser as _;
use loadtest::{
    cli::{Cli, Command},
    saturation, steady,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::LocalSet,
};

// One thread: no lock and no hand-over between cores, on a machine that the measured system shares.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Cli::parse().command;
    let measuring = async {
        match command {
            Command::Steady(args) => steady::measure(args).await,
            Command::Saturate(args) => saturation::measure(args).await,
        }
    };
    // What was started is killed with the future that holds it.
    let interruptible = async {
        tokio::select! {
            whole = measuring => whole,
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
