//! What runs behind a node's edge: its way to the log, its rooms, its files, its signs of life.
//!
//! Owns the order in which these start and end. It leaves clients to the edge and the gateways.

use std::{sync::Arc, thread::available_parallelism, time::Duration};

use anyhow::Context as _;
use service_shell::{BadConfiguration, Link};
use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::{NatsRole, NodeId, stream, subject};

use crate::{
    Config,
    admin::orders::Asked,
    bans::{BanChanges, Bans},
    deliveries, heartbeat,
    hub::{Hub, HubIo},
    log::{
        publisher::{DownSince, Publisher},
        reader::LogReader,
    },
    metrics::Metrics,
    rooms::shard::Settings,
    teller::Teller,
    uploads::Uploads,
};

/// Reads of the log at once, for gaps, replays and history together.
pub const READS: usize = 256;
/// Frames from workers that may wait, of a quarter of a megabyte at most; beyond, the log is read.
const FRAMES: usize = 2_048;
/// How often interest in rooms is stored again.
const REFRESH: Duration = Duration::from_mins(10);
/// The least time between two comparisons of everything with the log.
const CATCH_UP: Duration = Duration::from_secs(1);
/// How long the last words to NATS may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// What the engine hears for administrators, from its start on.
pub struct Heard {
    pub asked: Asked,
    pub ban_changes: BanChanges,
}

/// A running engine.
pub struct Engine {
    /// What serves rooms shares this, tasks and the order to stop among it.
    pub io: HubIo,
    pub hub: Hub,
    pub uploads: Uploads,
    pub bans: Bans,
    /// Grows each time that something may have been missed.
    pub losses: watch::Receiver<u64>,
    pub down_since: DownSince,
    /// Grows each time that NATS denies something.
    pub refusals: watch::Receiver<u64>,
    /// What carries words to NATS: these tasks end last.
    carriers: TaskTracker,
    living: CancellationToken,
}

impl Engine {
    /// Connects to NATS and starts everything; what it hears and others deal with is handed back.
    ///
    /// # Errors
    /// [`BadConfiguration`] for a NATS server that does not answer, or streams that are not there.
    pub async fn start(config: &Config) -> anyhow::Result<(Self, Heard)> {
        let node = NodeId::for_run(&config.node_id)
            .map_err(|error| BadConfiguration(format!("NODE_ID: {error}")))?;
        let name = format!("connection-node {node}");
        let Link { client, losses, down_since, refusals, jetstream } =
            service_shell::connect(&config.nats, NatsRole::Node, &name, FRAMES).await?;
        let reader = LogReader::open(client.clone(), &jetstream, node.clone()).await;
        let reader = reader.map_err(|error| missing(stream::ROOMS, &error))?;
        let bans = Bans::open(client.clone(), jetstream, node.clone()).await;
        let bans = bans.map_err(|error| missing(stream::RT_BUCKET, &error))?;
        let ban_changes = bans.read().await?;
        let asked = Asked::listen(&client).await?;

        let (tasks, carriers) = (TaskTracker::new(), TaskTracker::new());
        let (stop, metrics) = (CancellationToken::new(), Arc::new(Metrics::default()));
        let living = CancellationToken::new();
        // What has begun ends where the rest cannot begin.
        let unless_whole = (stop.clone().drop_guard(), living.clone().drop_guard());
        let (teller, telling) = Teller::new(client.clone());
        carriers.spawn(telling);
        let (publisher, publishing) = Publisher::new(
            client.clone(),
            reader.clone(),
            down_since.clone(),
            config.max_in_flight,
            metrics.clone(),
        );
        carriers.spawn(publishing);
        let reads = Arc::new(Semaphore::new(READS));
        let io = HubIo { node, client, reader, publisher, teller, metrics, reads, tasks, stop };

        let settings =
            Settings { window: config.room_window, linger: config.room_linger, refresh: REFRESH };
        let shards = available_parallelism().map_or(1, usize::from).min(8);
        let hub = Hub::start(&io, settings, shards);
        let frames = io.client.subscribe(subject::delivery(&io.node)).await;
        let frames = frames.context("cannot subscribe")?;
        // Before the first join can be stored the server must know where deliveries go.
        io.client.flush().await.context("cannot reach NATS")?;
        io.tasks.spawn(deliveries::receive(frames, hub.clone(), io.stop.clone()));
        io.tasks.spawn(catch_up(losses.clone(), hub.clone(), io.stop.clone()));
        let uploads = Uploads::start(&config.nats, config.upload_buffer, &io).await?;
        carriers.spawn(heartbeat::beat(io.client.clone(), io.node.clone(), living.clone()));
        let _ = (unless_whole.0.disarm(), unless_whole.1.disarm());
        let heard = Heard { asked, ban_changes };
        let engine =
            Self { io, hub, uploads, bans, losses, down_since, refusals, carriers, living };
        Ok((engine, heard))
    }

    /// Ends everything: rooms first, then what carries their words. Whoever else holds a way to the
    /// rooms must have let go of it.
    pub async fn stop(self) {
        let Self { io, hub, uploads, carriers, living, .. } = self;
        hub.close().await;
        let (client, tasks, stop) = (io.client.clone(), io.tasks.clone(), io.stop.clone());
        drop((hub, uploads, io));
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
    }
}

fn missing(what: &str, error: &anyhow::Error) -> BadConfiguration {
    BadConfiguration(format!(
        "{what} cannot be used: {error:#}; create it with `local-stack provision`"
    ))
}

/// Compares everything with the log whenever the connection may have lost something.
async fn catch_up(mut losses: watch::Receiver<u64>, hub: Hub, stop: CancellationToken) {
    losses.mark_unchanged();
    while let Some(Ok(())) = stop.run_until_cancelled(losses.changed()).await {
        hub.resync().await;
        // A node that falls behind again and again must not add to it by catching up each time.
        stop.run_until_cancelled(tokio::time::sleep(CATCH_UP)).await;
    }
}
