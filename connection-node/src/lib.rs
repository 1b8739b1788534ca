//! A connection node: terminates Socket.IO sessions and publishes what clients say to NATS.
//!
//! | module | owns |
//! | --- | --- |
//! | [`edge`] | transports: HTTP, WebSocket, long-polling, closing them |
//! | [`limits`] | how much one client may ask for, by socket, user and address |
//! | [`request`], [`markup`] | what a client asks for, checked; what a message looks like |
//! | `session` | one socket: its identity, its rooms, the order of its requests |
//! | [`rooms`] | decisions about rooms, pure: order, recovery, presence |
//! | `expiry` | closing connections at the end of their tokens |
//! | `hub` | the tasks that run those decisions and carry out their effects |
//! | [`log`] | JetStream: publishing with acks in flight, reading history |
//! | [`uploads`] | files that sockets send: into the media worker's queue, and word of those that fail |
//! | [`metrics`] | what is counted, and how it is called |
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
mod teller;
pub mod uploads;

pub use config::{Config, ConfigError};
pub use run::run;
