//! What the tests ask the operating system about processes, and the scripts that stand in for programs.

#[cfg(feature = "services")]
use std::path::Path;
use std::process::Command;

/// Whether a process with this id exists (a zombie does).
pub fn exists(pid: u32) -> bool {
    let answer = Command::new("kill").args(["-0", &pid.to_string()]).output();
    answer.unwrap().status.success()
}

/// Makes the script `name` in `folder`. Another process writes it: a file that this one has open for writing
/// could not be run while a parallel test starts a child, which holds it open too until its own exec.
#[cfg(feature = "services")]
pub fn executable(folder: &Path, name: &str, text: &str) {
    let draft = folder.join(format!("{name}.draft"));
    std::fs::write(&draft, text).unwrap();
    let install =
        Command::new("install").args(["-m", "755"]).arg(draft).arg(folder.join(name)).status();
    assert!(install.unwrap().success(), "cannot make {name}");
}

/// Sends `signal` ("KILL") to a process.
pub fn send(signal: &str, pid: u32) {
    let kill = Command::new("kill").args(["-s", signal, &pid.to_string()]).status();
    assert!(kill.unwrap().success(), "cannot send {signal} to {pid}");
}
