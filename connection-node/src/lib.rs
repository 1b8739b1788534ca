//! A connection node: terminates Socket.IO sessions and publishes what clients say to NATS.
//!
//! | module | owns |
//! | --- | --- |
//! | [`edge`] | transports: HTTP, WebSocket, long-polling, closing them |
//! | [`request`], [`markup`] | what a client asks for, checked; what a message looks like |
//! | `session` | one socket: its identity, its rooms, the order of its requests |
//! | [`rooms`] | decisions about rooms, pure: order, recovery, presence |
//! | `hub` | the tasks that run those decisions and carry out their effects |
//! | [`log`] | JetStream: publishing with acks in flight, reading history |
//! | [`uploads`] | files that sockets send: into the media worker's queue, and word of those that fail |
//! | [`metrics`] | what is counted, and how it is called |
//!
//! A node keeps nothing that the log or its clients could not give back: it can be added, drained or
//! lost at any moment.

mod config;
mod deliveries;
pub mod edge;
mod gateway;
mod heartbeat;
mod http;
mod hub;
pub mod log;
pub mod markup;
pub mod metrics;
pub mod request;
pub mod rooms;
mod run;
mod session;
mod teller;
pub mod uploads;

pub use config::{Config, ConfigError};
pub use run::run;
