//! The machine that everything shares: what must be known of it to read the figures.

use std::fs;

use serde::Serialize;

/// As it was when the comparison began.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    pub cores: usize,
    /// Processes that wanted a core over the last minute, on average; `None` where nobody tells.
    pub load: Option<f64>,
}

impl Machine {
    #[must_use]
    pub fn now() -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load: fs::read_to_string("/proc/loadavg").ok().as_deref().and_then(parse),
        }
    }

    /// Whether so much else is going on that figures say little.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        #[allow(clippy::cast_precision_loss)]
        let half = self.cores as f64 / 2.0;
        self.load.is_some_and(|load| load > half)
    }
}

fn parse(loadavg: &str) -> Option<f64> {
    loadavg.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_of_half_the_cores_is_too_much() {
        let machine = |load| Machine { cores: 2, load };
        assert!(machine(parse("1.01 0.5 0.2 1/300 7")).is_busy());
        assert!(!machine(parse("1.00 9.0 9.0 1/300 7")).is_busy());
        assert!(!machine(parse("")).is_busy());
    }
}
