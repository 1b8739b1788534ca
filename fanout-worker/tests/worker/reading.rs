//! How many consumers it takes to read the log, and that changing over from many to one leaves nothing out.

use std::time::Duration;

use local_stack::data_folder::DataFolder;
use local_stack::nats_process::NatsSettings;
use wire::stream::ROOMS;
use wire::{PARTITIONS, WorkerId};

use crate::node::{DEADLINE, Node};
use crate::room_of_each_partition;
use crate::stage::{Stage, Traffic, is};

/// How often the server is asked.
const POLL: Duration = Duration::from_millis(50);

/// Waits until the stream of rooms has so many consumers.
async fn wait_consumers(stage: &Stage, expected: usize) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        // A server that comes back answers late.
        let stream = stage.jetstream.get_stream(ROOMS).await;
        let count = stream.ok().map(|stream| stream.cached_info().state.consumer_count);
        if count == Some(expected) {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "the log has {count:?} consumers, not {expected}"
        );
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_that_stay_are_read_through_one_consumer_and_nothing_is_left_out() {
    let mut stage = Stage::set().await;
    let first = stage.worker("first");
    stage.wait_owner_of_all("first").await;
    let node = Node::start(&stage.client, "node-1").await;
    let rooms = room_of_each_partition();
    let mut traffic = Traffic::start(&stage, &node, &rooms).await;
    wait_consumers(&stage, 1).await;
    traffic.wait_more(&node, rooms.len()).await;

    let second = stage.worker("second");
    let shared = |owners: &[Option<WorkerId>]| {
        let count = |name| owners.iter().flatten().filter(|owner| is(owner, name)).count();
        owners.iter().all(Option::is_some) && count("first") >= 10 && count("second") >= 10
    };
    stage.wait_owners("sharing", shared).await;
    traffic.wait_more(&node, rooms.len()).await;
    wait_consumers(&stage, 2).await;
    traffic.wait_more(&node, rooms.len()).await;

    stage.server.kill().unwrap();
    stage.server.restart().await.unwrap();
    traffic.wait_more(&node, rooms.len() * 2).await;
    wait_consumers(&stage, 2).await;

    second.kill();
    stage.wait_owner_of_all("first").await;
    traffic.wait_more(&node, rooms.len()).await;
    wait_consumers(&stage, 1).await;
    traffic.wait_more(&node, rooms.len()).await;
    traffic.stop_and_check(&node).await;
    first.stop().await.unwrap();
    wait_consumers(&stage, 0).await;
}

/// A server on which nobody may make a consumer whose filters are not in the request's subject.
const ONE_FILTER_EACH: &str = r#"
no_auth_user: anyone
authorization {
  users = [{
    user: anyone
    password: anyone
    permissions: { publish: { deny: ["$JS.API.CONSUMER.CREATE.ROOMS.*"] }, subscribe: ">" }
  }]
}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_may_not_read_through_one_consumer_reads_with_many() {
    let folder = DataFolder::temporary().unwrap();
    let config = folder.path().join("nats.conf");
    std::fs::write(&config, ONE_FILTER_EACH).unwrap();
    let arguments = vec!["--config".to_owned(), config.display().to_string()];
    let stage = Stage::set_with(NatsSettings { arguments, ..NatsSettings::default() }).await;
    let worker = stage.worker("one");
    stage.wait_owner_of_all("one").await;
    let node = Node::start(&stage.client, "node-1").await;
    let rooms = room_of_each_partition();
    let mut traffic = Traffic::start(&stage, &node, &rooms).await;
    worker.wait_metric("starling_worker_nats_refusals_total", |refusals| refusals > 0).await;
    traffic.wait_more(&node, rooms.len()).await;
    wait_consumers(&stage, PARTITIONS.into()).await;
    traffic.stop_and_check(&node).await;
    worker.stop().await.unwrap();
}
