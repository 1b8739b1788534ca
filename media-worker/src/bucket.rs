//! The S3 bucket: how it is reached, and whether it answers.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::config::timeout::TimeoutConfig;

use crate::Config;

/// How long the bucket may take to answer a check, retries included.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// A handle on the bucket; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    pub(crate) async fn open(config: &Config) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(config.s3_region.clone()))
            .timeout_config(TimeoutConfig::builder().operation_timeout(CHECK_TIMEOUT).build());
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
            loader = loader.endpoint_url(endpoint);
        }
        let shared = loader.load().await;
        let settings = aws_sdk_s3::config::Builder::from(&shared)
            .force_path_style(config.s3_force_path_style)
            .build();
        Self { client: Client::from_conf(settings), name: config.s3_bucket.clone() }
    }

    /// Asks for the bucket by `HeadBucket`.
    ///
    /// # Errors
    /// One line that says why it is not there: refused, forbidden, not found or too slow.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let answer = self.client.head_bucket().bucket(&self.name).send().await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => {
                // anyhow shows the chain of causes in one line.
                let cause = anyhow::Error::new(error);
                Err(format!("the bucket {} does not answer: {cause:#}", self.name))
            }
        }
    }
}
