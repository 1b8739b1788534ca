//! The S3 of the stack: one that is named, else `minio` on PATH, else the embedded one.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::operation::head_bucket::HeadBucketError;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter,
};
use service_shell::WebUrl;
use tokio::time::{Instant, sleep};

use crate::leashed_child::POLL;
use crate::s3_server::{S3Kind, S3Server};
use crate::search_path;

/// The bucket of the stack.
pub const BUCKET: &str = "starling-media";
/// The region that requests are signed for.
pub const REGION: &str = "us-east-1";
/// Until the bucket must be there.
const DEADLINE: Duration = Duration::from_secs(30);

/// Which S3 to use, and with which keys.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// The URL of a server that somebody else runs; `None` starts one.
    pub endpoint: Option<WebUrl>,
    /// The access key; a server that is started here takes it too.
    pub access_key: String,
    /// The secret to it, of 8 characters at least.
    pub secret_key: String,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            endpoint: None,
            access_key: "starling".to_owned(),
            secret_key: "starling-secret".to_owned(),
        }
    }
}

/// An S3 server that holds the bucket.
#[derive(Debug)]
pub struct S3 {
    endpoint: WebUrl,
    kind: &'static str,
    /// `None` for one that somebody else runs.
    server: Option<S3Server>,
}

impl S3 {
    /// Starts or reaches the server and makes the bucket; a server started here keeps its files in `data`.
    /// `path` is where `minio` is looked for, in the form of the variable PATH.
    ///
    /// # Errors
    /// When it cannot be started or reached, or refuses the bucket.
    pub async fn start(options: &S3Options, data: &Path, path: &OsStr) -> anyhow::Result<Self> {
        let mut s3 = if let Some(endpoint) = &options.endpoint {
            Self { endpoint: endpoint.clone(), kind: "external", server: None }
        } else {
            let kind = search_path::find("minio", path).map_or(S3Kind::Embedded, S3Kind::Minio);
            let port = S3Server::free_port().await?;
            let server = S3Server::start(&kind, port, options, data).await?;
            Self { endpoint: server.endpoint(), kind: kind.name(), server: Some(server) }
        };
        make_bucket(&s3.endpoint, options, s3.server.as_mut())
            .await
            .with_context(|| format!("the S3 at {} is not usable", s3.endpoint))?;
        Ok(s3)
    }

    /// Its URL, for path-style requests.
    pub fn endpoint(&self) -> &WebUrl {
        &self.endpoint
    }

    /// What it is, for people.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Waits until the embedded server ends by itself. Never returns for another kind.
    pub async fn ended(&self) -> anyhow::Error {
        match &self.server {
            Some(server) => server.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Stops a server that was started here.
    ///
    /// # Errors
    /// When it does not end well.
    pub async fn stop(self) -> anyhow::Result<()> {
        match self.server {
            Some(server) => server.stop().await,
            None => Ok(()),
        }
    }
}

/// Makes the bucket at `endpoint` unless it is there, again and again while the server is still starting.
/// Where it is `server` that starts, its early end is told.
///
/// # Errors
/// When the bucket is not there after 30 s, or the server has ended.
pub async fn make_bucket(
    endpoint: &WebUrl,
    options: &S3Options,
    mut server: Option<&mut S3Server>,
) -> anyhow::Result<()> {
    let client = client(endpoint, options);
    let expires = server.as_ref().is_none_or(|server| server.expires());
    let deadline = Instant::now() + DEADLINE;
    loop {
        let trouble = match ensure_bucket(&client, expires).await {
            Ok(()) => return Ok(()),
            Err(trouble) => trouble,
        };
        if let Some(server) = &mut server
            && let Some((name, status)) = server.exited()?
        {
            bail!("{name} ended with {status}: see {name}.log in the data folder");
        }
        if Instant::now() >= deadline {
            bail!("the bucket {BUCKET} is not there after {DEADLINE:?}: {trouble:#}");
        }
        sleep(POLL * 10).await;
    }
}

/// A client for path-style requests to `endpoint`.
pub fn client(endpoint: &WebUrl, options: &S3Options) -> Client {
    let credentials =
        Credentials::new(&options.access_key, &options.secret_key, None, None, "local-stack");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint.as_str())
        .credentials_provider(credentials)
        .force_path_style(true)
        .build();
    Client::from_conf(config)
}

async fn ensure_bucket(client: &Client, expires: bool) -> anyhow::Result<()> {
    match client.head_bucket().bucket(BUCKET).send().await {
        Ok(_) => return Ok(()),
        Err(error) if error.as_service_error().is_some_and(HeadBucketError::is_not_found) => {}
        Err(error) => return Err(error.into()),
    }
    client.create_bucket().bucket(BUCKET).send().await?;
    if expires {
        expire(client).await;
    }
    Ok(())
}

/// Has raw uploads and records expire, where the server can: one of somebody else's may refuse, and keeps them.
async fn expire(client: &Client) {
    let rule = |prefix: &str, days| {
        LifecycleRule::builder()
            .id(format!("expire-{}", prefix.trim_end_matches('/')))
            .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
            .expiration(LifecycleExpiration::builder().days(days).build())
            .status(ExpirationStatus::Enabled)
            .build()
    };
    let asked = async {
        let rules = BucketLifecycleConfiguration::builder()
            .rules(rule("uploads/", 1)?)
            .rules(rule("records/", 7)?)
            .build()?;
        let asking = client.put_bucket_lifecycle_configuration().bucket(BUCKET);
        asking.lifecycle_configuration(rules).send().await?;
        anyhow::Ok(())
    };
    if let Err(error) = asked.await {
        tracing::debug!("the S3 server expires nothing by itself: {error:#}");
    }
}
