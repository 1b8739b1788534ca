//! Every setting of the media worker.

use std::fmt;
use std::num::NonZeroUsize;

use axum::http::{HeaderValue, Uri};
use service_shell::token::secret;
use service_shell::{BadConfiguration, NatsArgs};
use tower_http::cors::AllowOrigin;

/// What the media worker needs to know. Each field is an option of the command line and a variable of
/// the environment.
#[derive(Clone, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub nats: NatsArgs,

    /// The S3 service, as a URL; without it that of AWS in the region.
    #[arg(long, env = "S3_ENDPOINT", value_parser = http_url)]
    pub s3_endpoint: Option<String>,

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

    /// The S3 service as browsers reach it, where that is by another URL.
    #[arg(long, env = "S3_PUBLIC_ENDPOINT", value_parser = http_url)]
    pub s3_public_endpoint: Option<String>,

    /// The URL under which clients find the renditions, that of a CDN before the bucket or of this
    /// worker: `/media/...` follows it.
    #[arg(long, env = "MEDIA_URL", default_value = "http://127.0.0.1:3100", value_parser = http_url)]
    pub media_url: String,

    /// The secret with which tokens are signed (HS256), at least 16 bytes.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true, value_parser = secret)]
    pub jwt_secret: String,

    /// Origins whose pages may upload, separated by commas.
    #[arg(long, env = "ALLOWED_ORIGINS", value_delimiter = ',')]
    pub allowed_origins: Vec<String>,

    /// Let pages of every origin upload. For the local stack alone: no option sets it.
    #[arg(skip)]
    pub any_origin: bool,

    /// Files that are worked on at a time; each may take some 300 MB.
    #[arg(long, env = "PARALLEL", default_value_t = NonZeroUsize::MIN.saturating_add(1))]
    pub parallel: NonZeroUsize,
}

impl Config {
    /// The defaults, with the NATS server at `nats_url`.
    ///
    /// # Panics
    /// When `nats_url` is no URL of a NATS server.
    pub fn local(nats_url: &str) -> Self {
        Self {
            nats: NatsArgs::at(nats_url),
            s3_endpoint: None,
            s3_bucket: "starling-media".to_owned(),
            s3_region: "us-east-1".to_owned(),
            s3_access_key: None,
            s3_secret_key: None,
            s3_force_path_style: false,
            s3_public_endpoint: None,
            media_url: "http://127.0.0.1:3100".to_owned(),
            jwt_secret: "local development only".to_owned(),
            allowed_origins: Vec::new(),
            any_origin: false,
            parallel: NonZeroUsize::MIN.saturating_add(1),
        }
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
            let uri: Option<Uri> = http_url(origin).ok().and_then(|url| url.parse().ok());
            let bare = uri.is_some_and(|uri| uri.path() == "/" && !origin.ends_with('/'));
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
            .field("s3_public_endpoint", &self.s3_public_endpoint)
            .field("media_url", &self.media_url)
            .field("allowed_origins", &self.allowed_origins)
            .field("parallel", &self.parallel)
            .finish_non_exhaustive()
    }
}

fn http_url(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|error| format!("not a URL ({error})"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(_)) => Ok(text.to_owned()),
        _ => Err("not a URL such as http://127.0.0.1:9000".to_owned()),
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
        let table: [(&[&str], &str); 7] = [
            (&["--nats-url", "nats://:0:0"], "expected a NATS URL"),
            (&["--s3-endpoint", "127.0.0.1:9000"], "not a URL"),
            (&["--s3-endpoint", "ftp://files"], "not a URL such as"),
            (&["--s3-access-key", "key"], "--s3-secret-key"),
            (&["--s3-secret-key", "secret"], "--s3-access-key"),
            (&["--parallel", "0"], "parallel"),
            (&["--media-url", "/here"], "not a URL"),
        ];
        for (arguments, expected) in table {
            let refusal = parse(arguments).unwrap_err();
            assert!(refusal.contains(expected), "{arguments:?}: {refusal}");
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
        config.jwt_secret = "hush, hush".to_owned();
        let shown = format!("{config:?}");
        assert!(!shown.contains("hush") && !shown.contains("password"), "{shown}");
    }
}
