//! The protocol tests of `conformance/` against the edge alone.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use loadtest::node_js;
use local_stack::port;
use tokio_util::sync::CancellationToken;

use crate::{protocol, suite};

/// Where the tests find the server.
const URL: &str = "STARLING_PROTOCOL_URL";
/// What they are to count on, in milliseconds.
const TIMES: &str = "STARLING_PROTOCOL_TIMES";

/// Short, but a busy machine keeps within them.
const SHORT: protocol::Times = protocol::Times {
    ping_interval: Duration::from_millis(700),
    ping_timeout: Duration::from_secs(2),
    connect_timeout: Duration::from_secs(3),
};

/// Serves what `cargo run -p connection-node --example protocol` serves, at a slower pace, and runs every
/// file.
pub async fn run() -> anyhow::Result<()> {
    node_js::check_node()?;
    node_js::install_packages()?;
    let files = suite::test_files(&node_js::folder().join("conformance"))?;
    let listener = port::listen_anywhere().await?;
    let url = format!("http://{}", listener.local_addr()?);
    let times = [SHORT.ping_interval, SHORT.ping_timeout, SHORT.connect_timeout];
    let times = times.map(|time| time.as_millis().to_string()).join(",");
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(protocol::serve(listener, SHORT, shutdown.clone()));

    let mut failed = Vec::new();
    for file in &files {
        let name = file.strip_prefix(node_js::folder()).unwrap_or(file).display().to_string();
        eprintln!("\n── {name}");
        let status = suite::node(file).env(URL, &url).env(TIMES, &times).status().await;
        if !status.context("node cannot be run")?.success() {
            failed.push(name);
        }
    }
    shutdown.cancel();
    let stopped = server.await?.context("the edge did not stop well");
    ensure!(failed.is_empty(), "failed, as told above: {}", failed.join(", "));
    stopped
}
