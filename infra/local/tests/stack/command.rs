//! The built binary: its exit codes and sentences, and how it starts and stops.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::process::{executable, exists, send};

fn local_stack() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-stack"));
    command.stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

/// A page whose client is installed already, so that no npm is needed.
fn page(folder: &Path) {
    let package = folder.join("node_modules/socket.io-client");
    std::fs::create_dir_all(package.join("dist")).unwrap();
    std::fs::write(package.join("package.json"), r#"{"version":"4.8.4"}"#).unwrap();
    std::fs::write(folder.join("package.json"), r#"{"dependencies":{"socket.io-client":"4.8.4"}}"#)
        .unwrap();
}

/// The one line on standard error of a run that ended with exit code 64.
fn refusal(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{text}");
    text.lines().last().unwrap_or_default().to_owned()
}

/// Runs it where PATH holds nothing but `nats_server`, if any, and a python3 whose pip fails.
fn run_without_usable_server(nats_server: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    page(folder.path());
    executable(folder.path(), "python3", "#!/bin/sh\necho 'ERROR: no network' >&2\nexit 1\n");
    if let Some(text) = nats_server {
        executable(folder.path(), "nats-server", text);
    }
    let (port, free) = (local_stack::port::candidate().to_string(), folder.path());
    let output = local_stack()
        .args(["--port", &port, "--public"])
        .arg(free)
        .arg("--data")
        .arg(free.join("data"))
        .env("PATH", free)
        .env("XDG_CACHE_HOME", free.join("cache"))
        .output()
        .unwrap();
    refusal(&output)
}

#[test]
fn a_missing_server_ends_with_64_and_a_sentence() {
    let sentence = run_without_usable_server(None);
    assert!(
        sentence.starts_with("no nats-server is on PATH, and nats-server 2.15.1 cannot be fetched"),
        "{sentence}"
    );
    assert!(sentence.contains("no network"), "{sentence}");
}

#[test]
fn an_old_server_ends_with_64_and_a_sentence() {
    let sentence = run_without_usable_server(Some("#!/bin/sh\necho 'nats-server: v2.9.10'\n"));
    assert!(
        sentence.contains("nats-server is version 2.9.10, and Starling needs 2.12.0 or newer"),
        "{sentence}"
    );
}

#[test]
fn nonsense_on_the_command_line_ends_with_64() {
    let table: [(&[&str], &str); 3] = [
        (&["--nodes", "0"], "0 is not in 1..=100"),
        (&["--port", "99999"], "99999 is not in 1..=65535"),
        (&["provision"], "--nats-url <URL>"),
    ];
    for (arguments, expected) in table {
        let output = local_stack().args(arguments).output().unwrap();
        refusal(&output);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(expected), "{text}");
    }
    let help = local_stack().arg("--help").output().unwrap();
    assert!(help.status.success() && help.stderr.is_empty());
}

#[tokio::test]
async fn provisioning_a_server_of_ones_own() {
    let nats = local_stack::nats_process::NatsProcess::start_temp().await.unwrap();
    let url = nats.url();
    let done =
        local_stack().args(["provision", "--nats-url", &url, "--room-cap", "7"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let jetstream = async_nats::jetstream::new(async_nats::connect(url).await.unwrap());
    let rooms = jetstream.get_stream(wire::stream::ROOMS).await.unwrap();
    assert_eq!(rooms.cached_info().config.max_messages_per_subject, 7);

    let unreachable =
        local_stack().args(["provision", "--nats-url", "nats://127.0.0.1:1"]).output().unwrap();
    let sentence = refusal(&unreachable);
    assert!(
        sentence.starts_with("the NATS server at nats://127.0.0.1:1 cannot be reached"),
        "{sentence}"
    );
}

/// A running stack: the process, and the lines of its banner.
struct Started {
    process: Child,
    banner: Vec<String>,
}

fn start(folder: &Path) -> Started {
    page(folder);
    let mut process = local_stack()
        .args(["--port", &local_stack::port::candidate().to_string(), "--public"])
        .arg(folder)
        .arg("--data")
        .arg(folder.join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let lines = output.lines().map(Result::unwrap);
    let mut banner: Vec<String> = Vec::new();
    for line in lines {
        banner.push(line);
        if banner.last().is_some_and(|line| line.starts_with("Ctrl-C")) {
            return Started { process, banner };
        }
    }
    let end = process.wait_with_output().unwrap();
    panic!("it ended before it was up: {}", String::from_utf8_lossy(&end.stderr));
}

/// The nats-server of the stack with its data in `folder`: the only process that names the folder and JetStream.
fn nats_pid(folder: &Path) -> u32 {
    let wanted = folder.join("data/nats").display().to_string();
    let processes = std::fs::read_dir("/proc").unwrap();
    let mut pids = processes
        .filter_map(|entry| entry.unwrap().file_name().to_string_lossy().parse::<u32>().ok());
    let names_it = |pid: &u32| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains(&wanted) && line.contains("--jetstream")
    };
    pids.find(names_it).expect("a nats-server runs")
}

#[test]
fn it_says_where_everything_is_and_stops_on_a_signal() {
    for signal in ["INT", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let Started { process, banner } = start(folder.path());
        for name in
            ["node 1", "node 2", "worker 1", "worker 2", "media worker", "NATS", "S3", "data"]
        {
            assert!(
                banner.iter().any(|line| line.trim_start().starts_with(name)),
                "{name}: {banner:?}"
            );
        }
        let nats = nats_pid(folder.path());
        send(signal, process.id());
        let end = process.wait_with_output().unwrap();
        let logs = String::from_utf8_lossy(&end.stderr);
        assert!(end.status.success(), "{signal}: {logs}");
        let said = format!("{}\n{logs}", banner.join("\n"));
        assert!(!said.contains("ERROR"), "{signal}: {said}");
        assert!(!exists(nats), "nats-server {nats} is still there after {signal}");
    }
}

#[test]
fn killed_with_sigkill_it_takes_its_nats_server_along() {
    let folder = tempfile::tempdir().unwrap();
    let Started { mut process, .. } = start(folder.path());
    let nats = nats_pid(folder.path());
    send("KILL", process.id());
    process.wait().unwrap();
    // Whoever inherits the orphan tells its end; a zombie that nobody collects has no command line.
    let gone = || std::fs::read(format!("/proc/{nats}/cmdline")).unwrap_or_default().is_empty();
    while !gone() {
        std::thread::yield_now();
    }
}
