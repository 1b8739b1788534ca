//! The partitions that divide rooms among fan-out workers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many partitions there are. Changing it is a migration: rooms would move to other subjects.
pub const PARTITIONS: u16 = 64;

/// One of the [`PARTITIONS`] slices of all rooms; a single worker owns it at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Partition(u16);

/// A number that is no partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("partition {0} is out of range; expected 0 to {last}", last = PARTITIONS - 1)]
pub struct PartitionError(u16);

impl Partition {
    /// # Errors
    /// When `number` is not below [`PARTITIONS`].
    pub fn new(number: u16) -> Result<Self, PartitionError> {
        if number < PARTITIONS { Ok(Self(number)) } else { Err(PartitionError(number)) }
    }

    /// The partition of a room: FNV-1a over the name's bytes, modulo [`PARTITIONS`].
    #[must_use]
    pub fn of_room(room: &str) -> Self {
        // The remainder is below PARTITIONS, which is a u16.
        #[allow(clippy::cast_possible_truncation)]
        Self((fnv1a32(room.as_bytes()) % u32::from(PARTITIONS)) as u16)
    }

    /// Every partition, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..PARTITIONS).map(Self)
    }

    /// The number, below [`PARTITIONS`].
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Partition {
    type Error = PartitionError;
    fn try_from(number: u16) -> Result<Self, Self::Error> {
        Self::new(number)
    }
}

impl From<Partition> for u16 {
    fn from(partition: Partition) -> Self {
        partition.0
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// 32-bit FNV-1a (draft-eastlake-fnv), which is also what nats-server's `partition()` mapping uses.
#[must_use]
pub fn fnv1a32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv_vectors() {
        // From the reference test vectors of the FNV authors.
        assert_eq!(fnv1a32(b""), 0x811c_9dc5);
        assert_eq!(fnv1a32(b"a"), 0xe40c_292c);
        assert_eq!(fnv1a32(b"foobar"), 0xbf9c_f968);
    }

    #[test]
    fn range() {
        assert_eq!(Partition::all().count(), usize::from(PARTITIONS));
        assert!(Partition::new(PARTITIONS).is_err());
        assert!(serde_json::from_str::<Partition>("64").is_err());
        assert_eq!(Partition::of_room("general"), Partition::of_room("general"));
    }
}
