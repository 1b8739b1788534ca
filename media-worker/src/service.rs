//! The worker as a whole: what it starts, and how it ends.

use anyhow::Context as _;
use async_nats::Client;
use axum::Router;
use service_shell::token::Tokens;
use service_shell::{JetStreamApi, Link};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::NatsRole;

use crate::bucket::Bucket;
use crate::direct::{self, Direct};
use crate::health::{BucketTrouble, Health};
use crate::intake::Intake;
use crate::log::Log;
use crate::queue::Queue;
use crate::secrets::Secrets;
use crate::uploads::Uploads;
use crate::{Config, health, http};

/// Messages of a subscription that may wait; those of an upload's chunks too.
const QUEUE: usize = 1_024;

/// What the queue and HTTP share.
struct Parts {
    client: Client,
    jetstream: JetStreamApi,
    bucket: Bucket,
    intake: Intake,
    secrets: Secrets,
}

impl Parts {
    async fn assemble(config: &Config) -> anyhow::Result<Self> {
        let Link { client, jetstream, .. } =
            service_shell::connect(&config.nats, NatsRole::Media, "media-worker", QUEUE).await?;
        let bucket = Bucket::open(config).await;
        let secrets = Secrets::derive(&config.jwt_secret);
        let intake = Intake::new(
            bucket.clone(),
            Log::open(client.clone(), &jetstream).await?,
            secrets.clone(),
            &config.media_url,
            config.parallel.get(),
        );
        Ok(Self { client, jetstream, bucket, intake, secrets })
    }

    fn router(
        &self,
        config: &Config,
        bucket: watch::Receiver<BucketTrouble>,
    ) -> anyhow::Result<Router> {
        let direct = Direct {
            intake: self.intake.clone(),
            tokens: Tokens::hs256(&config.jwt_secret),
            secrets: self.secrets.clone(),
            region: config.s3_region.clone(),
            post_url: direct::post_url(config),
        };
        Ok(http::router(Health::new(self.client.clone(), bucket), direct, config.origins()?))
    }
}

/// Runs the media worker until `shutdown` is cancelled: the queue, HTTP on `listener`, and the checks
/// behind `/readyz`. A bucket that is away only makes it unready, and so does NATS once it was there.
///
/// # Errors
/// [`service_shell::BadConfiguration`] when no usable NATS server answers at the start or an origin is
/// none; otherwise when the HTTP server fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let parts = Parts::assemble(&config).await?;
    let (found, finding) = watch::channel(Some("the bucket was not checked yet".to_owned()));
    let router = parts.router(&config, finding)?;
    let checks = health::watch_bucket(parts.bucket, found, shutdown.clone());
    let checks = tokio::spawn(checks);
    let uploads = Uploads::new(parts.client.clone(), &parts.jetstream);
    let queue = Queue::new(parts.client, &parts.jetstream, parts.intake, uploads);
    let queue = tokio::spawn(queue.run(config.parallel.get(), shutdown.clone()));

    let served = axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned())
        .await;
    shutdown.cancel();
    queue.await.context("the queue ended badly")?;
    checks.await.context("the checks of the bucket ended badly")?;
    served.context("the HTTP server failed")
}

/// The HTTP of the worker alone, for where something else listens, as on Lambda. Nothing checks the
/// bucket there: `/readyz` tells of NATS alone.
///
/// # Errors
/// As [`run`].
pub async fn router(config: &Config) -> anyhow::Result<Router> {
    let (_, unchecked) = watch::channel(None);
    Parts::assemble(config).await?.router(config, unchecked)
}
