//! The media worker's HTTP as a function on AWS Lambda: the same routes, configured by the same
//! variables. Jobs of the queue are left to the worker.

use clap::Parser as _;
use media_worker::Config;
use service_shell::telemetry::{Process, TelemetryArgs};

#[derive(clap::Parser)]
#[command(version, about = "Starling's media worker on AWS Lambda: HTTP alone")]
struct Cli {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let cli = Cli::parse();
    let telemetry = cli.telemetry.start(&Process::service("media-lambda"))?;
    let router = media_worker::router(&cli.config).await?;
    let ended = lambda_http::run(router).await;
    telemetry.end().await;
    ended
}
