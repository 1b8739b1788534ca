//! The chat namespace: Socket.IO's callbacks turned into requests, and their answers.
//!
//! Owns how a socket comes in and goes. What it is sent through lies in [`peer`], what it asks for in
//! [`desk`].
//!
//! Everything is registered in the connect middleware, before the client can know that it is
//! connected, so that no event precedes its handler; and events are handled where they arrive, in
//! order, never in a task of their own.

mod desk;
mod named_rooms;
mod peer;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use service_shell::token::{TokenError, Tokens};
use socketioxide::{
    SocketIo,
    adapter::LocalAdapter,
    extract::{AckSender, SocketRef, TryData},
    handler::{ConnectHandler, FromMessageParts, MessageHandler, Value},
    socket::Socket,
};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use wire::{ErrorCode, Failure, RoomName, Seq, event};

pub use self::peer::{Peer, Reply};
use self::{
    named_rooms::{Named, named},
    peer::ChatSession,
};
use crate::{
    edge::{CloseReason, Transport},
    hub::Hub,
    log::{publisher::Publisher, reader::LogReader},
    metrics::{Connected, Metrics},
    rooms::port::{Input, Join, SocketKey},
    session::{Admission, Session},
    teller::Teller,
    uploads::Uploads,
};

/// What all sockets of a node share.
pub struct Gateway {
    pub node: wire::NodeId,
    pub tokens: Tokens,
    pub default_rooms: Vec<RoomName>,
    pub hub: Hub,
    pub publisher: Publisher,
    pub reader: LogReader,
    pub teller: Teller,
    pub uploads: Uploads,
    /// Bounds reads of history.
    pub reads: Arc<Semaphore>,
    pub tasks: TaskTracker,
    pub metrics: Arc<Metrics>,
    pub next_key: AtomicU64,
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

/// What the connect handler needs of the middleware's work.
#[derive(Clone)]
struct Admitted {
    session: Arc<ChatSession>,
    transport: Transport,
    named: Arc<Named>,
}

impl Gateway {
    /// Lets a socket in, or says why not; registers all that it may do.
    fn admit(
        self: &Arc<Self>,
        socket: &SocketRef,
        auth: &serde_json::Value,
    ) -> Result<(), TokenError> {
        let identity = self
            .tokens
            .identify(auth.get("token").and_then(|token| token.as_str()))
            .inspect_err(|_| self.metrics.count_connect(Connected::unauthenticated))?;
        let Some(transport) = socket.req_parts().extensions.get::<Transport>().cloned() else {
            tracing::error!("a socket came without its transport");
            return Err(TokenError::Invalid);
        };
        let key: SocketKey = self.next_key.fetch_add(1, Ordering::Relaxed);
        let session = Arc::new(Session::new(key, identity));
        socket.on_fallback(Inbound { gateway: self.clone(), session: session.clone() });
        let (gateway, ended) = (self.clone(), session.clone());
        socket.on_disconnect(async move || {
            gateway.metrics.sockets.dec();
            let rooms = ended.close();
            gateway.uploads.gone(ended.key);
            gateway.hub.gone(ended.key, rooms).await;
        });
        socket.extensions.insert(Admitted { session, transport, named: Arc::new(named(auth)) });
        self.metrics.sockets.inc();
        self.metrics.count_connect(Connected::accepted);
        Ok(())
    }

    /// The client knows that it is connected: it enters its rooms, and what it sent early is handled.
    fn start(self: &Arc<Self>, socket: &SocketRef) {
        let Some(admitted) = socket.extensions.remove::<Admitted>() else { return };
        let Admitted { session, transport, named } = admitted;
        let peer = Peer { socket: socket.clone(), transport, session };
        let defaults = self.default_rooms.iter().filter(|room| !named.names(room));
        let rooms = defaults.map(|room| (room, None));
        for (room, after) in rooms.chain(named.rooms.iter().map(|(room, seq)| (room, Some(*seq)))) {
            match self.join(&peer, room, after, None) {
                Ok(()) => {}
                // Without its rooms the connection would be deaf: better it comes again.
                Err((_, why)) if why.code != ErrorCode::Forbidden => {
                    peer.transport.close(CloseReason::Fault);
                }
                Err((_, why)) => {
                    if let Some(after) = after {
                        peer.kept_out(room, after, why);
                    }
                }
            }
        }
        for (room, position, why) in &named.refused {
            peer.kept_out(room, *position, why.clone());
        }
        while let Some(early) = peer.session.start() {
            for (value, ack) in early {
                self.handle(&peer, &value, ack);
            }
        }
    }

    /// Has a socket enter a room, or gives back the right to say why not.
    fn join(
        &self,
        peer: &Peer,
        room: &RoomName,
        after: Option<Seq>,
        ack: Reply,
    ) -> Result<(), (Reply, Failure)> {
        let session = &peer.session;
        let join = Join {
            key: session.key,
            socket: peer.clone(),
            user: session.identity.user.clone(),
            room: room.clone(),
            after,
            ack,
        };
        // Handed over as it enters, so that no end of the session comes between the two.
        let offered = session
            .enter(room, join, |join| self.hub.offer(room, Input::Join(join)).err().map(Box::new));
        match offered {
            Err((join, failure)) => Err((join.ack, failure)),
            Ok(given_back) => match given_back.map(|input| *input) {
                Some(Input::Join(join)) => {
                    session.refused(room);
                    Err((join.ack, overloaded()))
                }
                _ => Ok(()),
            },
        }
    }
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
        let ack = ack_id.map(|_| ack);
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

fn overloaded() -> Failure {
    Failure::retry(ErrorCode::Overloaded, "the node is busy; ask again a little later", 250)
}
