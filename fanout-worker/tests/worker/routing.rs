//! Who gets what.

use std::collections::HashMap;

use wire::RoomName;
use wire::client::Typing;
use wire::ephemeral::FromNode;

use crate::node::Node;
use crate::stage::Stage;
use crate::{body, room, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_worker_owns_all_and_delivers_in_order() {
    let stage = Stage::set().await;
    let worker = stage.worker("one");
    let node = Node::start(&stage.client, "node-1").await;
    stage.wait_owner_of_all("one").await;
    worker.wait_ready().await;

    let mut rooms: Vec<RoomName> = (0..9).map(|n| room(&format!("room {n}"))).collect();
    rooms.push(room("a.b *>🐦"));
    for room in &rooms {
        node.join(room).await;
    }
    let mut stored: HashMap<&RoomName, Vec<(u64, String)>> = HashMap::new();
    for n in 0..200 {
        let room = &rooms[n % rooms.len()];
        let seq = stage.publish(room, &body(n)).await;
        stored.entry(room).or_default().push((seq, body(n)));
    }
    let seen = node
        .wait("every message", |seen| {
            stored.iter().all(|(room, all)| seen.rooms[*room].emitted.len() >= all.len())
        })
        .await;
    for (room, all) in &stored {
        assert_eq!(&seen.rooms[*room].emitted, all);
        for pair in seen.rooms[*room].delivered.windows(2) {
            assert_eq!(pair[1].1, pair[0].0, "prev is the message before");
        }
    }
    assert_eq!((seen.gaps, seen.miscounted), (0, 0));
    // The digest of each partition comes to say the same.
    node.wait("digests", |seen| {
        let agrees = |room: &RoomName| {
            let partition = &seen.partitions[&room.partition()];
            partition.digests.last().is_some_and(|digest| digest.counter == partition.counter)
        };
        rooms.iter().all(agrees)
    })
    .await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_and_typing_go_to_interested_nodes_alone() {
    let stage = Stage::set().await;
    let _worker = stage.worker("one");
    let (first, second) =
        (Node::start(&stage.client, "node-1").await, Node::start(&stage.client, "node-2").await);
    let (here, there) = (room("here"), room("there"));
    first.join(&here).await;
    second.join(&there).await;
    stage.wait_owner_of_all("one").await;
    stage.publish(&here, &body(1)).await;
    let typing = |room: &RoomName| Typing { room: room.clone(), user: user("ann"), typing: true };
    // The owner may not have read the interest yet, and typing is not repeated: so it is here.
    let tell = async |room: &RoomName| {
        let word = FromNode::Typing { node: second.id.clone(), typing: typing(room) };
        second.say(room.partition(), &word).await;
    };
    while first.seen().typing.is_empty() || second.seen().typing.is_empty() {
        tell(&here).await;
        tell(&there).await;
        tokio::task::yield_now().await;
    }
    first.wait("the message", |seen| !seen.rooms[&here].emitted.is_empty()).await;
    assert!(first.seen().typing.iter().all(|said| *said == typing(&here)));
    assert!(second.seen().typing.iter().all(|said| *said == typing(&there)));
    assert!(second.seen().rooms[&there].delivered.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_before_any_worker_ran_is_delivered() {
    let stage = Stage::set().await;
    let node = Node::start(&stage.client, "node-1").await;
    let general = room("general");
    stage.publish(&general, &body(0)).await;
    node.join(&general).await;
    let mut stored = Vec::new();
    for n in 1..20 {
        stored.push((stage.publish(&general, &body(n)).await, body(n)));
    }
    let _worker = stage.worker("one");
    let seen = node.wait("every message", |seen| seen.rooms[&general].emitted.len() >= 19).await;
    assert_eq!(seen.rooms[&general].emitted, stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_json_is_left_out_and_disturbs_nobody() {
    let stage = Stage::set().await;
    let _worker = stage.worker("one");
    let node = Node::start(&stage.client, "node-1").await;
    let general = room("general");
    node.join(&general).await;
    stage.wait_owner_of_all("one").await;
    stage.publish(&general, &body(1)).await;
    stage.publish(&general, "{\"chat\":").await;
    stage.client.publish("eph.0", "no json".into()).await.unwrap();
    stage.client.publish("hb.node.x", "no json".into()).await.unwrap();
    stage.client.publish("hb.worker.x", "no json".into()).await.unwrap();
    stage.publish(&general, &body(2)).await;
    let seen = node.wait("both messages", |seen| seen.rooms[&general].emitted.len() >= 2).await;
    let bodies: Vec<&String> = seen.rooms[&general].emitted.iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, [&body(1), &body(2)]);
    assert_eq!(seen.gaps, 0, "{seen:#?}");
}
