//! The S3 bucket: how it is reached, whether it answers, and the few things done with objects.

use std::pin::Pin;
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
use tokio_util::io::ReaderStream;

use crate::Config;

/// How long the bucket may take to answer a check, retries included.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one attempt at a request may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may take, the client's own retries included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// A handle on the bucket; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    client: Client,
    name: String,
    credentials: Option<SharedCredentialsProvider>,
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
    pub(crate) async fn open(config: &Config) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(REQUEST_TIMEOUT);
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
        match tokio::time::timeout(CHECK_TIMEOUT, asking).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                // anyhow shows the chain of causes in one line.
                let cause = anyhow::Error::new(error);
                Err(format!("the bucket {} does not answer: {cause:#}", self.name))
            }
            Err(_) => Err(format!("the bucket {} does not answer in time", self.name)),
        }
    }

    pub(crate) async fn put(&self, key: &str, object: Object) -> anyhow::Result<()> {
        self.client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(object.content_type)
            .set_cache_control(object.cache_control)
            .set_content_disposition(object.content_disposition)
            .body(ByteStream::from(object.bytes))
            .send()
            .await
            .with_context(|| format!("cannot write {key} to the bucket {}", self.name))?;
        Ok(())
    }

    /// Reads an object of at most `bound` bytes; `None` where there is none.
    pub(crate) async fn get(&self, key: &str, bound: usize) -> anyhow::Result<Option<Found>> {
        let reading = || format!("cannot read {key} from the bucket {}", self.name);
        let answer = match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(error).with_context(reading),
        };
        let length = answer.content_length().and_then(|length| usize::try_from(length).ok());
        match length {
            Some(length) if length <= bound => {}
            Some(length) => return Ok(Some(Found::TooLarge(length))),
            None => anyhow::bail!("{key} in the bucket {} has no length", self.name),
        }
        let bytes = answer.body.collect().await.with_context(reading)?.into_bytes();
        Ok(Some(Found::Bytes(bytes)))
    }

    /// Opens an object to pass it on; `None` where there is none.
    pub(crate) async fn open_object(&self, key: &str) -> anyhow::Result<Option<Opened>> {
        match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(answer) => Ok(Some(Opened {
                length: answer.content_length,
                content_type: answer.content_type,
                cache_control: answer.cache_control,
                content_disposition: answer.content_disposition,
                body: ReaderStream::new(Box::pin(answer.body.into_async_read())),
            })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error)
                .with_context(|| format!("cannot read {key} from the bucket {}", self.name)),
        }
    }

    /// Deletes an object; one that is not there is deleted.
    pub(crate) async fn delete(&self, key: &str) -> anyhow::Result<()> {
        self.client
            .delete_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await
            .with_context(|| format!("cannot delete {key} from the bucket {}", self.name))?;
        Ok(())
    }
}

/// An object that is still on its way.
pub(crate) struct Opened {
    pub length: Option<i64>,
    pub content_type: Option<String>,
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub body: ReaderStream<Pin<Box<dyn AsyncBufRead + Send>>>,
}

/// What [`Bucket::get`] found.
pub(crate) enum Found {
    Bytes(Bytes),
    /// It has this many bytes, and was not read.
    TooLarge(usize),
}

/// A bucket that may not be listed answers 403 for a missing object; that is a mistake of the
/// policy, and is not taken for absence.
fn is_missing<E>(error: &SdkError<E>) -> bool {
    error.raw_response().is_some_and(|answer| answer.status().as_u16() == 404)
        && error.as_service_error().is_some()
}
