//! Which worker owns what, and what a change of owner costs: nothing.

use std::time::Instant;

use async_nats::jetstream::message::PublishMessage;
use futures_util::StreamExt as _;
use wire::WorkerId;
use wire::delivery::{RosterChange, RosterUpdate};
use wire::kv::{self, Lease, SESSION_TTL, Session, lease_key, session_key};

use crate::node::Node;
use crate::stage::{Stage, Traffic, is};
use crate::{body, room, room_of_each_partition, user};

fn count(owners: &[Option<WorkerId>], name: &str) -> usize {
    owners.iter().flatten().filter(|owner| is(owner, name)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_and_the_one_who_stays_gets_all() {
    let stage = Stage::set().await;
    let first = stage.worker("first");
    stage.wait_owner_of_all("first").await;
    let second = stage.worker("second");
    // 64 partitions over two: fewer than ten for one would be a hash gone wrong.
    let balanced = |owners: &[Option<WorkerId>]| {
        owners.iter().all(Option::is_some)
            && count(owners, "second") >= 10
            && count(owners, "first") >= 10
    };
    stage.wait_owners("balance", balanced).await;

    let node = Node::start(&stage.client, "node-1").await;
    let traffic = Traffic::start(&stage, &node, &room_of_each_partition()).await;
    let left = Instant::now();
    first.stop().await.unwrap();
    stage.wait_owner_of_all("second").await;
    println!("all was handed over after {:?}", left.elapsed());
    traffic.stop_and_check(&node).await;
    second.stop().await.unwrap();
    stage.wait_owners("everything released", |owners| owners.iter().all(Option::is_none)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_start_together_share() {
    let stage = Stage::set().await;
    let _workers = [stage.worker("first"), stage.worker("second"), stage.worker("third")];
    let shared = |owners: &[Option<WorkerId>]| {
        let all = owners.iter().all(Option::is_some);
        all && ["first", "second", "third"].iter().all(|name| count(owners, name) >= 5)
    };
    stage.wait_owners("sharing", shared).await;
    let node = Node::start(&stage.client, "node-1").await;
    let rooms = room_of_each_partition();
    for room in &rooms {
        node.join(room).await;
        stage.publish(room, &body(0)).await;
    }
    let emitted = |room| node.seen().rooms[room].emitted.len();
    node.wait("all", |seen| rooms.iter().all(|room| !seen.rooms[room].emitted.is_empty())).await;
    assert!(rooms.iter().all(|room| emitted(room) == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_is_replaced_and_nothing_is_lost() {
    let stage = Stage::set().await;
    let (first, _second) = (stage.worker("first"), stage.worker("second"));
    stage.wait_owners("owners", |owners| owners.iter().all(Option::is_some)).await;
    let node = Node::start(&stage.client, "node-1").await;
    let traffic = Traffic::start(&stage, &node, &room_of_each_partition()).await;
    let killed = Instant::now();
    first.kill();
    stage.wait_owner_of_all("second").await;
    println!("a killed worker was replaced after {:?}", killed.elapsed());
    traffic.stop_and_check(&node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_worker_is_replaced_and_does_no_harm_when_it_goes_on() {
    let stage = Stage::set().await;
    let (first, second) = (stage.worker("first"), stage.worker("second"));
    let shared = |owners: &[Option<WorkerId>]| {
        let all = owners.iter().all(Option::is_some);
        all && ["first", "second"].iter().all(|name| count(owners, name) >= 10)
    };
    stage.wait_owners("sharing", shared).await;
    let nodes =
        [Node::start(&stage.client, "node-1").await, Node::start(&stage.client, "node-2").await];
    let rooms = room_of_each_partition();
    for (node, name) in nodes.iter().zip(["ann", "bob"]) {
        for room in &rooms {
            node.join(room).await;
            node.users_joined(room, &[user(name)]).await;
        }
    }
    let both = |seen: &crate::life::Seen| {
        rooms.iter().all(|room| seen.rosters.get(room).is_some_and(|of| of.users.len() == 2))
    };
    nodes[0].wait("both users everywhere", both).await;
    let mut traffic = Traffic::start(&stage, &nodes[0], &rooms).await;
    let paused = first.pause().await;
    stage.wait_owner_of_all("second").await;
    traffic.wait_more(&nodes[0], rooms.len() * 2).await;
    drop(paused);
    // It is heard again, and takes its part again.
    stage.wait_owners("sharing again", shared).await;
    traffic.wait_more(&nodes[0], rooms.len() * 2).await;
    // It believed nobody dead whom it could not hear meanwhile.
    for worker in [&first, &second] {
        worker.wait_metric("starling_worker_nodes", |nodes| nodes == 2).await;
    }
    let seen = nodes[0].wait("both users still", both).await;
    for (room, roster) in &seen.rosters {
        let without = |update: &RosterUpdate| match &update.change {
            RosterChange::Delta { left, .. } => !left.is_empty(),
            RosterChange::Snapshot { .. } => false,
        };
        assert!(!roster.updates.iter().any(without), "{room} lost somebody: {roster:?}");
    }
    traffic.stop_and_check(&nodes[0]).await;
}

/// Writes `message` whatever is there; its revision.
async fn write(stage: &Stage, key: &str, message: PublishMessage) -> u64 {
    stage.jetstream.send_publish(kv::subject(key), message).await.unwrap().await.unwrap().sequence
}

fn lease_of(worker: &WorkerId) -> PublishMessage {
    let lease = serde_json::to_vec(&Lease { worker: worker.clone() }).unwrap();
    PublishMessage::build().payload(lease.into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_lease_fences_its_owner() {
    let stage = Stage::set().await;
    let _worker = stage.worker("one");
    let general = room("general");
    let partition = general.partition();
    let node = Node::start(&stage.client, "node-1").await;
    node.join(&general).await;
    stage.wait_owner_of_all("one").await;
    stage.publish(&general, &body(1)).await;
    let seen = node.wait("a message", |seen| !seen.rooms[&general].emitted.is_empty()).await;
    let epoch = seen.partitions[&partition].epoch;

    let thief = WorkerId::parse("thief").unwrap();
    let session = PublishMessage::build().ttl(SESSION_TTL);
    let session =
        session.payload(serde_json::to_vec(&Session { worker: thief.clone() }).unwrap().into());
    write(&stage, &session_key(&thief), session).await;
    let stolen = write(&stage, &lease_key(partition), lease_of(&thief)).await;
    assert!(stolen > epoch);
    // The thief does not renew: the lease comes back, in a tenure of its own.
    let seen = node.wait("a new tenure", |seen| seen.partitions[&partition].epoch > epoch).await;
    assert!(
        seen.partitions[&partition].epoch > stolen,
        "nobody acts while another holds the lease"
    );
    stage.publish(&general, &body(2)).await;
    let seen = node.wait("another message", |seen| seen.rooms[&general].emitted.len() >= 2).await;
    assert_eq!(seen.rooms[&general].emitted.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_session_ends_owns_everything_anew_in_another() {
    let stage = Stage::set().await;
    let _worker = stage.worker("one");
    let rooms = room_of_each_partition();
    let node = Node::start(&stage.client, "node-1").await;
    for room in &rooms {
        node.join(room).await;
    }
    stage.wait_owner_of_all("one").await;
    let all = |epoch: u64| {
        move |seen: &crate::life::Seen| {
            let mut partitions = seen.partitions.values();
            seen.partitions.len() == usize::from(wire::PARTITIONS)
                && partitions.all(|of| of.epoch > epoch)
        }
    };
    let before = node.wait("owners everywhere", all(0)).await;
    let traffic = Traffic::start(&stage, &node, &rooms).await;
    let worker = stage.owners().await.into_iter().flatten().next().unwrap();
    let marker = PublishMessage::build().header("KV-Operation", "DEL").ttl(SESSION_TTL);
    let ended = write(&stage, &session_key(&worker), marker).await;
    assert!(before.partitions.values().all(|of| of.epoch < ended));
    node.wait("new tenures everywhere", all(ended)).await;
    traffic.stop_and_check(&node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_of_a_run_that_left_no_other_trace_are_taken() {
    let stage = Stage::set().await;
    let gone = WorkerId::parse("gone-1").unwrap();
    for partition in wire::Partition::all() {
        write(&stage, &lease_key(partition), lease_of(&gone)).await;
    }
    let _workers = [stage.worker("first"), stage.worker("second")];
    let shared = |owners: &[Option<WorkerId>]| {
        count(owners, "first") + count(owners, "second") == owners.len()
    };
    stage.wait_owners("owners", shared).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_renews_its_session_and_nothing_else() {
    let stage = Stage::set().await;
    let _worker = stage.worker("one");
    stage.wait_owner_of_all("one").await;
    let worker = stage.owners().await.into_iter().flatten().next().unwrap();
    let mut written = stage.client.subscribe(kv::subject(kv::ALL_LEASES)).await.unwrap();
    for _ in 0..3 {
        let record = written.next().await.unwrap();
        assert_eq!(record.subject.as_str(), kv::subject(&session_key(&worker)));
    }
}
