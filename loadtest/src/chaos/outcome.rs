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
    /// Whether it must take the limit at least, not at most.
    pub at_least: bool,
}

impl Bound {
    #[must_use]
    pub fn new(what: &'static str, limit: Duration, measured: f64) -> Self {
        Self { what, limit: limit.as_secs_f64() * 1_000.0, measured, at_least: false }
    }

    /// What must not be over sooner than `limit`.
    #[must_use]
    pub fn at_least(what: &'static str, limit: Duration, measured: f64) -> Self {
        Self { at_least: true, ..Self::new(what, limit, measured) }
    }

    #[must_use]
    pub fn holds(&self) -> bool {
        if self.at_least { self.measured >= self.limit } else { self.measured <= self.limit }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_one_of_two_kinds() {
        let limit = Duration::from_secs(1);
        let holds = [999.0, 1_000.0, 1_001.0].map(|measured| {
            (Bound::new("", limit, measured).holds(), Bound::at_least("", limit, measured).holds())
        });
        assert_eq!(holds, [(true, false), (true, true), (false, true)]);
    }
}
