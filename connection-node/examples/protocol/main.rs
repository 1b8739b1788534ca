//! The edge alone, as protocol test suites expect a server: short timeouts, and an echo.

mod server;

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use server::Times;

/// What the public test suites are written for.
const TIMES: Times = Times {
    ping_interval: Duration::from_millis(300),
    ping_timeout: Duration::from_millis(200),
    connect_timeout: Duration::from_secs(1),
};

/// Serves the edge of a connection node for protocol test suites: pings every 300 ms, which have to be
/// answered within 200 ms; at most 1,000,000 bytes; 1 s to connect to a namespace.
///
/// The namespaces / and /custom answer a connection by the event "auth" with what the client sent for
/// it. In them the event "message" comes back as "message-back" and "message-with-ack" in its
/// acknowledgement, with the same arguments. Ctrl-C ends it.
#[derive(Parser)]
struct Args {
    /// Where to listen, on 127.0.0.1; 0 takes a free port. The address is printed.
    #[arg(long, default_value_t = 3000)]
    port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = SocketAddr::from(([127, 0, 0, 1], Args::parse().port));
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: choose another --port"))?;
    println!("http://{}", listener.local_addr()?);
    let shutdown = CancellationToken::new();
    let served = server::serve(listener, TIMES, shutdown.clone());
    let stop = async {
        let waited = tokio::signal::ctrl_c().await;
        shutdown.cancel();
        waited.context("cannot wait for Ctrl-C")
    };
    tokio::try_join!(served, stop)?;
    Ok(())
}
