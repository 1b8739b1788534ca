//! Sessions over WebSocket.

use std::fmt::Write;

use connection_node::edge::{CloseReason, EdgeConfig};
use futures_util::SinkExt;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    client::{HANDSHAKE, Socket, http, raw, read_reply, wait_for_end},
    node::{Node, config, digest},
};

const TARGET: &str = "/socket.io/?EIO=4&transport=websocket";

#[tokio::test(flavor = "multi_thread")]
async fn connects_and_echoes() {
    let mut node = Node::start(config()).await;
    let stream = TcpStream::connect(node.address).await.unwrap();
    let local = stream.local_addr().unwrap();
    let mut client = Socket::connect_on(stream).await;
    let transport = node.see_connected().await;
    client.echo("hello").await;

    assert_eq!(transport.peer_addr(), local);
    assert!(transport.bytes_in() > 0 && transport.bytes_out() > transport.bytes_in());
    assert_eq!(node.edge.connections(), 1);

    drop(client);
    node.see_disconnected().await;
    node.see_connections(0).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_negotiates_nothing_that_is_off_and_names_no_server() {
    let node = Node::start(EdgeConfig { compression: false, ..config() }).await;
    let mut headers = HANDSHAKE.to_vec();
    headers.push(("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"));
    headers.push(("Sec-WebSocket-Protocol", "chat, superchat"));
    let reply = http(node.address, "GET", TARGET, &headers, "").await;
    assert_eq!(reply.status, 101);
    assert_eq!(reply.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    for absent in ["sec-websocket-extensions", "sec-websocket-protocol", "server"] {
        assert_eq!(reply.header(absent), None, "{absent}");
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_sent_right_behind_the_handshake_arrive() {
    let mut node = Node::start(config()).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let mut request = format!("GET {TARGET} HTTP/1.1\r\nHost: x\r\n");
    for (name, value) in HANDSHAKE {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    let mut bytes = format!("{request}\r\n").into_bytes();
    // "40", masked with zeros.
    bytes.extend([0x81, 0x82, 0, 0, 0, 0, b'4', b'0']);
    stream.write_all(&bytes).await.unwrap();
    assert_eq!(read_reply(&mut stream).await.status, 101);
    let transport = node.see_connected().await;
    assert_eq!(transport.bytes_in(), 8);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_transport_ends_the_stream_and_the_session() {
    let mut node = Node::start(config()).await;
    let mut client = Socket::connect(node.address).await;
    let transport = node.see_connected().await;

    transport.close(CloseReason::SlowConsumer);
    // No Socket.IO disconnect packet comes before the end: the client is to reconnect.
    assert_eq!(client.next().await, None);
    assert_eq!(node.see_disconnected().await, Some(CloseReason::SlowConsumer));
    node.see_connections(0).await;

    let mut again = Socket::connect(node.address).await;
    again.echo("back").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_handshakes_are_refused() {
    let mut node = Node::start(config()).await;
    let mut bystander = Socket::connect(node.address).await;
    node.see_connected().await;
    let unknown = "/socket.io/?EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAHs";
    // Target, the header changed (an empty value takes it away), status, code.
    let cases = [
        (TARGET, ("Upgrade", ""), 426, 3),
        (TARGET, ("Upgrade", "h2c"), 426, 3),
        (TARGET, ("Connection", "close"), 400, 3),
        (TARGET, ("Sec-WebSocket-Version", "8"), 426, 3),
        (TARGET, ("Sec-WebSocket-Version", ""), 426, 3),
        (TARGET, ("Sec-WebSocket-Key", ""), 400, 3),
        (TARGET, ("Sec-WebSocket-Key", "short"), 400, 3),
        (unknown, ("X", "y"), 400, 1),
        ("/socket.io/?EIO=4&transport=websocket&sid=", ("X", "y"), 400, 1),
        ("/socket.io/?EIO=4&transport=polling", ("X", "y"), 400, 3),
        ("/socket.io/?EIO=4&transport=carrier-pigeon", ("X", "y"), 400, 0),
        ("/socket.io/?EIO=2&transport=websocket", ("X", "y"), 400, 5),
        ("/socket.io/?transport=websocket", ("X", "y"), 400, 5),
        ("/socket.io/", ("X", "y"), 400, 0),
    ];
    for (target, (name, value), status, code) in cases {
        let mut headers: Vec<_> =
            HANDSHAKE.into_iter().filter(|(header, _)| *header != name).collect();
        if !value.is_empty() {
            headers.push((name, value));
        }
        let reply = http(node.address, "GET", target, &headers, "").await;
        let seen = (reply.status, reply.code());
        assert_eq!(seen, (status, code), "{target} {name}: {value}: {reply:?}");
    }
    let post = http(node.address, "POST", TARGET, &HANDSHAKE, "").await;
    assert_eq!((post.status, post.code()), (400, 2));
    let old =
        raw(node.address, &format!("GET {TARGET} HTTP/1.0\r\nUpgrade: websocket\r\n\r\n")).await;
    assert_eq!((old.status, old.code()), (400, 3));

    assert_eq!(node.edge.connections(), 1);
    bystander.echo("undisturbed").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_ends_only_its_own_connection() {
    let mut node = Node::start(config()).await;
    let mut bystander = Socket::connect(node.address).await;
    node.see_connected().await;
    let unmasked: &[u8] = &[0x81, 0x02, b'4', b'0'];
    let reserved: &[u8] = &[0xff; 14];
    let endless: &[u8] = &[0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    let not_utf8: &[u8] = &[0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28];
    for garbage in [unmasked, reserved, endless, not_utf8] {
        let mut client = Socket::connect(node.address).await;
        node.see_connected().await;
        client.0.get_mut().write_all(garbage).await.unwrap();
        wait_for_end(client.0.get_mut()).await;
        node.see_disconnected().await;
    }
    bystander.echo("undisturbed").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_one_frame_arrives_and_its_client_stays() {
    let max_payload = EdgeConfig::default().max_payload;
    let mut node = Node::start(EdgeConfig { max_payload, ..config() }).await;
    let mut client = Socket::connect(node.address).await;
    node.see_connected().await;
    let file: Vec<u8> = (0..9_000_001_u32).map(|at| at.to_le_bytes()[at as usize % 3]).collect();
    for _ in 0..2 {
        client.send(r#"451-7["file",{"_placeholder":true,"num":0}]"#).await;
        client.0.send(Message::binary(file.clone())).await.unwrap();
        assert_eq!(client.next().await, Some(format!("437[{}]", digest(&file))));
        client.echo("and small frames go on").await;
        assert_eq!(node.edge.incoming(), 0);
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_that_announces_much_is_refused_with_its_header() {
    let mut node = Node::start(config()).await;
    let mut client = Socket::connect(node.address).await;
    node.see_connected().await;
    let header = [0x89, 0xff, 0, 0, 0, 0, 0, 0x01, 0, 0, 1, 2, 3, 4];
    client.0.get_mut().write_all(&header).await.unwrap();
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Protocol));
    node.stop().await;
}
