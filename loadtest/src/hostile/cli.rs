//! The options of `chaos hostile`.

use std::path::PathBuf;

use clap::Args;

use super::run::{LimitLevel, Plan};

/// How much, and beside whom.
#[derive(Debug, Clone, Args)]
pub struct HostileArgs {
    /// Hostile inputs.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    inputs: u64,

    /// Names the inputs: the same number, the same inputs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Well-behaved clients beside them, in rooms of ten.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    clients: u32,

    /// Messages a second that those send.
    #[arg(long, value_name = "N", default_value_t = 50.0)]
    rate: f64,

    /// Hostile connections at a time; up to 256 slow ones come to that.
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u16).range(1..=2_000))]
    at_once: u16,

    /// Addresses that the hostile come from: 127.0.0.2 and those behind it.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=250))]
    addresses: u8,

    /// The node's limits by address: so high that everything comes through to the parsers, or as usual.
    #[arg(long, value_enum, default_value = "high")]
    limits: LimitLevel,
}

impl HostileArgs {
    #[must_use]
    pub fn plan(&self, program: PathBuf) -> Plan {
        Plan {
            program,
            inputs: self.inputs,
            seed: self.seed,
            clients: self.clients,
            rate: self.rate.clamp(0.1, 10_000.0),
            at_once: usize::from(self.at_once),
            addresses: self.addresses,
            limits: self.limits,
        }
    }
}
