//! A service as a process: arguments, telemetry, a listener, signals, an exit code.

use std::{ffi::OsString, net::SocketAddr, process::ExitCode};

use clap::{Args, CommandFactory, FromArgMatches, Parser};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{
    BadConfiguration, EX_USAGE,
    log::{DEFAULT_LOG, log_to_stderr},
};

/// A service's command line: where it listens, and its own settings.
#[derive(Parser)]
#[command(version)]
struct Cli<C: Args> {
    /// The address on which HTTP listens.
    #[arg(long, env = "LISTEN")]
    listen: SocketAddr,
    #[command(flatten)]
    config: C,
}

/// Runs a service until SIGTERM or SIGINT and says how it ended: 0, 64 for bad configuration, or 1.
///
/// `name` and `about` are for `--help`; `listen` is the default address.
pub async fn main<C: Args>(
    name: &'static str,
    about: &'static str,
    listen: &'static str,
    run: impl AsyncFnOnce(C, TcpListener, CancellationToken) -> anyhow::Result<()>,
) -> ExitCode {
    main_of_line(name, about, listen, std::env::args_os(), run).await
}

/// As [`main`], with the command line `line`, whose first word is the program: for a program that is
/// the service only where it is asked to be.
pub async fn main_of_line<C: Args>(
    name: &'static str,
    about: &'static str,
    listen: &'static str,
    line: impl IntoIterator<Item = OsString>,
    run: impl AsyncFnOnce(C, TcpListener, CancellationToken) -> anyhow::Result<()>,
) -> ExitCode {
    log_to_stderr(DEFAULT_LOG);
    let Cli { listen, config } = match parse::<C>(name, about, listen, line) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EX_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let ended = async {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            BadConfiguration(format!(
                "cannot listen on {listen}: {error}; choose another address with --listen"
            ))
        })?;
        let shutdown = CancellationToken::new();
        let signals = tokio::spawn(cancel_on_signal(shutdown.clone()));
        let ended = run(config, listener, shutdown).await;
        signals.abort();
        ended
    };
    match ended.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error:#}");
            if error.is::<BadConfiguration>() {
                ExitCode::from(EX_USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn parse<C: Args>(
    name: &'static str,
    about: &'static str,
    listen: &'static str,
    line: impl IntoIterator<Item = OsString>,
) -> Result<Cli<C>, clap::Error> {
    let command = Cli::<C>::command()
        .name(name)
        .about(about)
        .mut_arg("listen", |arg| arg.required(false).default_value(listen));
    Cli::<C>::from_arg_matches(&command.try_get_matches_from(line)?)
}

async fn cancel_on_signal(shutdown: CancellationToken) {
    let signals = signal(SignalKind::terminate())
        .and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
    match signals {
        Ok((mut terminate, mut interrupt)) => {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            tracing::info!("told to stop; draining");
        }
        Err(error) => tracing::error!(%error, "cannot listen for signals; stopping"),
    }
    shutdown.cancel();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Args)]
    struct Settings {
        /// A setting without a default.
        #[arg(long)]
        needed: String,
    }

    fn line(arguments: &[&str]) -> Result<Cli<Settings>, String> {
        let line = ["service"].iter().chain(arguments).map(OsString::from);
        parse("service", "A service", "0.0.0.0:3000", line).map_err(|error| error.to_string())
    }

    #[test]
    fn listening_has_a_default() {
        let cli = line(&["--needed", "x"]).unwrap();
        assert_eq!((cli.listen.port(), &*cli.config.needed), (3000, "x"));
        let cli = line(&["--needed", "x", "--listen", "127.0.0.1:9"]).unwrap();
        assert_eq!(cli.listen.port(), 9);
        let refusal = line(&[]).err().unwrap();
        assert!(refusal.contains("--needed") && !refusal.contains("--listen <LISTEN>\n  "));
    }
}
