//! The intake on a real nats-server and the embedded S3: from a job or an HTTP request to one message in
//! the room, whatever goes wrong in between.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod direct;
mod lambda;
// The pipeline's tests use all of it.
#[allow(dead_code)]
#[path = "../pipeline/make.rs"]
mod make;
mod queue;
mod world;
