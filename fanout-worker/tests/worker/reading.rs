//! How many consumers it takes to read the log, and that changing over from many to one leaves nothing out.

use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use futures_util::StreamExt as _;
use local_stack::data_folder::DataFolder;
use local_stack::nats_process::NatsSettings;
use wire::stream::ROOMS;
use wire::{PARTITIONS, WorkerId};

use crate::node::{DEADLINE, Node};
use crate::stage::{Stage, Traffic, is};
use crate::{body, room_of_each_partition};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_was_silent_for_long_has_nothing_of_the_others_read_again() {
    let stage = Stage::set().await;
    let first = stage.worker("first");
    stage.wait_owner_of_all("first").await;
    let node = Node::start(&stage.client, "node-1").await;
    let rooms = room_of_each_partition();
    for room in &rooms {
        node.join(room).await;
        stage.publish(room, &body(0)).await;
    }
    let each_has = |count: usize| {
        let rooms = rooms.clone();
        move |seen: &crate::life::Seen| {
            rooms.iter().all(|room| seen.rooms[room].emitted.len() >= count)
        }
    };
    node.wait("one message in each", each_has(1)).await;
    first.stop().await.unwrap();
    let mut last = 0;
    for n in 1..=3_000 {
        last = stage.publish(&rooms[0], &body(n)).await;
    }
    let second = stage.worker("second");
    stage.wait_owner_of_all("second").await;
    wait_consumers(&stage, 1).await;
    let stream = stage.jetstream.get_stream(ROOMS).await.unwrap();
    let consumer = stream.consumers().next().await.unwrap().unwrap();
    let DeliverPolicy::ByStartSequence { start_sequence } = consumer.config.deliver_policy else {
        panic!("{consumer:?}");
    };
    assert!(start_sequence > last, "it starts at {start_sequence}, where {last} was over");
    for room in &rooms {
        stage.publish(room, &body(9_999)).await;
    }
    node.wait("two messages in each", each_has(2)).await;
    second.stop().await.unwrap();
}

/// A server's configuration; where `denied`, nobody may make a consumer whose filters are not in the
/// request's subject.
fn configuration(denied: bool) -> String {
    let denied = if denied { "$JS.API.CONSUMER.CREATE.ROOMS.*" } else { "nothing" };
    let permissions = format!("{{ publish: {{ deny: [\"{denied}\"] }}, subscribe: \">\" }}");
    let anyone = format!("{{ user: anyone, password: anyone, permissions: {permissions} }}");
    format!("no_auth_user: anyone\nauthorization {{ users = [{anyone}] }}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_may_not_read_through_one_consumer_reads_with_many() {
    let folder = DataFolder::temporary().unwrap();
    let config = folder.path().join("nats.conf");
    std::fs::write(&config, configuration(true)).unwrap();
    let arguments = vec!["--config".to_owned(), config.display().to_string()];
    let mut stage = Stage::set_with(NatsSettings { arguments, ..NatsSettings::default() }).await;
    let worker = stage.worker("one");
    stage.wait_owner_of_all("one").await;
    let node = Node::start(&stage.client, "node-1").await;
    let rooms = room_of_each_partition();
    let mut traffic = Traffic::start(&stage, &node, &rooms).await;
    let refusals = "starling_worker_nats_refusals_total";
    worker.wait_metric(refusals, |refusals| refusals > 0).await;
    traffic.wait_more(&node, rooms.len()).await;
    wait_consumers(&stage, PARTITIONS.into()).await;
    worker.stop().await.unwrap();

    // One that has read through one, and may not make it again.
    std::fs::write(&config, configuration(false)).unwrap();
    stage.server.restart().await.unwrap();
    let worker = stage.worker("two");
    stage.wait_owner_of_all("two").await;
    wait_consumers(&stage, 1).await;
    std::fs::write(&config, configuration(true)).unwrap();
    stage.server.restart().await.unwrap();
    wait_consumers(&stage, PARTITIONS.into()).await;
    assert!(worker.wait_metric(refusals, |_| true).await > 0, "it was not denied");
    traffic.wait_more(&node, rooms.len()).await;
    traffic.stop_and_check(&node).await;
    worker.stop().await.unwrap();
}
