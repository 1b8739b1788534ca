//! Clients that come too often, and what a proxy says of them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, routing::get};
use connection_node::{
    edge::{CloseReason, EdgeConfig},
    limits::{LimitSettings, Rate, network},
};
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    client::{HANDSHAKE, Polling, Reply, Socket, http, read_reply},
    node::{DEADLINE, Node, config},
};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

fn limited(change: impl FnOnce(&mut LimitSettings)) -> EdgeConfig {
    let mut limits = LimitSettings::off();
    change(&mut limits);
    EdgeConfig { limits, ..config() }
}

/// Asks for a session as one for whom a proxy forwards.
async fn open(node: &Node, forwarded: &str) -> Reply {
    http(node.address, "GET", POLLING, &[("X-Forwarded-For", forwarded)], "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_handshakes_are_told_when_to_come_again() {
    let node = Node::start(limited(|limits| limits.limit_handshakes = Rate::new(1, 3))).await;
    let first = Polling::open(node.address).await;
    let _second = Socket::open(node.address, WEBSOCKET).await;
    let _third = Polling::open(node.address).await;
    let by_websocket = http(node.address, "GET", WEBSOCKET, &HANDSHAKE, "").await;
    for reply in [by_websocket, open(&node, "198.51.100.1").await] {
        assert_eq!((reply.status, reply.code()), (429, 4), "{reply:?}");
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=2).contains(&wait), "{wait}");
    }
    // Those who are in are not concerned.
    assert_eq!(first.post("40").await.status, 200);
    let refused: Vec<_> = node.edge.refused().filter(|(_, count)| *count > 0).collect();
    assert_eq!(refused, [("rate_limited", 2)]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_tells_clients_apart() {
    let config = limited(|limits| {
        limits.limit_handshakes = Rate::new(1, 1);
        limits.trusted_proxies = vec![network("127.0.0.0/8").unwrap()];
    });
    let node = Node::start(config).await;
    assert_eq!(open(&node, "198.51.100.1").await.status, 200);
    assert_eq!(open(&node, "198.51.100.2").await.status, 200);
    // Whatever the client itself has written stands further left.
    for forwarded in ["198.51.100.1", "203.0.113.7, 198.51.100.1", "198.51.100.1, 127.0.0.2"] {
        assert_eq!(open(&node, forwarded).await.status, 429, "{forwarded}");
    }
    // The whole /64 of an IPv6 client is one client.
    assert_eq!(open(&node, "2001:db8:1:2::1").await.status, 200);
    assert_eq!(open(&node, "2001:db8:1:2:aaaa::9").await.status, 429);
    assert_eq!(open(&node, "2001:db8:1:3::1").await.status, 200);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_without_a_token_are_bounded() {
    let config = limited(|limits| {
        limits.max_unauthenticated = 3;
        limits.trusted_proxies = vec![network("127.0.0.1").unwrap()];
        limits.max_unauthenticated_per_address = 2;
    });
    let mut node = Node::start(config).await;
    assert_eq!(open(&node, "198.51.100.1").await.status, 200);
    assert_eq!(open(&node, "198.51.100.1").await.status, 200);
    let each = open(&node, "198.51.100.1").await;
    assert_eq!((each.status, each.header("retry-after")), (429, Some("1")));
    let last = Polling::open(node.address).await;
    let all = open(&node, "198.51.100.2").await;
    assert_eq!((all.status, all.header("retry-after")), (503, Some("1")));
    // Who enters makes room.
    assert_eq!(last.post("40").await.status, 200);
    node.see_connected().await;
    assert_eq!(open(&node, "198.51.100.2").await.status, 200);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_ask_for_nothing_are_bounded() {
    let config = limited(|limits| limits.max_unauthenticated_per_address = 2);
    let mut node = Node::start(config).await;
    let mut client = Socket::connect(node.address).await;
    node.see_connected().await;
    let connect = async || TcpStream::connect(node.address).await.unwrap();
    let held = [connect().await, connect().await];
    let mut third = connect().await;
    let end = timeout(DEADLINE, third.read(&mut [0])).await.expect("it is closed");
    assert!(matches!(end, Ok(0) | Err(_)));
    // A WebSocket that is in use is none of them.
    client.echo("undisturbed").await;
    drop(held);
    let reached = async {
        while node.edge.limits().http().count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, reached).await.expect("the places are given back");
    client.echo("undisturbed").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_a_session_with_a_token_take_no_place() {
    // Connections of clients that are through may take a moment to end.
    let config = limited(|limits| limits.max_unauthenticated_per_address = 3);
    let mut node = Node::start(config).await;
    let client = Polling::connect(node.address).await;
    node.see_connected().await;
    let places = async |count| {
        let reached = async {
            while node.edge.limits().http().count() != count {
                tokio::task::yield_now().await;
            }
        };
        let reached = timeout(DEADLINE, reached).await;
        assert!(reached.is_ok(), "{} places, not {count}", node.edge.limits().http().count());
    };
    let post = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n3",
        client.target("polling")
    );
    let connection = async || {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        stream.write_all(post.as_bytes()).await.unwrap();
        assert_eq!(read_reply(&mut stream).await.status, 200);
        stream
    };
    places(0).await;
    let own = [connection().await, connection().await, connection().await, connection().await];
    places(0).await;
    // A session has a few of its own, not any number.
    let further = [connection().await, connection().await];
    places(2).await;
    drop((own, further));
    places(0).await;
    // Before a token it has none.
    let stranger = Polling::open(node.address).await;
    places(0).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let post = post.replace(&client.sid, &stranger.sid);
    stream.write_all(post.as_bytes()).await.unwrap();
    assert_eq!(read_reply(&mut stream).await.status, 200);
    places(1).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_frames_ends_its_connection() {
    let config = limited(|limits| limits.limit_socket_events = Rate::new(1, 10));
    let mut node = Node::start(config).await;
    let mut bystander = Socket::connect(node.address).await;
    node.see_connected().await;
    let mut client = Socket::connect(node.address).await;
    node.see_connected().await;
    for _ in 0..100 {
        // What is no event is not counted as one.
        if futures_util::SinkExt::send(&mut client.0, "3".into()).await.is_err() {
            break;
        }
    }
    client.wait_for_end().await;
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Protocol));
    bystander.echo("undisturbed").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_kept_out_has_no_token_looked_at() {
    let config = limited(|limits| limits.limit_failures = Rate::new(1, 2));
    let asked = Arc::new(AtomicUsize::new(0));
    let check = {
        let asked = asked.clone();
        async move || {
            asked.fetch_add(1, Ordering::SeqCst);
            StatusCode::UNAUTHORIZED
        }
    };
    let app = Router::new().route("/api/door", get(check)).route("/open", get(async || "open"));
    let node = Node::start_with(config, app).await;
    let door = async || http(node.address, "GET", "/api/door", &[], "").await;
    let mut refused = 0;
    while door().await.status == 401 {
        refused += 1;
        assert!(refused < 100, "it is never kept out");
    }
    let before = asked.load(Ordering::SeqCst);
    let reply = door().await;
    assert_eq!(reply.status, 429, "{reply:?}");
    assert!(reply.header("retry-after").is_some());
    assert_eq!(asked.load(Ordering::SeqCst), before, "the application was not asked");
    assert_eq!(http(node.address, "GET", "/open", &[], "").await.status, 200);
    node.stop().await;
}

/// So many events in one body.
fn events(count: usize) -> String {
    vec![r#"42["nobody listens"]"#; count].join("\u{1e}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_holds_few_packets_before_a_token_and_many_behind_it() {
    let mut node = Node::start(EdgeConfig { max_payload: 1 << 20, ..limited(|_| {}) }).await;
    let stranger = Polling::open(node.address).await;
    let many = vec!["40/x"; 17].join("\u{1e}");
    assert_eq!(stranger.post(&many).await.status, 400);
    assert_eq!(stranger.get().await.status, 400, "its session has ended");
    node.see_connections(0).await;

    let client = Polling::connect(node.address).await;
    node.see_connected().await;
    assert_eq!(client.post(&events(4_096)).await.body, "ok");
    // Its last packet comes as far as its first.
    let last = [events(1_000), r#"427["echo","last"]"#.to_owned()].join("\u{1e}");
    assert_eq!(client.post(&last).await.body, "ok");
    assert!(client.get().await.body.contains(r#"437["last"]"#));
    assert_eq!(client.post(&events(4_097)).await.status, 400);
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Protocol));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_packet_of_a_body_counts() {
    // 40 packets a second, and 8 at once.
    let config = limited(|limits| limits.limit_socket_events = Rate::new(10, 2));
    let mut node = Node::start(config).await;
    let client = Polling::connect(node.address).await;
    node.see_connected().await;
    // One who sends a body behind the other waits for each.
    for _ in 0..4 {
        assert_eq!(client.post(&events(20)).await.body, "ok");
    }
    let waited = node.edge.limits().counts().all().map(|(_, _, count)| count).sum::<u64>();
    assert!(waited >= 4, "{waited}");
    // One who sends many at once does not.
    let posts: Vec<_> = (0..16)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.post(&events(20)).await.status })
        })
        .collect();
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Protocol));
    for post in posts {
        post.await.unwrap();
    }
    node.stop().await;
}
