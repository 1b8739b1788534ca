//! What a worker counts, and by which names it tells of it (`GET /metrics`).
//!
//! Owns the registry and its text; those who count are handed an [`Arc`] of it. Nothing is global, for
//! several workers may run in one process. No label names a room, a user, a file or a type that
//! somebody sent, so there are never more series than stand here.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};
use tokio::sync::watch;
use wire::ErrorCode;

/// The media type of [`Metrics::text`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Before each name.
const PREFIX: &str = "starling_media";

type OneLabel = [(&'static str, &'static str); 1];
type TwoLabels = [(&'static str, &'static str); 2];
type Histograms = Family<OneLabel, Histogram, fn() -> Histogram>;

/// Every count of one worker.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    jobs: Family<TwoLabels, Counter>,
    job_seconds: Histograms,
    refusals: Family<TwoLabels, Counter>,
    s3_failures: Family<OneLabel, Counter>,
    in_flight: Gauge,
    queue_wait: Histogram,
    /// Of uploads that were read.
    pub bytes_in: Counter,
    /// Of renditions that were stored.
    pub bytes_out: Counter,
    /// Further attempts at a job that a worker keeps.
    pub retries: Counter,
    /// Deliveries of a job after its first.
    pub redeliveries: Counter,
    pub dead_letters: Counter,
    nats_refusals: Counter,
}

/// By which way an upload came.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Queue,
    Http,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its message is in the log.
    Published,
    /// There will be none, and the sender knows why.
    Refused,
    /// It was given up: a dead letter from the queue, or a file that is not there.
    GivenUp,
    /// It may be tried again: the job went back into the queue, or the client was told to.
    Deferred,
}

/// What was asked of S3 in vain.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Put,
    Get,
    Delete,
    Check,
}

impl Way {
    const ALL: [Self; 2] = [Self::Queue, Self::Http];

    fn label(self) -> (&'static str, &'static str) {
        let way = match self {
            Self::Queue => "queue",
            Self::Http => "http",
        };
        ("way", way)
    }
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Published, Self::Refused, Self::GivenUp, Self::Deferred];

    fn label(self) -> (&'static str, &'static str) {
        let result = match self {
            Self::Published => "published",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
            Self::Deferred => "deferred",
        };
        ("result", result)
    }
}

impl Operation {
    const ALL: [Self; 4] = [Self::Put, Self::Get, Self::Delete, Self::Check];

    fn label(self) -> (&'static str, &'static str) {
        let operation = match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::Delete => "delete",
            Self::Check => "check",
        };
        ("operation", operation)
    }
}

impl Metrics {
    /// Everything at zero.
    pub(crate) fn new() -> Self {
        let mut made = Registry::with_prefix(PREFIX);
        let registry = &mut made;
        let (queue_wait, job_seconds) = (seconds(), Histograms::new_with_constructor(seconds));
        registry.register(
            "queue_wait_seconds",
            "From the queueing of a job to its first delivery",
            queue_wait.clone(),
        );
        registry.register(
            "job_seconds",
            "From taking an upload to its end, by way",
            job_seconds.clone(),
        );
        Self {
            jobs: add(registry, "jobs", "Uploads that were worked on, by way and result"),
            job_seconds,
            refusals: add(registry, "refusals", "Uploads and requests refused, by way and code"),
            s3_failures: add(registry, "s3_failures", "S3 requests that failed, by operation"),
            in_flight: add(registry, "in_flight", "Uploads that are worked on"),
            queue_wait,
            bytes_in: add(registry, "in_bytes", "Bytes of the uploads that were read"),
            bytes_out: add(registry, "out_bytes", "Bytes of the renditions that were stored"),
            retries: add(registry, "retries", "Further attempts at a job that the worker keeps"),
            redeliveries: add(registry, "redeliveries", "Deliveries of a job after its first"),
            dead_letters: add(registry, "dead_letters", "Dead-letter records that were written"),
            nats_refusals: add(registry, "nats_refusals", "What NATS has denied to this worker"),
            registry: made,
        }
        .with_every_label()
    }

    /// All of it, in the text format of `OpenMetrics`.
    ///
    /// # Errors
    /// When a metric cannot be written as text.
    pub(crate) fn text(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry).context("cannot write the metrics as text")?;
        Ok(text)
    }

    /// Follows the connection's own count of what NATS denies, until the connection is gone.
    pub(crate) async fn count_refusals(self: Arc<Self>, mut refusals: watch::Receiver<u64>) {
        let mut counted = 0;
        while let Ok(now) = refusals.wait_for(|now| *now > counted).await.map(|now| *now) {
            self.nats_refusals.inc_by(now - counted);
            counted = now;
        }
    }

    /// The end of an upload that was worked on for `took`.
    pub(crate) fn job(&self, way: Way, outcome: Outcome, took: Duration) {
        self.jobs.get_or_create(&[way.label(), outcome.label()]).inc();
        self.job_seconds.get_or_create(&[way.label()]).observe(took.as_secs_f64());
    }

    /// Somebody was told so.
    pub(crate) fn refusal(&self, way: Way, code: ErrorCode) {
        self.refusals.get_or_create(&[way.label(), ("code", code.as_str())]).inc();
    }

    pub(crate) fn s3_failure(&self, operation: Operation) {
        self.s3_failures.get_or_create(&[operation.label()]).inc();
    }

    /// A job was delivered for the first time, or again.
    pub(crate) fn delivery(&self, number: u64, waited: Duration) {
        if number > 1 {
            self.redeliveries.inc();
        } else {
            self.queue_wait.observe(waited.as_secs_f64());
        }
    }

    /// One upload that is worked on until this is dropped.
    pub(crate) fn at_work(self: &Arc<Self>) -> AtWork {
        self.in_flight.inc();
        AtWork(self.in_flight.clone())
    }

    /// A label shows from the start, so that its first change is seen as one.
    fn with_every_label(self) -> Self {
        for way in Way::ALL {
            for outcome in Outcome::ALL {
                drop(self.jobs.get_or_create(&[way.label(), outcome.label()]));
            }
            for code in ErrorCode::ALL {
                drop(self.refusals.get_or_create(&[way.label(), ("code", code.as_str())]));
            }
            drop(self.job_seconds.get_or_create(&[way.label()]));
        }
        for operation in Operation::ALL {
            drop(self.s3_failures.get_or_create(&[operation.label()]));
        }
        self
    }
}

/// From 10 ms to about 80 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 2.0, 14))
}

fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// Counts an upload as worked on.
#[derive(Debug)]
pub(crate) struct AtWork(Gauge);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_there_from_the_start_and_there_are_no_others() {
        let metrics = Arc::new(Metrics::new());
        let text = metrics.text().unwrap();
        for line in [
            "starling_media_jobs_total{way=\"queue\",result=\"published\"} 0",
            "starling_media_refusals_total{way=\"http\",code=\"too_large\"} 0",
            "starling_media_s3_failures_total{operation=\"check\"} 0",
            "starling_media_job_seconds_count{way=\"http\"} 0",
            "starling_media_queue_wait_seconds_count 0",
            "starling_media_in_bytes_total 0",
            "starling_media_dead_letters_total 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|of| of == line), "{line} is missing in:\n{text}");
        }
        for way in Way::ALL {
            for outcome in Outcome::ALL {
                metrics.job(way, outcome, Duration::from_secs(1));
            }
            for code in ErrorCode::ALL {
                metrics.refusal(way, code);
            }
        }
        for operation in Operation::ALL {
            metrics.s3_failure(operation);
        }
        metrics.delivery(1, Duration::from_secs(1));
        metrics.delivery(2, Duration::from_secs(9));
        assert_eq!(metrics.text().unwrap().lines().count(), text.lines().count());
    }

    #[test]
    fn codes_are_called_what_the_contract_calls_them() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn work_ends_however_it_ends() {
        let metrics = Arc::new(Metrics::new());
        let line = |line: &str| metrics.text().unwrap().lines().any(|of| of == line);
        let at_work = metrics.at_work();
        assert!(line("starling_media_in_flight 1"));
        drop(at_work);
        assert!(line("starling_media_in_flight 0"));
    }
}
