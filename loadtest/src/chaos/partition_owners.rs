//! Who owns each partition, from the leases and sessions in the bucket [`wire::stream::RT_BUCKET`].

use std::collections::HashSet;

use anyhow::Context as _;
use async_nats::jetstream::{
    self,
    kv::{Operation, Store},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use service_shell::NatsUrl;
use wire::{
    Partition, WorkerId,
    kv::{Lease, lease_key, session_key},
};

/// Records that are read at a time.
const AT_ONCE: usize = 16;

/// The run of a worker that holds the lease of each partition, in a session that lives, at `nats_url`.
///
/// # Errors
/// When NATS does not answer, or a lease cannot be read.
pub async fn read(nats_url: &str) -> anyhow::Result<Vec<Option<WorkerId>>> {
    let url: NatsUrl = nats_url.parse().map_err(anyhow::Error::msg)?;
    let client = async_nats::connect(url.servers()).await.context("NATS cannot be reached")?;
    let bucket = jetstream::new(client).get_key_value(wire::stream::RT_BUCKET).await?;
    let leases = stream::iter(Partition::all()).map(|partition| holder(&bucket, partition));
    let mut owners: Vec<Option<WorkerId>> = leases.buffered(AT_ONCE).try_collect().await?;
    let holders: HashSet<WorkerId> = owners.iter().flatten().cloned().collect();
    for holder in holders {
        if value(&bucket, &session_key(&holder)).await?.is_none() {
            owners.iter_mut().filter(|owner| owner.as_ref() == Some(&holder)).for_each(|owner| {
                *owner = None;
            });
        }
    }
    Ok(owners)
}

async fn holder(bucket: &Store, partition: Partition) -> anyhow::Result<Option<WorkerId>> {
    let key = lease_key(partition);
    let Some(lease) = value(bucket, &key).await? else { return Ok(None) };
    let lease: Lease =
        serde_json::from_slice(&lease).with_context(|| format!("{key} holds no lease"))?;
    Ok(Some(lease.worker))
}

/// What is stored there, unless that is a marker of its end.
async fn value(bucket: &Store, key: &str) -> anyhow::Result<Option<bytes::Bytes>> {
    let entry = bucket.entry(key).await.with_context(|| format!("cannot read {key}"))?;
    let stored = entry.filter(|entry| entry.operation == Operation::Put);
    Ok(stored.map(|entry| entry.value))
}
