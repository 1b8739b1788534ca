//! The media worker: makes what people upload small and safe, and puts it into S3.
//!
//! The pipeline is not here yet. This service connects to NATS and to the bucket, tells whether it is
//! ready, and takes no job from the queue.

mod bucket;
mod config;
mod health;
mod http;
pub mod pipeline;
mod service;

pub use config::Config;
pub use service::run;
