//! A node's life: connect, serve, drain.

use std::{
    sync::{Arc, atomic::AtomicU64},
    thread::available_parallelism,
    time::Duration,
};

use anyhow::Context as _;
use service_shell::{BadConfiguration, Link, token::Tokens};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::{NatsRole, NodeId, stream, subject};

use crate::{
    Config, deliveries, edge,
    gateway::{self, Gateway},
    heartbeat,
    http::{self, Readiness},
    hub::{Hub, HubIo},
    log::{publisher::Publisher, reader::LogReader},
    metrics::{Instruments, Metrics},
    rooms::shard::Settings,
    teller::Teller,
};

/// Reads of the log at once, for gaps, replays and history together.
const READS: usize = 256;
/// Frames from workers that may wait, of a quarter of a megabyte at most; beyond, the log is read.
const FRAMES: usize = 2_048;
/// How often interest in rooms is stored again.
const REFRESH: Duration = Duration::from_mins(10);
/// The least time between two comparisons of everything with the log.
const CATCH_UP: Duration = Duration::from_secs(1);
/// How long the last words to NATS may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs a node on `listener` until `shutdown`; then it turns unready, closes its connections paced so
/// that clients find another node, gives up its rooms, and returns.
///
/// # Errors
/// [`BadConfiguration`] for settings that cannot work, a NATS server that does not answer at the
/// start, or streams that are not there.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let edge_config = config.edge().map_err(|error| BadConfiguration(error.to_string()))?;
    config.check_folders().map_err(|error| BadConfiguration(error.to_string()))?;
    let node = NodeId::for_run(&config.node_id)
        .map_err(|error| BadConfiguration(format!("NODE_ID: {error}")))?;
    let name = format!("connection-node {node}");
    let Link { client, losses, down_since, refusals, jetstream } =
        service_shell::connect(&config.nats, NatsRole::Node, &name, FRAMES).await?;
    let reader =
        LogReader::open(client.clone(), &jetstream, node.clone()).await.map_err(|error| {
            BadConfiguration(format!(
                "the stream {} cannot be used: {error:#}; create it with `local-stack provision`",
                stream::ROOMS
            ))
        })?;

    // Two sets of tasks: what serves rooms ends first, what carries its words after it.
    let (tasks, carriers, stop) =
        (TaskTracker::new(), TaskTracker::new(), CancellationToken::new());
    let (teller, telling) = Teller::new(client.clone());
    carriers.spawn(telling);
    let metrics = Arc::new(Metrics::default());
    let (publisher, publishing) = Publisher::new(
        client.clone(),
        reader.clone(),
        down_since.clone(),
        config.max_in_flight,
        metrics.clone(),
    );
    carriers.spawn(publishing);

    let io = HubIo {
        node: node.clone(),
        client: client.clone(),
        reader: reader.clone(),
        publisher: publisher.clone(),
        teller: teller.clone(),
        metrics: metrics.clone(),
        reads: Arc::new(Semaphore::new(READS)),
        tasks: tasks.clone(),
        stop: stop.clone(),
    };
    let settings =
        Settings { window: config.room_window, linger: config.room_linger, refresh: REFRESH };
    let shards = available_parallelism().map_or(1, usize::from).min(8);
    let hub = Hub::start(&io, settings, shards);
    let frames = client.subscribe(subject::delivery(&node)).await.context("cannot subscribe")?;
    // Before the first join can be stored the server must know where deliveries go.
    client.flush().await.context("cannot reach NATS")?;
    tasks.spawn(deliveries::receive(frames, hub.clone(), stop.clone()));
    tasks.spawn(catch_up(losses, hub.clone(), stop.clone()));
    let living = CancellationToken::new();
    carriers.spawn(heartbeat::beat(client.clone(), node.clone(), living.clone()));

    let tokens = Tokens::hs256(&config.jwt_secret);
    let readiness = Readiness::new(down_since, config.nats_grace);
    let (io_service, socket_io) = edge::build(&edge_config);
    let edge = edge::Edge::new(edge_config);
    let instruments = Instruments {
        metrics: metrics.clone(),
        edge: edge.clone(),
        hub: hub.clone(),
        publisher: publisher.clone(),
        reads: io.reads.clone(),
        most_reads: READS,
        tasks: tasks.clone(),
        refusals,
    };
    let gateway = Gateway {
        node: node.clone(),
        tokens: tokens.clone(),
        default_rooms: config.default_rooms.clone(),
        hub: hub.clone(),
        publisher,
        reader,
        teller,
        reads: io.reads.clone(),
        tasks: tasks.clone(),
        metrics,
        next_key: AtomicU64::new(1),
    };
    gateway::register(&socket_io, Arc::new(gateway));
    let app = http::router(&config, &tokens, readiness.clone(), instruments);

    let accepting = CancellationToken::new();
    let turning = turn_away(shutdown, readiness, config.drain_delay, accepting.clone());
    let serving = edge::serve(listener, app, io_service, edge, accepting);
    tracing::info!(%node, "serving");
    let ((), served) = tokio::join!(turning, serving);

    hub.close().await;
    drop((hub, io, socket_io));
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    living.cancel();
    carriers.close();
    let farewell = async {
        carriers.wait().await;
        client.flush().await
    };
    if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
        tracing::warn!("NATS did not take the node's last words in time");
    }
    served
}

/// Turns unready when told to stop, and stops accepting once that had time to be noticed.
async fn turn_away(
    shutdown: CancellationToken,
    readiness: Readiness,
    delay: Duration,
    accepting: CancellationToken,
) {
    shutdown.cancelled().await;
    readiness.drain();
    tokio::time::sleep(delay).await;
    accepting.cancel();
}

/// Compares everything with the log whenever the connection may have lost something.
async fn catch_up(
    mut losses: tokio::sync::watch::Receiver<u64>,
    hub: Hub,
    stop: CancellationToken,
) {
    losses.mark_unchanged();
    while let Some(Ok(())) = stop.run_until_cancelled(losses.changed()).await {
        hub.resync().await;
        // A node that falls behind again and again must not add to it by catching up each time.
        stop.run_until_cancelled(tokio::time::sleep(CATCH_UP)).await;
    }
}
