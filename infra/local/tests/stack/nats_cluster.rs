//! A cluster of three nats-servers: what it acknowledged stays when the leader is killed, and the killed one
//! joins again.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions, HeaderMap};
use local_stack::nats_cluster::{NatsCluster, SERVERS};
use service_shell::NatsUrl;
use wire::stream::ROOMS;

/// Until a cluster is whole, or whole again.
const DEADLINE: Duration = Duration::from_mins(1);
const SUBJECT: &str = "rt.1.m.general";

async fn started() -> (NatsCluster, Client) {
    let cluster = NatsCluster::start_temp().await.unwrap();
    cluster.provision(Some(1_000), DEADLINE).await.unwrap();
    let servers: NatsUrl = cluster.urls().parse().unwrap();
    let client = ConnectOptions::new()
        .reconnect_delay_callback(|_| Duration::from_millis(50))
        .connect(servers.servers())
        .await
        .unwrap();
    (cluster, client)
}

/// Publishes `content` until it is acknowledged, always as the same message.
async fn publish(client: &Client, content: &str) {
    let mut jetstream = jetstream::new(client.clone());
    jetstream.set_timeout(Duration::from_millis(500));
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, content);
    let attempt = async || {
        let message = (headers.clone(), content.to_owned().into());
        jetstream.publish_with_headers(SUBJECT, message.0, message.1).await?.await
    };
    while attempt().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The contents of the log, and how many messages it has.
async fn stored(client: &Client) -> (BTreeSet<String>, u64) {
    let stream = jetstream::new(client.clone()).get_stream(ROOMS).await.unwrap();
    let state = &stream.cached_info().state;
    let mut contents = BTreeSet::new();
    for seq in state.first_sequence..=state.last_sequence {
        let message = stream.get_raw_message(seq).await.unwrap();
        contents.insert(String::from_utf8(message.payload.to_vec()).unwrap());
    }
    (contents, state.messages)
}

async fn replicas(client: &Client) -> stream::ClusterInfo {
    let stream = jetstream::new(client.clone()).get_stream(ROOMS).await.unwrap();
    stream.cached_info().cluster.clone().unwrap()
}

#[tokio::test]
async fn what_is_acknowledged_outlives_the_leader() {
    let (mut cluster, client) = started().await;
    assert_eq!(replicas(&client).await.replicas.len(), SERVERS - 1);
    let mut acknowledged = BTreeSet::new();
    for number in 0..50 {
        let content = format!("before {number}");
        publish(&client, &content).await;
        acknowledged.insert(content);
    }

    let leader = cluster.leader_of(ROOMS).await.unwrap();
    let pid = cluster.server(leader).pid();
    cluster.server(leader).kill().unwrap();
    for number in 0..50 {
        let content = format!("after {number}");
        publish(&client, &content).await;
        acknowledged.insert(content);
    }
    let successor = cluster.leader_of(ROOMS).await.unwrap();
    assert_ne!(successor, leader);
    assert_eq!(stored(&client).await, (acknowledged.clone(), 100));

    let not_whole = cluster.wait_healthy(Duration::ZERO).await.unwrap_err();
    let sentence = format!("{not_whole:#}");
    assert!(sentence.contains(&format!("nats-server {} does not run", leader + 1)), "{sentence}");
    cluster.server(leader).restart().await.unwrap();
    assert_ne!(cluster.server(leader).pid(), pid);
    cluster.wait_healthy(DEADLINE).await.unwrap();
    let names: BTreeSet<String> =
        cluster.servers().iter().map(|server| server.name().to_owned()).collect();
    let info = replicas(&client).await;
    let joined = info.replicas.into_iter().map(|replica| replica.name).chain(info.leader);
    assert_eq!(joined.collect::<BTreeSet<_>>(), names, "no fourth server came of the restart");
    assert_eq!(stored(&client).await, (acknowledged, 100));
}
