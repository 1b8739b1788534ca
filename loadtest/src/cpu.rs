//! The processor time that processes have used, from Linux' `/proc` (proc(5)).

use std::{fs, time::Duration};

use serde::{Deserialize, Serialize};

/// Clock ticks a second in `/proc/<pid>/stat`; `USER_HZ` is 100 on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processes whose time is measured; empty or `None` where one is not known.
#[derive(Debug, Clone, Default)]
pub struct Processes {
    pub servers: Vec<u32>,
    /// What carries messages between the servers: nats-server, or redis-server.
    pub broker: Option<u32>,
}

/// Seconds of processor time, in user and kernel mode; `None` where they cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuSeconds {
    pub server: Option<f64>,
    pub broker: Option<f64>,
    pub generator: Option<f64>,
}

impl Processes {
    /// What each has used since it started.
    #[must_use]
    pub fn used(&self) -> CpuSeconds {
        CpuSeconds {
            server: of_all(&self.servers),
            broker: self.broker.and_then(of),
            generator: of(std::process::id()),
        }
    }
}

impl CpuSeconds {
    /// What was used between `earlier` and now.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let minus = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        Self {
            server: minus(self.server, earlier.server),
            broker: minus(self.broker, earlier.broker),
            generator: minus(self.generator, earlier.generator),
        }
    }
}

/// How many cores each keeps busy while nothing is asked of them, measured over `span`.
pub async fn idle_cores(processes: &Processes, span: Duration) -> CpuSeconds {
    let before = processes.used();
    tokio::time::sleep(span).await;
    let used = processes.used().since(&before);
    let cores = |seconds: Option<f64>| Some(seconds? / span.as_secs_f64());
    CpuSeconds {
        server: cores(used.server),
        broker: cores(used.broker),
        generator: cores(used.generator),
    }
}

/// The sum; `None` where one of them cannot be read, or there is none.
fn of_all(pids: &[u32]) -> Option<f64> {
    let known = (!pids.is_empty()).then_some(pids)?;
    known.iter().map(|pid| of(*pid)).sum()
}

/// Seconds of processor time that a process has used since it started; `None` where they cannot be read.
#[must_use]
pub fn of(pid: u32) -> Option<f64> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields 14 and 15, `utime` and `stime`. The second, the program's name, may hold spaces and brackets.
fn parse(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND)
}

/// The `nats-server` that `ancestor` started, itself or through others; its version may be in its name.
#[must_use]
pub fn nats_server_of(ancestor: u32) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?;
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| name(*pid).is_some_and(|name| name.starts_with("nats-server")))
        .find(|pid| descends_from(*pid, ancestor))
}

fn name(pid: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim().to_owned())
}

fn descends_from(pid: u32, ancestor: u32) -> bool {
    let parent = |pid: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, after_name) = stat.rsplit_once(')')?;
        after_name.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    std::iter::successors(Some(pid), |pid| parent(*pid)).any(|pid| pid == ancestor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_stand_after_the_name() {
        let stat = "12 (a ) b) S 1 12 12 0 -1 4194560 900 0 1 0 150 50 0 0 20 0 9 0 100 1 2";
        assert_eq!(parse(stat), Some(2.0));
        for broken in ["", "12 (x) S 1", "12 x S 1 12 12 0 -1 4194560 900 0 1 0 150 50"] {
            assert_eq!(parse(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn differences_are_of_what_is_known() {
        let earlier = CpuSeconds { server: Some(1.0), broker: None, generator: Some(0.5) };
        let now = CpuSeconds { server: Some(4.0), broker: Some(1.0), generator: Some(0.5) };
        let used = CpuSeconds { server: Some(3.0), broker: None, generator: Some(0.0) };
        assert_eq!(now.since(&earlier), used);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_used_some_time() {
        assert!(Processes::default().used().generator.is_some());
        assert!(descends_from(std::process::id(), std::os::unix::process::parent_id()));
        assert!(!descends_from(std::os::unix::process::parent_id(), std::process::id()));
    }
}
