//! The node's sign of life.

use async_nats::{Client, connection::State};
use tokio_util::sync::CancellationToken;
use wire::{
    NodeId,
    heartbeat::{HEARTBEAT_INTERVAL, NodeHeartbeat},
    subject,
};

/// Beats until `stop`, and then once more to say that the node leaves.
pub async fn beat(client: Client, node: NodeId, stop: CancellationToken) {
    let mut beats = tokio::time::interval(HEARTBEAT_INTERVAL);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(beats.tick()).await.is_some() {
        send(&client, &node, false).await;
    }
    send(&client, &node, true).await;
}

async fn send(client: &Client, node: &NodeId, leaving: bool) {
    // Beats that pile up during an outage would come late, all at once, and say nothing.
    if client.connection_state() != State::Connected {
        return;
    }
    let beat = NodeHeartbeat { node: node.clone(), leaving };
    let Ok(payload) = serde_json::to_vec(&beat) else { return };
    if let Err(error) = client.publish(subject::node_heartbeat(node), payload.into()).await {
        tracing::warn!(%error, "cannot send a heartbeat");
    }
}
