//! What a worker says of itself at `/metrics`.

use wire::PARTITIONS;

use crate::node::Node;
use crate::stage::Stage;
use crate::{body, room, user};

const ALL: u64 = PARTITIONS as u64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_move_and_return_to_zero() {
    let mut stage = Stage::set().await;
    let worker = stage.worker("one");
    stage.wait_owner_of_all("one").await;
    let exactly = |value: u64| move |now: u64| now == value;
    worker.wait_metric("starling_worker_partitions", exactly(ALL)).await;
    worker.wait_metric("starling_worker_leases_total{change=\"taken\"}", exactly(ALL)).await;

    let nodes =
        [Node::start(&stage.client, "node-1").await, Node::start(&stage.client, "node-2").await];
    let (general, other) = (room("general"), room("other"));
    for node in &nodes {
        node.join(&general).await;
    }
    nodes[0].join(&other).await;
    nodes[0].users_joined(&general, &[user("ann"), user("bob")]).await;
    nodes[1].users_joined(&general, &[user("bob"), user("cid")]).await;
    stage.publish(&general, &body(1)).await;
    for node in &nodes {
        node.wait("the message", |seen| seen.rooms[&general].emitted.len() == 1).await;
    }
    worker.wait_metric("starling_worker_nodes", exactly(2)).await;
    worker.wait_metric("starling_worker_rooms", exactly(2)).await;
    worker.wait_metric("starling_worker_room_nodes", exactly(3)).await;
    worker.wait_metric("starling_worker_roster_users", exactly(3)).await;
    worker.wait_metric("starling_worker_deliveries_total", exactly(2)).await;
    // Three records of interest and a message.
    worker.wait_metric("starling_worker_log_records_total", exactly(4)).await;
    let frames = worker.wait_metric("starling_worker_frames_total", |frames| frames >= 2).await;
    worker.wait_metric("starling_worker_frame_bytes_total", |bytes| bytes > frames * 50).await;
    worker.wait_metric("starling_worker_outbox_batches", exactly(0)).await;
    worker.wait_metric("starling_worker_log_pending", exactly(0)).await;

    let answer = worker.get("/metrics").await.unwrap();
    let media = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(answer.contains(media) && answer.ends_with("# EOF\n"), "{answer}");

    // Without its server the worker fences itself, and nothing that its owners had is left over.
    stage.server.kill().unwrap();
    worker.wait_metric("starling_worker_partitions", exactly(0)).await;
    for name in ["rooms", "room_nodes", "roster_users", "log_pending"] {
        worker.wait_metric(&format!("starling_worker_{name}"), exactly(0)).await;
    }
    worker.wait_metric("starling_worker_tenures_total{end=\"fenced\"}", exactly(ALL)).await;
    worker.wait_metric("starling_worker_leases_total{change=\"lost\"}", |lost| lost > 0).await;

    stage.server.restart().await.unwrap();
    worker.wait_metric("starling_worker_partitions", exactly(ALL)).await;
    worker.wait_metric("starling_worker_rooms", exactly(2)).await;
    worker.wait_metric("starling_worker_roster_users", exactly(3)).await;

    nodes[0].users_left(&general, &[user("ann")]).await;
    worker.wait_metric("starling_worker_roster_users", exactly(2)).await;
    let [_stays, goes] = nodes;
    drop(goes);
    worker.wait_metric("starling_worker_nodes", exactly(1)).await;
    worker.wait_metric("starling_worker_roster_users", exactly(1)).await;
    worker.stop().await.unwrap();
}
