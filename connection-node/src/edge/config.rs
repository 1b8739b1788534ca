//! The settings of transports, and socketioxide built with all of them.

use std::time::Duration;

use engineioxide::service::NotFoundService;
use socketioxide::{
    ParserConfig, SocketIo, SocketIoBuilder, TransportType, adapter::LocalAdapter,
    service::SocketIoService,
};

use super::Origins;
use crate::limits::LimitSettings;

/// The path under which Socket.IO is served; clients use it unless told otherwise.
pub(super) const PATH: &str = "/socket.io";

/// Binary attachments one event may carry. A Socket.IO packet names their number before they
/// arrive.
const MAX_ATTACHMENTS: usize = 16;

/// Bytes that no packet of a chat is shorter than.
const SMALLEST_PACKET: u64 = 32;

/// The Socket.IO service of this node.
pub type IoService<A = LocalAdapter> = SocketIoService<NotFoundService, A>;

/// Settings of transports.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// How often the server pings a client. Default 25 s.
    pub ping_interval: Duration,
    /// How long it waits for the answer before it takes the client for dead. Default 20 s.
    pub ping_timeout: Duration,
    /// How long a client may stay without a namespace, rejected ones included, and how long an
    /// upgrade to WebSocket may take. Default 10 s.
    pub connect_timeout: Duration,
    /// Bytes that one polling body, one WebSocket frame and one message may have. Default 10 MiB
    /// and 64 KiB: a file of 10 MB as one binary attachment.
    pub max_payload: u64,
    /// The same until a client has shown a good token. Default 64 KiB: what names itself and its rooms on
    /// connecting. In all it may send four times as much until then.
    pub first_payload: u64,
    /// Bytes of messages that are not complete yet, all clients together: large ones, and attachments.
    /// Default 256 MiB. Beyond, the client whose message does not fit is closed.
    pub inbound_buffer: u64,
    /// How long a write to a client may make no progress before its transport is closed. Default 10
    /// s.
    pub write_stall: Duration,
    /// How long a client may take for a request's head, for each part of its body, and between two
    /// requests of one connection. Default 10 s.
    pub header_timeout: Duration,
    /// How long a whole body may take, and an answer of the application to begin. Default 60 s.
    pub body_timeout: Duration,
    /// Bytes of events that may wait for one client in this process, and a quarter of the bytes of
    /// answers and events together. Default 1 MiB. Beyond that
    /// [`Transport::take_in`](super::Transport::take_in) says so, and the caller has to close the
    /// transport with [`CloseReason::SlowConsumer`](super::CloseReason::SlowConsumer), or the client
    /// misses a packet.
    pub max_waiting: u64,
    /// Bytes that the kernel buffers for one client (`SO_SNDBUF`, which Linux doubles). Default 128 KiB:
    /// 1 MB/s to a client 100 ms away. Left to itself the kernel takes up to 4 MB for one that is slow.
    pub send_buffer: usize,
    /// Bytes of the read buffer that each WebSocket keeps. Default 512 bytes; a chat message fits,
    /// larger ones cost a few more reads.
    pub ws_read_buffer: usize,
    /// Whether messages are compressed for clients that offer it, and answers to polls. Default: yes.
    pub compression: bool,
    /// Origins whose pages may connect. Default: none, which still admits clients that are not
    /// browsers.
    pub allowed_origins: Origins,
    /// How much one client may ask for.
    pub limits: LimitSettings,
    /// Whether every answer tells browsers to come by TLS alone (`Strict-Transport-Security`), and not
    /// only those to whom a trusted proxy says that it was TLS. Default: no.
    pub tls_only: bool,
    /// Over which time a drain spreads the closing of its transports. Default 10 s.
    pub drain_over: Duration,
    /// By how much each of those closings moves at random. Default 500 ms.
    pub drain_jitter: Duration,
    /// How long HTTP requests in flight may take after that. Default 10 s.
    pub drain_grace: Duration,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(10),
            max_payload: (10 << 20) + (64 << 10),
            first_payload: 64 << 10,
            inbound_buffer: 256 << 20,
            write_stall: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_mins(1),
            max_waiting: 1 << 20,
            send_buffer: 128 << 10,
            ws_read_buffer: 512,
            compression: true,
            allowed_origins: Origins::default(),
            limits: LimitSettings::default(),
            tls_only: false,
            drain_over: Duration::from_secs(10),
            drain_jitter: Duration::from_millis(500),
            drain_grace: Duration::from_secs(10),
        }
    }
}

impl EdgeConfig {
    /// `max_payload` as a size in memory.
    pub(super) fn max_bytes(&self) -> usize {
        usize::try_from(self.max_payload).unwrap_or(usize::MAX)
    }

    /// Packets that may wait for one client: so many that the bound in bytes comes first. Their queue
    /// grows with what waits.
    fn max_packets(&self) -> usize {
        let packets = self.max_waiting.saturating_mul(super::backlog::ANSWERS) / SMALLEST_PACKET;
        usize::try_from(packets.max(1_024)).unwrap_or(usize::MAX)
    }
}

/// A socketioxide builder with every setting of `config`, for callers that add a state or an
/// adapter.
///
/// The settings go through the builder's own methods: its `with_config` drops the Engine.IO part
/// without a word.
pub fn builder(config: &EdgeConfig) -> SocketIoBuilder {
    let parser = ParserConfig::common()
        .max_incoming_binary_buf_size(config.max_bytes())
        .max_incoming_binaries(MAX_ATTACHMENTS);
    SocketIo::builder()
        .req_path(PATH)
        .transports([TransportType::Polling, TransportType::Websocket])
        .ping_interval(config.ping_interval)
        .ping_timeout(config.ping_timeout)
        .connect_timeout(config.connect_timeout)
        .upgrade_timeout(config.connect_timeout)
        .max_payload(config.max_payload)
        .ws_max_message_size(config.max_bytes())
        .ws_max_frame_size(config.max_bytes())
        .ws_read_buffer_size(config.ws_read_buffer)
        .max_buffer_size(config.max_packets())
        .with_parser(parser)
}

/// Socketioxide with every setting of `config`: the service for [`serve`](super::serve), and its
/// handle.
pub fn build(config: &EdgeConfig) -> (IoService, SocketIo) {
    builder(config).build_svc()
}
