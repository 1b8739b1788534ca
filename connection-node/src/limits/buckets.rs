//! Token buckets, one for each key, in memory that does not grow with what attackers choose.
//!
//! A key is kept as a hash under a seed of this process. Where there are more keys than are kept
//! apart, newcomers share buckets until some are idle again: still limited, though together.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use governor::{
    NotUntil, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};

use super::Rate;

/// Keys with a bucket of their own; some 40 bytes each.
const MOST_KEYS: usize = 64 << 10;
/// Buckets that the others share.
const SHARED: u64 = 4 << 10;

type Keyed<C> = RateLimiter<u64, HashMapStateStore<u64>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// How long to wait until something that was refused would be let through.
pub type Wait = Duration;

/// A bucket for each key.
pub struct Buckets<C: Clock = DefaultClock> {
    limiter: Option<(Keyed<C>, NonZeroU32)>,
    hasher: RandomState,
    most_keys: usize,
    clock: C,
}

impl Buckets {
    pub fn new(rate: Rate) -> Self {
        Self::with_clock(rate, DefaultClock::default(), MOST_KEYS)
    }
}

impl<C: Clock + Clone> Buckets<C> {
    fn with_clock(rate: Rate, clock: C, most_keys: usize) -> Self {
        let limiter = rate.quota().map(|quota| {
            (RateLimiter::hashmap_with_clock(quota, clock.clone()), quota.burst_size())
        });
        Self { limiter, hasher: RandomState::new(), most_keys, clock }
    }

    /// Takes `weight` out of a key's bucket, or says when it could be. What weighs more than a full
    /// bucket takes all of it.
    pub fn take(&self, key: &impl Hash, weight: u32) -> Result<(), Wait> {
        let Some((limiter, burst)) = &self.limiter else { return Ok(()) };
        let hash = self.hasher.hash_one(key);
        let key = if limiter.len() < self.most_keys { hash } else { hash % SHARED };
        settle(limiter.check_key_n(&key, weight_of(weight, *burst)), &self.clock)
    }

    /// Forgets the keys whose buckets are full again.
    pub fn sweep(&self) {
        if let Some((limiter, _)) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

/// The rate of many buckets that lie elsewhere: each is a number of eight bytes, for every idle
/// connection has some. The algorithm is the one above (GCRA).
pub struct Pace {
    quota: Option<(Duration, NonZeroU32)>,
    start: Instant,
}

/// One bucket of a [`Pace`]: when it is full again, in nanoseconds from the pace's start.
#[derive(Default)]
pub struct Bucket(AtomicU64);

impl Pace {
    pub fn new(rate: Rate) -> Self {
        let quota = rate.quota().map(|quota| (quota.replenish_interval(), quota.burst_size()));
        Self { quota, start: Instant::now() }
    }

    /// As [`Buckets::take`].
    pub fn take(&self, bucket: &Bucket, weight: u32) -> Result<(), Wait> {
        self.take_at(bucket, weight, Instant::now())
    }

    fn take_at(&self, bucket: &Bucket, weight: u32, now: Instant) -> Result<(), Wait> {
        let Some((interval, burst)) = self.quota else { return Ok(()) };
        let now = nanos(now.saturating_duration_since(self.start));
        let taken = nanos(interval * weight_of(weight, burst).get());
        let latest = now.saturating_add(nanos(interval * burst.get()));
        let after = |full_again: u64| full_again.max(now).saturating_add(taken);
        let update = bucket.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_again| {
            Some(after(full_again)).filter(|after| *after <= latest)
        });
        update.map(drop).map_err(|full_again| Duration::from_nanos(after(full_again) - latest))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn weight_of(weight: u32, burst: NonZeroU32) -> NonZeroU32 {
    NonZeroU32::new(weight).unwrap_or(NonZeroU32::MIN).min(burst)
}

fn settle<C: Clock>(
    taken: Result<Result<(), NotUntil<C::Instant>>, governor::InsufficientCapacity>,
    clock: &C,
) -> Result<(), Wait> {
    match taken {
        Ok(Ok(())) => Ok(()),
        Ok(Err(not_until)) => Err(not_until.wait_time_from(clock.now())),
        // No weight is above the burst.
        Err(_) => Err(Duration::from_secs(1)),
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;
    use proptest::prelude::*;

    use super::*;

    fn buckets(rate: Rate, most_keys: usize) -> (Buckets<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Buckets::with_clock(rate, clock.clone(), most_keys), clock)
    }

    #[test]
    fn so_many_at_once_and_then_so_many_a_second() {
        let (buckets, clock) = buckets(Rate::new(10, 20), 100);
        assert!((0..20).all(|_| buckets.take(&"a", 1).is_ok()));
        let wait = buckets.take(&"a", 1).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert!(buckets.take(&"b", 1).is_ok(), "another key has a bucket of its own");
        clock.advance(wait);
        assert!(buckets.take(&"a", 1).is_ok() && buckets.take(&"a", 1).is_err());
        clock.advance(Duration::from_mins(1));
        assert!((0..20).all(|_| buckets.take(&"a", 1).is_ok()));
        assert!(buckets.take(&"a", 1).is_err(), "a long pause saves no more than the burst");
    }

    #[test]
    fn what_weighs_more_takes_more() {
        let (buckets, clock) = buckets(Rate::new(10, 20), 100);
        assert!(buckets.take(&1, 15).is_ok() && buckets.take(&1, 6).is_err());
        assert!(buckets.take(&1, 5).is_ok());
        clock.advance(Duration::from_secs(2));
        assert!(buckets.take(&1, 1_000).is_ok(), "a full bucket lets anything through");
        assert!(buckets.take(&1, 1).is_err());
    }

    #[test]
    fn memory_is_bounded_and_newcomers_are_limited_all_the_same() {
        let (buckets, clock) = buckets(Rate::new(1, 1), 100);
        let passed = (0..100_000).filter(|key| buckets.take(key, 1).is_ok()).count();
        let bound = 100 + usize::try_from(SHARED).unwrap();
        let kept = || buckets.limiter.as_ref().unwrap().0.len();
        assert!(passed <= bound && kept() <= bound, "{passed} passed, {} are kept", kept());
        buckets.sweep();
        assert!(kept() > 100, "none is idle yet");
        clock.advance(Duration::from_secs(5));
        buckets.sweep();
        assert_eq!(kept(), 0);
    }

    #[test]
    fn without_a_limit_everything_passes() {
        let (buckets, _) = buckets(Rate::OFF, 100);
        let (pace, bucket) = (Pace::new(Rate::OFF), Bucket::default());
        assert!((0..10_000).all(|_| buckets.take(&1, 9).is_ok() && pace.take(&bucket, 9).is_ok()));
    }

    proptest! {
        /// A bucket that lies elsewhere is as good as one in the table.
        #[test]
        fn both_kinds_of_buckets_agree(
            rate in (1..50_u32, 1..50_u32),
            takes in prop::collection::vec((0..60_u32, 0..500_u64), 1..60),
        ) {
            let rate = Rate::new(rate.0, rate.1);
            let (buckets, clock) = buckets(rate, 100);
            let (pace, bucket) = (Pace::new(rate), Bucket::default());
            let mut now = pace.start;
            for (weight, pause) in takes {
                let pause = Duration::from_millis(pause);
                clock.advance(pause);
                now += pause;
                prop_assert_eq!(pace.take_at(&bucket, weight, now), buckets.take(&1, weight));
            }
        }
    }
}
