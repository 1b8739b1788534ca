//! Every setting of a connection node.

use std::{fmt, path::PathBuf, time::Duration};

use service_shell::{
    NatsArgs, WebUrl,
    token::{Signer, TokenArgs},
};
use wire::{NodeId, RoomName, identity::NameError};

use crate::{edge::EdgeConfig, limits::LimitSettings};

/// What a node needs to know. Each field is an option of the command line and a variable of the
/// environment.
#[derive(Clone, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub nats: NatsArgs,

    /// A name for logs: 1 to 39 of a-z, 0-9 and '-'; `node` where there is none. Every run adds a
    /// random suffix, for a node's id names one run.
    #[arg(long, env = "NODE_ID", default_value = "node", value_parser = name)]
    pub node_id: String,

    #[command(flatten)]
    pub tokens: TokenArgs,

    /// Serve `POST /dev/token`, which signs any identity for anyone. For the local stack alone.
    #[arg(long, env = "DEV_TOKENS")]
    pub dev_tokens: bool,

    /// Origins whose pages may connect, separated by commas; `*` for every one, in the local stack
    /// alone. Clients that are no browsers send none and are let in.
    #[arg(long, env = "ALLOWED_ORIGINS", value_delimiter = ',')]
    pub allowed_origins: Vec<String>,

    /// Rooms that every socket enters on connecting, separated by commas.
    #[arg(long, env = "DEFAULT_ROOMS", value_delimiter = ',', default_value = "general",
          value_parser = RoomName::parse)]
    pub default_rooms: Vec<RoomName>,

    /// The folder of the web page; without it only Socket.IO and health are served.
    #[arg(long, env = "PUBLIC_DIR")]
    pub public_dir: Option<PathBuf>,

    /// The folder with the built `socket.io-client` (its npm package's `dist`), served as `/vendor/`.
    #[arg(long, env = "SOCKET_IO_CLIENT_DIR")]
    pub socket_io_client_dir: Option<PathBuf>,

    /// Where pages find the media worker and stored files: its `MEDIA_URL`; without it the page offers
    /// small files alone.
    #[arg(long, env = "MEDIA_URL")]
    pub media_url: Option<WebUrl>,

    /// Where pages post files to: the S3 service as browsers reach it, with the bucket where it is part
    /// of the host.
    #[arg(long, env = "UPLOAD_URL")]
    pub upload_url: Option<WebUrl>,

    /// Messages that may be on their way to the log; beyond, senders are told `overloaded`.
    #[arg(long, env = "MAX_IN_FLIGHT", default_value_t = 4_096)]
    pub max_in_flight: usize,

    /// Bytes of events that may wait for one socket; beyond, it is closed and recovers.
    #[arg(long, env = "SOCKET_BUFFER", default_value_t = 1 << 20,
          value_parser = clap::value_parser!(u64).range(1_024..))]
    pub socket_buffer: u64,

    /// Bytes of files that may be on their way to the media worker's queue; beyond, senders are told
    /// `overloaded`.
    #[arg(long, env = "UPLOAD_BUFFER", default_value_t = 64 << 20,
          value_parser = clap::value_parser!(u64).range(wire::event::MAX_FILE_BYTES as u64..))]
    pub upload_buffer: u64,

    /// Bytes of messages that are not complete yet, of all clients together: attachments, and what is
    /// larger than 64 KiB. Beyond, the client whose message does not fit is closed, and comes again.
    #[arg(long, env = "INBOUND_BUFFER", default_value_t = 256 << 20,
          value_parser = clap::value_parser!(u64).range(2 * wire::event::MAX_FILE_BYTES as u64..))]
    pub inbound_buffer: u64,

    /// Compress messages for WebSocket clients that offer it (permessage-deflate), and answers to polls.
    #[arg(long, env = "COMPRESSION", default_value = "on", value_parser = on_or_off,
          value_name = "on|off")]
    pub compression: bool,

    #[command(flatten)]
    pub limits: LimitSettings,

    /// Tell browsers with every answer to come by TLS alone (`Strict-Transport-Security`). Not needed where
    /// a trusted proxy says that a request came by TLS.
    #[arg(long, env = "TLS_ONLY")]
    pub tls_only: bool,

    /// Messages of each open room kept in memory for joins and recoveries.
    #[arg(long, env = "ROOM_WINDOW", default_value_t = 64)]
    pub room_window: usize,

    /// Seconds for which a room without members stays open for those who come back.
    #[arg(long, env = "ROOM_LINGER", default_value = "10", value_parser = seconds)]
    pub room_linger: Duration,

    /// Seconds between a client's pings.
    #[arg(long, env = "PING_INTERVAL", default_value = "25", value_parser = seconds)]
    pub ping_interval: Duration,

    /// Seconds after which a client that does not answer a ping is taken for gone.
    #[arg(long, env = "PING_TIMEOUT", default_value = "20", value_parser = seconds)]
    pub ping_timeout: Duration,

    /// Seconds for which a write to a client may stall before it is closed.
    #[arg(long, env = "WRITE_STALL", default_value = "10", value_parser = seconds)]
    pub write_stall: Duration,

    /// Seconds for which the node may be without NATS before it turns unready.
    #[arg(long, env = "NATS_GRACE", default_value = "2", value_parser = seconds)]
    pub nats_grace: Duration,

    /// Seconds between turning unready and closing connections when told to stop: the time a load
    /// balancer needs to notice.
    #[arg(long, env = "DRAIN_DELAY", default_value = "5", value_parser = seconds)]
    pub drain_delay: Duration,

    /// Seconds over which connections are closed, spread evenly, when told to stop.
    #[arg(long, env = "DRAIN_OVER", default_value = "20", value_parser = seconds)]
    pub drain_over: Duration,
}

/// A setting that no start can mend.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("ALLOWED_ORIGINS is wrong: {0}")]
    Origins(#[from] crate::edge::InvalidOrigin),
    #[error("{name} names no folder: {path}")]
    Folder { name: &'static str, path: PathBuf },
    #[error(
        "`*` in ALLOWED_ORIGINS goes only with DEV_TOKENS, in the local stack; name the origins"
    )]
    AnyOrigin,
    #[error("DEV_TOKENS signs tokens with JWT_SECRET, which is not set: leave out DEV_TOKENS")]
    DevTokens,
}

impl Config {
    /// Settings for a node on this machine, next to a NATS server at `nats_url`: development tokens,
    /// any origin, and a drain that takes no time.
    ///
    /// # Panics
    /// When `nats_url` is no URL of a NATS server.
    pub fn local(nats_url: &str) -> Self {
        Self {
            nats: NatsArgs::at(nats_url),
            node_id: "node".to_owned(),
            tokens: TokenArgs::local(),
            dev_tokens: true,
            allowed_origins: vec!["*".to_owned()],
            default_rooms: RoomName::parse(wire::event::DEFAULT_ROOM).into_iter().collect(),
            public_dir: None,
            socket_io_client_dir: None,
            media_url: None,
            upload_url: None,
            max_in_flight: 4_096,
            socket_buffer: 1 << 20,
            upload_buffer: 64 << 20,
            inbound_buffer: 256 << 20,
            compression: true,
            limits: LimitSettings::off(),
            tls_only: false,
            room_window: 64,
            room_linger: Duration::from_secs(10),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            write_stall: Duration::from_secs(10),
            nats_grace: Duration::from_secs(2),
            drain_delay: Duration::ZERO,
            drain_over: Duration::from_millis(500),
        }
    }

    /// The settings of transports.
    ///
    /// # Errors
    /// When an origin is malformed, or any is allowed where tokens are real.
    pub fn edge(&self) -> Result<EdgeConfig, ConfigError> {
        if self.allowed_origins.iter().any(|origin| origin == "*") && !self.dev_tokens {
            return Err(ConfigError::AnyOrigin);
        }
        Ok(EdgeConfig {
            ping_interval: self.ping_interval,
            ping_timeout: self.ping_timeout,
            write_stall: self.write_stall,
            max_waiting: self.socket_buffer,
            inbound_buffer: self.inbound_buffer,
            compression: self.compression,
            limits: self.limits.clone(),
            tls_only: self.tls_only,
            allowed_origins: self.allowed_origins.join(",").parse()?,
            drain_over: self.drain_over,
            ..EdgeConfig::default()
        })
    }

    /// What signs development tokens; `None` where nobody gets any.
    ///
    /// # Errors
    /// When they are wanted and there is no secret to sign them with.
    pub fn signer(&self) -> Result<Option<Signer>, ConfigError> {
        match self.tokens.signer() {
            None if self.dev_tokens => Err(ConfigError::DevTokens),
            signer => Ok(signer.filter(|_| self.dev_tokens)),
        }
    }

    /// Checks what only the file system can tell.
    ///
    /// # Errors
    /// When a folder is not there.
    pub fn check_folders(&self) -> Result<(), ConfigError> {
        for (name, path) in
            [("PUBLIC_DIR", &self.public_dir), ("SOCKET_IO_CLIENT_DIR", &self.socket_io_client_dir)]
        {
            if let Some(path) = path.as_ref().filter(|path| !path.is_dir()) {
                return Err(ConfigError::Folder { name, path: path.clone() });
            }
        }
        Ok(())
    }
}

/// Leaves the secret out.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("nats", &self.nats)
            .field("node_id", &self.node_id)
            .field("allowed_origins", &self.allowed_origins)
            .field("default_rooms", &self.default_rooms)
            .finish_non_exhaustive()
    }
}

fn name(text: &str) -> Result<String, NameError> {
    NodeId::for_run(text).map(|_| text.to_owned())
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("expected on or off".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "not a number of seconds".to_owned())
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
        let line = [&["node"], arguments].concat();
        Cli::try_parse_from(line).map(|cli| cli.config).map_err(|error| error.to_string())
    }

    const SECRET: [&str; 2] = ["--jwt-secret", "6d1f0c9b5e7a48d2b3f6a1c0e9d84752"];

    #[test]
    fn defaults_parse() {
        let config = parse(&SECRET).unwrap();
        assert_eq!(config.default_rooms, [RoomName::parse("general").unwrap()]);
        assert!(!config.dev_tokens && config.edge().is_ok_and(|edge| edge.compression));
        assert!(!format!("{config:?}").contains(SECRET[1]));
    }

    #[test]
    fn bad_settings_are_refused_with_a_reason() {
        let table: [(&[&str], &str); 7] = [
            (&["--compression", "gzip"], "expected on or off"),
            (&["--limit-handshakes", "50/s"], "is no rate: write"),
            (&["--trusted-proxies", "10.0.0.0/8,proxy"], "\"proxy\" is no network"),
            (&["--node-id", "A.b"], "expected 1 to 39"),
            (&["--default-rooms", ""], "room is empty"),
            (&["--room-linger", "soon"], "seconds"),
            (&["--nats-url", "nats://:0:0"], "expected a NATS URL"),
        ];
        for (arguments, expected) in table {
            let refusal = parse(arguments).unwrap_err();
            assert!(refusal.contains(expected), "{arguments:?}: {refusal}");
        }
    }

    #[test]
    fn any_origin_is_for_development() {
        let line = [&SECRET[..], &["--allowed-origins", "*"]].concat();
        assert!(matches!(parse(&line).unwrap().edge(), Err(ConfigError::AnyOrigin)));
        let line = [&line[..], &["--dev-tokens"]].concat();
        assert!(parse(&line).unwrap().edge().is_ok());
    }

    #[test]
    fn development_tokens_need_a_secret() {
        let line = ["--jwt-jwks-url", "https://id.example/jwks", "--jwt-algorithm", "RS256"];
        assert!(parse(&line).unwrap().signer().unwrap().is_none());
        let line = [&line[..], &["--dev-tokens"]].concat();
        let refusal = parse(&line).unwrap().signer().err().unwrap();
        assert!(refusal.to_string().contains("DEV_TOKENS signs tokens with JWT_SECRET"));
        assert!(parse(&SECRET).unwrap().signer().unwrap().is_none(), "nobody asked for any");
        let line = [&SECRET[..], &["--dev-tokens"]].concat();
        assert!(parse(&line).unwrap().signer().unwrap().is_some());
    }

    #[test]
    fn folders_are_looked_for() {
        let mut config = parse(&SECRET).unwrap();
        config.public_dir = Some("/no/such/folder".into());
        assert!(config.check_folders().unwrap_err().to_string().contains("PUBLIC_DIR"));
    }
}
