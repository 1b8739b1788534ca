//! Sessions over long-polling.

use std::time::Duration;

use connection_node::edge::{CloseReason, EdgeConfig};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use crate::{
    client::{Polling, http, wait_for_end},
    node::{DEADLINE, Node, config},
};

#[tokio::test(flavor = "multi_thread")]
async fn opens_posts_and_gets() {
    let mut node = Node::start(config()).await;
    let client = Polling::connect(node.address).await;
    let transport = node.see_connected().await;
    assert!(!transport.is_websocket());
    assert_eq!(node.edge.connections(), 1);

    client.echo("hello").await;
    assert!(transport.bytes_in() > 0 && transport.bytes_out() > 0);

    assert_eq!(client.post("1").await.status, 200);
    node.see_disconnected().await;
    node.see_connections(0).await;
    let gone = client.get().await;
    assert_eq!((gone.status, gone.code()), (400, 1));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_transport_ends_the_get_and_the_session() {
    let mut node = Node::start(config()).await;
    // Whether the GET is on its way, at the server or pending there when the close comes.
    for pause in 0..50 {
        let client = Polling::connect(node.address).await;
        let transport = node.see_connected().await;
        let get = tokio::spawn({
            let client = client.clone();
            async move {
                loop {
                    let reply = client.get().await;
                    // The first ping may come before the close.
                    if reply.body != "2" {
                        break reply;
                    }
                }
            }
        });
        for _ in 0..pause * 20 {
            tokio::task::yield_now().await;
        }
        transport.close(CloseReason::Drain);

        let ended = timeout(DEADLINE, get).await.expect("the GET ends").unwrap();
        assert_eq!((ended.status, ended.code()), (400, 1), "after {pause}");
        assert_eq!(node.see_disconnected().await, Some(CloseReason::Drain));
        for reply in [client.get().await, client.post("3").await] {
            assert_eq!((reply.status, reply.code()), (400, 1));
        }
    }
    node.see_connections(0).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_transport_needs_no_further_request() {
    let mut node = Node::start(config()).await;
    Polling::connect(node.address).await;
    node.see_connected().await.close(CloseReason::Expired);
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Expired));
    node.see_connections(0).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_no_longer_polls_leaves_nothing_behind() {
    let quick = Duration::from_millis(50);
    let config = EdgeConfig { ping_interval: quick, ping_timeout: quick, ..config() };
    let mut node = Node::start(config).await;
    Polling::connect(node.address).await;
    node.see_connected().await;
    node.see_disconnected().await;
    node.see_connections(0).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_namespace_leaves_nothing_behind() {
    let config = EdgeConfig { connect_timeout: Duration::from_millis(50), ..config() };
    let node = Node::start(config).await;
    let client = Polling::open(node.address).await;
    // A ping and Engine.IO's own close packet may come first.
    while client.get().await.status == 200 {}
    node.see_connections(0).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_that_makes_no_sense_ends_the_session() {
    let mut node = Node::start(config()).await;
    let bystander = Polling::connect(node.address).await;
    node.see_connected().await;
    // A packet that belongs on a WebSocket, one that only a server sends, and no packet at all.
    for packet in ["5", "0", "\u{1f4a9}"] {
        let client = Polling::connect(node.address).await;
        node.see_connected().await;
        assert_eq!(client.post(packet).await.status, 400, "{packet}");
        node.see_disconnected().await;
        assert_eq!(client.get().await.status, 400, "{packet}");
    }
    bystander.echo("undisturbed").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_an_allowed_origin_may_read_the_answers() {
    let node = Node::start(config()).await;
    let origin = [("Origin", "https://chat.example.com")];
    let target = "/socket.io/?EIO=4&transport=polling";
    let reply = http(node.address, "GET", target, &origin, "").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), Some(origin[0].1));
    assert_eq!(reply.header("vary"), Some("Origin"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("server"), None);

    let mut asked = origin.to_vec();
    asked.push(("Access-Control-Request-Headers", "x-token"));
    let preflight = http(node.address, "OPTIONS", target, &asked, "").await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, POST"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("x-token"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drain_ends_pending_gets() {
    let mut node = Node::start(config()).await;
    let client = Polling::connect(node.address).await;
    node.see_connected().await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let get = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", client.target("polling"));
    stream.write_all(get.as_bytes()).await.unwrap();
    node.shutdown.cancel();
    wait_for_end(&mut stream).await;
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Drain));
    node.stop().await;
}
