//! `bench`: puts load on a Starling and says what it saw.

use std::process::ExitCode;

use clap::Parser as _;
use loadtest::{
    cli::{Cli, Command},
    interruptible, saturation, steady,
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
    interruptible::run(measuring).await
}
