//! Who is compared, and what each of them promises.

use clap::ValueEnum;
use serde::Serialize;

/// A chat server that could be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contender {
    /// Starling: nodes, workers and nats-server.
    Starling,
    /// Socket.IO on Node.js, one process without an adapter.
    #[value(name = "socketio")]
    #[serde(rename = "socketio")]
    SocketIo,
    /// Socket.IO on Node.js, as many processes as Starling has nodes, with the Redis adapter.
    #[value(name = "socketio-redis")]
    #[serde(rename = "socketio-redis")]
    SocketIoRedis,
}

/// What a client shows when it comes back, so that it gets what it missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// The number of the last message that it has seen in its room.
    Position,
    /// Its session's private id and the offset of the last packet: connection state recovery.
    Session,
    /// Nothing: there is nothing that it could show.
    None,
}

impl Contender {
    /// Its name in tables.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Starling => "Starling",
            Self::SocketIo => "Socket.IO",
            Self::SocketIoRedis => "Socket.IO+Redis",
        }
    }

    /// Whether all members of a room see its messages in one order, so that a run can be held to it.
    /// Behind an adapter each process has an order of its own.
    #[must_use]
    pub fn keeps_order(self) -> bool {
        self != Self::SocketIoRedis
    }

    /// What its clients recover by. The Redis adapter does not support connection state recovery
    /// (<https://socket.io/docs/v4/connection-state-recovery>).
    #[must_use]
    pub fn recovery(self) -> Recovery {
        match self {
            Self::Starling => Recovery::Position,
            Self::SocketIo => Recovery::Session,
            Self::SocketIoRedis => Recovery::None,
        }
    }
}

impl Recovery {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Position => "positions",
            Self::Session => "state recovery",
            Self::None => "none there",
        }
    }
}
