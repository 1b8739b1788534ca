//! The worker as a whole: what it starts, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::Client;
use axum::Router;
use service_shell::token::{KeyUpkeep, Verifier};
use service_shell::{JetStreamApi, Link, serve_http};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wire::NatsRole;

use crate::bans::Bans;
use crate::bucket::Bucket;
use crate::direct::{self, Direct};
use crate::health::{BucketTrouble, Health};
use crate::intake::Intake;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::secrets::Secrets;
use crate::uploads::Uploads;
use crate::{Config, health, http};

/// Messages of a subscription that may wait; those of an upload's chunks too.
const QUEUE: usize = 1_024;

/// How long requests that are under way may take after the worker was told to stop: as long as jobs.
const FINISH: Duration = Duration::from_secs(10);

/// What the queue and HTTP share.
struct Parts {
    client: Client,
    jetstream: JetStreamApi,
    bucket: Bucket,
    intake: Intake,
    bans: Bans,
    secrets: Secrets,
    tokens: Verifier,
    metrics: Arc<Metrics>,
    refusals: watch::Receiver<u64>,
}

impl Parts {
    /// With it comes what keeps the keys of tokens up to date.
    async fn assemble(config: &Config) -> anyhow::Result<(Self, KeyUpkeep)> {
        let (tokens, upkeep) = config.tokens.open()?;
        let secrets = Secrets::derive(config.secret()?);
        let Link { client, jetstream, refusals, .. } =
            service_shell::connect(&config.nats, NatsRole::Media, "media-worker", QUEUE).await?;
        let metrics = Arc::new(Metrics::new());
        let bucket = Bucket::open(config, metrics.clone()).await;
        let intake = Intake::new(
            bucket.clone(),
            Log::open(client.clone(), &jetstream).await?,
            secrets.clone(),
            config.media_url.as_str(),
            config.parallel.get(),
            metrics.clone(),
        );
        let bans = Bans::open(client.clone(), &jetstream).await?;
        let parts =
            Self { client, jetstream, bucket, intake, bans, secrets, tokens, metrics, refusals };
        Ok((parts, upkeep))
    }

    fn router(
        &self,
        config: &Config,
        bucket: watch::Receiver<BucketTrouble>,
    ) -> anyhow::Result<Router> {
        let direct = Direct {
            intake: self.intake.clone(),
            bans: self.bans.clone(),
            tokens: self.tokens.clone(),
            secrets: self.secrets.clone(),
            region: config.s3_region.clone(),
            post_url: direct::post_url(config),
            metrics: self.metrics.clone(),
        };
        let health = Health::new(self.client.clone(), bucket, self.tokens.clone());
        Ok(http::router(health, direct, config.origins()?, self.metrics.clone()))
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
    let (parts, upkeep) = Parts::assemble(&config).await?;
    let (found, finding) = watch::channel(Some("the bucket was not checked yet".to_owned()));
    let router = parts.router(&config, finding)?;
    let router = router.merge(http::metrics_router(parts.metrics.clone()));
    let counting = parts.metrics.clone().count_refusals(parts.refusals);
    let _counting = AbortOnDropHandle::new(tokio::spawn(counting));
    let checks = health::watch_bucket(parts.bucket, found, shutdown.clone());
    let checks = tokio::spawn(checks);
    let uploads = Uploads::new(parts.client.clone(), &parts.jetstream);
    let upkeep = tokio::spawn(upkeep.run(shutdown.clone()));
    let give_up_after = Duration::from_secs(config.give_up_after.into());
    let queue = Queue::new(
        parts.client,
        &parts.jetstream,
        parts.intake,
        uploads,
        give_up_after,
        parts.metrics,
    );
    let queue = tokio::spawn(queue.run(config.parallel.get(), shutdown.clone()));

    serve_http(listener, router, shutdown.clone(), FINISH).await;
    shutdown.cancel();
    queue.await.context("the queue ended badly")?;
    checks.await.context("the checks of the bucket ended badly")?;
    upkeep.await.context("the upkeep of the keys of tokens ended badly")?;
    Ok(())
}

/// The HTTP of the worker alone, for where something else listens, as on Lambda. Nothing checks the
/// bucket there: `/readyz` tells of NATS alone. Everybody may reach it, so it has no `/metrics`.
///
/// # Errors
/// As [`run`].
pub async fn router(config: &Config) -> anyhow::Result<Router> {
    let (_, unchecked) = watch::channel(None);
    let (parts, upkeep) = Parts::assemble(config).await?;
    let router = parts.router(config, unchecked)?;
    // For as long as the process: whoever listens there has no end to tell of.
    tokio::spawn(upkeep.run(CancellationToken::new()));
    Ok(router)
}
