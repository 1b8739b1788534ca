//! A node with nothing but an edge, an echo over Socket.IO, and a small application beside it.

use std::{
    hash::{DefaultHasher, Hasher},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::ConnectInfo, routing::get};
use bytes::Bytes;
use connection_node::edge::{self, CloseReason, Edge, EdgeConfig, Transport};
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Generous: a test that hits it has failed, on however slow a machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// What the node's Socket.IO handlers saw.
#[derive(Debug)]
enum Seen {
    Connected(Transport),
    Disconnected(Option<CloseReason>),
}

pub struct Node {
    pub address: SocketAddr,
    pub edge: Arc<Edge>,
    seen: mpsc::UnboundedReceiver<Seen>,
    /// Clients whose connect handler has run, less those whose disconnect handler has.
    connected: usize,
    pub shutdown: CancellationToken,
    served: JoinHandle<anyhow::Result<()>>,
}

/// Settings for a test: an origin, a drain that does not linger, and no timeout that would end a
/// session which something else forgot.
pub fn config() -> EdgeConfig {
    EdgeConfig {
        allowed_origins: "https://chat.example.com".parse().unwrap(),
        ping_timeout: Duration::from_hours(1),
        connect_timeout: Duration::from_hours(1),
        drain_over: Duration::ZERO,
        drain_jitter: Duration::ZERO,
        max_payload: 64 << 10,
        ..EdgeConfig::default()
    }
}

impl Node {
    pub async fn start(config: EdgeConfig) -> Self {
        let app = Router::new().route(
            "/whoami",
            get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
        );
        Self::start_with(config, app).await
    }

    pub async fn start_with(config: EdgeConfig, app: Router) -> Self {
        let (service, io) = edge::build(&config);
        let (saw, seen) = mpsc::unbounded_channel();
        let edge = Edge::new(config);
        listen(&io, &edge, &saw);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let served =
            tokio::spawn(edge::serve(listener, app, service, edge.clone(), shutdown.clone()));
        Self { address, edge, seen, connected: 0, shutdown, served }
    }

    async fn see(&mut self) -> Seen {
        let seen = timeout(DEADLINE, self.seen.recv()).await.expect("an event in time").unwrap();
        self.connected = after(self.connected, &seen);
        seen
    }

    /// Waits for a client's connect handler and returns its transport.
    pub async fn see_connected(&mut self) -> Transport {
        match self.see().await {
            Seen::Connected(transport) => transport,
            other @ Seen::Disconnected(_) => panic!("expected a connect, saw {other:?}"),
        }
    }

    /// Waits for a client's disconnect handler and returns why the edge had closed its transport.
    pub async fn see_disconnected(&mut self) -> Option<CloseReason> {
        match self.see().await {
            Seen::Disconnected(reason) => reason,
            other @ Seen::Connected(_) => panic!("expected a disconnect, saw {other:?}"),
        }
    }

    /// Waits until the edge lists this many transports.
    pub async fn see_connections(&self, count: usize) {
        let reached = async {
            while self.edge.connections() != count {
                tokio::task::yield_now().await;
            }
        };
        let reached = timeout(DEADLINE, reached).await;
        assert!(reached.is_ok(), "{} connections, not {count}", self.edge.connections());
    }

    /// Shuts down, and proves that nothing is left: every client that connected has also
    /// disconnected before `serve` returns.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        timeout(DEADLINE, self.served).await.expect("serve returns").unwrap().unwrap();
        assert_eq!(self.edge.connections(), 0);
        while let Ok(seen) = self.seen.try_recv() {
            self.connected = after(self.connected, &seen);
        }
        assert_eq!(self.connected, 0, "sockets without a disconnect");
    }
}

/// What tells one file from another.
pub fn digest(file: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(file);
    hasher.finish() >> 12
}

/// How many clients are connected after an event.
fn after(connected: usize, seen: &Seen) -> usize {
    match seen {
        Seen::Connected(_) => connected + 1,
        Seen::Disconnected(_) => connected - 1,
    }
}

/// Says `ready` once its handlers are in place; answers `echo` by its acknowledgement, `file` by a
/// [`digest`] or that there are too many, and `flood` by more than any buffer holds.
fn listen(io: &SocketIo, edge: &Arc<Edge>, saw: &mpsc::UnboundedSender<Seen>) {
    let (edge, saw) = (edge.clone(), saw.clone());
    io.ns("/", async move |socket: SocketRef| {
        let transport = socket.req_parts().extensions.get::<Transport>().cloned();
        let transport = transport.expect("every socket has its transport");
        // Here everybody who enters the namespace is taken for authenticated.
        transport.intake().admit();
        socket.on("echo", async |Data::<String>(text), ack: AckSender| ack.send(&text).unwrap());
        let of = transport.clone();
        socket.on("file", async move |Data::<Bytes>(file), ack: AckSender| {
            of.intake().complete();
            match edge.limits().event(of.intake().caller(), "somebody", file.len()) {
                Ok(()) => ack.send(&digest(&file)).unwrap(),
                Err(_) => ack.send("rate_limited").unwrap(),
            }
        });
        socket.on("flood", async |socket: SocketRef| {
            let text = "x".repeat(256 << 10);
            for _ in 0..128 {
                socket.emit("flood", &text).ok();
            }
        });
        let (gone, of) = (saw.clone(), transport.clone());
        socket.on_disconnect(async move |_: SocketRef| {
            // It takes its time, as one that talks to others does.
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            gone.send(Seen::Disconnected(of.close_reason())).ok();
        });
        saw.send(Seen::Connected(transport)).ok();
        socket.emit("ready", &()).unwrap();
    });
}
