//! Whether the worker could work: checked in the background, so that a probe never waits for S3.

use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use service_shell::token::Verifier;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::bucket::Bucket;

/// Between two checks while all is well.
const INTERVAL: Duration = Duration::from_secs(5);
/// Between two checks while something is missing.
const RETRY: Duration = Duration::from_millis(500);

/// What the last check of the bucket found: why it is not usable, or `None` where it is.
pub(crate) type BucketTrouble = Option<String>;

/// The answer to `/readyz`.
#[derive(Clone)]
pub(crate) struct Health {
    nats: Client,
    bucket: watch::Receiver<BucketTrouble>,
    tokens: Verifier,
}

impl Health {
    pub(crate) fn new(
        nats: Client,
        bucket: watch::Receiver<BucketTrouble>,
        tokens: Verifier,
    ) -> Self {
        Self { nats, bucket, tokens }
    }

    /// Why the worker is not ready, or `None` when it is.
    pub(crate) fn trouble(&self) -> Option<String> {
        let other = trouble(&self.nats.connection_state(), &self.bucket.borrow());
        other.or_else(|| self.tokens.trouble())
    }
}

fn trouble(nats: &State, bucket: &BucketTrouble) -> Option<String> {
    match nats {
        State::Connected => bucket.clone(),
        State::Pending | State::Disconnected => Some("not connected to NATS".to_owned()),
    }
}

/// Checks the bucket again and again, and tells each finding, until `shutdown`.
pub(crate) async fn watch_bucket(
    bucket: Bucket,
    found: watch::Sender<BucketTrouble>,
    shutdown: CancellationToken,
) {
    loop {
        let Some(answer) = shutdown.run_until_cancelled(bucket.check()).await else {
            return;
        };
        let pause = if answer.is_ok() { INTERVAL } else { RETRY };
        report(&found.borrow(), &answer);
        found.send_replace(answer.err());
        if shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// Logs a change once, not each check.
fn report(before: &BucketTrouble, now: &Result<(), String>) {
    match (before, now) {
        (Some(_), Ok(())) => tracing::info!("the bucket answers"),
        (None, Err(trouble)) => tracing::warn!("{trouble}"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_nats_and_bucket() {
        let gone = Some("bucket starling-media: not found".to_owned());
        let unconnected = Some("not connected to NATS".to_owned());
        let table = [
            (State::Connected, None, None),
            (State::Connected, gone.clone(), gone.clone()),
            (State::Disconnected, None, unconnected.clone()),
            (State::Pending, gone, unconnected),
        ];
        for (nats, bucket, expected) in table {
            assert_eq!(trouble(&nats, &bucket), expected, "{nats:?} {bucket:?}");
        }
    }
}
