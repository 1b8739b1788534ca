//! The media worker as a process.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    service_shell::main(
        "media-worker",
        "Starling's media worker: makes uploads small and safe, and puts them into S3 and their rooms",
        "0.0.0.0:3100",
        media_worker::run,
    )
    .await
}
