//! The local stack on a real nats-server: its parts alone, then the whole with every service.

// What fails in a helper fails its test, which is what an unwrap says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod nats;
mod nats_cluster;
mod process;
mod provisioning;

#[cfg(feature = "services")]
mod chat;
#[cfg(feature = "services")]
mod client;
#[cfg(feature = "services")]
mod command;
#[cfg(feature = "services")]
mod http;
#[cfg(feature = "services")]
mod nats_guarded;
#[cfg(feature = "services")]
mod nats_leaf;
#[cfg(feature = "services")]
mod nats_roles;
#[cfg(feature = "services")]
mod nats_whole;
#[cfg(feature = "services")]
mod s3;
#[cfg(feature = "services")]
mod whole;
