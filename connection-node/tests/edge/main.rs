//! The edge from outside: real sockets against `serve`, with clients that keep to the protocols and
//! clients that do not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod before_a_token;
mod client;
mod deflate;
mod drain;
mod headers;
mod limits;
mod node;
mod polling;
mod rates;
mod requests;
mod upgrade;
mod websocket;
