//! What a node counts, for `GET /metrics` (Prometheus' naming, `OpenMetrics`' text).
//!
//! Owns the names. Counters are moved where things happen; what can be looked up is set when somebody
//! asks ([`Metrics::text`]), so that it costs nothing otherwise. No room and no user is ever a label.

mod labels;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::text,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Metric, Registry},
};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;
use wire::{ErrorCode, event::CLIENT_EVENTS};

use self::labels::{Close, Connect, Event, HandshakeRefusal, Publish, RateLimited, Reason, Upload};
pub use self::labels::{Connected, Published, UNREADABLE, Uploaded};
use crate::{
    edge::{Edge, Traffic},
    hub::Hub,
    log::publisher::Publisher,
    uploads::Uploads,
};

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long the rooms may take to be counted.
const CENSUS: Duration = Duration::from_secs(1);

type Count = Counter<u64, AtomicU64>;
type Level = Gauge<i64, AtomicI64>;

/// A node's metrics. One for each run: several nodes may run in one process.
pub struct Metrics {
    registry: Registry,
    /// Sockets in the chat namespace.
    pub sockets: Level,
    /// Connections to the chat namespace that were let in or refused.
    connects: Family<Connect, Count>,
    /// Messages that were to be stored.
    publishes: Family<Publish, Count>,
    events: Family<Event, Count>,
    /// From a message's arrival to the answer that it is stored.
    pub ack_seconds: Histogram,
    /// From a message's own time, by its sender's node, to its way out to the members here.
    pub end_to_end_seconds: Histogram,
    /// Events sent to sockets by rooms.
    pub emits: Count,
    /// Sockets brought up to date after a lost connection, once for each room.
    pub recoveries: Count,
    /// Pages of the log read for one socket.
    pub replays: Count,
    /// Gaps read from the log, a page at a time.
    pub repairs: Count,
    closes: Family<Close, Count>,
    rate_limited: Family<RateLimited, Count>,
    refusals: Family<HandshakeRefusal, Count>,
    uploads: Family<Upload, Count>,
    /// Bytes of the files that were queued.
    pub upload_bytes: Count,
    counting: Mutex<()>,
    connections: Level,
    unauthenticated: Level,
    http_connections: Level,
    incoming: Level,
    waiting: Level,
    rooms: Level,
    room_members: Level,
    room_waiters: Level,
    publishes_in_flight: Level,
    log_reads_in_flight: Level,
    upload_bytes_in_flight: Level,
    queued_inputs: Level,
    tasks: Level,
    nats_refusals: Count,
    bytes_in: Count,
    bytes_out: Count,
    deflate_plain_bytes: Count,
    deflate_sent_bytes: Count,
    writes: Count,
}

/// Where the levels are looked up.
pub struct Instruments {
    pub metrics: Arc<Metrics>,
    pub edge: Arc<Edge>,
    pub hub: Hub,
    pub publisher: Publisher,
    pub uploads: Uploads,
    /// Bounds reads of the log.
    pub reads: Arc<Semaphore>,
    pub most_reads: usize,
    pub tasks: TaskTracker,
    /// Counts what NATS denies.
    pub refusals: watch::Receiver<u64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("starling");
        let r = &mut registry;
        let metrics = Self {
            sockets: new(r, "sockets", "Sockets in the chat namespace"),
            connects: new(r, "connects", "Connections to the chat namespace, by result"),
            publishes: new(r, "publishes", "Messages that were to be stored, by result"),
            events: new(r, "events", "Events of clients, by what became of them at first"),
            ack_seconds: times(r, "ack_seconds", "From a message's arrival to its ack"),
            end_to_end_seconds: times(
                r,
                "end_to_end_seconds",
                "From a message's time to its way out to the members here, by both nodes' clocks",
            ),
            emits: new(r, "emits", "Events that rooms have sent to sockets"),
            recoveries: new(r, "recoveries", "Rooms in which a socket was brought up to date"),
            replays: new(r, "replays", "Pages of the log read for one socket"),
            repairs: new(r, "repairs", "Pages of the log read to close a gap"),
            closes: new(r, "transport_closes", "Transports that have ended, by reason"),
            rate_limited: new(
                r,
                "rate_limited",
                "What was refused as too much, by what and per whom",
            ),
            refusals: new(
                r,
                "handshake_refusals",
                "Requests and connections that the edge refused, by reason",
            ),
            uploads: new(r, "uploads", "Files that sockets have sent, by result"),
            upload_bytes: new(r, "upload_bytes", "Bytes of the files that were queued"),
            connections: new(r, "connections", "Open transports"),
            unauthenticated: new(r, "unauthenticated", "Transports that have shown no token yet"),
            http_connections: new(r, "http_connections", "Connections that are busy with HTTP"),
            incoming: new(r, "receive_buffer_bytes", "Bytes of messages that are incomplete"),
            waiting: new(r, "send_queue_bytes", "Bytes that wait for clients"),
            rooms: new(r, "rooms", "Rooms that are open or opening"),
            room_members: new(r, "room_members", "Sockets in rooms, once for each room"),
            room_waiters: new(r, "room_waiters", "Sockets that wait for a room to open"),
            publishes_in_flight: new(
                r,
                "publishes_in_flight",
                "Messages that wait for the log's answer, or for their turn",
            ),
            log_reads_in_flight: new(r, "log_reads_in_flight", "Reads of the log under way"),
            upload_bytes_in_flight: new(
                r,
                "upload_bytes_in_flight",
                "Bytes of files on their way into the queue",
            ),
            queued_inputs: new(r, "queued_inputs", "Inputs that wait for the rooms"),
            tasks: new(r, "tasks", "Tasks for connections and for reads of the log"),
            bytes_in: new(r, "received_bytes", "Bytes of transports, from clients"),
            bytes_out: new(r, "sent_bytes", "Bytes of transports, to clients"),
            deflate_plain_bytes: new(
                r,
                "deflate_plain_bytes",
                "Bytes that frames which went out compressed would have had",
            ),
            deflate_sent_bytes: new(
                r,
                "deflate_sent_bytes",
                "Bytes of the frames that went out compressed",
            ),
            writes: new(r, "socket_writes", "Writes to WebSockets, however much each took"),
            nats_refusals: new(r, "nats_refusals", "What NATS has denied to this node"),
            counting: Mutex::default(),
            registry,
        };
        metrics.begin_series();
        metrics
    }
}

fn new<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// In seconds, from half a millisecond to 8 s.
fn times(registry: &mut Registry, name: &str, help: &str) -> Histogram {
    let histogram = Histogram::new(exponential_buckets(0.0005, 2.0, 15));
    registry.register(name, help, histogram.clone());
    histogram
}

impl Metrics {
    /// Makes every series that there can be. One that comes with its first count has no step that `rate()` or an
    /// alert could see.
    fn begin_series(&self) {
        for result in Connected::ALL {
            drop(self.connects.get_or_create(&Connect { result }));
        }
        for result in Published::ALL {
            drop(self.publishes.get_or_create(&Publish { result }));
        }
        for result in Uploaded::ALL {
            drop(self.uploads.get_or_create(&Upload { result }));
        }
        for event in CLIENT_EVENTS.into_iter().chain([UNREADABLE]) {
            for result in ["taken"].into_iter().chain(ErrorCode::ALL.map(ErrorCode::as_str)) {
                drop(self.events.get_or_create(&Event { event, result }));
            }
        }
    }

    /// Counts an event of a client that was taken, or refused for a reason.
    pub fn count_event(&self, event: &'static str, refused: Option<ErrorCode>) {
        let result = refused.map_or("taken", ErrorCode::as_str);
        self.events.get_or_create(&Event { event, result }).inc();
    }

    pub fn count_publish(&self, result: Published) {
        self.publishes.get_or_create(&Publish { result }).inc();
    }

    /// How many messages fared so.
    pub fn published(&self, result: Published) -> u64 {
        self.publishes.get_or_create(&Publish { result }).get()
    }

    pub fn count_connect(&self, result: Connected) {
        self.connects.get_or_create(&Connect { result }).inc();
    }

    pub fn count_upload(&self, result: Uploaded) {
        self.uploads.get_or_create(&Upload { result }).inc();
    }

    /// Everything, as Prometheus reads it; `instruments` are read first.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub async fn text(instruments: &Instruments) -> Result<String, fmt::Error> {
        let Instruments {
            metrics,
            edge,
            hub,
            publisher,
            uploads,
            reads,
            most_reads,
            tasks,
            refusals,
        } = instruments;
        // Shards that are stuck keep the last count: the queue's length tells of them.
        if let Ok(census) = tokio::time::timeout(CENSUS, hub.census()).await {
            set(&metrics.rooms, census.rooms);
            set(&metrics.room_members, census.members);
            set(&metrics.room_waiters, census.waiters);
        }
        set(&metrics.connections, edge.connections());
        set(&metrics.unauthenticated, edge.limits().unauthenticated().count());
        set(&metrics.http_connections, edge.limits().http().count());
        metrics.incoming.set(i64::try_from(edge.incoming()).unwrap_or(i64::MAX));
        metrics.waiting.set(i64::try_from(edge.waiting()).unwrap_or(i64::MAX));
        set(&metrics.publishes_in_flight, publisher.in_flight());
        set(&metrics.log_reads_in_flight, most_reads - reads.available_permits());
        set(&metrics.upload_bytes_in_flight, uploads.held());
        set(&metrics.queued_inputs, hub.queued());
        set(&metrics.tasks, edge.tasks() + tasks.len());
        metrics.count_elsewhere(edge, *refusals.borrow() + uploads.refusals());
        let mut text = String::new();
        text::encode(&mut text, &metrics.registry)?;
        Ok(text)
    }

    /// Brings the counters up to what others count; one caller at a time, or they would overshoot.
    fn count_elsewhere(&self, edge: &Edge, refusals: u64) {
        let _turn = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        for (reason, ended) in edge.ended() {
            let counter = self.closes.get_or_create_owned(&Close { reason: Reason(reason) });
            counter.inc_by(ended.saturating_sub(counter.get()));
        }
        for (what, per, count) in edge.limits().counts().all() {
            let labels = RateLimited { what: what.as_str(), per: per.as_str() };
            let counter = self.rate_limited.get_or_create_owned(&labels);
            counter.inc_by(count.saturating_sub(counter.get()));
        }
        for (reason, count) in edge.refused() {
            let counter = self.refusals.get_or_create_owned(&HandshakeRefusal { reason });
            counter.inc_by(count.saturating_sub(counter.get()));
        }
        let Traffic { received, sent, writes, plain, deflated } = edge.traffic();
        for (counter, count) in [
            (&self.bytes_in, received),
            (&self.bytes_out, sent),
            (&self.writes, writes),
            (&self.deflate_plain_bytes, plain),
            (&self.deflate_sent_bytes, deflated),
            (&self.nats_refusals, refusals),
        ] {
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }
}

fn set(level: &Level, value: usize) {
    level.set(i64::try_from(value).unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests;
