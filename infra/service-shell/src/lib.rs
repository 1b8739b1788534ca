//! The shell around every service: what its `main` does, and how it reaches NATS.
//!
//! Owns arguments, telemetry, signals, exit codes, the NATS connection's settings and the reading of
//! tokens, so that the three services behave alike where an operator or a client meets them. It
//! leaves what a service does to the service.

mod http_failure;
mod http_server;
mod jetstream_api;
mod nats;
mod nats_access;
mod nats_refusals;
mod nats_url;
mod process;
mod request_body;
mod stall;
pub mod telemetry;
pub mod token;
mod web_url;

use std::fmt;

pub use http_failure::{HttpFailure, bearer};
pub use http_server::serve_http;
pub use jetstream_api::JetStreamApi;
pub use nats::{Link, MINIMUM_SERVER, connect, hopeless};
pub use nats_access::{NatsAccess, NatsArgs, NatsDomain, NkeySeed};
pub use nats_url::NatsUrl;
pub use process::{main, main_of_line};
pub use stall::StallTimeout;
pub use web_url::WebUrl;

/// `EX_USAGE` of sysexits(3): the configuration is wrong, and starting again will not help.
pub const EX_USAGE: u8 = 64;

/// Something that the operator must change. Its text is one sentence that says what.
#[derive(Debug)]
pub struct BadConfiguration(pub String);

impl fmt::Display for BadConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadConfiguration {}
