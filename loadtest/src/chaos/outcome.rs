//! What one fault showed, and whether the guarantees held.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use super::verdict::Verdict;

/// What one fault showed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub fault: String,
    pub verdict: Verdict,
    /// What only this fault shows, each with its value.
    pub figures: Vec<Figure>,
    /// The time within which something had to be done.
    pub bound: Option<Bound>,
    /// Guarantees other than the verdict's that did not hold, in words.
    pub broken: Vec<String>,
    /// Where the services' logs are, if something broke.
    pub logs: Option<PathBuf>,
    pub seconds: f64,
}

/// A measured value with its name.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    pub name: String,
    pub value: String,
}

/// A time limit, in milliseconds, and what was measured.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bound {
    pub what: &'static str,
    pub limit: f64,
    pub measured: f64,
}

impl Bound {
    #[must_use]
    pub fn new(what: &'static str, limit: Duration, measured: f64) -> Self {
        Self { what, limit: limit.as_secs_f64() * 1_000.0, measured }
    }

    #[must_use]
    pub fn holds(&self) -> bool {
        self.measured <= self.limit
    }
}

impl Outcome {
    /// Whether every guarantee held, whatever the time it took.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.verdict.is_clean() && self.broken.is_empty()
    }

    /// Whether its time bound held too.
    #[must_use]
    pub fn is_in_time(&self) -> bool {
        self.bound.as_ref().is_none_or(Bound::holds)
    }

    /// In a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.is_whole(), self.is_in_time()) {
            (false, _) => "BROKEN",
            (true, false) => "over",
            (true, true) => "ok",
        }
    }

    /// Everything that broke, and where the logs are, in lines.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.broken.iter().chain(&self.verdict.findings).cloned().collect();
        if self.verdict.delivered == 0 {
            lines.push("nothing was delivered, so nothing is shown".to_owned());
        }
        if let Some(logs) = &self.logs {
            lines.push(format!("the services' logs are in {}", logs.display()));
        }
        lines
    }
}
