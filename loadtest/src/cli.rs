//! The command line of `bench`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use http::Uri;

const EXAMPLES: &str = "\
Examples:
  cargo build --release && cargo build --release -p loadtest
  target/release/bench steady                               1,000 clients in rooms of 10, 100 messages/s
  target/release/bench saturate --room-size 100 --room-size 1000
  target/release/bench steady --url http://a:3000 --url http://b:3000 --server-pid 17 --json steady.json

Without --url it starts the program `local-stack` that lies beside it, with its data in a temporary
folder, and stops it at the end. Exit code 1 means that something was lost, doubled or refused.";

/// Puts many chatting clients on a Starling, and measures how long messages take and what they cost.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// One rate for some time: latency, loss and the processor time of a delivery.
    Steady(SteadyArgs),
    /// Growing rates: the most deliveries a second that are sustained.
    Saturate(SaturateArgs),
}

/// How to measure one rate.
#[derive(Debug, Args)]
pub struct SteadyArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub crowd: CrowdArgs,

    /// Clients in each room.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub room_size: usize,

    /// Messages a second over all rooms. They are due at even intervals, whatever the answers.
    #[arg(long, value_name = "N", default_value_t = 100.0, value_parser = positive)]
    pub rate: f64,

    /// How long messages are sent and timed.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub duration: Duration,

    /// How long messages are sent before any is timed.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    pub warm_up: Duration,
}

/// How to search for the highest rate.
#[derive(Debug, Args)]
pub struct SaturateArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub crowd: CrowdArgs,

    /// Clients in each room; once for each search.
    #[arg(long, value_name = "N", default_values_t = [100, 1_000])]
    pub room_size: Vec<usize>,

    /// Deliveries a second to begin with.
    #[arg(long, value_name = "N", default_value_t = 10_000.0, value_parser = positive)]
    pub from: f64,

    /// How long each rate is tried.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    pub step: Duration,

    /// The 99th percentile of the time to receipt above which a rate is too much.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    pub p99_limit: Duration,
}

/// Who chats.
#[derive(Debug, Clone, Copy, Args)]
pub struct CrowdArgs {
    /// How many clients, spread evenly over nodes and rooms.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub clients: usize,

    /// The length of a message's content in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub content: usize,
}

/// Where they chat.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// A node's address, http://host:port; once for each node. It must hand out tokens, as those of
    /// the local stack do. Without any, a local stack is started.
    #[arg(long, value_name = "URL")]
    pub url: Vec<Uri>,

    /// With --url: the process whose processor time is reported as the server's.
    #[arg(long, value_name = "PID", requires = "url")]
    pub server_pid: Option<u32>,

    /// With --url: the process of nats-server.
    #[arg(long, value_name = "PID", requires = "url")]
    pub nats_pid: Option<u32>,

    /// The program to start without --url [default: local-stack beside this program]
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub stack: Option<PathBuf>,

    /// Connection nodes of the started stack.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub nodes: u16,

    /// Fan-out workers of the started stack.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,

    /// The port of the started stack's first node.
    #[arg(long, value_name = "PORT", default_value_t = 23_000, value_parser = clap::value_parser!(u16).range(1..=65_000))]
    pub port: u16,

    /// Connections that are being made at a time.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub connect_at_once: usize,

    /// Writes the results to this file too, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("not above 0".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lines_are_read() {
        let parse =
            |line: &str| Cli::try_parse_from(["bench"].into_iter().chain(line.split_whitespace()));
        for line in [
            "steady",
            "saturate --room-size 5 --room-size 7 --step 500ms",
            "steady --url http://a:1 --server-pid 3",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
        for line in [
            "",
            "steady --rate 0",
            "steady --rate NaN",
            "steady --duration 3",
            "steady --server-pid 3",
            "steady --stack x --url http://a:1",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
