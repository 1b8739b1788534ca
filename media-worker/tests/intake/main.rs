//! The intake on a real nats-server and on real S3 servers: from a job or an HTTP request to one message in
//! the room, whatever goes wrong in between.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod at_once;
mod direct;
mod fault_proxy;
mod faults;
mod files;
mod inputs;
mod lambda;
// The pipeline's tests use all of it.
#[allow(dead_code)]
#[path = "../pipeline/make.rs"]
mod make;
mod queue;
mod servers;
mod web;
mod world;
