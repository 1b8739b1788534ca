//! One Socket.IO client over WebSocket: connects, joins a room, then sends and counts.

use std::{
    cell::RefCell,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    time::Duration,
    time::Instant,
};

use anyhow::{Context as _, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use http::Uri;
use tokio::{
    net::{TcpSocket, TcpStream, lookup_host},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message, Utf8Bytes, protocol::WebSocketConfig},
};
use wire::{
    client::{Auth, RoomRequest, SendChat},
    event,
};

use crate::{
    http_exchange,
    ledger::{Ledger, micros},
    packet::{self, ChatArrived, Incoming},
};

/// How long the way into the room may take.
const DEADLINE: Duration = Duration::from_mins(1);
/// A socket's read buffer; the library's 128 KiB times thousands of clients would be gigabytes.
pub(crate) const READ_BUFFER: usize = 8 * 1024;
/// Messages that wait for a client's socket; a full queue means that the server does not read.
const OUTBOX: usize = 4_096;

/// What all clients of a fleet share. One thread: no lock is needed.
#[derive(Debug)]
pub struct Shared {
    pub ledger: RefCell<Ledger>,
    /// What the ledger's times are counted from.
    pub origin: Instant,
    /// The length of a message's content in bytes.
    pub content_bytes: usize,
}

impl Shared {
    /// Now, for the ledger.
    #[must_use]
    pub fn now(&self) -> u64 {
        micros(self.origin.elapsed())
    }
}

/// A client in its room.
#[derive(Debug)]
pub struct Client {
    outbox: mpsc::Sender<Instant>,
}

/// Who a client is and where it goes.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its number in the ledger.
    pub number: usize,
    pub node: Uri,
    /// What it shows at the entrance; nothing where nobody asks.
    pub token: Option<String>,
    pub room: String,
    /// The address that it comes from, where it matters: each has ports of its own.
    pub source: Option<Ipv4Addr>,
}

type Socket = WebSocketStream<TcpStream>;

impl Client {
    /// Connects and joins; the client then lives in a local task until this is dropped.
    ///
    /// # Errors
    /// When the node refuses the connection or the room, or does not answer within a minute.
    pub async fn enter(place: Place, shared: Rc<Shared>) -> anyhow::Result<Self> {
        let entering = timeout(DEADLINE, open(&place)).await;
        let socket = entering
            .with_context(|| format!("no answer within {DEADLINE:?}"))
            .flatten()
            .with_context(|| {
            format!("client {} cannot enter through {}", place.number, place.node)
        })?;
        let (outbox, due) = mpsc::channel(OUTBOX);
        tokio::task::spawn_local(live(place, socket, shared, due));
        Ok(Self { outbox })
    }

    /// Has the client send one message, that was due at `due`; `false` where it cannot.
    #[must_use]
    pub fn send(&self, due: Instant) -> bool {
        self.outbox.try_send(due).is_ok()
    }
}

/// A connection to `authority`, from `source` where one is named.
///
/// # Errors
/// When nobody listens there, or `source` is no address of this machine.
pub async fn dial(authority: &str, source: Option<Ipv4Addr>) -> std::io::Result<TcpStream> {
    let Some(source) = source else { return TcpStream::connect(authority).await };
    let mut addresses = lookup_host(authority).await?;
    let to = addresses.find(SocketAddr::is_ipv4).ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    socket.connect(to).await
}

async fn open(place: &Place) -> anyhow::Result<Socket> {
    let authority = http_exchange::authority(&place.node)?;
    let stream = dial(&authority, place.source).await?;
    stream.set_nodelay(true)?;
    let url = format!("ws://{authority}/socket.io/?EIO=4&transport=websocket");
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(0);
    let (mut socket, _) =
        tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await?;
    let auth = Auth { token: place.token.clone(), ..Auth::default() };
    let join = RoomRequest::Name(place.room.clone());
    loop {
        let Some(frame) = socket.next().await else { bail!("the connection was closed") };
        let Message::Text(text) = frame? else { continue };
        let answer = match Incoming::read(&text) {
            Incoming::Open(_) => packet::connect(&auth),
            Incoming::Ping => packet::PONG.to_owned(),
            Incoming::Connected => packet::event(packet::JOIN_ACK, event::JOIN_ROOM, &join),
            Incoming::Ack { id: packet::JOIN_ACK, body } => {
                ensure!(packet::is_success(body), "the join was refused: {body}");
                return Ok(socket);
            }
            Incoming::Refused(why) => bail!("the connection was refused: {why}"),
            Incoming::Closed | Incoming::Dismissed => bail!("the server closed the connection"),
            Incoming::Event(_) | Incoming::Ack { .. } | Incoming::Other => continue,
        };
        socket.send(Message::text(answer)).await?;
    }
}

/// Receives and sends until the connection or the fleet ends.
async fn live(
    place: Place,
    mut socket: Socket,
    shared: Rc<Shared>,
    mut due: mpsc::Receiver<Instant>,
) {
    loop {
        let sent = tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => match heard(&place, &shared, &text) {
                    Heard::Nothing => Ok(()),
                    Heard::Ping => socket.send(Message::Text(Utf8Bytes::from_static(packet::PONG))).await,
                    Heard::End => Err(tungstenite::Error::ConnectionClosed),
                },
                Some(Ok(_)) => Ok(()),
                Some(Err(error)) => Err(error),
                None => Err(tungstenite::Error::ConnectionClosed),
            },
            due = due.recv() => match due {
                Some(due) => say(&place, &mut socket, &shared, due).await,
                // The fleet is gone: nobody asks any more.
                None => return,
            },
        };
        if sent.is_err() {
            shared.ledger.borrow_mut().disconnected();
            return;
        }
    }
}

enum Heard {
    Nothing,
    Ping,
    End,
}

fn heard(place: &Place, shared: &Shared, text: &str) -> Heard {
    match Incoming::read(text) {
        Incoming::Event(event) => {
            if let Some(chat) = ChatArrived::read(event) {
                shared.ledger.borrow_mut().arrived(place.number, chat, shared.now());
            }
        }
        Incoming::Ack { id, body } => {
            let stored = packet::is_success(body);
            shared.ledger.borrow_mut().answered(id, stored, shared.now());
        }
        Incoming::Ping => return Heard::Ping,
        Incoming::Closed | Incoming::Dismissed => return Heard::End,
        Incoming::Open(_) | Incoming::Connected | Incoming::Refused(_) | Incoming::Other => {}
    }
    Heard::Nothing
}

async fn say(
    place: &Place,
    socket: &mut Socket,
    shared: &Shared,
    due: Instant,
) -> Result<(), tungstenite::Error> {
    let due = micros(due.saturating_duration_since(shared.origin));
    let index = shared.ledger.borrow_mut().sent(due, shared.now());
    let chat = SendChat {
        room: Some(place.room.clone()),
        content: packet::content(index, shared.content_bytes),
        client_message_id: None,
    };
    socket.send(Message::text(packet::event(index, event::CHAT_MESSAGE, &chat))).await
}
