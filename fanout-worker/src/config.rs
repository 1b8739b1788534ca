//! Every setting of the fan-out worker.

use std::num::NonZeroU16;
use std::time::Duration;

use service_shell::{BadConfiguration, NatsArgs};
use wire::{WorkerId, identity::NameError};

use crate::partition::Timing;

/// How often a node gets a digest when nothing happens.
const DIGEST_INTERVAL: Duration = Duration::from_secs(5);

/// How a fan-out worker is set up. Each field is an option of the command line and a variable of the
/// environment.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub nats: NatsArgs,

    /// A name for logs: 1 to 39 of `a-z`, `0-9` and `-`; `worker` where there is none. Every run adds
    /// a random suffix, for a worker's id names one run.
    #[arg(long, env = "WORKER_ID", value_parser = name)]
    pub worker_id: Option<String>,

    /// How many batches may wait to be sent to nodes, over all partitions: 1 to 65535. When they do,
    /// reading the log waits.
    #[arg(long, env = "FANOUT_OUTBOX_BATCHES", default_value = "256")]
    pub outbox_batches: NonZeroU16,

    /// How many records of the log are handled at once, at most: 1 to 65535.
    #[arg(long, env = "FANOUT_LOG_BATCH", default_value = "256")]
    pub log_batch: NonZeroU16,

    /// Over how many milliseconds presence changes are gathered: 0 to 10000.
    #[arg(long, env = "FANOUT_PRESENCE_WINDOW_MS", default_value_t = 200,
        value_parser = clap::value_parser!(u64).range(..=10_000))]
    pub presence_window_ms: u64,

    /// For how many milliseconds a new owner waits for the nodes' full presence reports before it
    /// publishes rosters: 0 to 10000.
    #[arg(long, env = "FANOUT_GATHER_TIMEOUT_MS", default_value_t = 1_500,
        value_parser = clap::value_parser!(u64).range(..=10_000))]
    pub gather_timeout_ms: u64,

    /// How many milliseconds after deliveries that no others follow a digest comes, by which a node
    /// notices a lost tail: 10 to 1000.
    #[arg(long, env = "FANOUT_DIGEST_DELAY_MS", default_value_t = 500,
        value_parser = clap::value_parser!(u64).range(10..=1_000))]
    pub digest_delay_ms: u64,

    /// After how many seconds the interest of a dead node is removed from the log: 1 to 86400.
    #[arg(long, env = "FANOUT_REMOVE_DEAD_AFTER_S", default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub remove_dead_after_s: u64,

    /// How many milliseconds a stopping worker may take to hand its partitions over: 0 to 60000.
    #[arg(long, env = "FANOUT_DRAIN_TIMEOUT_MS", default_value_t = 4_000,
        value_parser = clap::value_parser!(u64).range(..=60_000))]
    pub drain_timeout_ms: u64,
}

impl Config {
    /// The defaults, with the NATS server at `nats_url`.
    ///
    /// # Panics
    /// When `nats_url` is no URL of a NATS server.
    #[must_use]
    pub fn local(nats_url: &str) -> Self {
        let batches = NonZeroU16::MIN.saturating_add(255);
        Self {
            nats: NatsArgs::at(nats_url),
            worker_id: None,
            outbox_batches: batches,
            log_batch: batches,
            presence_window_ms: 200,
            gather_timeout_ms: 1_500,
            digest_delay_ms: 500,
            remove_dead_after_s: 30,
            drain_timeout_ms: 4_000,
        }
    }

    /// A new id for one run under the configured name.
    pub(crate) fn run_id(&self) -> Result<WorkerId, BadConfiguration> {
        WorkerId::for_run(self.worker_id.as_deref().unwrap_or("worker"))
            .map_err(|error| BadConfiguration(format!("WORKER_ID: {error}")))
    }

    pub(crate) fn timing(&self) -> Timing {
        Timing {
            presence_window: Duration::from_millis(self.presence_window_ms),
            gather_timeout: Duration::from_millis(self.gather_timeout_ms),
            digest_delay: Duration::from_millis(self.digest_delay_ms),
            digest_interval: DIGEST_INTERVAL,
            remove_dead_after: Duration::from_secs(self.remove_dead_after_s),
        }
    }

    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}

fn name(text: &str) -> Result<String, NameError> {
    WorkerId::for_run(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    fn parse(arguments: &[&str]) -> Result<Config, String> {
        let line = [&["fanout-worker"], arguments].concat();
        Cli::try_parse_from(line).map(|cli| cli.config).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_local() {
        let local = Config::local("nats://127.0.0.1:4222");
        assert_eq!(format!("{:?}", parse(&[]).unwrap()), format!("{local:?}"));
    }

    #[test]
    fn bad_settings_are_refused_by_name() {
        let long = "x".repeat(40);
        let table: [&[&str]; 8] = [
            &["--nats-url", "nats://:0:0"],
            &["--worker-id", "A B"],
            &["--worker-id", ""],
            &["--worker-id", &long],
            &["--outbox-batches", "0"],
            &["--log-batch", "65536"],
            &["--digest-delay-ms", "1001"],
            &["--remove-dead-after-s", "0"],
        ];
        for arguments in table {
            let refusal = parse(arguments).unwrap_err();
            assert!(refusal.contains(arguments[0]), "{arguments:?}: {refusal}");
        }
        let config = Config { worker_id: Some("A B".to_owned()), ..Config::local("nats://a:1") };
        assert!(config.run_id().unwrap_err().to_string().starts_with("WORKER_ID"));
    }

    #[test]
    fn every_run_has_its_own_id() {
        let config =
            Config { worker_id: Some("worker-1".to_owned()), ..Config::local("nats://a:1") };
        let (first, second) = (config.run_id().unwrap(), config.run_id().unwrap());
        assert!(first.as_str().starts_with("worker-1-"));
        assert_ne!(first, second);
    }
}
