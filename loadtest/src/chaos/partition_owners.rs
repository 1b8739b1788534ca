//! Who owns each partition, from the leases in the bucket [`wire::stream::RT_BUCKET`].

use anyhow::Context as _;
use async_nats::jetstream::{self, kv::Operation};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use service_shell::NatsUrl;
use wire::{
    Partition, WorkerId,
    kv::{Lease, lease_key},
};

/// Leases that are read at a time.
const AT_ONCE: usize = 16;

/// The run of a worker that holds the lease of each partition, at `nats_url`.
///
/// # Errors
/// When NATS does not answer, or a lease cannot be read.
pub async fn read(nats_url: &str) -> anyhow::Result<Vec<Option<WorkerId>>> {
    let url: NatsUrl = nats_url.parse().map_err(anyhow::Error::msg)?;
    let client = async_nats::connect(url.servers()).await.context("NATS cannot be reached")?;
    let bucket = jetstream::new(client).get_key_value(wire::stream::RT_BUCKET).await?;
    let leases = stream::iter(Partition::all()).map(|partition| {
        let bucket = &bucket;
        async move {
            let key = lease_key(partition);
            let entry = bucket.entry(&key).await.with_context(|| format!("cannot read {key}"))?;
            let Some(entry) = entry.filter(|entry| entry.operation == Operation::Put) else {
                return Ok(None);
            };
            let lease: Lease = serde_json::from_slice(&entry.value)
                .with_context(|| format!("{key} holds no lease"))?;
            anyhow::Ok(Some(lease.worker))
        }
    });
    leases.buffered(AT_ONCE).try_collect().await
}
