//! The media worker: makes what people upload small and safe, and puts it into S3.
//!
//! | module | owns |
//! | --- | --- |
//! | [`pipeline`] | from bytes to renditions, or a refusal; no IO |
//! | `intake`, `turns` | from bytes to a message in the room, once, whatever ends in between |
//! | `queue`, `verdict` | the jobs that nodes queue: what is tried again, told, given up |
//! | `http`, `direct` | the direct path from browsers: tickets, completion; also on Lambda |
//! | `files`, `byte_range` | the renditions over HTTP, whole or in parts |
//! | `metrics` | what is counted |
//! | `bucket`, `record`, `uploads`, `log`, `bans` | S3 and NATS, as far as this worker uses them |
//!
//! A worker keeps nothing of its own: what one leaves undone another does.

mod bans;
mod bucket;
mod byte_range;
mod config;
mod direct;
mod filename;
mod files;
mod health;
mod http;
mod http_failure;
mod intake;
mod log;
mod metrics;
pub mod pipeline;
mod presigned_post;
mod queue;
mod record;
mod secrets;
mod service;
mod ticket;
mod turns;
mod uploads;
mod verdict;

pub use config::Config;
pub use service::{router, run};
