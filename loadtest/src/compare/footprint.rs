//! The memory that processes hold, from Linux' `/proc` (proc(5)).

use std::{fs, ops::Add};

use serde::Serialize;

/// Memory in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Footprint {
    /// Resident: pages that several processes share count in each of them.
    pub rss: u64,
    /// Proportional: a page that n processes share counts as an n-th in each.
    pub pss: u64,
}

impl Footprint {
    /// Of all these processes together; `None` where one cannot be read.
    #[must_use]
    pub fn of(pids: &[u32]) -> Option<Self> {
        let one = |pid: &u32| parse(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?);
        pids.iter().map(one).try_fold(Self::default(), |sum, each| Some(sum + each?))
    }
}

impl Add for Footprint {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { rss: self.rss + other.rss, pss: self.pss + other.pss }
    }
}

fn parse(rollup: &str) -> Option<Footprint> {
    let bytes = |name: &str| -> Option<u64> {
        let value = rollup.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    };
    Some(Footprint { rss: bytes("Rss")?, pss: bytes("Pss")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sums_are_read() {
        let rollup = "00400000-7ffd [rollup]\nRss:   12 kB\nPss:    8 kB\nPss_Dirty:   1 kB\n";
        assert_eq!(parse(rollup), Some(Footprint { rss: 12 * 1024, pss: 8 * 1024 }));
        assert_eq!(parse("Rss: 12 kB\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn processes_are_added_up() {
        let me = std::process::id();
        let (once, twice) = (Footprint::of(&[me]).unwrap(), Footprint::of(&[me, me]).unwrap());
        assert!(once.pss > 0 && twice.rss > once.rss);
        assert_eq!(Footprint::of(&[me, u32::MAX]), None);
    }
}
