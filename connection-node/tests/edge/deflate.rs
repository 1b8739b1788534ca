//! WebSocket clients that compress what they send (RFC 7692), well and badly; and polls that may be
//! answered compressed.

mod files;

use std::fmt::Write;

use connection_node::edge::{CloseReason, EdgeConfig};
use flate2::{Compress, Compression, FlushCompress};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    client::{HANDSHAKE, Polling, Reply, Socket, http, wait_for_end},
    node::{DEADLINE, Node, config},
};

const TARGET: &str = "/socket.io/?EIO=4&transport=websocket";
const OFFER: &str = "permessage-deflate; client_max_window_bits";
const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// A WebSocket, byte by byte.
struct Raw(TcpStream);

impl Raw {
    async fn handshake(node: &Node, offer: &str) -> (Self, Reply) {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        let mut request = format!("GET {TARGET} HTTP/1.1\r\nHost: x\r\n");
        for (name, value) in HANDSHAKE.into_iter().chain([("Sec-WebSocket-Extensions", offer)]) {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        // What follows the head is a frame of its own.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(DEADLINE, stream.read_u8()).await.unwrap().unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let extension =
            head.lines().find_map(|line| line.strip_prefix("sec-websocket-extensions: "));
        let mut headers = http::HeaderMap::new();
        if let Some(extension) = extension {
            headers.insert("sec-websocket-extensions", extension.parse().unwrap());
        }
        let status = head[9..12].parse().unwrap();
        (Self(stream), Reply { status, headers, body: String::new() })
    }

    /// Negotiates, and reads the open packet.
    async fn open(node: &Node) -> Self {
        let (mut raw, reply) = Self::handshake(node, OFFER).await;
        assert_eq!(reply.header("sec-websocket-extensions"), Some(ANSWER));
        assert!(raw.text().await.starts_with("0{"));
        raw
    }

    /// The same, and enters the namespace with a compressed packet.
    async fn connect(node: &mut Node) -> Self {
        let mut raw = Self::open(node).await;
        raw.send(0xc1, &deflate(b"40")).await;
        assert!(raw.text().await.starts_with("40{"));
        assert!(raw.text().await.contains("ready"));
        raw
    }

    async fn send(&mut self, first: u8, payload: &[u8]) {
        self.0.write_all(&frame(first, payload)).await.ok();
    }

    /// The next text; pings are passed over.
    async fn text(&mut self) -> String {
        loop {
            let mut head = [0; 2];
            timeout(DEADLINE, self.0.read_exact(&mut head)).await.unwrap().unwrap();
            let length = match head[1] {
                126 => self.0.read_u16().await.unwrap().into(),
                short => usize::from(short),
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await.unwrap();
            assert_eq!(head[0], 0x81, "a short text is not compressed");
            if payload != b"2" {
                return String::from_utf8(payload).unwrap();
            }
        }
    }

    async fn echo(&mut self, first: u8, text: &str) {
        self.send(first, &deflate(format!(r#"427["echo","{text}"]"#).as_bytes())).await;
        assert_eq!(self.text().await, format!(r#"437["{text}"]"#));
    }

    /// Sends a file that is compressed already.
    async fn file(&mut self, deflated: &[u8]) {
        self.send(0xc1, &deflate(br#"451-7["file",{"_placeholder":true,"num":0}]"#)).await;
        self.send(0xc2, deflated).await;
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(short @ 0..126) => frame.push(0x80 | u8::try_from(short).unwrap()),
        Ok(medium) => {
            frame.push(0xfe);
            frame.extend(medium.to_be_bytes());
        }
        Err(_) => {
            frame.push(0xff);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    let mask = [9, 8, 7, 6];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(bytes.len() + 100);
    let mut deflate = Compress::new(Compression::best(), false);
    deflate.compress_vec(bytes, &mut deflated, FlushCompress::Sync).unwrap();
    assert_eq!(deflate.total_in(), bytes.len() as u64);
    deflated.truncate(deflated.len() - 4);
    deflated
}

/// Waits until no byte of a message is kept.
async fn nothing_is_held(node: &Node) {
    let drained = async {
        while node.edge.incoming() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, drained).await.expect("what is held is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_offered_is_answered() {
    let node = Node::start(config()).await;
    for (offer, answer) in [
        (OFFER, Some(ANSWER)),
        ("permessage-deflate; server_max_window_bits=9, permessage-deflate", Some(ANSWER)),
        ("permessage-deflate; server_max_window_bits=9", None),
        ("permessage-deflate; x", None),
        ("permessage-deflate; \"", None),
    ] {
        let (_, reply) = Raw::handshake(&node, offer).await;
        assert_eq!((reply.status, reply.header("sec-websocket-extensions")), (101, answer));
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_messages_arrive_beside_others() {
    let mut node = Node::start(config()).await;
    let mut client = Raw::connect(&mut node).await;
    let transport = node.see_connected().await;
    client.echo(0xc1, "hello").await;
    let before = transport.bytes_in();
    client.echo(0xc1, &"again and again ".repeat(3_000)).await;
    assert!(transport.bytes_in() - before < 1_000, "it came compressed, and is counted so");
    // One that is not compressed, and one in two fragments with a ping between them.
    client.send(0x81, br#"427["echo","plain"]"#).await;
    assert_eq!(client.text().await, r#"437["plain"]"#);
    let fragments = deflate(br#"427["echo","fragments"]"#);
    let (one, other) = fragments.split_at(9);
    let sent = [frame(0x41, one), frame(0x8a, b"pong"), frame(0x80, other)].concat();
    // In as many reads.
    for piece in sent.chunks(5) {
        client.0.write_all(piece).await.unwrap();
        client.0.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(client.text().await, r#"437["fragments"]"#);
    drop(client);
    node.see_disconnected().await;
    nothing_is_held(&node).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_and_garbage_end_their_own_connection_alone() {
    let mut node = Node::start(EdgeConfig { max_payload: 200 << 10, ..config() }).await;
    let mut bystander = Socket::connect(node.address).await;
    node.see_connected().await;
    let text = |size| deflate(format!(r#"427["echo","{}"]"#, "x".repeat(size)).as_bytes());
    let cases = [
        ("a bomb", frame(0xc1, &text(10 << 20))),
        ("one that is a little too large", frame(0xc1, &text(200 << 10))),
        ("garbage", frame(0xc1, &[0xff; 30])),
        ("a text that is cut off", frame(0xc1, &text(1_000)[..15])),
        ("a message within a message", [frame(0x41, b"x"), frame(0xc1, b"x")].concat()),
    ];
    for (what, bytes) in cases {
        let mut client = Raw::connect(&mut node).await;
        node.see_connected().await;
        client.0.write_all(&bytes).await.ok();
        wait_for_end(&mut client.0).await;
        assert_eq!(node.see_disconnected().await, Some(CloseReason::Protocol), "{what}");
    }
    let mut client = Raw::connect(&mut node).await;
    node.see_connected().await;
    client.send(0xc1, &text(199 << 10)).await;
    bystander.echo("undisturbed").await;
    assert_eq!(node.edge.connections(), 2);
    drop(client);
    node.see_disconnected().await;
    nothing_is_held(&node).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn little_may_be_inflated_before_a_token() {
    let node = Node::start(EdgeConfig { max_payload: 10 << 20, ..config() }).await;
    // However much it is, no more than a piece beyond the cap comes of it.
    for size in [65 << 10, 10 << 20] {
        let mut client = Raw::open(&node).await;
        client.send(0xc1, &deflate(&vec![b' '; size])).await;
        wait_for_end(&mut client.0).await;
    }
    // Each no larger than it may be, but too many.
    let zeros = deflate(&[&b"9"[..], &vec![b' '; 60 << 10]].concat());
    let mut client = Raw::open(&node).await;
    for _ in 0..8 {
        client.send(0xc2, &zeros).await;
    }
    wait_for_end(&mut client.0).await;
    node.see_connections(0).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_for_messages_that_do_not_end_is_bounded() {
    let mut node = Node::start(EdgeConfig { inbound_buffer: 100 << 10, ..config() }).await;
    let mut begun = Vec::new();
    for _ in 0..2 {
        let mut client = Raw::connect(&mut node).await;
        let transport = node.see_connected().await;
        let before = transport.bytes_in();
        client.send(0x41, b"\x02\x00").await;
        while transport.bytes_in() == before || node.edge.incoming() <= begun.len() as u64 * 40_000
        {
            tokio::task::yield_now().await;
        }
        begun.push(client);
    }
    let mut third = Raw::connect(&mut node).await;
    node.see_connected().await;
    third.echo(0xc1, "whole messages need none of it").await;
    third.send(0x41, b"\x02\x00").await;
    wait_for_end(&mut third.0).await;
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Fault));
    drop(begun);
    node.see_disconnected().await;
    node.see_disconnected().await;
    nothing_is_held(&node).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_negotiated_may_not_compress() {
    let mut node = Node::start(EdgeConfig { compression: false, ..config() }).await;
    let (mut client, reply) = Raw::handshake(&node, OFFER).await;
    assert_eq!(reply.header("sec-websocket-extensions"), None);
    assert!(client.text().await.starts_with("0{"));
    client.send(0x81, b"40").await;
    node.see_connected().await;
    client.send(0xc1, &deflate(b"42[\"echo\",\"x\"]")).await;
    wait_for_end(&mut client.0).await;
    node.see_disconnected().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_is_answered_compressed() {
    let mut node = Node::start(config()).await;
    let client = Polling::connect(node.address).await;
    let transport = node.see_connected().await;
    let (text, before) = ("x".repeat(5_000), transport.bytes_out());
    assert_eq!(client.post(&format!(r#"427["echo","{text}"]"#)).await.body, "ok");
    let gzip = [("Accept-Encoding", "gzip, deflate")];
    loop {
        let target = client.target("polling");
        let reply = http(node.address, "GET", &target, &gzip, "").await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("vary"), Some("accept-encoding"));
        // A ping may come before.
        if let Some(encoding) = reply.header("content-encoding") {
            assert_eq!(encoding, "gzip");
            break;
        }
        assert!(!reply.body.contains("xxx"), "it came as it is");
    }
    assert!(transport.bytes_out() - before > 5_000, "the packet is counted");
    node.stop().await;
}
