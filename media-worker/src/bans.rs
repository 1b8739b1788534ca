//! Who is kept away: the bans that nodes keep, asked for one user at a time.
//!
//! Nothing is held in memory: an upload is rare and slow beside one request, and Lambda has no time
//! between requests to follow a list. Setting and lifting bans is the nodes' business.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::Client;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use service_shell::JetStreamApi;
use wire::admin::{Ban, ban_key};
use wire::{Timestamp, kv, stream};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(crate) struct Bans {
    records: Stream<()>,
}

impl Bans {
    /// The stream below the bucket and not the bucket, which would be asked about itself first: for that
    /// the worker has no permission.
    pub(crate) async fn open(client: Client, api: &JetStreamApi) -> anyhow::Result<Self> {
        let mut jetstream = api.context(client);
        jetstream.set_timeout(TIMEOUT);
        let records = jetstream.get_stream_no_info(stream::RT_STREAM).await;
        let records = records.context("no such bucket")?;
        Ok(Self { records })
    }

    /// The ban that keeps a user away. One that cannot be read is an error and lets nobody in.
    pub(crate) async fn of(&self, user_id: &str, now: Timestamp) -> anyhow::Result<Option<Ban>> {
        let subject = kv::subject(&ban_key(user_id));
        match self.records.direct_get_last_for_subject(subject).await {
            Ok(record) => holding(&record.payload, now),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("cannot ask for the user's ban"),
        }
    }
}

/// The ban of a record, if it still holds; a marker of deletion is empty.
fn holding(payload: &[u8], now: Timestamp) -> anyhow::Result<Option<Ban>> {
    if payload.is_empty() {
        return Ok(None);
    }
    let ban: Ban = serde_json::from_slice(payload).context("the bucket holds what is no ban")?;
    Ok(Some(ban).filter(|ban| ban.holds(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_whether_the_user_is_kept_away() {
        let ban = |until: Option<u64>| {
            let ban = Ban {
                user_id: "u-1".into(),
                until: until.map(Timestamp::from_millis),
                reason: None,
                by: "admin".into(),
                timestamp: Timestamp::from_millis(0),
            };
            serde_json::to_vec(&ban).unwrap()
        };
        let now = Timestamp::from_millis(1_000);
        for (payload, held) in [
            (vec![], false),
            (ban(None), true),
            (ban(Some(1_001)), true),
            (ban(Some(1_000)), false),
        ] {
            assert_eq!(holding(&payload, now).unwrap().is_some(), held, "{payload:?}");
        }
        assert!(holding(b"{}", now).is_err());
    }
}
