//! The end of an edge: every transport closed, spread over time, and every task ended.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use anyhow::Context;
use tokio::time::{Instant, sleep_until, timeout};

use super::{CloseReason, Edge};

/// How long to wait for disconnect handlers once all transports have ended; they take milliseconds.
/// Not longer, because socketioxide holds a session without a namespace until `connect_timeout`.
const HANDLERS: Duration = Duration::from_secs(1);

impl Edge {
    /// Closes all transports, spread evenly `over` a time, each moved by up to `jitter` at random,
    /// and admits no further one: thousands of clients that reconnect in one instant would bring
    /// down the nodes that are left. Returns when the last is closed.
    ///
    /// [`serve`](super::serve) does this by itself on shutdown, after it has stopped accepting.
    pub async fn close_all(&self, over: Duration, jitter: Duration) {
        let transports = self.registry.seal();
        let random = RandomState::new();
        let mut closings: Vec<_> =
            closing_times(transports.len(), over, jitter, |n| (random.hash_one(n) >> 32) as u32)
                .into_iter()
                .zip(transports)
                .collect();
        closings.sort_by_key(|(at, _)| *at);
        let start = Instant::now();
        for (at, transport) in closings {
            // Those that leave by themselves need no wait.
            tokio::select! {
                () = sleep_until(start + at) => transport.close(CloseReason::Drain),
                () = transport.wait_closed() => {}
            }
        }
    }

    /// Winds everything down once nothing is accepted any longer: transports paced, then HTTP
    /// requests in flight, then the disconnect handlers of the sessions.
    pub(super) async fn drain(&self) -> anyhow::Result<()> {
        let grace = self.config.drain_grace;
        self.close_all(self.config.drain_over, self.config.drain_jitter).await;
        self.finish.cancel();
        self.tasks.close();
        if timeout(grace, self.tasks.wait()).await.is_err() {
            self.abort.cancel();
            timeout(grace, self.tasks.wait()).await.with_context(|| {
                let left = self.tasks.len();
                format!("{left} connection tasks did not end within {grace:?} of being aborted")
            })?;
        }
        self.sessions.close();
        if timeout(HANDLERS, self.sessions.wait()).await.is_err() {
            let left = self.sessions.len();
            tracing::info!(left, "sessions are still held although their transports have ended");
        }
        Ok(())
    }
}

/// When to close each of `count` transports, counted from the start of the drain.
fn closing_times(
    count: usize,
    over: Duration,
    jitter: Duration,
    mut random: impl FnMut(u32) -> u32,
) -> Vec<Duration> {
    const STEPS: u32 = 1000;
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    (0..count)
        .map(|n| {
            let even = over.saturating_mul(n) / count;
            let moved = jitter.saturating_mul(random(n) % (STEPS + 1)) / STEPS;
            even + moved
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn closings_are_even_without_jitter() {
        let times = closing_times(4, Duration::from_secs(8), Duration::ZERO, |_| u32::MAX);
        assert_eq!(times, [0, 2, 4, 6].map(Duration::from_secs));
        assert!(closing_times(0, Duration::from_secs(8), Duration::ZERO, |_| 0).is_empty());
    }

    proptest! {
        #[test]
        fn closings_keep_to_their_time(
            count in 0_u16..2000, over in 0_u64..100_000, jitter in 0_u64..5_000, seed: u32,
        ) {
            let (over, jitter) = (Duration::from_millis(over), Duration::from_millis(jitter));
            let times = closing_times(usize::from(count), over, jitter, |n| seed.rotate_left(n % 32));
            prop_assert_eq!(times.len(), usize::from(count));
            for (n, at) in (0..count).zip(times) {
                let even = over * u32::from(n) / u32::from(count);
                prop_assert!(at >= even && at <= even + jitter);
            }
        }
    }
}
