//! The end of a node.

use std::time::Duration;

use axum::{Router, routing::get};
use connection_node::edge::{CloseReason, EdgeConfig};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc, time::timeout};

use crate::{
    client::{Polling, Socket, read_reply, wait_for_end},
    node::{DEADLINE, Node, config},
};

#[tokio::test(flavor = "multi_thread")]
async fn serve_returns_with_nothing_left() {
    let mut node = Node::start(config()).await;
    let mut socket = Socket::connect(node.address).await;
    let polling = Polling::connect(node.address).await;
    let without_namespace = Polling::open(node.address).await;
    let mut idle = TcpStream::connect(node.address).await.unwrap();
    node.see_connected().await;
    node.see_connected().await;
    assert_eq!(node.edge.connections(), 3);

    node.shutdown.cancel();
    assert_eq!(socket.next().await, None);
    wait_for_end(&mut idle).await;
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Drain));
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Drain));
    let address = node.address;
    node.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
    drop((polling, without_namespace));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_is_finished() {
    let (entered, mut inside) = mpsc::unbounded_channel();
    let (go, wait) = async_gate();
    let slow = move || {
        let (entered, wait) = (entered.clone(), wait.clone());
        async move {
            entered.send(()).ok();
            wait.cancelled().await;
            "done"
        }
    };
    let node = Node::start_with(config(), Router::new().route("/slow", get(slow))).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    timeout(DEADLINE, inside.recv()).await.expect("the request is in the handler");
    node.shutdown.cancel();
    go.cancel();
    let reply = read_reply(&mut stream).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "done"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_ends_does_not_hold_the_drain() {
    let (entered, mut inside) = mpsc::unbounded_channel();
    let stuck = move || {
        entered.send(()).ok();
        std::future::pending::<&'static str>()
    };
    let config = EdgeConfig { drain_grace: Duration::from_millis(100), ..config() };
    let node = Node::start_with(config, Router::new().route("/stuck", get(stuck))).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    stream.write_all(b"GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    timeout(DEADLINE, inside.recv()).await.expect("the request is in the handler");
    node.stop().await;
    wait_for_end(&mut stream).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_node_opens_no_session() {
    let config = EdgeConfig { drain_over: Duration::from_hours(1), ..config() };
    let mut node = Node::start(config).await;
    // One of them is closed at once, the other in half an hour, unless it leaves before.
    let mut sockets = Vec::new();
    for _ in 0..2 {
        sockets.push(Socket::connect(node.address).await);
        node.see_connected().await;
    }
    let mut kept_alive = TcpStream::connect(node.address).await.unwrap();
    kept_alive.write_all(b"GET /whoami HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(read_reply(&mut kept_alive).await.status, 200);
    node.shutdown.cancel();
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Drain));

    let open = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n";
    kept_alive.write_all(open).await.unwrap();
    let reply = read_reply(&mut kept_alive).await;
    assert_eq!(reply.status, 503, "{reply:?}");
    assert_eq!(reply.header("connection"), Some("close"));
    drop(sockets);
    node.stop().await;
}

fn async_gate() -> (tokio_util::sync::CancellationToken, tokio_util::sync::CancellationToken) {
    let gate = tokio_util::sync::CancellationToken::new();
    (gate.clone(), gate)
}
