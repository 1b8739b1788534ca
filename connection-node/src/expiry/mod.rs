//! Closing connections at the end of their tokens.
//!
//! Owns the one task that does it for all sockets. When that is, [`deadlines`] decides; that a client
//! comes back with another token and misses nothing is its own doing, and the rooms'.

mod deadlines;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use wire::Timestamp;

use self::deadlines::{Deadlines, end, pause};
use crate::{
    edge::{CloseReason, Transport},
    rooms::port::SocketKey,
};

/// How often the clock is looked at, which somebody may have set.
const LOOK: Duration = Duration::from_secs(30);

/// The ends of all tokens by which sockets were let in.
pub struct Expiry {
    /// In milliseconds.
    leeway: u64,
    random: RandomState,
    deadlines: Mutex<Deadlines<Transport>>,
    /// The next end has come nearer.
    sooner: Notify,
}

/// A socket's token is watched while this lives.
pub struct Watched {
    expiry: Arc<Expiry>,
    end: Timestamp,
    key: SocketKey,
}

impl Expiry {
    /// `leeway` is that of tokens, in seconds.
    pub fn new(leeway: u64) -> Arc<Self> {
        Arc::new(Self {
            leeway: leeway.saturating_mul(1_000),
            random: RandomState::new(),
            deadlines: Mutex::default(),
            sooner: Notify::new(),
        })
    }

    /// Has `transport` closed when the token, good until `expires`, has come to its end.
    pub fn watch(
        self: &Arc<Self>,
        key: SocketKey,
        expires: Timestamp,
        transport: Transport,
    ) -> Watched {
        let random = (self.random.hash_one(key) >> 32) as u32;
        let end = end(expires, self.leeway, Timestamp::now(), random);
        if self.lock().note(end, key, transport) {
            self.sooner.notify_one();
        }
        Watched { expiry: self.clone(), end, key }
    }

    /// Closes what comes to its end, until told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let closing = async {
            loop {
                let pause = pause(self.lock().next(), Timestamp::now(), LOOK);
                tokio::select! { () = sleep(pause) => {}, () = self.sooner.notified() => {} }
                let due = self.lock().take_due(Timestamp::now());
                due.for_each(|transport| transport.close(CloseReason::Expired));
            }
        };
        stop.run_until_cancelled(closing).await;
    }

    /// Nothing panics half-way through a change.
    fn lock(&self) -> MutexGuard<'_, Deadlines<Transport>> {
        self.deadlines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.expiry.lock().forget(self.end, self.key);
    }
}
