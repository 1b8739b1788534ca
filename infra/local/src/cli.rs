//! The command line of the local stack.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use service_shell::telemetry::TelemetryArgs;
use service_shell::{NatsAccess, NatsUrl, WebUrl};

use crate::nats_keys;
use crate::provision::ProvisionOptions;
use crate::s3::S3Options;
use crate::stack_options::{MEDIA_PORT_OFFSET, StackOptions, default_public};

const ABOUT: &str =
    "Starling on one machine: NATS, S3, connection nodes, fan-out workers and the media worker";

const EXAMPLES: &str = "\
Examples:
  cargo run                                      two nodes on ports 3000 and 3001, data in ./data
  cargo run --release -- --nodes 3 --port 8000   three nodes, faster
  cargo run -- --nats-url nats://127.0.0.1:4222  with a nats-server of one's own (2.12 or newer)
  cargo run -- --nats-keys ./data/keys           with a nats-server that is guarded as in production
  cargo run -- provision --nats-url URL          only make the streams, to run the binaries apart
  cargo run -- nats-keys --out DIR               only make keys and certificates for NATS

RUST_LOG sets what is logged (default: warn), in the syntax of tracing's EnvFilter.
Exit code 64 means that a setting, or something on this machine, must be changed first.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(version, about = ABOUT, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub start: StartArgs,
}

/// What to do instead of starting the stack.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make or update the streams and buckets on a NATS server, and exit.
    Provision(ProvisionArgs),
    /// Make keys, certificates and server configurations for a NATS that is guarded, and exit.
    NatsKeys(NatsKeysArgs),
}

/// How to start the stack.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// How many connection nodes to run, on the ports P, P+1, ...
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=i64::from(MEDIA_PORT_OFFSET)))]
    pub nodes: u16,

    /// How many fan-out workers to run; where their /metrics are is told once the stack is up.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,

    /// The port P of the first node; the media worker takes P+100.
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,

    /// The folder that keeps messages, files and the token secret over restarts.
    #[arg(long, value_name = "DIR", default_value = "./data")]
    pub data: PathBuf,

    /// A NATS server to use instead of starting one; it is provisioned as well.
    #[arg(long, value_name = "URL")]
    pub nats_url: Option<String>,

    /// A folder made by `nats-keys`: each service gets into NATS as its own role, over TLS. Without
    /// --nats-url the server that is started here is guarded so, and a folder that is empty is filled.
    #[arg(long, value_name = "DIR")]
    pub nats_keys: Option<PathBuf>,

    /// An S3 server to use instead of `minio` from PATH or the embedded one.
    #[arg(long, value_name = "URL")]
    pub s3_endpoint: Option<WebUrl>,

    /// The access key to S3.
    #[arg(long, value_name = "KEY", env = "S3_ACCESS_KEY", default_value = "starling")]
    pub s3_access_key: String,

    /// The secret key to S3.
    #[arg(
        long,
        value_name = "KEY",
        env = "S3_SECRET_KEY",
        default_value = "starling-secret",
        hide_env_values = true
    )]
    pub s3_secret_key: String,

    /// The folder of the browser client's page.
    #[arg(long, value_name = "DIR", default_value_os_t = default_public())]
    pub public: PathBuf,

    #[command(flatten)]
    pub telemetry: TelemetryArgs,
}

impl From<StartArgs> for StackOptions {
    fn from(args: StartArgs) -> Self {
        Self {
            nodes: args.nodes.into(),
            workers: args.workers.into(),
            base_port: Some(args.port),
            data: Some(args.data),
            nats_url: args.nats_url,
            nats_keys: args.nats_keys,
            s3: S3Options {
                endpoint: args.s3_endpoint,
                access_key: args.s3_access_key,
                secret_key: args.s3_secret_key,
            },
            public: args.public,
            socket_io_client: None,
        }
    }
}

/// What to provision, and where.
#[derive(Debug, Args)]
pub struct ProvisionArgs {
    /// The NATS server; of a cluster, several with commas between them.
    #[arg(long, value_name = "URL", env = "NATS_URL")]
    pub nats_url: NatsUrl,

    #[command(flatten)]
    pub access: NatsAccess,

    /// Copies of each stream over the servers of a cluster; 1 for a new stream, else as it is.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub replicas: Option<u8>,

    /// How many messages a room keeps; 10000 for a new stream, else as it is.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub room_cap: Option<i64>,

    /// How long a message is kept, as in 30d, 12h or 90m; 30d for a new stream, else as it is.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub max_age: Option<Duration>,
}

impl ProvisionArgs {
    /// The same as options.
    pub fn options(&self) -> ProvisionOptions {
        ProvisionOptions {
            replicas: self.replicas.map(usize::from),
            room_cap: self.room_cap,
            max_age: self.max_age,
        }
    }
}

/// What keys to make.
#[derive(Debug, Args)]
pub struct NatsKeysArgs {
    /// The folder to fill; it must not hold keys yet.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// A name or address by which a server is reached, for its certificate; may be given several times.
    #[arg(long, value_name = "NAME", default_values_t = nats_keys::here())]
    pub host: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("local-stack").chain(line.split_whitespace()))
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lines_become_options() {
        let cli =
            parse("--nodes 3 --workers 1 --port 8000 --data d --s3-endpoint http://s3").unwrap();
        let options = StackOptions::from(cli.start);
        assert_eq!((options.nodes, options.workers, options.base_port), (3, 1, Some(8000)));
        assert_eq!(options.data, Some(PathBuf::from("d")));
        assert_eq!(options.s3.endpoint, "http://s3".parse().ok());
    }

    #[test]
    fn provisioning_has_its_own_options() {
        let cli = parse("provision --nats-url nats://host --replicas 3 --room-cap 9 --max-age 30d")
            .unwrap();
        let Some(Command::Provision(args)) = cli.command else { panic!("no subcommand") };
        let expected = ProvisionOptions {
            replicas: Some(3),
            room_cap: Some(9),
            max_age: Some(Duration::from_hours(30 * 24)),
        };
        assert_eq!(args.options(), expected);
    }

    #[test]
    fn nonsense_is_refused() {
        let lines = [
            "--nodes 0",
            "--nodes 101",
            "--workers 0",
            "--port 0",
            "--port 65536",
            "--port x",
            "--unknown",
            "provision",
            "nats-keys",
            "provision --nats-url u --replicas 6",
            "provision --nats-url u --max-age tomorrow",
            "--nodes 2 provision --nats-url u",
        ];
        for line in lines {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
