//! `chaos`: kills, pauses and cuts off parts of a Starling under load, and says what it saw.

use std::process::ExitCode;

use loadtest::chaos::service_role::ServiceRole;

fn main() -> ExitCode {
    // The services come first: their command lines are theirs to read.
    let line: Vec<_> = std::env::args_os().skip(1).collect();
    let role = line.first().and_then(|word| ServiceRole::named(word.to_str()?));
    match role {
        Some(role) => serve(role, line),
        None => ExitCode::SUCCESS,
    }
}

/// Is a service of the system under test.
#[tokio::main]
async fn serve(role: ServiceRole, line: Vec<std::ffi::OsString>) -> ExitCode {
    role.serve(line).await
}
