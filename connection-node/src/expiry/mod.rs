//! Closing connections at the end of their tokens, and those that serve nobody.
//!
//! Owns the one task that does it for all. When that is, [`deadlines`] decides; that a client
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
/// How long a client may keep a transport, in milliseconds, after it left its last namespace: it may
/// be about to enter another.
const IDLE: u64 = 10_000;

/// The ends of all tokens by which sockets were let in.
pub struct Expiry {
    /// In milliseconds.
    leeway: u64,
    random: RandomState,
    deadlines: Mutex<Deadlines<(Transport, CloseReason)>>,
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
        self.note(end, key, transport, CloseReason::Expired);
        Watched { expiry: self.clone(), end, key }
    }

    /// Has `transport` closed unless its client enters a namespace soon. `key` is that of the socket
    /// which left last.
    pub fn end_idle(&self, key: SocketKey, transport: Transport) {
        let end = Timestamp::from_millis(Timestamp::now().as_millis() + IDLE);
        self.note(end, key, transport, CloseReason::Idle);
    }

    fn note(&self, end: Timestamp, key: SocketKey, transport: Transport, why: CloseReason) {
        if self.lock().note(end, key, (transport, why)) {
            self.sooner.notify_one();
        }
    }

    /// Closes what comes to its end, until told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let closing = async {
            loop {
                let pause = pause(self.lock().next(), Timestamp::now(), LOOK);
                tokio::select! { () = sleep(pause) => {}, () = self.sooner.notified() => {} }
                let due = self.lock().take_due(Timestamp::now());
                for (transport, why) in due {
                    if why != CloseReason::Idle || transport.is_idle() {
                        transport.close(why);
                    }
                }
            }
        };
        stop.run_until_cancelled(closing).await;
    }

    /// Nothing panics half-way through a change.
    fn lock(&self) -> MutexGuard<'_, Deadlines<(Transport, CloseReason)>> {
        self.deadlines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.expiry.lock().forget(self.end, self.key);
    }
}
