//! `chaos`: kills, pauses and cuts off parts of a Starling under load, and says what it saw.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, ValueEnum as _};
use loadtest::{
    chaos::{
        cli::{Command, EXAMPLES},
        outcome::Outcome,
        report,
        scenario::{Fault, soak},
        service_role::ServiceRole,
    },
    hostile, interruptible,
};

/// Breaks parts of a Starling while many clients talk, and checks that nothing acknowledged is lost.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    // The services come first: their command lines are theirs to read.
    let line: Vec<_> = std::env::args_os().skip(1).collect();
    let role = line.first().and_then(|word| ServiceRole::named(word.to_str()?));
    match role {
        // Is a service of the system under test.
        Some(role) => role.run(line),
        None => check(Cli::parse().command),
    }
}

// One thread: no lock and no hand-over between cores, on a machine that the tested system shares.
#[tokio::main(flavor = "current_thread")]
async fn check(command: Command) -> ExitCode {
    interruptible::run(run(command)).await
}

/// Does what is asked for; whether everything held.
async fn run(command: Command) -> anyhow::Result<bool> {
    let program = std::env::current_exe().context("this program does not know where it lies")?;
    match command {
        Command::List => {
            for fault in Fault::value_variants() {
                println!("{:<20} {}", fault.name(), fault.help());
            }
            Ok(true)
        }
        Command::Run(args) => {
            let scale = args.scale(program)?;
            let mut outcomes = Vec::new();
            for fault in args.faults() {
                let outcome = fault.run(&scale).await;
                outcomes.push(outcome.with_context(|| format!("{} was not done", fault.name()))?);
                tell(&outcomes, args.json())?;
            }
            print!("{}", report::text(&outcomes));
            Ok(outcomes.iter().all(|done| done.is_whole() && (!args.long || done.is_in_time())))
        }
        Command::Hostile(args) => {
            let summary = hostile::run::run(&args.plan(program)).await?;
            print!("{}", summary.text());
            Ok(summary.is_whole())
        }
        Command::Soak(args) => {
            let outcomes = [soak::run(&args.scale(program)?, args.duration).await?];
            tell(&outcomes, args.json())?;
            print!("{}", report::text(&outcomes));
            Ok(outcomes.iter().all(Outcome::is_whole))
        }
    }
}

/// The last outcome in a line, and all of them in the file.
fn tell(outcomes: &[Outcome], json: Option<&PathBuf>) -> anyhow::Result<()> {
    if let Some(last) = outcomes.last() {
        eprintln!("{}: {} after {:.0} s", last.fault, last.word(), last.seconds);
        last.complaints().iter().for_each(|complaint| eprintln!("  ! {complaint}"));
    }
    let Some(file) = json else { return Ok(()) };
    let text = serde_json::to_string_pretty(outcomes)?;
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
