//! Token buckets, one for each key, in memory that does not grow with what attackers choose.
//!
//! A key is kept as a hash under a seed of this process. Where there are more keys than are kept
//! apart, newcomers share buckets until some are idle again: still limited, though together.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    num::NonZeroU32,
    time::Duration,
};

use governor::{
    NotUntil, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};

use super::Rate;

/// Keys with a bucket of their own; some 40 bytes each.
const MOST_KEYS: usize = 64 << 10;
/// Buckets that the others share.
const SHARED: u64 = 4 << 10;

type Keyed<C> = RateLimiter<u64, HashMapStateStore<u64>, C, NoOpMiddleware<<C as Clock>::Instant>>;
type Direct<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

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

/// A bucket for one.
pub struct Bucket {
    limiter: Option<Box<(Direct<DefaultClock>, NonZeroU32)>>,
}

impl Bucket {
    pub fn new(rate: Rate) -> Self {
        let limiter =
            rate.quota().map(|quota| Box::new((RateLimiter::direct(quota), quota.burst_size())));
        Self { limiter }
    }

    /// As [`Buckets::take`].
    pub fn take(&self, weight: u32) -> Result<(), Wait> {
        let Some((limiter, burst)) = self.limiter.as_deref() else { return Ok(()) };
        settle(limiter.check_n(weight_of(weight, *burst)), &DefaultClock::default())
    }
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
        let bucket = Bucket::new(Rate::OFF);
        assert!((0..10_000).all(|_| buckets.take(&1, 9).is_ok() && bucket.take(9).is_ok()));
        assert!(Bucket::new(Rate::new(1, 1)).take(9).is_ok());
    }
}
