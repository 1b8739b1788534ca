//! The fan-out worker as a process.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    service_shell::main(
        "fanout-worker",
        "Starling's fan-out worker: routes messages from the log of the rooms to the connection nodes",
        "0.0.0.0:3200",
        fanout_worker::run,
    )
    .await
}
