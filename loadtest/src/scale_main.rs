//! `scale`: what a message costs as a Starling grows, and how many talking connections it holds.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use loadtest::{
    chaos::service_role::ServiceRole,
    interruptible,
    report::write_json,
    scale::{
        cli::{Cli, Command, CostArgs, CrowdArgs},
        cost, cost_table, crowd, talker,
    },
};

fn main() -> ExitCode {
    // The services come first: their command lines are theirs to read.
    let line: Vec<_> = std::env::args_os().skip(1).collect();
    let first = line.first().and_then(|word| word.to_str()).unwrap_or_default();
    if let Some(role) = ServiceRole::named(first) {
        return role.run(line);
    }
    if first == talker::SUBCOMMAND {
        return talk();
    }
    measure(Cli::parse())
}

/// Holds clients for the process that started this one.
#[tokio::main(flavor = "current_thread")]
async fn talk() -> ExitCode {
    interruptible::run(talker::serve()).await
}

// One thread: no lock and no hand-over between cores, on a machine that the measured system shares.
#[tokio::main(flavor = "current_thread")]
async fn measure(cli: Cli) -> ExitCode {
    interruptible::run(async {
        match cli.command {
            Command::Cost(args) => cost(args).await,
            Command::Crowd(args) => crowd(args).await,
        }
    })
    .await
}

async fn cost(args: CostArgs) -> anyhow::Result<bool> {
    let program = std::env::current_exe().context("this program does not know where it lies")?;
    println!("{}", cost_table::title());
    let seen = |point: &cost::Point| println!("{}", cost_table::line(point));
    let points = cost::measure(&args.plan(), program, seen).await?;
    println!("\n{}", cost_table::LEGEND);
    if let Some(file) = args.json {
        write_json(&file, &points)?;
    }
    Ok(true)
}

async fn crowd(args: CrowdArgs) -> anyhow::Result<bool> {
    let program = std::env::current_exe().context("this program does not know where it lies")?;
    let result = crowd::measure(args.plan(), program).await?;
    println!("{result}");
    if let Some(file) = args.json {
        write_json(&file, &result)?;
    }
    Ok(result.is_whole())
}
