//! The edge alone, as protocol test suites expect a server: short timeouts, and an echo.
//!
//! It serves what the node serves (`connection_node::edge`: the upgrade, the wrapped stream, polling,
//! socketioxide with the same settings) with the handlers that the public test suite of the Socket.IO
//! protocol asks for. Sessions, rooms and NATS are the node's and have no part in this.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use clap::Parser;
use connection_node::edge::{self, Edge, EdgeConfig};
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

/// Serves the edge of a connection node for protocol test suites: pings after 300 ms, which have to be
/// answered within 200 ms; at most 1,000,000 bytes; 1 s to connect to a namespace.
///
/// The namespaces / and /custom answer a connection by the event "auth" with what the client sent for
/// it. In them the event "message" comes back as "message-back" and "message-with-ack" in its
/// acknowledgement, with the same arguments. Ctrl-C ends it.
#[derive(Parser)]
struct Args {
    /// Where to listen, on 127.0.0.1; 0 takes a free port. The address is printed.
    #[arg(long, default_value_t = 3000)]
    port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = SocketAddr::from(([127, 0, 0, 1], Args::parse().port));
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: choose another --port"))?;
    let config = config();
    let (service, io) = edge::build(&config);
    for namespace in ["/", "/custom"] {
        serve_namespace(&io, namespace);
    }
    println!("http://{}", listener.local_addr()?);
    let shutdown = CancellationToken::new();
    let served = edge::serve(listener, Router::new(), service, Edge::new(config), shutdown.clone());
    let stop = async {
        let waited = tokio::signal::ctrl_c().await;
        shutdown.cancel();
        waited.context("cannot wait for Ctrl-C")
    };
    tokio::try_join!(served, stop)?;
    Ok(())
}

/// What the public suites are written for; all else is the node's.
fn config() -> EdgeConfig {
    EdgeConfig {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        max_payload: 1_000_000,
        connect_timeout: Duration::from_secs(1),
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
