//! Who is said to be where.

use wire::delivery::RosterChange;
use wire::ephemeral::{FromNode, Interest};
use wire::subject;

use fanout_worker::Config;

use crate::life::Seen;
use crate::node::Node;
use crate::stage::{Stage, Worker};
use crate::{room, user};

fn ids(seen: &Seen, room: &wire::RoomName) -> Vec<String> {
    let roster = seen.rosters.get(room);
    roster.map(|roster| roster.users.keys().map(ToString::to_string).collect()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_nodes_users_leave_with_it() {
    let stage = Stage::set().await;
    let _worker = stage.worker("one");
    let (first, second) =
        (Node::start(&stage.client, "node-1").await, Node::start(&stage.client, "node-2").await);
    let general = room("general");
    first.join(&general).await;
    second.join(&general).await;
    first.users_joined(&general, &[user("ann"), user("bob")]).await;
    second.users_joined(&general, &[user("bob"), user("cid")]).await;
    first.wait("all of them", |seen| ids(seen, &general) == ["ann", "bob", "cid"]).await;
    second.wait("all of them", |seen| ids(seen, &general) == ["ann", "bob", "cid"]).await;
    first.users_left(&general, &[user("ann")]).await;
    second.wait("one gone", |seen| ids(seen, &general) == ["bob", "cid"]).await;
    drop(second);
    let died = std::time::Instant::now();
    first.wait("a node gone", |seen| ids(seen, &general) == ["bob"]).await;
    println!("a dead node's users left after {:?}", died.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_takeover_keeps_rosters_without_flapping() {
    let stage = Stage::set().await;
    let general = room("general");
    let old = stage.worker("old");
    stage.wait_owner_of_all("old").await;
    let (first, second) =
        (Node::start(&stage.client, "node-1").await, Node::start(&stage.client, "node-2").await);
    first.join(&general).await;
    second.join(&general).await;
    first.users_joined(&general, &[user("ann")]).await;
    second.users_joined(&general, &[user("bob")]).await;
    let before = first.wait("both", |seen| ids(seen, &general) == ["ann", "bob"]).await;
    let (epoch, heard) = (before.rosters[&general].epoch, before.rosters[&general].updates.len());

    old.kill();
    let _new = stage.worker("new");
    let after =
        first.wait("another owner's roster", |seen| seen.rosters[&general].epoch > epoch).await;
    assert_eq!(ids(&after, &general), ["ann", "bob"]);
    let updates = &after.rosters[&general].updates[heard..];
    for update in updates {
        let RosterChange::Snapshot { users } = &update.change else {
            panic!("it flaps: {updates:?}")
        };
        assert_eq!(users, &[user("ann"), user("bob")]);
    }
    // And it goes on from there.
    second.users_left(&general, &[user("bob")]).await;
    first.wait("one gone", |seen| ids(seen, &general) == ["ann"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_report_and_a_lost_update_are_mended() {
    let stage = Stage::set().await;
    let _worker = stage.worker("one");
    let node = Node::start(&stage.client, "node-1").await;
    let general = room("general");
    node.join(&general).await;
    node.users_joined(&general, &[user("ann")]).await;
    node.wait("her", |seen| ids(seen, &general) == ["ann"]).await;
    node.lose_next_report().await;
    node.users_joined(&general, &[user("bob")]).await;
    node.users_joined(&general, &[user("cid")]).await;
    node.wait("all of them", |seen| ids(seen, &general) == ["ann", "bob", "cid"]).await;
    let seen = node.seen();
    assert!(seen.partitions[&general.partition()].asked > 0);
    // A lost tail of the reports is noticed by the digest.
    node.lose_next_report().await;
    node.users_left(&general, &[user("ann")]).await;
    node.wait("her gone", |seen| ids(seen, &general) == ["bob", "cid"]).await;
    let heard = node.seen().rosters[&general].updates.len();
    let want = FromNode::WantRoster { node: node.id.clone(), room: general.clone() };
    node.say(general.partition(), &want).await;
    let seen = node.wait("a snapshot", |seen| seen.rosters[&general].updates.len() > heard).await;
    let last = seen.rosters[&general].updates.last().unwrap();
    assert!(matches!(&last.change, RosterChange::Snapshot { users } if users.len() == 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_interest_of_a_dead_node_is_removed() {
    let stage = Stage::set().await;
    let config = Config { remove_dead_after_s: 1, ..Config::local(&stage.server.url()) };
    let _worker = Worker::start(config);
    let general = room("general");
    let node = Node::start(&stage.client, "node-1").await;
    node.join(&general).await;
    let subject = subject::interest(&general, &node.id);
    drop(node);
    let log = stage.jetstream.get_stream(wire::stream::ROOMS).await.unwrap();
    let deadline = tokio::time::Instant::now() + crate::node::DEADLINE;
    loop {
        let record = log.direct_get_last_for_subject(subject.clone()).await.unwrap();
        let interest: Interest = serde_json::from_slice(&record.payload).unwrap();
        if interest == Interest::Left {
            assert_eq!(record.headers.get("Nats-TTL").unwrap().as_str(), "60");
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "the record stays");
        tokio::task::yield_now().await;
    }
    let info = stage.jetstream.get_stream(wire::stream::ROOMS).await.unwrap();
    assert_eq!(info.cached_info().state.messages, 1, "rolled up");
}
