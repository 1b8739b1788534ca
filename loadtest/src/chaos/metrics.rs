//! What a process tells on `GET /metrics`.

use http::Uri;

/// The samples of one scrape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics;

impl Metrics {
    /// Asks the process at `base`.
    pub async fn scrape(base: &Uri) -> anyhow::Result<Self> {
        let _ = base;
        todo!()
    }

    /// Reads the Prometheus or OpenMetrics text format.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let _ = text;
        todo!()
    }

    /// The sum over all labels of the samples called `name`; `None` where there is none.
    #[must_use]
    pub fn sum(&self, name: &str) -> Option<f64> {
        let _ = name;
        todo!()
    }

    /// The sum of the samples called `name` whose label `label` has the value `value`.
    #[must_use]
    pub fn with_label(&self, name: &str, label: &str, value: &str) -> Option<f64> {
        let _ = (name, label, value);
        todo!()
    }
}
