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

/// How long a lease lives without being renewed.
pub const LEASE_TTL: Duration = Duration::from_secs(3);
/// How often its owner renews it.
pub const LEASE_RENEWAL: Duration = Duration::from_secs(1);

/// The fencing token of a tenure: the bucket's revision when the lease was taken. A later owner of
/// the same partition has a higher one.
pub type Epoch = u64;

/// The key of a partition's lease.
#[must_use]
pub fn lease_key(partition: Partition) -> String {
    format!("lease.{partition}")
}

/// Every lease.
pub const ALL_LEASES: &str = "lease.*";

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

/// Who owns a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
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
        for key in ["lease.64", "lease.x", "lease.", "lease.01", "ckpt.1", "lease.1.2"] {
            assert_eq!(parse_lease_key(key), None, "{key:?}");
        }
    }
}
