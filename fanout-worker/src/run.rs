//! Starts the parts of a worker in order, and ends them in order.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wire::{NatsRole, subject};

use crate::config::Config;
use crate::coordinator::Coordinator;
use crate::liveness::View;
use crate::log::LogReader;
use crate::metrics::Metrics;
use crate::nats::Nats;
use crate::owner::Surroundings;
use crate::senses::Senses;
use crate::{census, health, heartbeat, lease_bucket, outbox};

/// Changes of leases that may wait for the coordinator.
const SHOWN_LEASES: usize = 256;
/// Messages of a subscription that may wait: more than the 32 MiB that the server sends ahead of a
/// consumer's flow control can be.
const QUEUE: usize = 262_144;
/// How long the last words may take to reach the server.
const FLUSH_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);

/// Runs a worker until `shutdown`: it then says that it leaves, sends what it has begun, hands its
/// partitions over and returns, within a few seconds. `listener` serves `/healthz`, `/readyz` and `/metrics`.
///
/// Streams that are missing, and a NATS server that goes away, are waited for with readiness false.
///
/// # Errors
/// [`service_shell::BadConfiguration`] for a setting that cannot work, or when no usable NATS server
/// answers at the start; otherwise when the connection to it is closed for good.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let worker = config.run_id()?;
    let (ready, readiness) = watch::channel(false);
    let health_end = CancellationToken::new();
    let metrics = Arc::new(Metrics::new());
    let serving = health::serve(listener, readiness, metrics.clone(), health_end.clone());
    let serving = AbortOnDropHandle::new(tokio::spawn(serving));
    let name = format!("fanout-worker {worker}");
    let result = tokio::select! {
        link = service_shell::connect(&config.nats, NatsRole::Fanout, &name, QUEUE) => match link {
            Ok(link) => {
                let counting = metrics.clone().count_refusals(link.refusals.clone());
                let _counting = AbortOnDropHandle::new(tokio::spawn(counting));
                route(&config, Nats::new(link, worker), metrics, ready, shutdown).await
            }
            Err(error) => Err(error),
        },
        () = shutdown.cancelled() => Ok(()),
    };
    health_end.cancel();
    serving.await.context("the health server failed")?;
    result
}

async fn route(
    config: &Config,
    nats: Nats,
    metrics: Arc<Metrics>,
    ready: watch::Sender<bool>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    tracing::info!(worker = %nats.worker, "fan-out worker starts");
    let (outbox, batches) = mpsc::channel(config.outbox_batches.get().into());
    let (shown_nodes, nodes) = watch::channel(Arc::new(View::default()));
    let (shown_leases, leases) = mpsc::channel(SHOWN_LEASES);
    let resync = Arc::new(Notify::new());
    let senses = Senses::open(&nats, leases).await.context("cannot listen for heartbeats")?;

    let sending =
        AbortOnDropHandle::new(tokio::spawn(outbox::run(nats.clone(), metrics.clone(), batches)));
    let watching = lease_bucket::watch(nats.clone(), shown_leases, resync.clone());
    let watching = AbortOnDropHandle::new(tokio::spawn(watching));
    let beating = heartbeat::beat(nats.clone(), shutdown.clone());
    let beating = AbortOnDropHandle::new(tokio::spawn(beating));

    let questions = census::questions();
    let asked = nats.client.subscribe(subject::ADMIN_STATS).await.context("cannot listen")?;
    let answering = census::answer(nats.clone(), metrics.clone(), questions.clone(), asked);
    let answering = AbortOnDropHandle::new(tokio::spawn(answering));

    let log_batch = config.log_batch.get().into();
    let (log, reading) = LogReader::new(nats.clone(), metrics.clone(), log_batch);
    let reading = AbortOnDropHandle::new(tokio::spawn(reading));

    let surroundings = Surroundings {
        nats: nats.clone(),
        outbox,
        nodes,
        metrics,
        questions,
        timing: config.timing(),
        log: log.clone(),
    };
    let coordinator = Coordinator::new(surroundings, shown_nodes, resync, ready);
    let result = tokio::select! {
        result = coordinator.run(senses, shutdown, config.drain_timeout()) => result,
        () = log.ended() => Err(anyhow::anyhow!("the reader of the log has ended")),
    };

    drop((answering, log));
    // Nobody holds the queue any more: the outbox sends what is left and ends.
    let ending = async {
        let _ = tokio::join!(sending, reading, watching, beating);
        nats.client.flush().await
    };
    if !matches!(tokio::time::timeout(FLUSH_TIMEOUT, ending).await, Ok(Ok(()))) {
        tracing::warn!("left without NATS having heard the last words");
    }
    tracing::info!(worker = %nats.worker, "fan-out worker ends");
    result
}
