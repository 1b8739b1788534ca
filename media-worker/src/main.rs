//! The media worker as a process.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    service_shell::main(
        "media-worker",
        "Starling's media worker: tells whether NATS and the bucket answer; the pipeline is not here yet",
        "0.0.0.0:3100",
        media_worker::run,
    )
    .await
}
