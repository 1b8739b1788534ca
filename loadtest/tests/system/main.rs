//! The whole system under the real JavaScript client, and under the page in a real browser.
//!
//! Owns starting a stack and handing it to the tests in `e2e/` and `page/`, and the edge alone to those
//! in `conformance/`; `node --test` runs them.
//! What those say goes straight to the terminal; this fails when they do. Needs Node.js 20 with npm,
//! and for the page Chromium. `STARLING_ONLY=recovery` runs only the files whose names contain that.

mod conformance;
mod control;
mod logs;
#[path = "../../../connection-node/examples/protocol/server.rs"]
mod protocol;
mod strict_node;
mod suite;
mod tools;

use std::sync::{Mutex, PoisonError};

/// One suite at a time: each wants the machine for itself, and its stack restarts.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn real_socket_io_clients_are_served() {
    run(suite::run("e2e", &[]));
}

#[test]
fn the_edge_speaks_the_protocol() {
    run(conformance::run());
}

#[test]
fn the_page_works_in_a_browser() {
    let browser = tools::chromium().unwrap_or_else(|sentence| panic!("{sentence}"));
    run(suite::run("page", &[(tools::CHROMIUM, browser.as_os_str())]));
}

fn run(suite: impl Future<Output = anyhow::Result<()>>) {
    // A suite that failed before has told so itself.
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let outcome = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(suite));
    if let Err(error) = outcome {
        panic!("{error:#}");
    }
}
