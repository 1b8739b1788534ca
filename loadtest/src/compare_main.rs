//! `compare`: the same load on Starling and on what else would be used.

use std::process::ExitCode;

use clap::Parser as _;
use loadtest::{
    chaos::service_role::ServiceRole,
    compare::{cli::Cli, comparison, floor, holder},
    interruptible,
};

fn main() -> ExitCode {
    // The services come first: their command lines are theirs to read.
    let line: Vec<_> = std::env::args_os().skip(1).collect();
    let first = line.first().and_then(|word| word.to_str()).unwrap_or_default();
    if let Some(role) = ServiceRole::named(first) {
        return role.run(line);
    }
    if first == holder::SUBCOMMAND {
        return hold();
    }
    if let Some(served) = floor::serve(first) {
        return match served {
            Ok(()) => ExitCode::SUCCESS,
            // Its standard error is that of the process that reads its answers.
            Err(error) => {
                eprintln!("compare {first}: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    compare(Cli::parse())
}

/// Holds connections for the process that started this one.
#[tokio::main(flavor = "current_thread")]
async fn hold() -> ExitCode {
    interruptible::run(holder::serve()).await
}

// One thread: no lock and no hand-over between cores, on a machine that the measured systems share.
#[tokio::main(flavor = "current_thread")]
async fn compare(cli: Cli) -> ExitCode {
    interruptible::run(Box::pin(comparison::run(cli))).await
}
