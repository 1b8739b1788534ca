//! What is already known of an upload, as an object in the bucket: it makes doing it again harmless,
//! also where the log no longer remembers the message's id.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use wire::{ErrorCode, RoomName, Seq, StoredFile};

use crate::bucket::{Bucket, Found, Object};
use crate::pipeline::Refusal;

/// The most bytes of a record.
const MAX_BYTES: usize = 64 * 1024;

/// How far an upload has come. Absent: not far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Record {
    /// The renditions are in the bucket and the message may be in the log.
    Stored {
        room: RoomName,
        message: Box<StoredFile>,
        /// If it is in the log, it is after this.
        after: Seq,
    },
    /// The message is in the log.
    Published,
    /// There will be none.
    Refused { code: ErrorCode, message: String },
}

impl From<&Refusal> for Record {
    fn from(refusal: &Refusal) -> Self {
        Self::Refused { code: refusal.code, message: refusal.message.clone() }
    }
}

/// The records live under this prefix; the bucket may expire them after some days.
fn key(media_id: &str) -> String {
    format!("records/{media_id}.json")
}

pub(crate) async fn read(bucket: &Bucket, media_id: &str) -> anyhow::Result<Option<Record>> {
    match bucket.get(&key(media_id), MAX_BYTES).await? {
        None => Ok(None),
        Some(Found::TooLarge(bytes)) => anyhow::bail!("the record of {media_id} has {bytes} bytes"),
        Some(Found::Bytes(bytes)) => serde_json::from_slice(&bytes)
            .map(Some)
            .with_context(|| format!("the record of {media_id} cannot be read")),
    }
}

pub(crate) async fn write(bucket: &Bucket, media_id: &str, record: &Record) -> anyhow::Result<()> {
    bucket.put(&key(media_id), object(record)?).await
}

/// Writes the first record of an upload; of several workers that try, one succeeds.
pub(crate) async fn create(
    bucket: &Bucket,
    media_id: &str,
    record: &Record,
) -> anyhow::Result<bool> {
    bucket.put_new(&key(media_id), object(record)?).await
}

fn object(record: &Record) -> anyhow::Result<Object> {
    Ok(Object {
        bytes: serde_json::to_vec(record)?.into(),
        content_type: "application/json".to_owned(),
        cache_control: None,
        content_disposition: None,
    })
}
