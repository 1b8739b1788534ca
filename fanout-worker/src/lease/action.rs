//! What goes between the claims and whoever carries out what they decide.

use std::time::Instant;

use wire::{Partition, WorkerId, kv::Epoch};

/// What the caller is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make the request over revision `expected`, then call [`super::Claims::answered`].
    Ask { request: Request, expected: u64 },
    /// A session is open, with the right to act until `until`.
    Begin { until: Instant },
    /// The session gives the right to act until `until`.
    Extend { until: Instant },
    /// The session's right is gone for good, whatever `until` was; its owners are stopped next.
    Lost,
    /// Own the partition, by the right of the open session.
    Start { partition: Partition, epoch: Epoch },
    /// Let the owner finish what it has begun, then call [`super::Claims::owner_ended`].
    Drain { partition: Partition },
    /// The right to act is gone: stop the owner at once.
    Stop { partition: Partition },
    /// What is known of the bucket cannot be right: read it again.
    Resync,
}

/// A request that writes one record of the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Write this worker's session, to live from now on.
    Session,
    /// Delete this worker's session.
    EndSession,
    /// Mark that this other worker has no session: the bucket takes it only if that is so.
    Bury(WorkerId),
    /// Write the lease.
    Take(Partition),
    /// Delete the lease.
    Release(Partition),
}

/// The answer to a [`Request`].
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
