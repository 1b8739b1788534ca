//! The right of one tenure to act, as those see it who act.
//!
//! It ends with the session that all tenures of this worker share, and before that when this one is
//! stopped. What a tenure left behind asks here before it goes out.

use std::time::Instant;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Until when a tenure may act. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Fence {
    until: watch::Receiver<Instant>,
    stop: CancellationToken,
}

impl Fence {
    /// Whether the tenure may act at `now`.
    pub fn permits(&self, now: Instant) -> bool {
        !self.stop.is_cancelled() && now < *self.until.borrow()
    }

    /// Waits until the tenure is stopped.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

/// The end of the right that a session gives, for those who hold a [`Fence`] of it.
#[derive(Debug)]
pub struct Right(watch::Sender<Instant>);

impl Right {
    /// Until `until`.
    pub fn new(until: Instant) -> Self {
        Self(watch::channel(until).0)
    }

    /// It lasts until `until`.
    pub fn extend(&self, until: Instant) {
        self.0.send_replace(until);
    }

    /// It is gone at `now`, for good: nobody can extend it any more.
    pub fn revoke(self, now: Instant) {
        self.0.send_modify(|until| *until = now.min(*until));
    }

    /// A tenure by this right, which `stop` ends sooner.
    pub fn fence(&self, stop: CancellationToken) -> Fence {
        Fence { until: self.0.subscribe(), stop }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_right_ends_with_its_time_its_session_or_its_tenure() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let right = Right::new(now);
        let stop = CancellationToken::new();
        let (stopped, fence) = (right.fence(stop.clone()), right.fence(CancellationToken::new()));
        assert!(!fence.permits(now));
        right.extend(later);
        assert!(fence.permits(now) && stopped.permits(now) && !fence.permits(later));
        stop.cancel();
        assert!(fence.permits(now) && !stopped.permits(now));
        right.revoke(now);
        assert!(!fence.permits(now));
        // Who looks late does not give back what had run out before.
        let right = Right::new(now);
        let fence = right.fence(CancellationToken::new());
        right.revoke(later);
        assert!(!fence.permits(now));
    }
}
