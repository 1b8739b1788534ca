//! What the log may have discarded, judged from its limits.
//!
//! Pure: the stream's settings are read by [`super::reader`].

use std::time::{Duration, Instant};

use wire::Seq;

/// By how much two clocks may differ that ran side by side since the stream was made.
const CLOCKS_DIFFER: Duration = Duration::from_hours(1);

/// The limits of the stream that holds the rooms.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// The most messages of one room; `None` for no limit.
    pub cap: Option<u64>,
    /// The oldest a message may be; zero for no limit.
    pub max_age: Duration,
    /// How long ago the stream was made by the server's clock, at `asked`.
    pub age: Duration,
    /// When that was asked. Since then a clock counts that nobody sets.
    pub asked: Instant,
}

/// Age may have discarded something.
#[derive(Debug, Clone, Copy)]
pub struct Aged {
    /// The oldest message that is left.
    pub oldest_of_all: Option<Seq>,
}

impl Retention {
    /// Whether age may have discarded anything by `now`.
    pub fn may_have_aged(&self, now: Instant) -> bool {
        let age = self.age + now.saturating_duration_since(self.asked);
        !self.max_age.is_zero() && age + CLOCKS_DIFFER >= self.max_age
    }

    /// The position after which nothing of a room is gone, given the room's oldest message, how many
    /// it holds, and, where age [may have discarded](Self::may_have_aged) anything, the oldest message
    /// of all rooms.
    ///
    /// Never too low: where the limits cannot tell, only what is still there counts.
    pub fn complete_from(&self, oldest: Option<Seq>, count: u64, aged: Option<Aged>) -> Seq {
        let oldest = oldest.map_or(Seq::MAX, |oldest| oldest - 1);
        if self.cap.is_some_and(|cap| count >= cap) {
            return oldest;
        }
        let Some(Aged { oldest_of_all }) = aged else { return 0 };
        // Age discards in the order of the log: nothing above the oldest message of all has gone.
        oldest.min(oldest_of_all.map_or(Seq::MAX, |oldest| oldest - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn retention(cap: Option<u64>, max_age: Duration, age: Duration) -> Retention {
        Retention { cap, max_age, age, asked: Instant::now() }
    }

    #[test]
    fn judgements() {
        let retention = retention(Some(3), DAY, DAY);
        let aged = |oldest_of_all| Some(Aged { oldest_of_all });
        for (oldest, count, aged, expected) in [
            (None, 0, None, 0),
            (Some(10), 2, None, 0),
            (Some(10), 3, None, 9),
            (Some(10), 2, aged(Some(5)), 4),
            (None, 0, aged(Some(5)), 4),
            (None, 0, aged(None), Seq::MAX),
        ] {
            assert_eq!(retention.complete_from(oldest, count, aged), expected);
        }
        let endless = Retention { cap: None, ..retention };
        assert_eq!(endless.complete_from(Some(10), 1_000, None), 0);
    }

    #[test]
    fn age_is_counted_on_while_the_node_runs() {
        let young = retention(None, DAY, Duration::ZERO);
        assert!(!young.may_have_aged(young.asked));
        assert!(!young.may_have_aged(young.asked + DAY / 2));
        assert!(young.may_have_aged(young.asked + DAY));
        assert!(retention(None, DAY, DAY).may_have_aged(young.asked));
        let endless = retention(None, Duration::ZERO, DAY);
        assert!(!endless.may_have_aged(endless.asked + DAY * 1_000));
    }
}
