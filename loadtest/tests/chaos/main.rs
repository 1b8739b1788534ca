//! The chaos suite on real processes.

// What fails in a helper fails its test, which is what an unwrap says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faults;
mod hostile;
mod network;
mod topology;

/// One test at a time: a system is some eight processes, and a machine may have two cores.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
