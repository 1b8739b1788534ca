//! The command line of `chaos`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};

use super::scenario::{Fault, stage::Scale};
use crate::hostile::cli::HostileArgs;

pub const EXAMPLES: &str = "\
Examples:
  cargo build --release -p loadtest
  target/release/chaos list
  target/release/chaos run all                          every fault in its short form, some 4 minutes
  target/release/chaos run kill-worker kill-node --long --clients 500 --rate 300
  target/release/chaos soak --duration 20m --clients 200
  target/release/chaos hostile --inputs 10000 --seed 7  needs Node.js; then once more with --limits usual

It starts everything itself: NATS servers, nodes and workers are processes of this machine, with their
data in a temporary folder. Exit code 1 means that a guarantee broke; with --long, or that a time bound
was passed.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Names every fault and says what it does.
    List,
    /// Lets faults happen, one after the other, each in a system of its own.
    Run(RunArgs),
    /// Throws malformed handshakes, frames and packets at a node beside real clients that must not notice.
    Hostile(HostileArgs),
    /// Mixed traffic for a long time: memory must not grow, and at the end nothing must be left.
    Soak(SoakArgs),
}

/// Which faults, and how large.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The faults, or `all`; `chaos list` names them.
    #[arg(required = true, value_name = "FAULT", value_parser = which)]
    faults: Vec<Which>,

    /// Faults as long as on a bad day, and time bounds that count.
    #[arg(long)]
    pub long: bool,

    #[command(flatten)]
    size: SizeArgs,
}

/// How long to soak, and how large.
#[derive(Debug, Args)]
pub struct SoakArgs {
    /// How long.
    #[arg(long, value_name = "TIME", default_value = "20m", value_parser = humantime::parse_duration)]
    pub duration: Duration,

    #[command(flatten)]
    size: SizeArgs,
}

/// How many clients and services.
#[derive(Debug, Args)]
struct SizeArgs {
    /// Clients, a multiple of the size of a room [default: 60; 200 with --long and in a soak]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    clients: Option<u32>,

    /// Clients in each room.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    room_size: u32,

    /// Messages a second over all rooms [default: 80; 200 with --long and in a soak]
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,

    /// Connection nodes.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=64))]
    nodes: u32,

    /// Fan-out workers.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..=64))]
    workers: u32,

    /// Writes the outcomes to this file too, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A fault, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    One(Fault),
    All,
}

impl RunArgs {
    /// The faults, each once, in the order of the line.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for which in &self.faults {
            let named = match which {
                Which::All => Fault::value_variants().to_vec(),
                Which::One(fault) => vec![*fault],
            };
            for fault in named {
                if !faults.contains(&fault) {
                    faults.push(fault);
                }
            }
        }
        faults
    }

    /// # Errors
    /// When the clients do not fill their rooms.
    pub fn scale(&self, program: PathBuf) -> anyhow::Result<Scale> {
        self.size.scale(program, self.long)
    }

    #[must_use]
    pub fn json(&self) -> Option<&PathBuf> {
        self.size.json.as_ref()
    }
}

impl SoakArgs {
    /// # Errors
    /// When the clients do not fill their rooms.
    pub fn scale(&self, program: PathBuf) -> anyhow::Result<Scale> {
        self.size.scale(program, true)
    }

    #[must_use]
    pub fn json(&self) -> Option<&PathBuf> {
        self.size.json.as_ref()
    }
}

impl SizeArgs {
    fn scale(&self, program: PathBuf, long: bool) -> anyhow::Result<Scale> {
        let clients = self.clients.unwrap_or(if long { 200 } else { 60 });
        anyhow::ensure!(
            clients.is_multiple_of(self.room_size),
            "{clients} clients do not fill rooms of {}: choose a multiple with --clients",
            self.room_size
        );
        Ok(Scale {
            program,
            clients: clients as usize,
            room_size: self.room_size as usize,
            rate: self.rate.unwrap_or(if long { 200.0 } else { 80.0 }),
            nodes: self.nodes as usize,
            workers: self.workers as usize,
            long,
        })
    }
}

fn which(text: &str) -> Result<Which, String> {
    if text == "all" {
        return Ok(Which::All);
    }
    let known = "`chaos list` names those there are";
    Fault::from_str(text, false).map(Which::One).map_err(|_| format!("no such fault; {known}"))
}

fn rate(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("not above 0".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: Command,
    }

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(["chaos"].into_iter().chain(line.split_whitespace()))
            .map(|cli| cli.command)
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn faults_are_named_once() {
        let Command::Run(args) = parse("run kill-node all").unwrap() else { panic!("not run") };
        let faults = args.faults();
        assert_eq!(faults[0], Fault::KillNode);
        assert_eq!(faults.len(), Fault::value_variants().len());
        for fault in Fault::value_variants() {
            assert!(parse(&format!("run {}", fault.name())).is_ok());
            assert!(!fault.help().is_empty(), "{fault:?}");
        }
    }

    #[test]
    fn bad_lines_are_refused() {
        for line in [
            "",
            "run",
            "run kill-everything",
            "run all --rate 0",
            "run all --nodes 1",
            "soak --duration 5",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let Command::Run(args) = parse("run all --room-size 7").unwrap() else { panic!("not run") };
        assert!(args.scale(PathBuf::new()).is_err());
    }
}
