//! The worker as a whole: what it starts, and how it ends.

use anyhow::Context as _;
use service_shell::Link;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::bucket::Bucket;
use crate::health::Health;
use crate::{Config, health, http};

/// Messages of a subscription that may wait.
const QUEUE: usize = 1_024;

/// Runs the media worker until `shutdown` is cancelled: HTTP on `listener`, and the checks behind
/// `/readyz`. A bucket that is away only makes it unready, and so does NATS once it was there.
///
/// # Errors
/// [`service_shell::BadConfiguration`] when no usable NATS server answers at the start; otherwise when
/// the HTTP server fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Link { client, .. } =
        service_shell::connect(&config.nats_url, "media-worker", QUEUE).await?;
    let bucket = Bucket::open(&config).await;
    let (found, finding) = watch::channel(Some("the bucket was not checked yet".to_owned()));
    let checks = tokio::spawn(health::watch_bucket(bucket, found, shutdown.clone()));

    let router = http::router(Health::new(client, finding));
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned())
        .await;
    shutdown.cancel();
    checks.await.context("the checks of the bucket ended badly")?;
    served.context("the HTTP server failed")
}
