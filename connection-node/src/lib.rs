//! A connection node: terminates Socket.IO sessions and publishes what clients say to NATS.
//!
//! | module | owns |
//! | --- | --- |
//! | [`edge`] | transports: HTTP, WebSocket, long-polling, closing them |
//! | [`limits`] | how much one client may ask for, by socket, user and address |
//! | [`request`], [`markup`] | what a client asks for, checked; what a message looks like |
//! | `gateway` | the chat namespace: Socket.IO's callbacks turned into requests, and their answers |
//! | `admin` | the administrators' namespace: what they ask of all nodes, and what this one does of it |
//! | `api`, `http` | messages of backends; the page, readiness, metrics |
//! | `entrance`, `bans` | who may come in; who is kept away |
//! | `stay`, `sockets` | a socket's stay in any namespace, and all of them |
//! | `session` | one socket in the chat namespace: its rooms, the order of its requests |
//! | [`rooms`] | decisions about rooms, pure: order, recovery, presence |
//! | `expiry` | closing connections at the end of their tokens, and those that serve nobody |
//! | `hub` | the tasks that run those decisions and carry out their effects |
//! | `deliveries`, `teller`, `heartbeat` | what workers send this node, and what it tells them |
//! | [`log`] | JetStream: publishing with acks in flight, reading history |
//! | [`uploads`] | files that sockets send: into the media worker's queue, and word of those that fail |
//! | [`metrics`], `rates` | what is counted, and how it is called |
//! | `config`, `run`, `engine` | the settings; a node's life; what runs behind its edge |
//!
//! A node keeps nothing that the log or its clients could not give back: it can be added, drained or
//! lost at any moment.

mod admin;
mod api;
mod bans;
mod config;
mod deliveries;
pub mod edge;
mod engine;
mod entrance;
mod expiry;
mod gateway;
mod heartbeat;
mod http;
mod hub;
pub mod limits;
pub mod log;
pub mod markup;
pub mod metrics;
mod rates;
pub mod request;
pub mod rooms;
mod run;
mod session;
mod sockets;
mod stay;
mod teller;
pub mod uploads;

pub use config::{Config, ConfigError};
pub use run::run;
