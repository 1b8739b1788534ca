//! How long a client waits before it connects again.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// The first wait, which doubles up to the last, as the page's does.
const FIRST: Duration = Duration::from_millis(50);
const LAST: Duration = Duration::from_secs(1);

/// Growing waits, each shortened by up to a half at random.
#[derive(Debug, Default)]
pub struct Backoff {
    attempts: u32,
    random: RandomState,
}

impl Backoff {
    /// The wait before the next attempt.
    pub fn wait(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.attempts.min(10)).min(LAST);
        let part = (self.random.hash_one(self.attempts) >> 32) as u32;
        self.attempts = self.attempts.saturating_add(1);
        whole / 2 + whole.mul_f64(0.5 * f64::from(part) / f64::from(u32::MAX))
    }

    /// An attempt has succeeded.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_again() {
        let mut backoff = Backoff::default();
        for (attempt, whole) in
            [50, 100, 200, 400, 800, 1_000, 1_000, 1_000].into_iter().enumerate()
        {
            let wait = backoff.wait();
            let whole = Duration::from_millis(whole);
            assert!(wait >= whole / 2 && wait <= whole, "attempt {attempt}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= FIRST);
    }
}
