//! The edge from outside: real sockets against `serve`, with clients that keep to the protocols and
//! clients that do not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod client;
mod drain;
mod limits;
mod node;
mod polling;
mod requests;
mod upgrade;
mod websocket;
