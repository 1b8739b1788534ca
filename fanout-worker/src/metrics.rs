//! What a worker counts, and by which names it tells of it.
//!
//! Owns the registry and its text; those who count are handed an [`Arc`] of it. Nothing is global, for
//! several workers may run in one process. No label names a room, a node or a user, so there are never
//! more series than stand here, with one for each of the partitions, whose number is fixed.

use std::sync::Arc;

use anyhow::Context as _;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};
use prometheus_client::registry::{Metric, Registry};
use tokio::sync::watch;

use crate::owner::End;

pub use self::backlog::Backlog;

mod backlog;

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Before each name.
const PREFIX: &str = "starling_worker";

type OneLabel = [(&'static str, &'static str); 1];
type OfPartition = [(&'static str, u16); 1];

/// Every count of one worker.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    partitions: Gauge,
    holdings: [Gauge; 3],
    log_pending: Gauge,
    lag: Family<OfPartition, Gauge>,
    outbox_batches: Gauge,
    leases: Family<OneLabel, Counter>,
    tenures: Family<OneLabel, Counter>,
    /// The nodes that live, as this worker hears them.
    pub nodes: Gauge,
    /// Records of the log that the owners have handled.
    pub log_records: Counter,
    /// Messages sent to nodes, each as often as there were nodes for it.
    pub deliveries: Counter,
    pub frames: Counter,
    pub frame_bytes: Counter,
    /// What the connection to NATS did not take.
    pub publish_failures: Counter,
    nats_refusals: Counter,
}

/// What happened to a lease.
#[derive(Debug, Clone, Copy)]
pub enum LeaseChange {
    Taken,
    Released,
    /// The session ran out, or another has it.
    Lost,
}

/// What one owner has at hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Rooms with members.
    pub rooms: usize,
    /// Over those rooms, the nodes that have members in them.
    pub room_nodes: usize,
    /// Over all rooms, the users who are said to be there.
    pub roster_users: usize,
}

impl Metrics {
    /// Everything at zero.
    pub fn new() -> Self {
        let mut made = Registry::with_prefix(PREFIX);
        let registry = &mut made;
        Self {
            partitions: add(registry, "partitions", "Partitions that this worker owns"),
            holdings: [
                add(registry, "rooms", "Rooms with members, over the owned partitions"),
                add(registry, "room_nodes", "Nodes with members in a room, summed over the rooms"),
                add(registry, "roster_users", "Users in a room, summed over the rooms"),
            ],
            log_pending: add(
                registry,
                "log_pending",
                "Records of the log not yet read, over the owned partitions",
            ),
            lag: add(
                registry,
                "partition_lag_records",
                "Records of the log not yet read, by partition; those read together have all that is left",
            ),
            outbox_batches: add(registry, "outbox_batches", "Batches that wait to be sent"),
            leases: add(registry, "leases", "Leases of partitions that changed, by change"),
            tenures: add(registry, "tenures", "Owners of partitions that ended, by end"),
            nodes: add(registry, "nodes", "Connection nodes that are heard to live"),
            log_records: add(registry, "log_records", "Records of the log that were handled"),
            deliveries: add(registry, "deliveries", "Messages sent to nodes, once for each node"),
            frames: add(registry, "frames", "Frames sent to nodes"),
            frame_bytes: add(registry, "frame_bytes", "Bytes of the frames sent to nodes"),
            publish_failures: add(registry, "publish_failures", "What NATS did not take"),
            nats_refusals: add(registry, "nats_refusals", "What NATS has denied to this worker"),
            registry: made,
        }
        .with_every_label()
    }

    /// All of it, in the text format of `OpenMetrics`.
    ///
    /// # Errors
    /// When a metric cannot be written as text.
    pub fn text(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry).context("cannot write the metrics as text")?;
        Ok(text)
    }

    /// Follows the connection's own count of what NATS denies, until the connection is gone.
    pub async fn count_refusals(self: Arc<Self>, mut refusals: watch::Receiver<u64>) {
        let mut counted = 0;
        while let Ok(now) = refusals.wait_for(|now| *now > counted).await.map(|now| *now) {
            self.nats_refusals.inc_by(now - counted);
            counted = now;
        }
    }

    /// Partitions that are owned, rooms with members in them, and records of the log yet to be read.
    pub fn totals(&self) -> (usize, usize, u64) {
        let [rooms, ..] = &self.holdings;
        let size = |gauge: &Gauge| usize::try_from(gauge.get()).unwrap_or_default();
        let pending = u64::try_from(self.log_pending.get()).unwrap_or_default();
        (size(&self.partitions), size(rooms), pending)
    }

    pub fn lease(&self, change: LeaseChange) {
        let change = match change {
            LeaseChange::Taken => "taken",
            LeaseChange::Released => "released",
            LeaseChange::Lost => "lost",
        };
        self.leases.get_or_create(&[("change", change)]).inc();
    }

    pub fn tenure(&self, end: End) {
        self.tenures.get_or_create(&tenure_label(end)).inc();
    }

    /// One batch that waits until this is dropped.
    pub fn waiting_batch(&self) -> Waiting {
        self.outbox_batches.inc();
        Waiting(self.outbox_batches.clone())
    }

    /// A label shows from the start, so that its first change is seen as one.
    fn with_every_label(self) -> Self {
        for change in ["taken", "released", "lost"] {
            drop(self.leases.get_or_create(&[("change", change)]));
        }
        for end in [End::Drained, End::Fenced, End::Failed] {
            drop(self.tenures.get_or_create(&tenure_label(end)));
        }
        self
    }
}

fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn tenure_label(end: End) -> OneLabel {
    let end = match end {
        End::Drained => "drained",
        End::Fenced => "fenced",
        End::Failed => "failed",
    };
    [("end", end)]
}

/// Counts a batch as waiting.
#[derive(Debug)]
pub struct Waiting(Gauge);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What one owner adds to the gauges. However the owner ends, dropping this takes it back.
#[derive(Debug)]
pub struct Share {
    metrics: Arc<Metrics>,
    told: [i64; 3],
}

impl Share {
    /// One more partition is owned.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        metrics.partitions.inc();
        Self { metrics, told: [0; 3] }
    }

    /// What the owner has at hand now.
    pub fn set(&mut self, holdings: Holdings) {
        let Holdings { rooms, room_nodes, roster_users } = holdings;
        let sizes = [rooms, room_nodes, roster_users].map(i64::try_from);
        self.tell(sizes.map(|size| size.unwrap_or(i64::MAX)));
    }

    fn tell(&mut self, now: [i64; 3]) {
        for (gauge, (now, told)) in self.metrics.holdings.iter().zip(now.into_iter().zip(self.told))
        {
            gauge.inc_by(now - told);
        }
        self.told = now;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.tell([0; 3]);
        self.metrics.partitions.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_taken_back_however_its_owner_ends() {
        let metrics = Arc::new(Metrics::new());
        let mut first = Share::new(metrics.clone());
        let mut second = Share::new(metrics.clone());
        first.set(Holdings { rooms: 3, room_nodes: 7, roster_users: 20 });
        second.set(Holdings { rooms: 1, ..Holdings::default() });
        first.set(Holdings { rooms: 2, room_nodes: 8, roster_users: 20 });
        let line = |line: &str| metrics.text().unwrap().lines().any(|of| of == line);
        for told in ["partitions 2", "rooms 3", "room_nodes 8", "roster_users 20"] {
            assert!(line(&format!("starling_worker_{told}")), "{told}");
        }
        drop(first);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _owned = second;
            panic!("an owner fails");
        }));
        assert!(panicked.is_err());
        for told in ["partitions", "rooms", "room_nodes", "roster_users"] {
            assert!(line(&format!("starling_worker_{told} 0")), "{told}");
        }
    }

    #[test]
    fn every_series_is_there_from_the_start() {
        let text = Metrics::new().text().unwrap();
        for line in [
            "# TYPE starling_worker_outbox_batches gauge",
            "starling_worker_log_records_total 0",
            "starling_worker_frame_bytes_total 0",
            "starling_worker_leases_total{change=\"lost\"} 0",
            "starling_worker_tenures_total{end=\"fenced\"} 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|of| of == line), "{line} is missing in:\n{text}");
        }
    }
}
