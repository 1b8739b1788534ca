//! `cargo run`: starts the whole system, says where it is, and stops it on Ctrl-C or SIGTERM.

use std::process::ExitCode;

use clap::Parser as _;
use local_stack::cli::{Cli, Command, NatsKeysArgs, ProvisionArgs, StartArgs};
use local_stack::nats_keys::NatsKeys;
use local_stack::provision::provision_with;
use local_stack::stack::Stack;
use local_stack::stack_options::StackOptions;
use local_stack::{banner, external_nats, progress, socket_io_client, stop_signal};
use service_shell::telemetry::Process;
use service_shell::{BadConfiguration, EX_USAGE, NatsArgs};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done where even the terminal is gone.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { EX_USAGE } else { 0 });
        }
    };
    let process = Process { name: "starling", default_log: "warn", thread_names: true };
    let outcome = async {
        let telemetry = cli.start.telemetry.start(&process)?;
        let outcome = match cli.command {
            Some(Command::Provision(args)) => make_streams(args).await,
            Some(Command::NatsKeys(args)) => make_keys(&args),
            None => start(cli.start).await,
        };
        telemetry.end().await;
        outcome
    };
    let outcome = outcome.await;
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::say(format_args!("{error:#}"));
            let misconfigured = error.is::<BadConfiguration>();
            ExitCode::from(if misconfigured { EX_USAGE } else { 1 })
        }
    }
}

async fn make_streams(args: ProvisionArgs) -> anyhow::Result<()> {
    let nats = NatsArgs { nats_url: args.nats_url.clone(), access: args.access.clone() };
    let client = external_nats::connect(&nats).await?;
    provision_with(nats.access.jetstream().context(client), &args.options()).await?;
    progress::say("streams and buckets are in place");
    Ok(())
}

fn make_keys(args: &NatsKeysArgs) -> anyhow::Result<()> {
    NatsKeys::make(&args.out, &args.host)?;
    let folder = args.out.display();
    progress::say(format_args!("keys, certificates and server configurations are in {folder}"));
    Ok(())
}

async fn start(args: StartArgs) -> anyhow::Result<()> {
    let mut signal = stop_signal::StopSignal::listen()?;
    let mut options = StackOptions::from(args);
    let starting = async {
        options.socket_io_client = Some(socket_io_client::find_or_install(&options.public).await?);
        progress::say("starting ...");
        Stack::start(options).await
    };
    let mut stack = tokio::select! {
        started = starting => started?,
        () = signal.received() => return Ok(()),
    };
    progress::show(&banner::banner(&stack));
    let failure = tokio::select! {
        failure = stack.failed() => Err(failure),
        () = signal.received() => Ok(()),
    };
    progress::say("stopping; Ctrl-C once more ends at once ...");
    tokio::select! {
        stopped = stack.stop() => failure.and(stopped),
        () = signal.received() => failure,
    }
}
