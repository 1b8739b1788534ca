//! The chat namespace: Socket.IO's callbacks turned into requests, and their answers.
//!
//! Everything is registered in the connect middleware, before the client can know that it is
//! connected, so that no event precedes its handler; and events are handled where they arrive, in
//! order, never in a task of their own.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use serde::Serialize;
use serde_json::value::RawValue;
use socketioxide::{
    SendError, SocketError, SocketIo,
    adapter::LocalAdapter,
    extract::{AckSender, SocketRef, TryData},
    handler::{ConnectHandler, FromMessageParts, MessageHandler, Value},
    socket::Socket,
};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use wire::{
    ErrorCode, Failure, RoomName, Seq, StoredChat, StoredMessage, Timestamp,
    client::{ChatStored, Done, HistoryPage, Typing},
    ephemeral::FromNode,
    event, subject,
};

use crate::{
    edge::{CloseReason, Transport},
    hub::Hub,
    log::{
        publisher::{Publication, Publisher, Stored, unavailable},
        reader::LogReader,
    },
    markup,
    request::Request,
    rooms::{
        packet::Packet,
        port::{Input, Join, Page, SocketKey},
    },
    session::{Admission, Route, Session},
    teller::Teller,
    token::{TokenError, Tokens},
};

/// Rooms that a connection may name in `auth.rooms`; more are passed over.
const MAX_AUTH_ROOMS: usize = 200;

/// What all sockets of a node share.
pub struct Gateway {
    pub node: wire::NodeId,
    pub tokens: Tokens,
    pub default_rooms: Vec<RoomName>,
    pub hub: Hub,
    pub publisher: Publisher,
    pub reader: LogReader,
    pub teller: Teller,
    /// Bounds reads of history.
    pub reads: Arc<Semaphore>,
    pub tasks: TaskTracker,
    pub next_key: AtomicU64,
}

/// An event as it came, with the right to answer it.
type Event = (Value, AckSender);
type ChatSession = Session<Event>;

/// A socket as the rooms hold it.
#[derive(Clone)]
pub struct Peer {
    socket: SocketRef,
    transport: Transport,
    session: Arc<ChatSession>,
}

impl Peer {
    /// Sends an event. A socket whose queue is full is closed: its client reconnects and recovers,
    /// where leaving one event out would lose it.
    pub fn emit(&self, packet: &Packet) {
        check(self.socket.emit(packet.event, &*packet.json), &self.transport);
    }

    /// Answers a request.
    pub fn answer(&self, ack: AckSender, body: &impl Serialize) {
        check(ack.send(body), &self.transport);
    }

    /// The room has dealt with a request of this socket.
    pub fn settled(&self, room: &RoomName) {
        self.session.settled(room);
    }

    /// A join came to nothing.
    pub fn refused(&self, room: &RoomName, ack: Option<AckSender>, why: &Failure) {
        self.session.forget(room);
        if let Some(ack) = ack {
            self.answer(ack, why);
        }
    }
}

fn check(sent: Result<(), SendError>, transport: &Transport) {
    match sent {
        Ok(()) | Err(SendError::Socket(SocketError::Closed)) => {}
        Err(SendError::Socket(SocketError::InternalChannelFull)) => {
            transport.close(CloseReason::SlowConsumer);
        }
        Err(error) => {
            tracing::error!(%error, "cannot encode an event");
            transport.close(CloseReason::Fault);
        }
    }
}

/// Serves the chat namespace.
pub fn register(io: &SocketIo, gateway: Arc<Gateway>) {
    let connected = gateway.clone();
    let greet = async move |socket: SocketRef| connected.start(&socket);
    let admit = async move |socket: SocketRef, auth: TryData<serde_json::Value>| {
        gateway.admit(&socket, &auth.0.unwrap_or_default())
    };
    io.ns(event::CHAT_NAMESPACE, greet.with(admit));
}

/// The positions in `auth.rooms`; whatever is no room or no position is passed over.
fn positions(auth: &serde_json::Value) -> HashMap<RoomName, Seq> {
    let rooms = auth.get("rooms").and_then(|rooms| rooms.as_object());
    rooms
        .into_iter()
        .flatten()
        .filter_map(|(room, seq)| Some((RoomName::parse(room).ok()?, seq.as_u64()?)))
        .take(MAX_AUTH_ROOMS)
        .collect()
}

/// What the connect handler needs of the middleware's work.
#[derive(Clone)]
struct Admitted {
    peer_of: Arc<ChatSession>,
    transport: Transport,
    positions: Arc<HashMap<RoomName, Seq>>,
}

impl Gateway {
    /// Lets a socket in, or says why not; registers all that it may do.
    fn admit(self: &Arc<Self>, socket: &SocketRef, auth: &serde_json::Value) -> Result<(), TokenError> {
        let identity = self.tokens.identify(auth.get("token").and_then(|token| token.as_str()))?;
        let Some(transport) = socket.req_parts().extensions.get::<Transport>().cloned() else {
            tracing::error!("a socket came without its transport");
            return Err(TokenError::Invalid);
        };
        let key: SocketKey = self.next_key.fetch_add(1, Ordering::Relaxed);
        let session = Arc::new(Session::new(key, identity));
        socket.on_fallback(Inbound { gateway: self.clone(), session: session.clone() });
        let (gateway, ended) = (self.clone(), session.clone());
        socket.on_disconnect(async move || {
            let rooms = ended.close();
            gateway.hub.gone(ended.key, rooms).await;
        });
        let positions = Arc::new(positions(auth));
        socket.extensions.insert(Admitted { peer_of: session, transport, positions });
        Ok(())
    }

    /// The client knows that it is connected: it enters its rooms, and what it sent early is handled.
    fn start(self: &Arc<Self>, socket: &SocketRef) {
        let Some(admitted) = socket.extensions.remove::<Admitted>() else { return };
        let Admitted { peer_of: session, transport, positions } = admitted;
        let peer = Peer { socket: socket.clone(), transport, session };
        let defaults = self.default_rooms.iter().filter(|room| !positions.contains_key(*room));
        let rooms = defaults.map(|room| (room, None));
        for (room, after) in rooms.chain(positions.iter().map(|(room, seq)| (room, Some(*seq)))) {
            if peer.session.enter(room).is_ok() && !self.join(&peer, room, after, None) {
                // Without its rooms the connection would be deaf: better it comes again.
                peer.transport.close(CloseReason::Fault);
            }
        }
        while let Some(early) = peer.session.start() {
            for (value, ack) in early {
                self.handle(&peer, &value, ack);
            }
        }
    }

    fn join(&self, peer: &Peer, room: &RoomName, after: Option<Seq>, ack: Option<AckSender>) -> bool {
        let join = Join {
            key: peer.session.key,
            socket: peer.clone(),
            user: peer.session.identity.user.clone(),
            room: room.clone(),
            after,
            ack,
        };
        match self.hub.offer(room, Input::Join(join)) {
            Ok(()) => true,
            Err(Input::Join(join)) => {
                peer.refused(room, join.ack, &overloaded());
                false
            }
            Err(_) => false,
        }
    }

    fn handle(self: &Arc<Self>, peer: &Peer, value: &Value, ack: AckSender) {
        let request = match value {
            Value::Str(json, _) => Request::parse(json),
            Value::Bytes(_) => {
                Err(Failure::new(ErrorCode::Invalid, "expected an event, got bare bytes"))
            }
        };
        if let Err((ack, failure)) = self.perform(peer, request, ack) {
            peer.answer(ack, &failure);
        }
    }

    fn perform(
        self: &Arc<Self>,
        peer: &Peer,
        request: Result<Request, Failure>,
        ack: AckSender,
    ) -> Result<(), (AckSender, Failure)> {
        let session = &peer.session;
        match request {
            Err(failure) => return Err((ack, failure)),
            Ok(Request::Chat { room, content, client_message_id }) => {
                match session.route(&room) {
                    Ok(route) => self.chat(peer, route, room, content, client_message_id, ack),
                    Err(failure) => return Err((ack, failure)),
                }
            }
            Ok(Request::Join { room, after }) => match session.enter(&room) {
                Ok(()) => {
                    self.join(peer, &room, after, Some(ack));
                }
                Err(failure) => return Err((ack, failure)),
            },
            Ok(Request::Leave { room }) => {
                session.forget(&room);
                let key = session.key;
                let (socket, ack) = (peer.clone(), Some(ack));
                let leave = Input::Leave { key, socket, room: room.clone(), ack };
                if let Err(Input::Leave { ack: Some(ack), .. }) = self.hub.offer(&room, leave) {
                    return Err((ack, overloaded()));
                }
            }
            Ok(Request::History { room, before, limit }) => match session.require(&room) {
                Ok(()) => self.history(peer, room, before, limit, ack)?,
                Err(failure) => return Err((ack, failure)),
            },
            Ok(Request::Typing { room, typing }) => match session.require(&room) {
                Ok(()) => self.typing(peer, room, typing),
                Err(failure) => return Err((ack, failure)),
            },
            Ok(Request::Farewell) => peer.answer(ack, &Done {}),
        }
        Ok(())
    }

    fn chat(
        &self,
        peer: &Peer,
        route: Route,
        room: RoomName,
        content: String,
        client_message_id: Option<String>,
        ack: AckSender,
    ) {
        let author = peer.session.identity.user.clone();
        let id = wire::message::message_id(&author.user_id, &room, client_message_id.as_deref());
        let message_id = client_message_id.is_some().then(|| id.clone());
        let timestamp = Timestamp::now();
        let html = markup::render(&content);
        let chat =
            StoredChat { id: id.clone(), author, content, html, timestamp, client_message_id };
        let payload = match serde_json::to_vec(&StoredMessage::Chat(chat)) {
            Ok(payload) => payload.into(),
            Err(error) => {
                tracing::error!(%error, "cannot encode a message");
                return peer.answer(ack, &unavailable());
            }
        };
        let (sender, into) = (peer.clone(), room.clone());
        let done = Box::new(move |result| match result {
            Ok(Stored { seq, timestamp }) => {
                sender.answer(ack, &ChatStored { id, room: into, seq, timestamp });
            }
            Err(failure) => sender.answer(ack, &failure),
        });
        let subject = subject::message(&room);
        let speech = Publication { subject, payload, id: message_id, timestamp, done };
        match route {
            Route::Direct => self.publisher.publish(speech),
            Route::ByRoom => {
                let (key, socket) = (peer.session.key, peer.clone());
                let speak = Input::Speak { key, socket, room: room.clone(), speech };
                if let Err(Input::Speak { speech, .. }) = self.hub.offer(&room, speak) {
                    peer.settled(&room);
                    (speech.done)(Err(overloaded()));
                }
            }
        }
    }

    fn history(
        self: &Arc<Self>,
        peer: &Peer,
        room: RoomName,
        before: Option<Seq>,
        limit: usize,
        ack: AckSender,
    ) -> Result<(), (AckSender, Failure)> {
        let Ok(permit) = self.reads.clone().try_acquire_owned() else {
            return Err((ack, overloaded()));
        };
        let (gateway, peer) = (self.clone(), peer.clone());
        self.tasks.spawn(async move {
            match gateway.reader.latest(&room, before, limit).await {
                Ok(Page { messages, more, .. }) => {
                    let messages: Vec<&RawValue> =
                        messages.iter().map(|message| &*message.packet.json).collect();
                    peer.answer(ack, &HistoryPage { messages, more });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot read history");
                    let message = "the room's log does not answer; ask again";
                    peer.answer(ack, &Failure::retry(ErrorCode::Unavailable, message, 1_000));
                }
            }
            drop(permit);
        });
        Ok(())
    }

    fn typing(&self, peer: &Peer, room: RoomName, typing: bool) {
        if peer.session.may_type(typing, Instant::now()) {
            let partition = room.partition();
            let typing = Typing { room, user: peer.session.identity.user.clone(), typing };
            self.teller.tell(partition, FromNode::Typing { node: self.node.clone(), typing });
        }
    }
}

fn overloaded() -> Failure {
    Failure::retry(ErrorCode::Overloaded, "the node is busy; ask again a little later", 250)
}

/// Takes a socket's events where they arrive: in order, and without a task for each.
struct Inbound {
    gateway: Arc<Gateway>,
    session: Arc<ChatSession>,
}

/// Marks [`Inbound`] among the kinds of handler.
struct InOrder;

impl MessageHandler<LocalAdapter, InOrder> for Inbound {
    fn call(&self, socket: Arc<Socket>, mut value: Value, ack_id: Option<i64>) {
        let Ok(ack) = AckSender::from_message_parts(&socket, &mut value, &ack_id);
        let socket = SocketRef::from(socket);
        let Some(transport) = socket.req_parts().extensions.get::<Transport>().cloned() else {
            return;
        };
        match self.session.admit((value, ack)) {
            Admission::Now((value, ack)) => {
                let peer = Peer { socket, transport, session: self.session.clone() };
                self.gateway.handle(&peer, &value, ack);
            }
            Admission::Kept => {}
            Admission::Flood => transport.close(CloseReason::Protocol),
        }
    }
}
