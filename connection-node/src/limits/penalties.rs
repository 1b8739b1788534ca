//! Addresses that are kept out for a while.
//!
//! Pure: `now` is told.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::AddressGroup;

/// How long an address is kept out.
pub const PENALTY: Duration = Duration::from_secs(10);
/// Addresses that can be kept out at a time.
const MOST: usize = 64 << 10;

/// Who is kept out, and until when.
#[derive(Default)]
pub struct Penalties {
    until: HashMap<AddressGroup, Instant>,
}

impl Penalties {
    /// Keeps an address out from now on.
    pub fn give(&mut self, address: AddressGroup, now: Instant) {
        if self.until.len() < MOST || self.until.contains_key(&address) {
            self.until.insert(address, now + PENALTY);
        }
    }

    /// How long an address is still kept out.
    pub fn left(&self, address: AddressGroup, now: Instant) -> Option<Duration> {
        let until = self.until.get(&address)?;
        Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Forgets those who may come again.
    pub fn sweep(&mut self, now: Instant) {
        self.until.retain(|_, until| *until > now);
        self.until.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn a_penalty_ends() {
        let (mut penalties, now) = (Penalties::default(), Instant::now());
        let address = |last: u32| AddressGroup::from(IpAddr::from(last.to_be_bytes()));
        penalties.give(address(1), now);
        assert_eq!(penalties.left(address(1), now), Some(PENALTY));
        assert_eq!(penalties.left(address(2), now), None);
        penalties.sweep(now + PENALTY / 2);
        assert_eq!(penalties.left(address(1), now + PENALTY / 2), Some(PENALTY / 2));
        assert_eq!(penalties.left(address(1), now + PENALTY), None);
        for last in 0..200_000 {
            penalties.give(address(last), now);
        }
        assert_eq!(penalties.until.len(), MOST);
        penalties.sweep(now + PENALTY);
        assert!(penalties.until.is_empty());
    }
}
