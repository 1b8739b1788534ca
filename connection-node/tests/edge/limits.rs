//! Clients that send too much, too slowly, or do not read.

use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use connection_node::edge::{CloseReason, EdgeConfig};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    sync::mpsc,
    time::timeout,
};

use crate::{
    client::{Polling, Socket, raw, read_reply, wait_for_end},
    node::{DEADLINE, Node, config},
};

const SHORT: Duration = Duration::from_millis(200);

/// A connection whose client side holds little.
async fn narrow(address: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_reading_is_closed() {
    let mut node = Node::start(EdgeConfig { write_stall: SHORT, ..config() }).await;
    let mut bystander = Socket::connect(node.address).await;
    node.see_connected().await;
    let mut client = Socket::connect_on(narrow(node.address).await).await;
    node.see_connected().await;

    client.send(r#"42["flood"]"#).await;
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Stalled));
    node.see_connections(1).await;
    bystander.echo("undisturbed").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_response_that_nobody_reads_is_dropped() {
    struct Gone(mpsc::UnboundedSender<()>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.send(()).ok();
        }
    }
    let (dropped, mut gone) = mpsc::unbounded_channel();
    let endless = move || {
        let guard = Gone(dropped.clone());
        let chunk = Bytes::from(vec![0; 64 << 10]);
        async move {
            Body::from_stream(futures_util::stream::repeat_with(move || {
                let _ = &guard;
                Ok::<_, Infallible>(chunk.clone())
            }))
        }
    };
    let app = Router::new().route("/endless", get(endless));
    let node = Node::start_with(EdgeConfig { write_stall: SHORT, ..config() }, app).await;
    let mut stream = narrow(node.address).await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    timeout(DEADLINE, gone.recv()).await.expect("the response is dropped");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_the_limit_is_refused() {
    let mut node = Node::start(EdgeConfig { max_payload: 1000, ..config() }).await;
    let bystander = Polling::connect(node.address).await;
    node.see_connected().await;

    let head = |client: &Polling, length: &str| {
        format!("POST {} HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n", client.target("polling"))
    };
    let just_right = Polling::connect(node.address).await;
    node.see_connected().await;
    let text = "x".repeat(1000 - r#"427["echo",""]"#.len());
    assert_eq!(just_right.post(&format!(r#"427["echo","{text}"]"#)).await.status, 200);

    // Refused for the length it names, with none of it sent; and refused while it arrives in
    // chunks.
    let chunk = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
    for (length, body) in
        [("Content-Length: 1001", ""), ("Transfer-Encoding: chunked", chunk.as_str())]
    {
        let client = Polling::connect(node.address).await;
        node.see_connected().await;
        let reply = raw(node.address, &(head(&client, length) + body)).await;
        assert_eq!(reply.status, 413, "{length}");
        assert_eq!(node.see_disconnected().await, Some(CloseReason::Protocol));
        assert_eq!(client.get().await.status, 400);
    }
    bystander.echo("undisturbed").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_above_the_limit_ends_only_its_own_connection() {
    let mut node = Node::start(EdgeConfig { max_payload: 1000, ..config() }).await;
    let mut bystander = Socket::connect(node.address).await;
    node.see_connected().await;
    let mut client = Socket::connect(node.address).await;
    node.see_connected().await;
    client.echo(&"x".repeat(900)).await;
    client.send(&format!(r#"427["echo","{}"]"#, "x".repeat(1000))).await;
    assert_eq!(client.next().await, None);
    node.see_disconnected().await;
    bystander.echo("undisturbed").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_or_a_body_that_trickles_is_cut_off() {
    let mut node = Node::start(EdgeConfig { header_timeout: SHORT, ..config() }).await;
    let mut silent = TcpStream::connect(node.address).await.unwrap();
    wait_for_end(&mut silent).await;
    let mut slow = TcpStream::connect(node.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    wait_for_end(&mut slow).await;

    let client = Polling::connect(node.address).await;
    node.see_connected().await;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n42[",
        client.target("polling")
    );
    let mut body = TcpStream::connect(node.address).await.unwrap();
    body.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read_reply(&mut body).await.status, 408);
    wait_for_end(&mut body).await;
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Protocol));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_too_large_are_refused() {
    let node = Node::start(config()).await;
    let long = format!("X-Long: {}\r\n", "x".repeat(40 << 10));
    let many = "X-Many: x\r\n".repeat(200);
    for headers in [long, many] {
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        assert_eq!(raw(node.address, &request).await.status, 431);
    }
    node.stop().await;
}
