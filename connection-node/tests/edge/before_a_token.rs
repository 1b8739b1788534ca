//! Clients that have not entered a namespace: little is taken from them, and not for long.

use std::time::Duration;

use axum::{Router, routing::post};
use connection_node::edge::{CloseReason, EdgeConfig, Transport};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    client::{HANDSHAKE, Polling, Socket, wait_for_end},
    node::{DEADLINE, Node, config},
};

const SHORT: Duration = Duration::from_millis(200);
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

/// A connection that is a WebSocket, for frames written by hand.
async fn websocket(node: &Node) -> TcpStream {
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let mut head = format!("GET {WEBSOCKET} HTTP/1.1\r\nHost: x\r\n");
    for (name, value) in HANDSHAKE {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 101"), "{read}");
    stream
}

/// The header of a masked frame that announces `length` bytes.
fn announce(first: u8, length: u64) -> Vec<u8> {
    let mut header = vec![first, 0x80 | 0x7f];
    header.extend(length.to_be_bytes());
    header.extend([0; 4]);
    header
}

fn roomy() -> EdgeConfig {
    EdgeConfig { max_payload: 10 << 20, first_payload: 1000, ..config() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_is_refused_for_the_length_it_announces() {
    let node = Node::start(roomy()).await;
    for first in [0x81, 0x82, 0x01, 0x02] {
        let mut stream = websocket(&node).await;
        // None of what it announces is sent: a node that set it aside would wait for it.
        stream.write_all(&announce(first, 1001)).await.unwrap();
        wait_for_end(&mut stream).await;
    }
    // A fragment at a time.
    let mut stream = websocket(&node).await;
    for first in [0x01, 0x00, 0x00] {
        let mut frame = announce(first, 400);
        frame.extend([b'4'; 400]);
        stream.write_all(&frame).await.ok();
    }
    wait_for_end(&mut stream).await;
    node.see_connections(0).await;
    let ended = node.edge.ended();
    assert!(ended.contains(&(CloseReason::Protocol, 5)), "{ended:?}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_frames_without_end_are_not_taken_either() {
    let node = Node::start(roomy()).await;
    let mut socket = Socket::open(node.address, WEBSOCKET).await;
    assert!(socket.next().await.unwrap().starts_with("0{"));
    for _ in 0..100 {
        let nothing = "4".repeat(100);
        if futures_util::SinkExt::send(&mut socket.0, nothing.into()).await.is_err() {
            break;
        }
    }
    socket.wait_for_end().await;
    node.see_connections(0).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_small_before_a_token_and_large_behind_it() {
    let mut node = Node::start(roomy()).await;
    let client = Polling::open(node.address).await;
    let large = format!(r#"427["echo","{}"]"#, "x".repeat(1000));
    assert_eq!(client.post(&large).await.status, 413);
    assert_eq!(client.get().await.status, 400);

    let client = Polling::connect(node.address).await;
    node.see_connected().await;
    assert_eq!(client.post(&large).await.status, 200);
    let mut socket = Socket::connect(node.address).await;
    node.see_connected().await;
    socket.echo(&"x".repeat(1 << 20)).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_enters_no_namespace_has_to_go() {
    let node = Node::start(EdgeConfig { connect_timeout: SHORT, ..config() }).await;
    // One that says nothing, one that keeps asking for what is not there, and one that polls.
    let mut silent = websocket(&node).await;
    let mut lost = Socket::open(node.address, WEBSOCKET).await;
    let polling = Polling::open(node.address).await;
    wait_for_end(&mut silent).await;
    assert!(lost.next().await.unwrap().starts_with("0{"));
    while futures_util::SinkExt::send(&mut lost.0, "40/nowhere,".into()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let polls = async { while polling.get().await.status == 200 {} };
    timeout(DEADLINE, polls).await.expect("the session ends");
    node.see_connections(0).await;
    let emptied = async {
        while node.edge.limits().unauthenticated().count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, emptied).await.expect("their places are free");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_gone_without_a_word_is_noticed() {
    let config = EdgeConfig { ping_interval: SHORT, ping_timeout: SHORT, ..config() };
    let mut node = Node::start(config).await;
    let mut client = Socket::connect(node.address).await;
    node.see_connected().await;
    // It is there, and answers no ping.
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Ended));
    client.wait_for_end().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_ends_is_cut_off_although_it_goes_on() {
    let config = EdgeConfig { body_timeout: SHORT, ..config() };
    let app = Router::new().route("/take", post(async |body: String| body));
    let mut node = Node::start_with(config, app).await;
    let client = Polling::connect(node.address).await;
    node.see_connected().await;
    for target in [client.target("polling"), "/take".to_owned()] {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.into_split();
        let trickle = tokio::spawn(async move {
            // Each part comes in time.
            while write.write_all(b"4").await.is_ok() {
                tokio::time::sleep(SHORT / 20).await;
            }
        });
        let mut stream = TcpReader(&mut read);
        assert_eq!(stream.status().await, 408, "{target}");
        trickle.await.unwrap();
    }
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Protocol));
    node.stop().await;
}

/// The half of a connection that is read.
struct TcpReader<'a>(&'a mut tokio::net::tcp::OwnedReadHalf);

impl TcpReader<'_> {
    async fn status(&mut self) -> u16 {
        let mut answer = Vec::new();
        let read = timeout(DEADLINE, self.0.read_to_end(&mut answer)).await.expect("an answer");
        // A server that closes before all is read may be cut short itself.
        read.ok();
        let text = String::from_utf8_lossy(&answer);
        text.split(' ').nth(1).expect("a status").parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_incomplete_is_bounded_over_all_clients() {
    let config = EdgeConfig { inbound_buffer: 1 << 20, ..roomy() };
    let mut node = Node::start(config).await;
    let mut bystander = Socket::connect(node.address).await;
    node.see_connected().await;

    // An event that waits for its attachment, which never comes whole.
    let announcing = async |node: &mut Node| -> (TcpStream, Transport) {
        let mut stream = websocket(node).await;
        stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'4', b'0']).await.unwrap();
        let transport = node.see_connected().await;
        let event = br#"451-["echo",{"_placeholder":true,"num":0}]"#;
        let mut frame = vec![0x81, 0x80 | u8::try_from(event.len()).unwrap(), 0, 0, 0, 0];
        frame.extend(event);
        frame.extend(announce(0x82, 600 << 10));
        stream.write_all(&frame).await.unwrap();
        (stream, transport)
    };
    let (first, _) = announcing(&mut node).await;
    let reached = async {
        while node.edge.incoming() != 600 << 10 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, reached).await.expect("it is counted");
    let (_second, transport) = announcing(&mut node).await;
    timeout(DEADLINE, transport.wait_closed()).await.expect("there is no room for it");
    assert_eq!(transport.close_reason(), Some(CloseReason::Fault));
    drop(transport);
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Fault));
    bystander.echo("undisturbed").await;

    drop(first);
    node.see_disconnected().await;
    let emptied = async {
        while node.edge.incoming() != 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, emptied).await.expect("what was held is free");
    node.stop().await;
}
