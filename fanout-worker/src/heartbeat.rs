//! Says that this worker lives, until it leaves.

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use wire::heartbeat::{HEARTBEAT_INTERVAL, WorkerHeartbeat};
use wire::subject::worker_heartbeat;

use crate::nats::Nats;

/// Beats until `leave` is cancelled, then says goodbye.
pub async fn beat(nats: Nats, leave: CancellationToken) {
    let mut ticks = interval(HEARTBEAT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => say(&nats, false).await,
            () = leave.cancelled() => return say(&nats, true).await,
        }
    }
}

async fn say(nats: &Nats, leaving: bool) {
    let beat = WorkerHeartbeat { worker: nats.worker.clone(), leaving };
    let Ok(payload) = serde_json::to_vec(&beat) else { return };
    // Without a connection the beat waits or is refused; the others notice either way.
    if let Err(error) = nats.client.publish(worker_heartbeat(&nats.worker), payload.into()).await {
        tracing::debug!("cannot send a heartbeat: {error}");
    }
}
