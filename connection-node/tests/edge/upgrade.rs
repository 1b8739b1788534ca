//! From polling to WebSocket, and the ways in which that fails.

use connection_node::edge::CloseReason;
use tokio::net::TcpStream;

use crate::{
    client::{HANDSHAKE, Polling, Socket, http},
    node::{Node, config},
};

/// The client's part of an upgrade that succeeds.
async fn upgrade(client: &Polling) -> Socket {
    let mut socket = Socket::open(client.address, &client.target("websocket")).await;
    socket.send("2probe").await;
    assert_eq!(socket.next().await.as_deref(), Some("3probe"));
    socket.send("5").await;
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transport_stays_the_same() {
    let mut node = Node::start(config()).await;
    let client = Polling::connect(node.address).await;
    let transport = node.see_connected().await;
    let mut socket = upgrade(&client).await;
    socket.echo("hello").await;
    assert!(transport.is_websocket());
    assert_eq!(node.edge.connections(), 1);

    // A polling request that comes late is refused, and harms nobody.
    assert_eq!(client.get().await.status, 400);
    socket.echo("still here").await;

    transport.close(CloseReason::Drain);
    assert_eq!(socket.next().await, None);
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Drain));
    node.see_connections(0).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_after_its_upgrade_leaves_nothing_behind() {
    let mut node = Node::start(config()).await;
    let client = Polling::connect(node.address).await;
    node.see_connected().await;
    let mut socket = upgrade(&client).await;
    socket.echo("hello").await;
    drop(socket);
    node.see_disconnected().await;
    node.see_connections(0).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_websocket_for_the_session_is_refused() {
    let mut node = Node::start(config()).await;
    let client = Polling::connect(node.address).await;
    node.see_connected().await;
    let mut socket = upgrade(&client).await;
    socket.echo("hello").await;
    let second = http(node.address, "GET", &client.target("websocket"), &HANDSHAKE, "").await;
    assert_eq!((second.status, second.code()), (400, 3));
    socket.echo("undisturbed").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_began_as_a_websocket_cannot_be_taken_over() {
    let node = Node::start(config()).await;
    let mut socket = Socket::open(node.address, "/socket.io/?EIO=4&transport=websocket").await;
    let open = socket.next().await.unwrap();
    let open: serde_json::Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
    let sid = open["sid"].as_str().unwrap().to_owned();
    let thief = Polling { address: node.address, sid };
    let taken = http(node.address, "GET", &thief.target("websocket"), &HANDSHAKE, "").await;
    assert_eq!((taken.status, taken.code()), (400, 1));
    assert_eq!(thief.get().await.code(), 1);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_is_never_used_leaves_polling_as_it_is() {
    let mut node = Node::start(config()).await;
    let client = Polling::connect(node.address).await;
    let transport = node.see_connected().await;
    let unused = Socket::open(node.address, &client.target("websocket")).await;
    drop(unused);
    client.echo("hello").await;
    assert!(!transport.closed());
    // The edge has noticed by now, or will in a moment; then the way is free for another try.
    let mut socket = loop {
        let stream = TcpStream::connect(node.address).await.unwrap();
        match Socket::try_open(stream, &client.target("websocket"), &[]).await {
            Ok(socket) => break socket,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    socket.send("2probe").await;
    assert_eq!(socket.next().await.as_deref(), Some("3probe"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_fails_half_way_ends_the_session() {
    let mut node = Node::start(config()).await;
    for last in ["4hello", "2probe"] {
        let client = Polling::connect(node.address).await;
        node.see_connected().await;
        let mut socket = Socket::open(node.address, &client.target("websocket")).await;
        socket.send(last).await;
        if last == "2probe" {
            assert_eq!(socket.next().await.as_deref(), Some("3probe"));
        }
        drop(socket);
        // At once, and not when the heartbeat misses the client.
        assert_eq!(node.see_disconnected().await, Some(CloseReason::Ended), "{last}");
        let gone = client.get().await;
        assert_eq!((gone.status, gone.code()), (400, 1), "{last}");
    }
    node.see_connections(0).await;
    node.stop().await;
}
