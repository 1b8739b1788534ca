//! Faults of fan-out workers.

use std::time::Duration;

use wire::Partition;

use super::stage::{Scale, Stage};
use crate::chaos::outcome::Outcome;

/// How soon a killed worker is replaced: deliveries come again in every room.
const REPLACED: Duration = Duration::from_secs(4);
/// How long a worker may take to be ready.
const READY: Duration = Duration::from_secs(20);

/// A worker that owns rooms dies; another takes over, and later it comes back.
pub async fn kill(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(name, scale, scale.plan()).await?;
    let victim = busiest(&mut stage).await?;
    stage.topology.worker(victim).kill()?;
    stage.go_on(scale.seconds(5.0, 15.0)).await;
    stage.topology.worker(victim).start_again()?;
    let ready = stage.topology.worker(victim).wait_ready(READY).await;
    stage.must("the worker does not come back", ready);
    stage.go_on(scale.seconds(2.0, 15.0)).await;
    stage.rest().await;
    let silence = stage.verdict().silence_worst_room;
    stage.bound("deliveries are back in every room", REPLACED, silence);
    stage.close().await
}

/// A worker that owns rooms stands still until others own them, and then wakes.
pub async fn pause(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(name, scale, scale.plan()).await?;
    let victim = busiest(&mut stage).await?;
    stage.topology.worker(victim).pause()?;
    stage.go_on(scale.seconds(6.0, 10.0)).await;
    stage.topology.worker(victim).resume()?;
    stage.go_on(scale.seconds(3.0, 15.0)).await;
    stage.rest().await;
    let silence = stage.verdict().silence_worst_room;
    stage.bound("deliveries are back in every room", REPLACED, silence);
    stage.close().await
}

/// The worker that owns the partitions of the most rooms.
async fn busiest(stage: &mut Stage) -> anyhow::Result<usize> {
    let owners = stage.topology.partition_owners().await?;
    let mut rooms = vec![0; stage.topology.workers()];
    for room in stage.fleet.room_names() {
        let partition = usize::from(Partition::of_room(room).number());
        if let Some(owner) = owners.get(partition).copied().flatten() {
            rooms[owner] += 1;
        }
    }
    let (victim, owned) =
        rooms.into_iter().enumerate().max_by_key(|(_, owned)| *owned).unwrap_or_default();
    anyhow::ensure!(owned > 0, "no worker owns the partition of any room");
    let of = stage.fleet.room_names().len();
    stage.figure("rooms of the worker", format!("{owned} of {of}"));
    Ok(victim)
}
