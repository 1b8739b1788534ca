//! The services that the program `chaos` can be: `chaos connection-node ...` and `chaos fanout-worker ...`.
//!
//! One program is then enough to start a whole system of real processes. Leaves everything behind the
//! first word of the command line to the services themselves.

use std::{ffi::OsString, process::ExitCode};

use tokio::runtime::Builder;

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceRole {
    ConnectionNode,
    FanoutWorker,
}

impl ServiceRole {
    /// The role that the first argument of a command line names.
    #[must_use]
    pub fn named(argument: &str) -> Option<Self> {
        [Self::ConnectionNode, Self::FanoutWorker]
            .into_iter()
            .find(|role| role.subcommand() == argument)
    }

    /// The word on the command line that asks for it.
    #[must_use]
    pub fn subcommand(self) -> &'static str {
        match self {
            Self::ConnectionNode => "connection-node",
            Self::FanoutWorker => "fanout-worker",
        }
    }

    /// Is the service, as its own program is, on a runtime as its own program has it. `line` begins with
    /// the subcommand.
    #[must_use]
    pub fn run(self, line: impl IntoIterator<Item = OsString>) -> ExitCode {
        let mut runtime = match self {
            Self::ConnectionNode => Builder::new_multi_thread(),
            Self::FanoutWorker => Builder::new_current_thread(),
        };
        match runtime.enable_all().build() {
            Ok(runtime) => runtime.block_on(self.serve(line)),
            Err(error) => {
                eprintln!("{}: cannot start its threads: {error}", self.subcommand());
                ExitCode::FAILURE
            }
        }
    }

    /// Is the service, until a signal ends it. `line` begins with the subcommand.
    async fn serve(self, line: impl IntoIterator<Item = OsString>) -> ExitCode {
        let (name, listen) = (self.subcommand(), "127.0.0.1:0");
        match self {
            Self::ConnectionNode => {
                let about = "Starling's connection node, as the chaos suite starts it";
                service_shell::main_of_line(name, about, listen, line, connection_node::run).await
            }
            Self::FanoutWorker => {
                let about = "Starling's fan-out worker, as the chaos suite starts it";
                service_shell::main_of_line(name, about, listen, line, fanout_worker::run).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_told_by_their_subcommands() {
        for role in [ServiceRole::ConnectionNode, ServiceRole::FanoutWorker] {
            assert_eq!(ServiceRole::named(role.subcommand()), Some(role));
        }
        for other in ["", "media-worker", "connection-node ", "--help"] {
            assert_eq!(ServiceRole::named(other), None, "{other:?}");
        }
    }
}
