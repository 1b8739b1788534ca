//! When an issuer's keys are fetched, and how long they are good for.
//!
//! Pure: the time is an argument. However many tokens name keys that nobody knows, two fetches lie
//! [`COOLDOWN`] apart at least.

use std::time::{Duration, Instant};

/// The least time between the beginnings of two fetches.
pub(super) const COOLDOWN: Duration = Duration::from_secs(5);
/// The most time between two attempts while the issuer does not answer.
const MAX_BACKOFF: Duration = Duration::from_mins(1);
/// How long the last keys are good for while the issuer does not answer. An outage of an issuer ends
/// nobody's chat; and nobody who keeps its answers away keeps a stolen key alive for ever.
pub(super) const KEEP: Duration = Duration::from_hours(24);

/// The state that decides.
pub(super) struct Schedule {
    /// The time between two fetches while all is well.
    interval: Duration,
    /// When the last fetch began.
    began: Option<Instant>,
    /// When the last good answer was asked for.
    good_since: Option<Instant>,
    /// Fetches that have failed since.
    failures: u32,
    /// Whether a token has named a key that is not known.
    wanted: bool,
}

impl Schedule {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, began: None, good_since: None, failures: 0, wanted: false }
    }

    /// When the next fetch is to begin.
    pub(super) fn next(&self, now: Instant) -> Instant {
        let Some(began) = self.began else { return now };
        let pause = match self.failures {
            _ if self.wanted => COOLDOWN,
            0 => self.interval,
            failures => COOLDOWN.saturating_mul(1 << (failures - 1).min(10)).min(MAX_BACKOFF),
        };
        began + pause.max(COOLDOWN)
    }

    /// A token has named a key that is not known.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.began = Some(now);
        self.wanted = false;
    }

    pub(super) fn succeed(&mut self) {
        self.good_since = self.began;
        self.failures = 0;
    }

    /// The fetch has failed; how many have in a row.
    pub(super) fn fail(&mut self) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    /// Until when the keys are good if no other answer comes.
    pub(super) fn good_until(&self) -> Option<Instant> {
        self.good_since.map(|since| since + KEEP)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_mins(5);

    #[test]
    fn the_first_fetch_is_at_once_and_the_next_after_the_interval() {
        let now = Instant::now();
        let mut schedule = Schedule::new(INTERVAL);
        assert_eq!(schedule.next(now), now);
        schedule.begin(now);
        schedule.succeed();
        assert_eq!(schedule.next(now), now + INTERVAL);
        assert_eq!(schedule.good_until(), Some(now + KEEP));
    }

    #[test]
    fn failures_are_retried_ever_more_slowly_and_leave_the_keys_good() {
        let start = Instant::now();
        let mut schedule = Schedule::new(INTERVAL);
        schedule.begin(start);
        schedule.succeed();
        let mut now = start + INTERVAL;
        for pause in [5, 10, 20, 40, 60, 60, 60] {
            schedule.begin(now);
            schedule.fail();
            assert_eq!(schedule.next(now), now + Duration::from_secs(pause));
            now = schedule.next(now);
        }
        assert_eq!(schedule.good_until(), Some(start + KEEP));
        schedule.begin(now);
        schedule.succeed();
        assert_eq!(schedule.next(now), now + INTERVAL);
    }

    #[test]
    fn an_unknown_key_brings_one_fetch_forward() {
        let now = Instant::now();
        let mut schedule = Schedule::new(INTERVAL);
        schedule.begin(now);
        schedule.succeed();
        for _ in 0..1_000 {
            schedule.want();
        }
        assert_eq!(schedule.next(now), now + COOLDOWN);
        schedule.begin(now + COOLDOWN);
        schedule.succeed();
        assert_eq!(schedule.next(now), now + COOLDOWN + INTERVAL);
    }

    proptest! {
        /// Whatever happens, fetches keep their distance, and one comes within the interval or the
        /// backoff.
        #[test]
        fn fetches_keep_their_distance(
            events in proptest::collection::vec((0_u8..4, 0_u64..400_000), 0..200),
            interval in 0_u64..100_000,
        ) {
            let mut schedule = Schedule::new(Duration::from_secs(interval));
            let mut now = Instant::now();
            let mut last = None;
            for (event, passed) in events {
                now += Duration::from_millis(passed);
                let next = schedule.next(now);
                if event == 0 {
                    schedule.want();
                    prop_assert!(schedule.next(now) <= next.max(now));
                } else if next <= now {
                    if let Some(last) = last {
                        prop_assert!(now.duration_since(last) >= COOLDOWN);
                    }
                    last = Some(now);
                    schedule.begin(now);
                    if event == 1 { schedule.fail(); } else { schedule.succeed(); }
                    let longest = Duration::from_secs(interval).max(MAX_BACKOFF);
                    prop_assert!(schedule.next(now) <= now + longest);
                    prop_assert!(schedule.next(now) >= now + COOLDOWN);
                }
            }
        }
    }
}
