//! What a reader of the log has yet to read, as it is told of.

use std::sync::Arc;

use prometheus_client::metrics::gauge::Gauge;
use wire::Partition;

use super::Metrics;

/// What one reader adds to the gauges, for all the partitions that it reads. However the reader ends,
/// dropping this takes it back.
#[derive(Debug)]
pub struct Backlog {
    total: Gauge,
    lags: Vec<Gauge>,
    told: i64,
}

impl Backlog {
    pub fn new(metrics: &Arc<Metrics>, partitions: impl IntoIterator<Item = Partition>) -> Self {
        let lag = |partition: Partition| {
            metrics.lag.get_or_create(&[("partition", partition.number())]).clone()
        };
        let lags = partitions.into_iter().map(lag).collect();
        Self { total: metrics.log_pending.clone(), lags, told: 0 }
    }

    /// So many records are left, of all its partitions.
    pub fn tell(&mut self, pending: u64) {
        let pending = i64::try_from(pending).unwrap_or(i64::MAX);
        if pending == self.told {
            return;
        }
        self.total.inc_by(pending - self.told);
        self.told = pending;
        for lag in &self.lags {
            lag.set(pending);
        }
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        self.tell(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_counts_once_in_all_and_for_each_partition_and_is_taken_back() {
        let metrics = Arc::new(Metrics::new());
        let partitions = |numbers: &[u16]| -> Vec<Partition> {
            numbers.iter().map(|number| Partition::new(*number).unwrap()).collect()
        };
        let mut alone = Backlog::new(&metrics, partitions(&[7]));
        let mut together = Backlog::new(&metrics, partitions(&[8, 9]));
        let told = |expected: [i64; 4]| {
            let text = metrics.text().unwrap();
            let name = "starling_worker_partition_lag_records";
            let lags = [7, 8, 9].map(|number| format!("{name}{{partition=\"{number}\"}}"));
            let names = std::iter::once("starling_worker_log_pending".to_owned()).chain(lags);
            for (name, value) in names.zip(expected) {
                let line = format!("{name} {value}");
                assert!(text.lines().any(|of| of == line), "no {line} in:\n{text}");
            }
        };
        alone.tell(4);
        together.tell(10);
        told([14, 4, 10, 10]);
        alone.tell(0);
        told([10, 0, 10, 10]);
        drop(together);
        told([0, 0, 0, 0]);
    }
}
