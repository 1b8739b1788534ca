//! The edge of a node under test settings, with an echo behind it.
//!
//! Owns the settings and the handlers that the public test suite of the Socket.IO protocol asks for.
//! What serves them is the node's: `connection_node::edge`. Sessions, rooms and NATS have no part in
//! this.

use std::{fmt, sync::Arc, time::Duration};

use connection_node::edge::{self, Edge, EdgeConfig, Transport};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
    ser::SerializeTuple as _,
};
use socketioxide::{
    SocketIo,
    adapter::LocalAdapter,
    extract::{AckSender, Data, Event, SocketRef},
    handler::{ConnectHandler as _, FromMessageParts as _, MessageHandler, Value},
    socket::Socket,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What a client has so much time for.
#[derive(Clone, Copy)]
pub struct Times {
    /// Between two pings.
    pub ping_interval: Duration,
    /// To answer one.
    pub ping_timeout: Duration,
    /// To enter a namespace.
    pub connect_timeout: Duration,
}

/// Serves on `listener` until `shutdown`, for at most 1,000,000 bytes at once.
///
/// # Errors
/// If connections are left in the end.
pub async fn serve(
    listener: TcpListener,
    times: Times,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let config = config(times);
    let (service, io) = edge::build(&config);
    for namespace in ["/", "/custom"] {
        serve_namespace(&io, namespace);
    }
    edge::serve(listener, axum::Router::new(), service, Edge::new(config), shutdown).await
}

/// What the public suites are written for; all else is the node's.
fn config(times: Times) -> EdgeConfig {
    EdgeConfig {
        ping_interval: times.ping_interval,
        ping_timeout: times.ping_timeout,
        connect_timeout: times.connect_timeout,
        max_payload: 1_000_000,
        drain_over: Duration::ZERO,
        drain_jitter: Duration::ZERO,
        ..EdgeConfig::default()
    }
}

/// Registers the handler in the middleware, as the node does: no event of a client precedes it.
fn serve_namespace(io: &SocketIo, namespace: &'static str) {
    let greet = async |socket: SocketRef, Data(auth): Data<rmpv::Value>| {
        // A client that is gone by now misses nothing.
        socket.emit("auth", &auth).ok();
    };
    let listen = async |socket: SocketRef| {
        // As the node does once a token is shown: from now on large packets are taken.
        if let Some(transport) = socket.req_parts().extensions.get::<Transport>() {
            transport.intake().admit();
        }
        socket.on_fallback(Echoes);
        Ok::<_, std::convert::Infallible>(())
    };
    io.ns(namespace, greet.with(listen));
}

/// Answers events where they arrive, as the node does: in order.
struct Echoes;

/// Marks [`Echoes`] among the kinds of handler.
struct InOrder;

impl MessageHandler<LocalAdapter, InOrder> for Echoes {
    fn call(&self, socket: Arc<Socket>, mut value: Value, ack_id: Option<i64>) {
        if let Some(transport) = socket.req_parts().extensions.get::<Transport>() {
            transport.intake().complete();
        }
        let Ok(ack) = AckSender::from_message_parts(&socket, &mut value, &ack_id);
        let Ok(Event(name)) = Event::from_message_parts(&socket, &mut value, &ack_id) else {
            return;
        };
        let echo = Data::<Echo>::from_message_parts(&socket, &mut value, &ack_id);
        match (&*name, echo) {
            ("message", Ok(Data(echo))) => drop(socket.emit("message-back", &echo)),
            ("message-with-ack", Ok(Data(echo))) => drop(ack.send(&echo)),
            _ => {}
        }
    }
}

/// All arguments of an event, binary ones included.
struct Echo(Vec<rmpv::Value>);

impl<'de> Deserialize<'de> for Echo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Arguments;
        impl<'de> Visitor<'de> for Arguments {
            type Value = Echo;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the arguments of an event")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Echo, A::Error> {
                let mut arguments = Vec::new();
                while let Some(argument) = seq.next_element()? {
                    arguments.push(argument);
                }
                Ok(Echo(arguments))
            }
        }
        // A tuple is what socketioxide gives all arguments to, whatever its length.
        deserializer.deserialize_tuple(0, Arguments)
    }
}

impl Serialize for Echo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for argument in &self.0 {
            tuple.serialize_element(argument)?;
        }
        tuple.end()
    }
}
