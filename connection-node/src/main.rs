//! The connection node as a process.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    service_shell::main(
        "connection-node",
        "Starling's connection node: terminates Socket.IO sessions and publishes to NATS",
        "0.0.0.0:3000",
        connection_node::run,
    )
    .await
}
