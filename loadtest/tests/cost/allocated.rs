//! What this process has allocated.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often something was allocated or grown, and bytes.
#[derive(Debug, Clone, Copy)]
pub struct Allocated {
    pub times: f64,
    pub bytes: f64,
}

impl Allocated {
    /// Since the process started.
    pub fn now() -> Self {
        let stats = ALLOCATOR.stats();
        // Far below 2^53.
        #[allow(clippy::cast_precision_loss)]
        let (times, bytes) =
            ((stats.allocations + stats.reallocations) as f64, stats.bytes_allocated as f64);
        Self { times, bytes }
    }

    /// Between `earlier` and now.
    pub fn since(self, earlier: Self) -> Self {
        self.with(earlier, |now, then| now - then)
    }

    /// Without `share` times what idling takes.
    pub fn without(self, idle: Self, share: f64) -> Self {
        self.with(idle, |all, idle| all - idle * share)
    }

    /// For each of so many messages.
    pub fn each(self, messages: f64) -> Self {
        self.with(self, |all, _| all / messages)
    }

    fn with(self, other: Self, of: impl Fn(f64, f64) -> f64) -> Self {
        Self { times: of(self.times, other.times), bytes: of(self.bytes, other.bytes) }
    }
}
