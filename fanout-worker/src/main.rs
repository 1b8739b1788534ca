//! The fan-out worker as a process.

use std::process::ExitCode;

// One thread: what comes in a burst is answered in one write, and nothing is handed between cores. Who
// has more to do than a core can do runs more workers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    service_shell::main(
        "fanout-worker",
        "Starling's fan-out worker: routes messages from the log of the rooms to the connection nodes",
        "0.0.0.0:3200",
        fanout_worker::run,
    )
    .await
}
