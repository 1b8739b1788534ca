//! The media worker's HTTP as a function on AWS Lambda: the same routes, configured by the same
//! variables. Jobs of the queue are left to the worker.

use clap::Parser as _;
use media_worker::Config;

#[derive(clap::Parser)]
#[command(version, about = "Starling's media worker on AWS Lambda: HTTP alone")]
struct Cli {
    #[command(flatten)]
    config: Config,
}

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    service_shell::log_to_stderr(service_shell::DEFAULT_LOG);
    let router = media_worker::router(&Cli::parse().config).await?;
    lambda_http::run(router).await
}
