//! The records of the bucket [`crate::stream::RT_BUCKET`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Partition, Seq, WorkerId, stream::RT_BUCKET};

/// The subject under which [`crate::stream::RT_STREAM`] stores a key, or keys with wildcards (NATS ADR-8).
#[must_use]
pub fn subject(key: &str) -> String {
    format!("$KV.{RT_BUCKET}.{key}")
}

/// Reads the key out of a subject; `None` for one of another stream.
#[must_use]
pub fn parse_subject(subject: &str) -> Option<&str> {
    subject.strip_prefix("$KV.")?.strip_prefix(RT_BUCKET)?.strip_prefix('.')
}

/// How long a worker's session lives without being renewed.
pub const SESSION_TTL: Duration = Duration::from_secs(3);
/// How often its worker renews it.
pub const SESSION_RENEWAL: Duration = Duration::from_secs(1);

/// The fencing token of a tenure: the bucket's revision when the lease was taken. A later owner of
/// the same partition has a higher one.
pub type Epoch = u64;

/// The key of a partition's lease.
#[must_use]
pub fn lease_key(partition: Partition) -> String {
    format!("lease.{partition}")
}

/// The key of a worker's session, which keeps alive all the leases that the worker holds.
#[must_use]
pub fn session_key(worker: &WorkerId) -> String {
    format!("{SESSIONS}{worker}")
}

const SESSIONS: &str = "lease.by.";

/// Every lease and every session: one filter, so that who watches sees both in one order.
pub const ALL_LEASES: &str = "lease.>";

/// The key of a partition's checkpoint.
#[must_use]
pub fn checkpoint_key(partition: Partition) -> String {
    format!("ckpt.{partition}")
}

/// Reads the partition out of a lease's key; `None` for any other key.
#[must_use]
pub fn parse_lease_key(key: &str) -> Option<Partition> {
    let number = key.strip_prefix("lease.")?.parse().ok()?;
    Partition::new(number).ok().filter(|partition| lease_key(*partition) == key)
}

/// Reads the worker out of a session's key; `None` for any other key.
#[must_use]
pub fn parse_session_key(key: &str) -> Option<WorkerId> {
    WorkerId::parse(key.strip_prefix(SESSIONS)?).ok()
}

/// Who owns a partition: while the session lasts in which that worker wrote this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub worker: WorkerId,
}

/// A worker that may own partitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub worker: WorkerId,
}

/// How far a partition's owner has come: everything up to `seq` was sent to its nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub epoch: Epoch,
    pub seq: Seq,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_read_back() {
        assert_eq!(parse_subject(&subject("lease.1")), Some("lease.1"));
        for foreign in ["", "lease.1", "$KV.RT", "$KV.RTX.lease.1", "$KV.other.lease.1"] {
            assert_eq!(parse_subject(foreign), None, "{foreign:?}");
        }
        assert_eq!(crate::stream::RT_STREAM, format!("KV_{RT_BUCKET}"));
    }

    #[test]
    fn lease_keys_read_back() {
        for partition in Partition::all() {
            assert_eq!(parse_lease_key(&lease_key(partition)), Some(partition));
        }
        for key in
            ["lease.64", "lease.x", "lease.", "lease.01", "ckpt.1", "lease.1.2", "lease.by.1"]
        {
            assert_eq!(parse_lease_key(key), None, "{key:?}");
        }
    }

    #[test]
    fn session_keys_read_back_and_lie_among_the_leases() {
        let worker = WorkerId::parse("worker-1").unwrap();
        assert_eq!(parse_session_key(&session_key(&worker)), Some(worker.clone()));
        for key in ["lease.by.", "lease.by.a.b", "lease.by.A", "lease.1", "ckpt.by.a"] {
            assert_eq!(parse_session_key(key), None, "{key:?}");
        }
        let all = ALL_LEASES.strip_suffix('>').unwrap();
        assert!(session_key(&worker).starts_with(all));
        assert!(lease_key(Partition::of_room("general")).starts_with(all));
    }
}
