//! The node against a real nats-server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails where anything is not as it should be.

mod log;
mod tokens;
mod uploads;
