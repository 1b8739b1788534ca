//! The headers of messages on NATS that are Starling's choice; the server's own have names in its client.

/// The step of a trace that a message, a job or a delivery comes from
/// (<https://www.w3.org/TR/trace-context/>). Only what is traced has one.
pub const TRACEPARENT: &str = "traceparent";
