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
    extract::{SocketRef, TryData},
    handler::{ConnectHandler, MessageHandler, Value},
    socket::Socket,
};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use wire::{ErrorCode, Failure, RoomName, Seq, event};

pub use self::{
    line::{Callback, Line, Reply, reply_to},
    peer::Peer,
};
use self::{
    named_rooms::{Named, named},
    peer::ChatSession,
};
use crate::{
    edge::CloseReason,
    entrance::{Entered, Entrance, Refused},
    hub::Hub,
    limits::Limits,
    log::{publisher::Publisher, reader::LogReader},
    metrics::{Connected, Metrics},
    rooms::port::{Input, Join},
    session::{Admission, Session},
    stay::{Guest, Stay},
    teller::Teller,
    uploads::Uploads,
};

/// What all sockets of a node share.
pub struct Gateway {
    pub node: wire::NodeId,
    pub entrance: Entrance,
    pub limits: Arc<Limits>,
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

/// A stay in the chat namespace, counted.
struct Attendance {
    metrics: Arc<Metrics>,
    _stay: Stay,
}

impl Attendance {
    fn new(metrics: &Arc<Metrics>, stay: Stay) -> Self {
        metrics.sockets.inc();
        Self { metrics: metrics.clone(), _stay: stay }
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.metrics.sockets.dec();
    }
}

impl Gateway {
    /// Lets a socket in, or says why not; registers all that it may do.
    async fn admit(
        self: &Arc<Self>,
        socket: &SocketRef,
        auth: &serde_json::Value,
    ) -> Result<(), Refused> {
        let Entered { identity, stay } = self.entrance.enter(socket, auth).await?;
        let session = Arc::new(Session::new(stay.key, identity));
        // Shared, for a handler is cloned to run.
        let attendance = Arc::new(Attendance::new(&self.metrics, stay));
        socket.on_fallback(Inbound { gateway: self.clone(), session: session.clone() });
        let (gateway, ended) = (self.clone(), session.clone());
        socket.on_disconnect(async move || {
            let rooms = ended.close();
            drop(attendance);
            gateway.uploads.gone(ended.key);
            gateway.hub.gone(ended.key, rooms).await;
        });
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
        let guest =
            Guest { line: peer.line.clone(), user_id: peer.user().user_id.clone(), chats: true };
        if !self.entrance.arrive(peer.key(), &guest) {
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
        let ack = reply_to(&socket, &mut value, ack_id);
        let Some(line) = Line::of(SocketRef::from(socket)) else { return };
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
