//! A child process that never outlives this one, even when this one is killed with SIGKILL.
//!
//! A shell beside the child holds the read end of a pipe whose write end lives here (the *leash*).
//! When the pipe closes, by intention or because this process is gone, that shell sends SIGTERM to
//! the child. It works on every Unix, from any thread, and without unsafe code.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

/// Until a child that was asked to stop is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// How often a child is looked at: no portable event tells its end without unsafe code.
pub const POLL: Duration = Duration::from_millis(10);

/// `$1` is the program, the rest its arguments. The background shell waits for the leash: a line lets
/// the child live on without it, the end of the pipe stops the child, whose pid is `$$` after `exec`. One
/// that is paused hears of it only when it goes on.
const LEASHED: &str = r#"
exec 3<&0 </dev/null
( read -r _ <&3 || { kill -TERM $$; kill -CONT $$; } ) >/dev/null 2>&1 &
exec "$@" 3<&-
"#;

/// A running child; dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct LeashedChild {
    name: String,
    child: Child,
    /// `None` once it was let go.
    leash: Option<ChildStdin>,
}

impl LeashedChild {
    /// Starts `command` (the program, then its arguments) with `environment` added to this process's
    /// own; what it writes goes to the file `log`, which is made anew.
    ///
    /// # Errors
    /// When the log cannot be written or no shell can be run. A program that is missing shows as an
    /// early end with the status 126 or 127.
    pub fn spawn(
        name: &str,
        command: &[OsString],
        environment: &[(&str, &str)],
        log: &Path,
    ) -> anyhow::Result<Self> {
        let output =
            File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = Command::new("sh")
            .args(["-c", LEASHED, "leashed"])
            .args(command)
            .envs(environment.iter().copied())
            // A group of its own keeps the terminal's Ctrl-C away: services drain before it stops.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().context("cannot share the log")?)
            .stderr(output)
            .spawn()
            .context("cannot run sh")?;
        let leash = child.stdin.take();
        Ok(Self { name: name.to_owned(), child, leash })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, or `None` while it runs.
    ///
    /// # Errors
    /// When the operating system refuses to tell.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot wait for {}", self.name))
    }

    /// Asks it to stop with SIGTERM and returns at once.
    ///
    /// # Errors
    /// When it has ended, as with [`LeashedChild::pause`] and [`LeashedChild::resume`].
    pub fn terminate(&mut self) -> anyhow::Result<()> {
        self.send(Signal::TERM)
    }

    /// Holds it where it is with SIGSTOP: its connections stay open and nobody answers on them.
    ///
    /// # Errors
    /// As [`LeashedChild::terminate`].
    pub fn pause(&mut self) -> anyhow::Result<()> {
        self.send(Signal::STOP)
    }

    /// Lets it go on with SIGCONT.
    ///
    /// # Errors
    /// As [`LeashedChild::terminate`].
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.send(Signal::CONT)
    }

    /// While its end is not collected, its id is nobody else's.
    fn send(&mut self, signal: Signal) -> anyhow::Result<()> {
        let name = self.name.clone();
        if let Some(status) = self.ended()? {
            bail!("{name} has ended already with {status}: no signal can be sent to it");
        }
        kill_process(Pid::from_child(&self.child), signal)
            .with_context(|| format!("cannot send {signal:?} to {name}"))
    }

    /// Stops it with SIGTERM and waits for its end; after 10 s it is killed.
    ///
    /// # Errors
    /// When the operating system refuses to wait for it or to kill it.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if self.ended()?.is_none() {
            // Not by the leash, whose shell might signal an id that is no longer the child's. While its
            // end is not collected, it is.
            let pid = Pid::from_child(&self.child);
            for signal in [Signal::TERM, Signal::CONT] {
                kill_process(pid, signal)
                    .with_context(|| format!("cannot send {signal:?} to {}", self.name))?;
            }
        }
        let deadline = Instant::now() + STOP_DEADLINE;
        while self.ended()?.is_none() {
            if Instant::now() >= deadline {
                tracing::warn!("{} did not stop within {STOP_DEADLINE:?}: killing it", self.name);
                return self.end();
            }
            sleep(POLL).await;
        }
        self.end()
    }

    /// Kills it with SIGKILL and waits for its end.
    ///
    /// # Errors
    /// When the operating system refuses to.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.end()
    }

    fn end(&mut self) -> anyhow::Result<()> {
        self.child.kill().with_context(|| format!("cannot kill {}", self.name))?;
        self.child.wait().with_context(|| format!("cannot wait for {}", self.name))?;
        if let Some(mut leash) = self.leash.take() {
            // Lets the waiting shell go without a signal to a pid that is no longer the child's. It
            // fails only where that shell is gone already.
            let _ = leash.write_all(b"\n");
        }
        Ok(())
    }
}

impl Drop for LeashedChild {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!("a process may be left behind: {error:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(folder: &Path) -> LeashedChild {
        let command = ["sleep".into(), "600".into()];
        LeashedChild::spawn("sleep", &command, &[], &folder.join("log")).unwrap()
    }

    #[tokio::test]
    async fn without_its_leash_it_is_stopped_by_sigterm_even_if_it_is_paused() {
        use std::os::unix::process::ExitStatusExt as _;
        for paused in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let mut child = sleeper(folder.path());
            assert_eq!(child.ended().unwrap(), None);
            if paused {
                // A shell that is paused while it ties the leash would tie none.
                let name = format!("/proc/{}/comm", child.pid());
                while std::fs::read_to_string(&name).unwrap() != "sleep\n" {
                    sleep(POLL).await;
                }
                child.pause().unwrap();
            }
            child.leash = None;
            let status = loop {
                match child.ended().unwrap() {
                    Some(status) => break status,
                    None => sleep(POLL).await,
                }
            };
            assert_eq!(status.signal(), Some(15), "paused: {paused}");
        }
    }

    #[tokio::test]
    async fn one_that_is_paused_or_has_ended_is_stopped_in_peace() {
        let folder = tempfile::tempdir().unwrap();
        let mut ended = sleeper(folder.path());
        ended.terminate().unwrap();
        ended.child.wait().unwrap();
        ended.stop().await.unwrap();
        let mut paused = sleeper(folder.path());
        paused.pause().unwrap();
        let began = Instant::now();
        paused.stop().await.unwrap();
        assert!(began.elapsed() < STOP_DEADLINE, "it had to be killed");
    }

    #[tokio::test]
    async fn one_that_ignores_sigterm_is_not_waited_for_when_killed() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let stubborn = "trap '' TERM; echo started; while :; do sleep 0.01; done";
        let command = ["sh".into(), "-c".into(), stubborn.into()];
        let child = LeashedChild::spawn("sh", &command, &[], &log).unwrap();
        while std::fs::read_to_string(&log).unwrap().is_empty() {
            sleep(POLL).await;
        }
        child.kill().unwrap();
    }

    #[tokio::test]
    async fn a_paused_one_is_killed_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = sleeper(folder.path());
        child.pause().unwrap();
        let stat = format!("/proc/{}/stat", child.pid());
        while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
            sleep(POLL).await;
        }
        child.resume().unwrap();
        child.pause().unwrap();
        child.kill().unwrap();
        assert!(!Path::new(&stat).exists());
    }

    #[tokio::test]
    async fn nothing_is_sent_to_one_that_has_ended() {
        use std::os::unix::process::ExitStatusExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mut child = sleeper(folder.path());
        child.terminate().unwrap();
        let status = child.child.wait().unwrap();
        assert_eq!(status.signal(), Some(15));
        let refusal = child.pause().unwrap_err().to_string();
        assert!(refusal.starts_with("sleep has ended already with"), "{refusal}");
    }

    #[tokio::test]
    async fn a_missing_program_ends_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let command = [folder.path().join("missing").into_os_string()];
        let log = folder.path().join("log");
        let mut child = LeashedChild::spawn("missing", &command, &[], &log).unwrap();
        let status = child.child.wait().unwrap();
        assert_eq!(status.code(), Some(127));
    }
}
