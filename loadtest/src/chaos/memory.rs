//! How much memory a process holds, from Linux' `/proc` (proc(5)).

use std::fs;

/// The resident set of a process in bytes; `None` where it cannot be read.
#[must_use]
pub fn resident(pid: u32) -> Option<u64> {
    parse(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// The line `VmRSS: 1234 kB`, which a zombie does not have.
fn parse(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_set_is_read() {
        let table = [
            ("Name:\tx\nVmHWM:\t     9 kB\nVmRSS:\t    12 kB\nThreads:\t1\n", Some(12 * 1024)),
            ("Name:\tVmRSS: 12 kB\nState:\tZ (zombie)\n", None),
            ("VmRSS:\t12 MB\n", None),
            ("", None),
        ];
        for (status, expected) in table {
            assert_eq!(parse(status), expected, "{status:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_used_is_seen() {
        let before = resident(std::process::id()).unwrap();
        let block = vec![1_u8; 64 << 20];
        let grown = resident(std::process::id()).unwrap() - before;
        assert!(grown > 32 << 20, "{grown} bytes more after using {}", block.len());
    }
}
