//! What goes between a lease and whoever carries out what it decides.

use std::time::Instant;

use wire::{WorkerId, kv::Epoch};

/// What the caller is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Write the lease over revision `expected`, then call [`super::Lease::taken`].
    Take { expected: u64 },
    /// Own the partition, with the right to act until `until`.
    Start { epoch: Epoch, until: Instant },
    /// Write the lease again over revision `expected`, then call [`super::Lease::renewed`].
    Renew { expected: u64 },
    /// The owner may now act until `until`.
    Extend { until: Instant },
    /// Let the owner finish what it has begun, then call [`super::Lease::ended`].
    Drain,
    /// The right to act is gone: stop the owner at once.
    Stop,
    /// Delete the lease over revision `expected`, then call [`super::Lease::released`].
    Release { expected: u64 },
    /// What is known of the bucket cannot be right: read it again.
    Resync,
}

/// The answer to a request that writes the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Written, with this revision.
    Written(u64),
    /// Another revision than the expected one is there.
    Refused,
    /// Nobody knows whether it was written.
    Unknown,
}

/// Who should own the partition, and since when that worker has been alive.
#[derive(Debug, Clone, Copy)]
pub struct Winner<'a> {
    pub worker: &'a WorkerId,
    pub alive_since: Instant,
}
