//! The key set of a running service: kept up to date by one task, looked at by every token.
//!
//! Owns the state that both share. When to fetch is [`Schedule`]'s to decide.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{self, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    algorithm::Algorithm,
    fetch::TIMEOUT,
    jws::Jws,
    key_set::KeySet,
    schedule::{COOLDOWN, Schedule},
    verifier::TokenError,
};

/// How long a token with an unknown key waits for word of it: the next fetch may have to keep its
/// distance, and then takes its time.
const PATIENCE: Duration = COOLDOWN.saturating_add(TIMEOUT);
/// Tokens that may wait so at a time; those beyond are told to come again.
const MAX_WAITING: usize = 1_024;

/// What the task has found.
struct Found {
    keys: Option<Arc<KeySet>>,
    /// Until when they are good, if no others come.
    good_until: Option<Instant>,
    /// Fetches that have ended.
    fetches: u64,
    /// What is wrong with the last one.
    trouble: Option<String>,
}

/// The keys as tokens see them. A clone is the same.
#[derive(Clone)]
pub(super) struct RemoteKeys {
    found: watch::Receiver<Found>,
    /// Asks for a fetch.
    want: mpsc::Sender<()>,
    waiting: Arc<Semaphore>,
}

impl RemoteKeys {
    /// The keys that `fetch` gets from `place`, none of them known yet, and the task that gets them.
    pub(super) fn new<F>(
        place: String,
        fetch: impl Fn() -> F + Send + Sync + 'static,
        algorithms: Vec<Algorithm>,
        interval: Duration,
    ) -> (Self, KeyUpkeep)
    where
        F: Future<Output = anyhow::Result<Bytes>> + Send + 'static,
    {
        let trouble = Some("they were not fetched yet".to_owned());
        let (tell, found) =
            watch::channel(Found { keys: None, good_until: None, fetches: 0, trouble });
        let (want, wants) = mpsc::channel(1);
        let task = Task { place, algorithms, schedule: Schedule::new(interval), tell, wants };
        let waiting = Arc::new(Semaphore::new(MAX_WAITING));
        (Self { found, want, waiting }, KeyUpkeep(Some(Box::pin(task.run(fetch)))))
    }

    /// Whether the token is signed with one of the keys. Where it names an unknown one, this waits for
    /// the next fetch, together with all others that do.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] where it is not; [`TokenError::Unavailable`] where nobody can tell.
    pub(super) async fn check(&self, jws: &Jws<'_>) -> Result<(), TokenError> {
        let (known, seen) = self.look(jws);
        if let Some(signed) = known {
            return if signed { Ok(()) } else { Err(TokenError::Invalid) };
        }
        let _turn = self.waiting.try_acquire().map_err(|_| TokenError::Unavailable)?;
        // One that is queued already is as good.
        let _ = self.want.try_send(());
        let mut found = self.found.clone();
        let fetched = found.wait_for(|found| found.fetches > seen);
        let well = match timeout(PATIENCE, fetched).await {
            Ok(Ok(found)) => found.trouble.is_none(),
            _ => false,
        };
        match self.look(jws).0 {
            Some(true) => Ok(()),
            Some(false) => Err(TokenError::Invalid),
            // The issuer has said that there is no such key, or has not said anything.
            None if well => Err(TokenError::Invalid),
            None => Err(TokenError::Unavailable),
        }
    }

    /// Whether a known key has signed the token; `None` where its key is not known. And how many
    /// fetches that is worth.
    fn look(&self, jws: &Jws<'_>) -> (Option<bool>, u64) {
        let (keys, fetches) = {
            let found = self.found.borrow();
            let good = found.good_until.is_some_and(|until| now() < until);
            (found.keys.clone().filter(|_| good), found.fetches)
        };
        (keys.and_then(|keys| keys.find(jws).map(|key| key.has_signed(jws))), fetches)
    }

    /// What keeps tokens from being checked, if anything does.
    pub(super) fn trouble(&self) -> Option<String> {
        let found = self.found.borrow();
        let good = found.good_until.is_some_and(|until| now() < until);
        let usable = good && found.keys.as_ref().is_some_and(|keys| !keys.is_empty());
        let why = found.trouble.as_deref().unwrap_or("the last ones are too old");
        (!usable).then(|| format!("no keys to check tokens with: {why}"))
    }
}

/// Keeps the keys of tokens up to date; nothing to do where they are part of the configuration.
/// Without it, keys of a JWKS are never known.
#[must_use = "keys of a JWKS are only fetched while this runs"]
pub struct KeyUpkeep(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl KeyUpkeep {
    /// Where there is nothing to keep up.
    pub(super) fn nothing() -> Self {
        Self(None)
    }

    /// Fetches, again and again, until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        if let Some(task) = self.0 {
            stop.run_until_cancelled(task).await;
        }
    }
}

/// The clock of the runtime, which tests set.
fn now() -> Instant {
    time::Instant::now().into_std()
}

struct Task {
    /// Where the keys come from, for people.
    place: String,
    algorithms: Vec<Algorithm>,
    schedule: Schedule,
    tell: watch::Sender<Found>,
    wants: mpsc::Receiver<()>,
}

impl Task {
    async fn run<F: Future<Output = anyhow::Result<Bytes>>>(mut self, fetch: impl Fn() -> F) {
        loop {
            let next = self.schedule.next(now());
            tokio::select! {
                biased;
                () = sleep_until(next.into()) => {
                    self.schedule.begin(now());
                    self.settle(fetch().await);
                }
                Some(()) = self.wants.recv() => self.schedule.want(),
            }
        }
    }

    fn settle(&mut self, fetched: anyhow::Result<Bytes>) {
        let fetched = fetched.map_err(|error| format!("{error:#}"));
        let keys = fetched.and_then(|document| KeySet::parse(&document, &self.algorithms));
        // Who asked until here is answered by this fetch.
        while self.wants.try_recv().is_ok() {}
        match keys {
            Ok(keys) => self.take(keys),
            Err(error) => self.miss(&error),
        }
    }

    fn take(&mut self, keys: KeySet) {
        self.schedule.succeed();
        let place = &self.place;
        let names = self.algorithms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let trouble =
            keys.is_empty().then(|| format!("the key set at {place} holds none for {names}"));
        let good_until = self.schedule.good_until();
        let mut before = None;
        self.tell.send_modify(|found| {
            before = std::mem::replace(&mut found.trouble, trouble.clone());
            found.keys = Some(Arc::new(keys));
            found.good_until = good_until;
            found.fetches += 1;
        });
        match (&before, &trouble) {
            (Some(_), None) => tracing::info!(%place, "have the keys of tokens"),
            (before, Some(trouble)) if before.as_ref() != Some(trouble) => {
                tracing::error!("nobody can connect: {trouble}");
            }
            _ => {}
        }
    }

    fn miss(&mut self, error: &str) {
        let failures = self.schedule.fail();
        let place = &self.place;
        let trouble = format!("the key set at {place} cannot be fetched: {error}");
        let known = self.tell.borrow().keys.is_some();
        if failures == 1 && known {
            tracing::warn!("{trouble}; the last keys stay good for a day");
        } else if failures == 1 {
            tracing::error!("{trouble}; until it can, nobody can connect");
        }
        self.tell.send_modify(|found| {
            found.trouble = Some(trouble);
            found.fetches += 1;
        });
    }
}
