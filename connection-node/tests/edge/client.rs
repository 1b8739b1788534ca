//! Clients without mercy: HTTP written by hand, and Engine.IO frame by frame.

use std::{fmt::Write, net::SocketAddr};

use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use crate::node::DEADLINE;

/// The headers of a good WebSocket handshake, with the example key of RFC 6455.
pub const HANDSHAKE: [(&str, &str); 4] = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The code of an Engine.IO error.
    pub fn code(&self) -> u64 {
        let error: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        error["code"].as_u64().unwrap()
    }

    fn parse(response: &[u8]) -> Self {
        let response = String::from_utf8_lossy(response);
        let (head, body) = response.split_once("\r\n\r\n").expect("a whole head");
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| {
                (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
            })
            .collect();
        Self { status, headers, body: body.to_owned() }
    }
}

/// One request on a connection of its own.
pub async fn http(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\n");
    if !headers.iter().any(|(name, _)| *name == "Connection") {
        head.push_str("Connection: close\r\n");
    }
    if !body.is_empty() {
        write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    raw(address, &format!("{head}\r\n{body}")).await
}

/// Sends bytes as they are and reads one reply.
pub async fn raw(address: SocketAddr, request: &str) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server may answer and close before it has read all.
    stream.write_all(request.as_bytes()).await.ok();
    read_reply(&mut stream).await
}

/// Reads one reply, of the length that it names or to the end of the connection.
pub async fn read_reply(stream: &mut TcpStream) -> Reply {
    let mut response = Vec::new();
    let read = async {
        loop {
            if let Some(end) = response.windows(4).position(|part| part == b"\r\n\r\n") {
                let reply = Reply::parse(&response);
                let length = reply.header("content-length").map(|length| length.parse().unwrap());
                let whole = end + 4 + length.unwrap_or(0_usize);
                if reply.status == 101 || (length.is_some() && response.len() >= whole) {
                    return reply;
                }
            }
            let read = stream.read_buf(&mut response).await;
            if !matches!(read, Ok(1..)) {
                return Reply::parse(&response);
            }
        }
    };
    timeout(DEADLINE, read).await.expect("a reply in time")
}

/// Waits for the server to end a connection, whatever it still sends.
pub async fn wait_for_end(stream: &mut TcpStream) {
    let mut rest = vec![0; 64 << 10];
    let end = async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} };
    timeout(DEADLINE, end).await.expect("the connection ends in time");
}

/// An Engine.IO session by polling.
#[derive(Clone, Debug)]
pub struct Polling {
    pub address: SocketAddr,
    pub sid: String,
}

impl Polling {
    /// Opens a session, and no namespace yet.
    pub async fn open(address: SocketAddr) -> Self {
        let reply = http(address, "GET", "/socket.io/?EIO=4&transport=polling&t=a", &[], "").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let open: serde_json::Value =
            serde_json::from_str(reply.body.strip_prefix('0').expect("an open packet")).unwrap();
        Self { address, sid: open["sid"].as_str().unwrap().to_owned() }
    }

    /// Opens a session and the namespace `/`, and waits until the server is ready.
    pub async fn connect(address: SocketAddr) -> Self {
        let client = Self::open(address).await;
        assert_eq!(client.post("40").await.body, "ok");
        let mut packets = String::new();
        while !packets.contains("ready") {
            packets.push_str(&client.get().await.body);
        }
        client
    }

    pub fn target(&self, transport: &str) -> String {
        format!("/socket.io/?EIO=4&transport={transport}&sid={}", self.sid)
    }

    pub async fn get(&self) -> Reply {
        http(self.address, "GET", &self.target("polling"), &[], "").await
    }

    /// Proves that the session works.
    pub async fn echo(&self, text: &str) {
        assert_eq!(self.post(&format!(r#"427["echo","{text}"]"#)).await.body, "ok");
        let mut packets = Vec::new();
        while packets.is_empty() {
            let payload = self.get().await.body;
            // Pings come as they like.
            packets.extend(payload.split('\u{1e}').filter(|p| *p != "2").map(str::to_owned));
        }
        assert_eq!(packets, [format!(r#"437["{text}"]"#)]);
    }

    pub async fn post(&self, body: &str) -> Reply {
        http(self.address, "POST", &self.target("polling"), &[], body).await
    }
}

/// An Engine.IO client over WebSocket.
pub struct Socket(pub WebSocketStream<TcpStream>);

impl Socket {
    /// Opens a WebSocket on a request target.
    pub async fn try_open(
        stream: TcpStream,
        target: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Error> {
        let mut request: Request<()> =
            format!("ws://{}{target}", stream.peer_addr().unwrap()).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        client_async(request, stream).await.map(|(socket, _)| Self(socket))
    }

    pub async fn open(address: SocketAddr, target: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self::try_open(stream, target, &[]).await.unwrap()
    }

    /// Opens a session and the namespace `/` on a connection, and waits until the server is ready.
    pub async fn connect_on(stream: TcpStream) -> Self {
        let mut client =
            Self::try_open(stream, "/socket.io/?EIO=4&transport=websocket", &[]).await.unwrap();
        assert!(client.next().await.unwrap().starts_with("0{"));
        client.send("40").await;
        assert!(client.next().await.unwrap().starts_with("40{"));
        assert!(client.next().await.unwrap().contains("ready"));
        client
    }

    pub async fn connect(address: SocketAddr) -> Self {
        Self::connect_on(TcpStream::connect(address).await.unwrap()).await
    }

    pub async fn send(&mut self, packet: &str) {
        self.0.send(Message::text(packet)).await.unwrap();
    }

    /// The next packet; pings are answered. `None` when the connection has ended, in whatever way.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            match timeout(DEADLINE, self.0.next()).await.expect("a packet in time")? {
                Ok(Message::Text(text)) if text == "2" => {
                    // The connection may end meanwhile, which the next read tells.
                    self.0.send(Message::text("3")).await.ok();
                }
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(other) => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Reads until the connection has ended, whatever still comes.
    pub async fn wait_for_end(&mut self) {
        while self.next().await.is_some() {}
    }

    /// Proves that the session works.
    pub async fn echo(&mut self, text: &str) {
        self.send(&format!(r#"427["echo","{text}"]"#)).await;
        assert_eq!(self.next().await, Some(format!(r#"437["{text}"]"#)));
    }
}
