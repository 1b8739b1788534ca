//! A load generator for Starling: many Socket.IO clients in one thread, and what they measured.
//!
//! Owns the clients' side of the wire, the schedule and the reckoning: every message sent must come
//! to every member once, in order. Leaves starting a system to the `local-stack` binary, and the
//! question whether the real JavaScript clients are served well to `e2e/`.

pub mod chaos;
pub mod cli;
pub mod client;
pub mod compare;
pub mod cpu;
pub mod dev_token;
pub mod fleet;
pub mod hostile;
pub mod http_exchange;
pub mod interruptible;
pub mod ledger;
pub mod node_js;
pub mod pace;
pub mod packet;
pub mod pass;
pub mod progress;
pub mod report;
pub mod run;
pub mod saturation;
pub mod scale;
pub mod search;
pub mod stack_process;
pub mod steady;
pub mod target;
