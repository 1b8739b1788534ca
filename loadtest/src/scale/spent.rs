//! The processor time of a system, by the kind of its processes.

use serde::Serialize;

use crate::cpu;

/// Seconds of processor time; `None` where they cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spent {
    pub nodes: Option<f64>,
    pub workers: Option<f64>,
    pub nats: Option<f64>,
}

impl Spent {
    /// What these processes, by their names, have used since they started.
    #[must_use]
    pub fn of(processes: &[(String, u32)]) -> Self {
        let kind = |kind: &str| -> Option<f64> {
            let of_kind = processes.iter().filter(|(name, _)| name.starts_with(kind));
            of_kind.map(|(_, pid)| cpu::of(*pid)).sum()
        };
        Self { nodes: kind("node-"), workers: kind("worker-"), nats: kind("nats-") }
    }

    /// What was used between `earlier` and now.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        self.with(earlier, |now, then| now - then)
    }

    /// Without the share of idling: `idle` was used over `idle_span`, all over `span`.
    #[must_use]
    pub fn without(&self, idle: &Self, idle_span: f64, span: f64) -> Self {
        self.with(idle, |all, idle| all - idle * span / idle_span)
    }

    /// Microseconds for each of so many messages.
    #[must_use]
    pub fn micros_each(&self, messages: f64) -> Self {
        self.with(self, |seconds, _| seconds * 1e6 / messages)
    }

    /// All kinds together.
    #[must_use]
    pub fn total(&self) -> Option<f64> {
        Some(self.nodes? + self.workers? + self.nats?)
    }

    fn with(&self, other: &Self, of: impl Fn(f64, f64) -> f64) -> Self {
        let both = |one: Option<f64>, other: Option<f64>| Some(of(one?, other?));
        Self {
            nodes: both(self.nodes, other.nodes),
            workers: both(self.workers, other.workers),
            nats: both(self.nats, other.nats),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_idle_share_is_taken_off() {
        let spent = |nodes| Spent { nodes: Some(nodes), workers: Some(0.0), nats: None };
        let busy = spent(5.0).since(&spent(1.0)).without(&spent(0.5), 2.0, 4.0);
        assert_eq!(busy.nodes, Some(3.0));
        assert_eq!(busy.micros_each(1_000.0).nodes, Some(3_000.0));
        assert_eq!((busy.nats, busy.total()), (None, None));
    }

    #[test]
    fn processes_are_told_by_their_names() {
        let me = std::process::id();
        let spent = Spent::of(&[("node-1".to_owned(), me), ("worker-1".to_owned(), u32::MAX)]);
        assert!(spent.nodes.is_some());
        assert_eq!(spent.workers, None);
    }
}
