//! When messages are due: an open loop, which goes on at its rate however slowly answers come.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// An even rate from a start on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Messages a second.
    pub rate: f64,
    /// How many messages there are.
    pub count: u64,
}

impl Pace {
    /// `rate` messages a second for `duration`.
    #[must_use]
    pub fn new(rate: f64, duration: Duration) -> Self {
        // Loads are far below 2^53 messages, and never negative.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let count = (rate * duration.as_secs_f64()).round() as u64;
        Self { rate, count }
    }

    /// When message `n`, counted from 0, is due, from the start on.
    #[must_use]
    pub fn due(&self, n: u64) -> Duration {
        #[allow(clippy::cast_precision_loss)]
        Duration::from_secs_f64(n as f64 / self.rate)
    }

    /// Tells each message's due time, at that time or as soon after as this machine can.
    ///
    /// A thread of its own sleeps to some 50 microseconds; timers of the async runtime, to a millisecond,
    /// would be seen in what is measured.
    #[must_use]
    pub fn ticks(self, start: Instant) -> mpsc::UnboundedReceiver<Instant> {
        // Unbounded, for a schedule that waited for the sender would not be an open loop; `count` bounds it.
        let (ticks, receiver) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for n in 0..self.count {
                let due = start + self.due(n);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                if ticks.send(due).is_err() {
                    return;
                }
            }
        });
        receiver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_rate() {
        let pace = Pace::new(100.0, Duration::from_secs(2));
        assert_eq!(pace.count, 200);
        assert_eq!(pace.due(0), Duration::ZERO);
        assert_eq!(pace.due(100), Duration::from_secs(1));
        assert_eq!(Pace::new(0.0, Duration::from_secs(1)).count, 0);
    }

    #[tokio::test]
    async fn ticks_come_in_order_and_not_early() {
        let start = Instant::now();
        let pace = Pace::new(10_000.0, Duration::from_millis(10));
        let mut ticks = pace.ticks(start);
        for n in 0..pace.count {
            let due = ticks.recv().await.unwrap();
            assert_eq!(due, start + pace.due(n));
            assert!(Instant::now() >= due);
        }
        assert_eq!(ticks.recv().await, None);
    }
}
