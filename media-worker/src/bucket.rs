//! The S3 bucket: how it is reached, whether it answers, and the few things done with objects.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Credentials, ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::io::AsyncBufRead;
use tokio::time::timeout;
use tokio_util::io::ReaderStream;

use crate::Config;
use crate::byte_range::ByteRange;
use crate::metrics::{Metrics, Operation};

/// How long the bucket may take to answer a check, retries included.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Attempts at a request for which there is time.
const ATTEMPTS: u32 = 2;

/// A handle on the bucket; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    client: Client,
    name: String,
    credentials: Option<SharedCredentialsProvider>,
    /// How long a request may take, the client's own retries and the whole answer included.
    timeout: Duration,
    metrics: Arc<Metrics>,
}

/// An object and how it is to be served.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub bytes: Bytes,
    pub content_type: String,
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
}

impl Bucket {
    pub(crate) async fn open(config: &Config, metrics: Arc<Metrics>) -> Self {
        let timeout = Duration::from_secs(config.s3_timeout.get().into());
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(timeout / ATTEMPTS)
            .operation_timeout(timeout);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(config.s3_region.clone()))
            .timeout_config(timeouts.build());
        if let (Some(access), Some(secret)) = (&config.s3_access_key, &config.s3_secret_key) {
            loader = loader.credentials_provider(Credentials::new(
                access,
                secret,
                None,
                None,
                "configuration",
            ));
        }
        if let Some(endpoint) = &config.s3_endpoint {
            loader = loader.endpoint_url(endpoint.as_str());
        }
        let shared = loader.load().await;
        let settings = aws_sdk_s3::config::Builder::from(&shared)
            .force_path_style(config.s3_force_path_style)
            .build();
        Self {
            client: Client::from_conf(settings),
            name: config.s3_bucket.clone(),
            credentials: shared.credentials_provider(),
            timeout,
            metrics,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The keys that requests are signed with just now: those of a role change.
    pub(crate) async fn credentials(&self) -> anyhow::Result<Credentials> {
        let provider = self.credentials.as_ref().context("there are no AWS credentials")?;
        provider.provide_credentials().await.context("cannot get AWS credentials")
    }

    /// Asks for the bucket by `HeadBucket`.
    ///
    /// # Errors
    /// One line that says why it is not there: refused, forbidden, not found or too slow.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let asking = self.client.head_bucket().bucket(&self.name).send();
        let answer = match timeout(CHECK_TIMEOUT, asking).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => {
                // anyhow shows the chain of causes in one line.
                let cause = anyhow::Error::new(error);
                format!("the bucket {} does not answer: {cause:#}", self.name)
            }
            Err(_) => format!("the bucket {} does not answer in time", self.name),
        };
        self.metrics.s3_failure(Operation::Check);
        Err(answer)
    }

    /// Writes an object over whatever is there.
    pub(crate) async fn put(&self, key: &str, object: Object) -> anyhow::Result<()> {
        self.write(key, object, None).await.map(drop)
    }

    /// Writes an object unless there is one: of several that try, one succeeds. A server that knows no
    /// conditional writes lets all of them succeed.
    pub(crate) async fn put_new(&self, key: &str, object: Object) -> anyhow::Result<bool> {
        self.write(key, object, Some("*")).await
    }

    async fn write(
        &self,
        key: &str,
        object: Object,
        if_none_match: Option<&str>,
    ) -> anyhow::Result<bool> {
        let writing = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(object.content_type)
            .set_cache_control(object.cache_control)
            .set_content_disposition(object.content_disposition)
            .set_if_none_match(if_none_match.map(str::to_owned))
            .body(ByteStream::from(object.bytes));
        match writing.send().await {
            Ok(_) => Ok(true),
            Err(error) if if_none_match.is_some() && answered(&error, 412) => Ok(false),
            Err(error) => Err(self.failed(Operation::Put, key, error.into())),
        }
    }

    /// Reads an object of at most `bound` bytes; `None` where there is none.
    pub(crate) async fn get(&self, key: &str, bound: usize) -> anyhow::Result<Option<Found>> {
        // The client's own timeout ends with the head of an answer, whose body may trickle for ever.
        let read = timeout(self.timeout, self.read(key, bound)).await;
        let read = read.unwrap_or_else(|_| Err(anyhow::anyhow!("not read in {:?}", self.timeout)));
        read.map_err(|error| self.failed(Operation::Get, key, error))
    }

    async fn read(&self, key: &str, bound: usize) -> anyhow::Result<Option<Found>> {
        let answer = match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if answered(&error, 404) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let length = answer.content_length().and_then(|length| usize::try_from(length).ok());
        match length {
            Some(length) if length <= bound => {}
            Some(length) => return Ok(Some(Found::TooLarge(length))),
            None => anyhow::bail!("it has no length"),
        }
        Ok(Some(Found::Bytes(answer.body.collect().await?.into_bytes())))
    }

    /// What is known of an object without reading it; `None` where there is none.
    pub(crate) async fn describe(&self, key: &str) -> anyhow::Result<Option<Description>> {
        match self.client.head_object().bucket(&self.name).key(key).send().await {
            Ok(answer) => Ok(Some(Description {
                length: answer.content_length,
                content_range: None,
                content_type: answer.content_type,
                content_disposition: answer.content_disposition,
                cache_control: answer.cache_control,
                etag: answer.e_tag,
            })),
            Err(error) if answered(&error, 404) => Ok(None),
            Err(error) => Err(self.failed(Operation::Get, key, error.into())),
        }
    }

    /// Opens an object, or a part of it, to pass it on.
    pub(crate) async fn open_object(
        &self,
        key: &str,
        range: Option<&ByteRange>,
    ) -> anyhow::Result<Opening> {
        let asking = self.client.get_object().bucket(&self.name).key(key);
        let asking = asking.set_range(range.map(|range| range.as_str().to_owned()));
        match asking.send().await {
            Ok(answer) => Ok(Opening::Opened(
                Description {
                    length: answer.content_length,
                    content_range: answer.content_range,
                    content_type: answer.content_type,
                    content_disposition: answer.content_disposition,
                    cache_control: answer.cache_control,
                    etag: answer.e_tag,
                },
                ReaderStream::new(Box::pin(answer.body.into_async_read())),
            )),
            Err(error) if answered(&error, 404) => Ok(Opening::Missing),
            Err(error) if answered(&error, 416) => Ok(Opening::BeyondItsEnd),
            Err(error) => Err(self.failed(Operation::Get, key, error.into())),
        }
    }

    /// Deletes an object; one that is not there is deleted.
    pub(crate) async fn delete(&self, key: &str) -> anyhow::Result<()> {
        let deleted = self.client.delete_object().bucket(&self.name).key(key).send().await;
        deleted.map(drop).map_err(|error| self.failed(Operation::Delete, key, error.into()))
    }

    fn failed(&self, operation: Operation, key: &str, error: anyhow::Error) -> anyhow::Error {
        self.metrics.s3_failure(operation);
        let verb = match operation {
            Operation::Put => "write",
            Operation::Get => "read",
            Operation::Delete => "delete",
            Operation::Check => "check",
        };
        error.context(format!("cannot {verb} {key} in the bucket {}", self.name))
    }
}

/// What a client is told of an object.
#[derive(Debug)]
pub(crate) struct Description {
    /// Of the part, where it is one.
    pub length: Option<i64>,
    /// Which part it is, and of how many bytes.
    pub content_range: Option<String>,
    pub content_type: Option<String>,
    pub content_disposition: Option<String>,
    pub cache_control: Option<String>,
    pub etag: Option<String>,
}

/// An object that is still on its way.
pub(crate) type Arriving = ReaderStream<Pin<Box<dyn AsyncBufRead + Send>>>;

/// What [`Bucket::open_object`] found.
pub(crate) enum Opening {
    Opened(Description, Arriving),
    Missing,
    /// The part that was asked for.
    BeyondItsEnd,
}

/// What [`Bucket::get`] found.
pub(crate) enum Found {
    Bytes(Bytes),
    /// It has this many bytes, and was not read.
    TooLarge(usize),
}

/// Whether S3 itself answered with this status. A bucket that may not be listed answers 403 for a missing
/// object; that is a mistake of the policy, and is not taken for absence.
fn answered<E>(error: &SdkError<E>, status: u16) -> bool {
    error.raw_response().is_some_and(|answer| answer.status().as_u16() == status)
        && error.as_service_error().is_some()
}
