//! Versions of `nats-server`: which one is pinned, which are new enough, and how they are read.

use std::fmt;
use std::str::FromStr;

use service_shell::MINIMUM_SERVER;

/// A version such as `2.15.1`; what follows the patch (`-RC.1`, `-preview`) is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NatsVersion {
    pub major: u64,
    pub minor: u64,
    pub patch: u64,
}

impl NatsVersion {
    /// The version that is fetched where none is installed, and that the tests were written against.
    pub const PINNED: Self = Self { major: 2, minor: 15, patch: 1 };
    /// The oldest that the services accept.
    pub const OLDEST: Self = Self { major: MINIMUM_SERVER.0, minor: MINIMUM_SERVER.1, patch: 0 };

    /// Whether Starling can run on it.
    pub fn is_new_enough(self) -> bool {
        self >= Self::OLDEST
    }

    /// Reads what `nats-server --version` prints, `nats-server: v2.15.1`.
    pub fn from_banner(banner: &str) -> Option<Self> {
        let (_, version) = banner.trim().split_once("nats-server:")?;
        version.parse().ok()
    }
}

/// The text is not `[v]MAJOR.MINOR.PATCH`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a nats-server version: {0:?}")]
pub struct NotAVersion(String);

impl FromStr for NatsVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotAVersion(text.to_owned());
        let number = text.trim().trim_start_matches('v');
        let release = number.split(['-', '+']).next().ok_or_else(refused)?;
        let mut parts = release.split('.').map(|part| part.parse::<u64>().map_err(|_| refused()));
        let mut next = || parts.next().ok_or_else(refused)?;
        let version = Self { major: next()?, minor: next()?, patch: next()? };
        if parts.next().is_some() {
            return Err(refused());
        }
        Ok(version)
    }
}

impl fmt::Display for NatsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn version(major: u64, minor: u64, patch: u64) -> NatsVersion {
        NatsVersion { major, minor, patch }
    }

    #[test]
    fn versions_are_read() {
        let table = [
            ("2.15.1", Some(version(2, 15, 1))),
            ("v2.9.10", Some(version(2, 9, 10))),
            (" v2.12.0-RC.1\n", Some(version(2, 12, 0))),
            ("2.12.0+build.5", Some(version(2, 12, 0))),
            ("3.0.0", Some(version(3, 0, 0))),
            ("2.12", None),
            ("2.12.0.1", None),
            ("2.x.1", None),
            ("", None),
            ("-1.2.3", None),
            ("2.99999999999999999999.1", None),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse().ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn banners_are_read() {
        let table = [
            ("nats-server: v2.15.1\n", Some(version(2, 15, 1))),
            ("nats-server: v2.9.10", Some(version(2, 9, 10))),
            ("nats-server version 1", None),
            ("", None),
        ];
        for (banner, expected) in table {
            assert_eq!(NatsVersion::from_banner(banner), expected, "{banner:?}");
        }
    }

    #[test]
    fn only_2_12_and_newer_will_do() {
        let table = [
            (version(2, 9, 10), false),
            (version(2, 11, 99), false),
            (version(2, 12, 0), true),
            (NatsVersion::PINNED, true),
            (version(3, 0, 0), true),
        ];
        for (version, expected) in table {
            assert_eq!(version.is_new_enough(), expected, "{version}");
        }
    }
}
