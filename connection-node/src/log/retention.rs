//! What the log may have discarded, judged from its limits.
//!
//! Pure: the stream's settings are read once by [`super::reader`].

use std::time::Duration;

use wire::Seq;

/// The limits of the stream that holds the rooms.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// The most messages of one room; `None` for no limit.
    pub cap: Option<u64>,
    /// The oldest a message may be; zero for no limit.
    pub max_age: Duration,
    /// How long ago the stream was made, when that was asked.
    pub age: Duration,
}

impl Retention {
    /// Whether age may have discarded anything yet.
    pub fn may_have_aged(&self) -> bool {
        !self.max_age.is_zero() && self.age >= self.max_age
    }

    /// The position after which nothing of a room is gone, given the room's oldest message, how many
    /// it holds, and the oldest message of all rooms.
    ///
    /// Never too low: where the limits cannot tell, only what is still there counts.
    pub fn complete_from(
        &self,
        oldest: Option<Seq>,
        count: u64,
        oldest_of_all: Option<Seq>,
    ) -> Seq {
        let oldest = oldest.map_or(Seq::MAX, |oldest| oldest - 1);
        if self.cap.is_some_and(|cap| count >= cap) {
            return oldest;
        }
        if !self.may_have_aged() {
            return 0;
        }
        // Age discards in the order of the log: nothing above the oldest message of all has gone.
        oldest.min(oldest_of_all.map_or(Seq::MAX, |oldest| oldest - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements() {
        let day = Duration::from_hours(24);
        let young = Retention { cap: Some(3), max_age: day, age: Duration::ZERO };
        let old = Retention { age: day, ..young };
        let endless = Retention { cap: None, max_age: Duration::ZERO, age: day };
        for (retention, oldest, count, of_all, expected) in [
            (young, None, 0, None, 0),
            (young, Some(10), 2, Some(5), 0),
            (young, Some(10), 3, Some(5), 9),
            (old, Some(10), 2, Some(5), 4),
            (old, None, 0, Some(5), 4),
            (old, None, 0, None, Seq::MAX),
            (endless, Some(10), 1_000, Some(5), 0),
        ] {
            assert_eq!(retention.complete_from(oldest, count, of_all), expected);
        }
    }
}
