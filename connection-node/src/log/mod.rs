//! The log of rooms on JetStream, as this node reads and writes it.

pub mod direct;
pub mod publisher;
pub mod reader;
pub mod retention;
pub mod search;
