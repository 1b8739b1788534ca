//! How fast a count grows, over the last seconds.
//!
//! Pure: samples and `now` go in.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Over how long a rate is taken.
const SPAN: Duration = Duration::from_secs(10);

/// The samples of one count.
#[derive(Debug, Default)]
pub struct Rate {
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    /// The count stands at `count`.
    pub fn sample(&mut self, count: u64, now: Instant) {
        self.samples.push_back((now, count));
        // One that is older than the span stays, to measure the whole of it.
        while self.samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= SPAN) {
            self.samples.pop_front();
        }
    }

    /// By how much it has grown in a second, on average.
    pub fn per_second(&self) -> u64 {
        let (Some((from, first)), Some((to, last))) = (self.samples.front(), self.samples.back())
        else {
            return 0;
        };
        let millis = u64::try_from(to.duration_since(*from).as_millis()).unwrap_or(u64::MAX);
        let grown = last.saturating_sub(*first);
        grown.saturating_mul(1_000).checked_div(millis).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_the_last_seconds() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        assert_eq!(rate.per_second(), 0);
        rate.sample(1_000, start);
        assert_eq!(rate.per_second(), 0);
        for second in 1..=30_u64 {
            // 5 a second, and then 20.
            let count = 1_000 + 5 * second.min(15) + 20 * second.saturating_sub(15);
            rate.sample(count, start + Duration::from_secs(second));
            if second == 15 {
                assert_eq!(rate.per_second(), 5);
            }
        }
        assert_eq!(rate.per_second(), 20);
        assert_eq!(rate.samples.len(), 11);
    }
}
