//! The chat namespace: Socket.IO's callbacks turned into requests, and their answers.
//!
//! Owns how a socket comes in and goes. Whether it may is asked at the entrance of the node; what it is
//! sent through lies in [`line`] and [`peer`], what it asks for in [`desk`].
//!
//! Everything is registered in the connect middleware, before the client can know that it is
//! connected, so that no event precedes its handler; and events are handled where they arrive, in
//! order, never in a task of their own.

mod desk;
mod line;
mod named_rooms;
mod peer;

use std::sync::Arc;

use socketioxide::{
    SocketIo,
    adapter::LocalAdapter,
    extract::{AckSender, SocketRef, TryData},
    handler::{ConnectHandler, FromMessageParts, MessageHandler, Value},
    socket::Socket,
};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use wire::{ErrorCode, Failure, RoomName, Seq, admin::AuthError, event};

pub use self::{
    line::{Line, Reply},
    peer::Peer,
};
use self::{
    named_rooms::{Named, named},
    peer::ChatSession,
};
use crate::{
    edge::CloseReason,
    entrance::{Entered, Entrance, Refused},
    expiry::Watched,
    hub::Hub,
    limits::Limits,
    log::{publisher::Publisher, reader::LogReader},
    metrics::{Connected, Metrics},
    rooms::{
        packet::Packet,
        port::{Input, Join, SocketKey},
    },
    session::{Admission, Session},
    sockets::Sockets,
    teller::Teller,
    uploads::Uploads,
};

/// What all sockets of a node share.
pub struct Gateway {
    pub node: wire::NodeId,
    pub entrance: Entrance,
    pub limits: Arc<Limits>,
    pub sockets: Arc<Sockets<Peer>>,
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
}

/// Serves the chat namespace.
pub fn register(io: &SocketIo, gateway: Arc<Gateway>) {
    let connected = gateway.clone();
    let greet = async move |socket: SocketRef| connected.start(&socket);
    let admit = move |socket: SocketRef, auth: TryData<serde_json::Value>| {
        let gateway = gateway.clone();
        async move { gateway.admit(&socket, &auth.0.unwrap_or_default()).await }
    };
    io.ns(event::CHAT_NAMESPACE, greet.with(admit));
}

/// What the connect handler needs of the middleware's work. It rests in the socket, and so holds none:
/// a client that leaves before the handler runs must not keep itself alive.
#[derive(Clone)]
struct Admitted {
    session: Arc<ChatSession>,
    named: Arc<Named>,
}

/// A socket that was let in: counted, and closed at its token's end. It rests in the disconnect
/// handler (shared, for a handler is cloned to run), which is dropped unrun where the client has left
/// while it was let in.
struct Attendance {
    gateway: Arc<Gateway>,
    key: SocketKey,
    _watched: Watched,
}

impl Attendance {
    fn new(gateway: &Arc<Gateway>, key: SocketKey, watched: Watched) -> Self {
        gateway.metrics.sockets.inc();
        Self { gateway: gateway.clone(), key, _watched: watched }
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.gateway.metrics.sockets.dec();
        self.gateway.sockets.remove(self.key);
    }
}

impl Gateway {
    /// Lets a socket in, or says why not; registers all that it may do.
    async fn admit(
        self: &Arc<Self>,
        socket: &SocketRef,
        auth: &serde_json::Value,
    ) -> Result<(), Refused> {
        let Entered { key, identity, line, watched } = self.entrance.enter(socket, auth).await?;
        let attendance = Arc::new(Attendance::new(self, key, watched));
        let session = Arc::new(Session::new(key, identity));
        socket.on_fallback(Inbound { gateway: self.clone(), session: session.clone() });
        let (gateway, ended) = (self.clone(), session.clone());
        socket.on_disconnect(async move || {
            let rooms = ended.close();
            // After that: who comes in looks whether the session is closed once it is on the list.
            drop(attendance);
            gateway.uploads.gone(ended.key);
            gateway.hub.gone(ended.key, rooms).await;
        });
        drop(line);
        socket.extensions.insert(Admitted { session, named: Arc::new(named(auth)) });
        self.metrics.count_connect(Connected::accepted);
        Ok(())
    }

    /// The client knows that it is connected: it enters its rooms, and what it sent early is handled.
    fn start(self: &Arc<Self>, socket: &SocketRef) {
        let Some(admitted) = socket.extensions.remove::<Admitted>() else { return };
        let Admitted { session, named } = admitted;
        let Some(line) = Line::of(socket.clone()) else { return };
        let peer = Peer { line, session };
        if !self.take_in(&peer) {
            return;
        }
        let defaults = self.default_rooms.iter().filter(|room| !named.names(room));
        let rooms = defaults.map(|room| (room, None));
        for (room, after) in rooms.chain(named.rooms.iter().map(|(room, seq)| (room, Some(*seq)))) {
            match self.join(&peer, room, after, None) {
                Ok(()) => {}
                // Without its rooms the connection would be deaf: better it comes again.
                Err((_, why)) if why.code != ErrorCode::Forbidden => {
                    peer.close(CloseReason::Fault);
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

    /// Counts a socket among those that are here; not one that is gone, or banned, meanwhile.
    fn take_in(&self, peer: &Peer) -> bool {
        self.sockets.add(peer.key(), peer.clone());
        if peer.is_gone() {
            self.sockets.remove(peer.key());
            return false;
        }
        let Some(ban) = self.entrance.ban_of(&peer.session.identity) else { return true };
        let message = AuthError { message: ban.to_string() };
        match Packet::new(event::AUTH_ERROR, &message) {
            Ok(last) => peer.dismiss(&last),
            Err(error) => {
                tracing::error!(%error, "cannot encode an event");
                peer.close(CloseReason::Fault);
            }
        }
        false
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
        let Some(line) = Line::of(socket) else { return };
        line.intake().complete();
        match self.session.admit((value, ack)) {
            Admission::Now((value, ack)) => {
                let peer = Peer { line, session: self.session.clone() };
                self.gateway.handle(&peer, &value, ack);
            }
            Admission::Kept => {}
            Admission::Flood => line.close(CloseReason::Protocol),
        }
    }
}

fn overloaded() -> Failure {
    Failure::retry(ErrorCode::Overloaded, "the node is busy; ask again a little later", 250)
}
