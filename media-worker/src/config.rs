//! Every setting of the media worker.

use std::fmt;
use std::num::{NonZeroU16, NonZeroUsize};

use axum::http::HeaderValue;
use service_shell::token::{Secret, TokenArgs};
use service_shell::{BadConfiguration, NatsArgs, WebUrl};
use tower_http::cors::AllowOrigin;

/// Enough for the largest file on a slow line, and short of what a browser waits.
const S3_TIMEOUT: NonZeroU16 = NonZeroU16::new(20).unwrap();
/// The uploads expire soon after.
const GIVE_UP_AFTER: u16 = 3_000;

/// What the media worker needs to know. Each field is an option of the command line and a variable of
/// the environment.
#[derive(Clone, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub nats: NatsArgs,

    /// The S3 service, as a URL; without it that of AWS in the region.
    #[arg(long, env = "S3_ENDPOINT")]
    pub s3_endpoint: Option<WebUrl>,

    /// The bucket that holds images, thumbnails and voice notes.
    #[arg(long, env = "S3_BUCKET", default_value = "starling-media")]
    pub s3_bucket: String,

    /// The region of the bucket.
    #[arg(long, env = "S3_REGION", default_value = "us-east-1")]
    pub s3_region: String,

    /// The access key; without it the usual chain of AWS is asked (profile, task role, instance role).
    #[arg(long, env = "S3_ACCESS_KEY", requires = "s3_secret_key")]
    pub s3_access_key: Option<String>,

    /// The secret to the access key.
    #[arg(long, env = "S3_SECRET_KEY", requires = "s3_access_key", hide_env_values = true)]
    pub s3_secret_key: Option<String>,

    /// Name the bucket in the path instead of the host, as MinIO and most other servers want it.
    #[arg(long, env = "S3_FORCE_PATH_STYLE")]
    pub s3_force_path_style: bool,

    /// Seconds that a request to S3 may take, repetitions included.
    #[arg(long, env = "S3_TIMEOUT", default_value_t = S3_TIMEOUT)]
    pub s3_timeout: NonZeroU16,

    /// The S3 service as browsers reach it, where that is by another URL.
    #[arg(long, env = "S3_PUBLIC_ENDPOINT")]
    pub s3_public_endpoint: Option<WebUrl>,

    /// The URL under which clients find the renditions, that of a CDN before the bucket or of this
    /// worker: `/media/...` follows it.
    #[arg(long, env = "MEDIA_URL", default_value = "http://127.0.0.1:3100")]
    pub media_url: WebUrl,

    #[command(flatten)]
    pub tokens: TokenArgs,

    /// The secret by which uploads are granted and stored files are named so that nobody can guess:
    /// `openssl rand -hex 32`. Where there is none, `JWT_SECRET` serves for it.
    #[arg(long, env = "MEDIA_SECRET", hide_env_values = true)]
    pub media_secret: Option<Secret>,

    /// Origins whose pages may upload, separated by commas.
    #[arg(long, env = "ALLOWED_ORIGINS", value_delimiter = ',')]
    pub allowed_origins: Vec<String>,

    /// Let pages of every origin upload. For the local stack alone: no option sets it.
    #[arg(skip)]
    pub any_origin: bool,

    /// Files that are worked on at a time; each may take some 300 MB.
    #[arg(long, env = "PARALLEL", default_value_t = NonZeroUsize::MIN.saturating_add(1))]
    pub parallel: NonZeroUsize,

    /// Seconds after which a job of the queue that S3 keeps from its end is given up; after an hour its
    /// bytes are gone.
    #[arg(long, env = "GIVE_UP_AFTER", default_value_t = GIVE_UP_AFTER, value_parser = clap::value_parser!(u16).range(1..=3_300))]
    pub give_up_after: u16,
}

impl Config {
    /// The defaults, with the NATS server at `nats_url`.
    ///
    /// # Panics
    /// When `nats_url` is no URL of a NATS server.
    #[allow(clippy::expect_used)] // A URL that stands here.
    pub fn local(nats_url: &str) -> Self {
        Self {
            nats: NatsArgs::at(nats_url),
            s3_endpoint: None,
            s3_bucket: "starling-media".to_owned(),
            s3_region: "us-east-1".to_owned(),
            s3_access_key: None,
            s3_secret_key: None,
            s3_force_path_style: false,
            s3_timeout: S3_TIMEOUT,
            s3_public_endpoint: None,
            media_url: "http://127.0.0.1:3100".parse().expect("a URL"),
            tokens: TokenArgs::local(),
            media_secret: None,
            allowed_origins: Vec::new(),
            any_origin: false,
            parallel: NonZeroUsize::MIN.saturating_add(1),
            give_up_after: GIVE_UP_AFTER,
        }
    }

    /// The secret that the worker's own keys are derived from.
    ///
    /// # Errors
    /// [`BadConfiguration`] where there is none, or anybody could guess it.
    pub(crate) fn secret(&self) -> Result<&Secret, BadConfiguration> {
        let secret = self.media_secret.as_ref().or(self.tokens.jwt_secret.as_ref());
        let secret = secret.ok_or_else(|| {
            BadConfiguration(
                "without JWT_SECRET the names of stored files need a secret of their own; set \
                 MEDIA_SECRET, made with `openssl rand -hex 32`"
                    .to_owned(),
            )
        })?;
        secret.check().map_err(|why| {
            let name = if self.media_secret.is_some() { "MEDIA_SECRET" } else { "JWT_SECRET" };
            BadConfiguration(format!("{name} cannot be used: {why}"))
        })?;
        Ok(secret)
    }

    /// Which pages may upload.
    ///
    /// # Errors
    /// [`BadConfiguration`] for what is no origin, and for `*`.
    pub(crate) fn origins(&self) -> Result<AllowOrigin, BadConfiguration> {
        if self.any_origin {
            return Ok(AllowOrigin::any());
        }
        let read = |origin: &String| {
            let bare = origin.parse::<WebUrl>().is_ok_and(|url| url.origin() == origin);
            HeaderValue::from_str(origin).ok().filter(|_| bare).ok_or_else(|| {
                BadConfiguration(format!(
                    "{origin:?} in ALLOWED_ORIGINS is no origin: expected some such as https://chat.example"
                ))
            })
        };
        self.allowed_origins.iter().map(read).collect::<Result<Vec<_>, _>>().map(AllowOrigin::list)
    }
}

/// Leaves the secrets out.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("nats", &self.nats)
            .field("s3_endpoint", &self.s3_endpoint)
            .field("s3_bucket", &self.s3_bucket)
            .field("s3_region", &self.s3_region)
            .field("s3_force_path_style", &self.s3_force_path_style)
            .field("s3_timeout", &self.s3_timeout)
            .field("s3_public_endpoint", &self.s3_public_endpoint)
            .field("media_url", &self.media_url)
            .field("allowed_origins", &self.allowed_origins)
            .field("parallel", &self.parallel)
            .field("give_up_after", &self.give_up_after)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    fn parse(arguments: &[&str]) -> Result<Config, String> {
        let line =
            [&["media-worker", "--jwt-secret", "local development only"], arguments].concat();
        Cli::try_parse_from(line).map(|cli| cli.config).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_local() {
        let parsed = parse(&[]).unwrap();
        let local = Config::local("nats://127.0.0.1:4222");
        assert_eq!(format!("{parsed:?}"), format!("{local:?}"));
    }

    #[test]
    fn bad_settings_are_refused_with_a_reason() {
        let table: [(&[&str], &str); 10] = [
            (&["--nats-url", "nats://:0:0"], "expected a NATS URL"),
            (&["--s3-endpoint", "127.0.0.1:9000"], "expected a URL"),
            (&["--s3-endpoint", "ftp://files"], "not an address"),
            (&["--s3-access-key", "key"], "--s3-secret-key"),
            (&["--s3-secret-key", "secret"], "--s3-access-key"),
            (&["--parallel", "0"], "parallel"),
            (&["--s3-timeout", "0"], "s3-timeout"),
            (&["--give-up-after", "0"], "give-up-after"),
            (&["--give-up-after", "3600"], "give-up-after"),
            (&["--media-url", "/here"], "not an address"),
        ];
        for (arguments, expected) in table {
            let refusal = parse(arguments).unwrap_err();
            assert!(refusal.contains(expected), "{arguments:?}: {refusal}");
        }
    }

    #[test]
    fn the_secret_is_its_own_or_that_of_tokens() {
        let good = "6d1f0c9b5e7a48d2b3f6a1c0e9d84752";
        let config = parse(&["--media-secret", good]).unwrap();
        assert_eq!(config.secret().unwrap().expose(), good);
        assert_eq!(Config::local("nats://h").secret().unwrap().expose(), "local development only");
        let jwks =
            ["worker", "--jwt-jwks-url", "https://id.example/jwks", "--jwt-algorithm", "RS256"];
        for (line, expected) in [
            (&jwks[..], "set MEDIA_SECRET"),
            (&[&jwks[..], &["--media-secret", "short"]].concat(), "MEDIA_SECRET cannot be used"),
            (&["worker", "--jwt-secret", "short"], "JWT_SECRET cannot be used"),
        ] {
            let config = Cli::try_parse_from(line).ok().unwrap().config;
            let refusal = config.secret().unwrap_err().to_string();
            assert!(refusal.contains(expected), "{line:?}: {refusal}");
        }
    }

    #[test]
    fn origins_are_named_one_by_one() {
        let good = "https://a.example,http://127.0.0.1:3000";
        assert!(parse(&["--allowed-origins", good]).unwrap().origins().is_ok());
        for bad in ["*", "a.example", "https://a.example/", "https://a.example/page"] {
            let config = parse(&["--allowed-origins", bad]).unwrap();
            assert!(config.origins().is_err(), "{bad}");
        }
        assert!(Config { any_origin: true, ..parse(&[]).unwrap() }.origins().is_ok());
    }

    #[test]
    fn the_debug_form_keeps_the_secret() {
        let mut config = Config::local("nats://user:password@host");
        config.s3_secret_key = Some("hush".to_owned());
        config.tokens = TokenArgs::of_secret(Secret::own("hush, hush"));
        config.media_secret = Some(Secret::own("hush, hush, hush"));
        let shown = format!("{config:?}");
        assert!(!shown.contains("hush") && !shown.contains("password"), "{shown}");
    }
}
