//! The fan-out worker: reads the log of the rooms and tells each connection node what its clients are
//! to see.
//!
//! Workers divide the partitions among themselves by leases, which live as long as their holder's session
//! ([`lease`]); whoever owns a partition follows its log and routes ([`partition`]). What decides is pure:
//! values and `now` in, effects out. Everything else only reads, sends and waits.
//!
//! | decides, without IO | carries out |
//! | --- | --- |
//! | [`lease`], [`rendezvous`], [`liveness`] | [`coordinator`], [`peers`], [`lease_bucket`], [`heartbeat`] |
//! | [`partition`] ([`membership`], [`roster`], [`node_link`]) | [`owner`], [`fence`], [`log`], [`ordered`], [`outbox`], [`checkpoint`] |
//!
//! [`metrics`] owns what is counted, [`census`] tells administrators.

mod census;
mod checkpoint;
mod config;
mod coordinator;
mod fence;
mod health;
mod heartbeat;
mod lease;
mod lease_bucket;
mod liveness;
mod log;
mod membership;
mod metrics;
mod nats;
mod node_link;
mod ordered;
mod outbox;
mod owner;
mod partition;
mod peers;
mod rendezvous;
mod roster;
mod run;
mod senses;

pub use config::Config;
pub use run::run;
