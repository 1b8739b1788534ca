//! The one way from bytes to a message in a room, for the queue and for HTTP.
//!
//! Owns the order of the steps, which makes it safe to stop anywhere and do it again: renditions first,
//! then a record of the message, then the message, then the record that it was published. Where the
//! bytes come from and who is told of the end is its callers' business.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use bytes::Bytes;
use service_shell::telemetry::{Span, SpanKind};
use sha2::{Digest as _, Sha256};
use wire::{RoomName, StoredFile, Timestamp, User, media, stream};

use crate::bucket::{Bucket, Object};
use crate::filename;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::pipeline::{self, Limits, Media, Refusal, Rendition};
use crate::record::{self, Record};
use crate::secrets::Secrets;
use crate::turns::Turns;

/// A rendition never changes under its key.
pub(crate) const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// For how long after its record was made a message needs not be looked for in the log: whoever may have
/// put it there since did so well within the time in which the log drops a second one.
const SURELY_NEW: Duration = Duration::from_secs(stream::DEDUPE_WINDOW.as_secs() / 4);

/// SHA-256 of an upload's bytes.
type Digest = [u8; 32];

/// Who sends what where.
#[derive(Debug)]
pub(crate) struct Upload {
    pub media_id: String,
    pub room: RoomName,
    pub author: User,
    pub filename: Option<String>,
    /// The step of a trace that the work on it is.
    pub span: Span,
}

/// Why an upload made no message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// For good.
    #[error("{0}")]
    Refused(Refusal),
    /// For good: its bytes are nowhere.
    #[error("the file is not there")]
    Missing,
    /// For now: as much is under way as there is room for.
    #[error("no turn in time")]
    Busy,
    /// For now: S3 or NATS does not do what it should.
    #[error("{0:#}")]
    Unavailable(#[from] anyhow::Error),
}

/// Where the raw bytes are.
pub(crate) trait Source {
    /// Reads them; `None` where they are not there.
    fn read(&self) -> impl Future<Output = Result<Option<Bytes>, Trouble>> + Send;
}

/// What the work needs; cheap to clone.
#[derive(Clone)]
pub(crate) struct Intake {
    bucket: Bucket,
    log: Log,
    secrets: Secrets,
    base_url: Arc<str>,
    /// One for each upload whose bytes are in memory.
    turns: Turns,
    metrics: Arc<Metrics>,
}

impl Intake {
    /// `parallel` uploads are worked on at a time; `base_url` is what the keys of renditions follow in
    /// the URLs that clients see.
    pub(crate) fn new(
        bucket: Bucket,
        log: Log,
        secrets: Secrets,
        base_url: &str,
        parallel: usize,
        metrics: Arc<Metrics>,
    ) -> Self {
        let base_url = base_url.trim_end_matches('/').into();
        let turns = Turns::new(parallel);
        Self { bucket, log, secrets, base_url, turns, metrics }
    }

    pub(crate) fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Makes the one message of an upload; when this returns well, it is in the log. What was done
    /// before is not done again.
    pub(crate) async fn take(&self, upload: &Upload, source: &impl Source) -> Result<(), Trouble> {
        let _at_work = self.metrics.at_work();
        let known = if let Some(known) = self.known(&upload.media_id).await? {
            known
        } else {
            let _working = upload.span.child("make-small", SpanKind::Internal);
            self.begin(upload, source).await?
        };
        self.end(&upload.media_id, known, &upload.span).await
    }

    /// Ends an upload whose bytes need no work any more, and says whether it was one.
    pub(crate) async fn finish(&self, media_id: &str) -> Result<bool, Trouble> {
        let Some(known) = self.known(media_id).await? else { return Ok(false) };
        self.end(media_id, known, &Span::default()).await?;
        Ok(true)
    }

    async fn end(&self, media_id: &str, known: Known, span: &Span) -> Result<(), Trouble> {
        match known.record {
            Record::Published => return Ok(()),
            Record::Refused { code, message } => {
                return Err(Trouble::Refused(Refusal { code, message }));
            }
            Record::Stored { room, message, after } => {
                let new = surely_new(known.made, SystemTime::now());
                if new || !self.log.holds(&room, after, &message.id).await? {
                    self.log.publish(&room, &message, span).await?;
                }
            }
        }
        // Members see the file. The record that is there says where to look for it, which is slower.
        if let Err(error) = record::write(&self.bucket, media_id, &Record::Published).await {
            tracing::warn!(media = media_id, "published, which could not be recorded: {error:#}");
        }
        Ok(())
    }

    /// The first work on an upload. Another worker may be at it too, and whose record is first counts: a
    /// record that came later would name a later place in the log, after the message.
    async fn begin(&self, upload: &Upload, source: &impl Source) -> Result<Known, Trouble> {
        let record = match self.media(source).await {
            Ok((media, contents)) => Record::Stored {
                room: upload.room.clone(),
                message: Box::new(self.put(upload, media, &contents).await?),
                after: self.log.last(&upload.room).await?,
            },
            Err(Trouble::Refused(refusal)) => Record::from(&refusal),
            // Whoever is done with an upload removes its bytes.
            Err(Trouble::Missing) => {
                return self.known(&upload.media_id).await?.ok_or(Trouble::Missing);
            }
            Err(trouble) => return Err(trouble),
        };
        // Before it is there for others to act on.
        let made = SystemTime::now();
        if record::create(&self.bucket, &upload.media_id, &record).await? {
            return Ok(Known { record, made: Some(made) });
        }
        let theirs = self.known(&upload.media_id).await?;
        Ok(theirs.context("the record that was in the way is gone")?)
    }

    async fn known(&self, media_id: &str) -> anyhow::Result<Option<Known>> {
        let record = record::read(&self.bucket, media_id).await?;
        Ok(record.map(|record| Known { record, made: None }))
    }

    /// The renditions, and what tells them from those of other bytes.
    async fn media(&self, source: &impl Source) -> Result<(Media, Digest), Trouble> {
        let turn = self.turns.take().await?;
        let bytes = source.read().await?.ok_or(Trouble::Missing)?;
        self.metrics.bytes_in.inc_by(bytes.len() as u64);
        let make = move || {
            let media = pipeline::process(&bytes, &Limits::default())?;
            Ok((media, Sha256::digest(&bytes).into()))
        };
        turn.spend(make).await?.map_err(Trouble::Refused)
    }

    async fn put(
        &self,
        upload: &Upload,
        media: Media,
        contents: &Digest,
    ) -> anyhow::Result<StoredFile> {
        let folder = self.secrets.folder(&upload.media_id, contents);
        let filename = upload.filename.as_deref().and_then(filename::clean);
        let name = filename.as_deref();
        let (main, size) = (&media.main, media.main.bytes.len());
        let (mime, width, height) = (main.mime, main.width, main.height);
        let url = self.put_rendition(&format!("media/{folder}/main"), media.main, name).await?;
        let thumbnail_url = match media.thumbnail {
            Some(thumbnail) => {
                let key = format!("media/{folder}/thumb");
                Some(self.put_rendition(&key, thumbnail, name).await?)
            }
            None => None,
        };
        Ok(StoredFile {
            id: media::message_id(&upload.media_id),
            author: upload.author.clone(),
            media_id: upload.media_id.clone(),
            url,
            thumbnail_url,
            mime: mime.to_owned(),
            width,
            height,
            size: size as u64,
            filename,
            blurhash: media.blurhash,
            timestamp: Timestamp::now(),
        })
    }

    /// Puts one rendition into the bucket and returns its URL.
    async fn put_rendition(
        &self,
        stem: &str,
        rendition: Rendition,
        filename: Option<&str>,
    ) -> anyhow::Result<String> {
        let extension = extension(rendition.mime);
        let key = format!("{stem}.{extension}");
        let object = Object {
            bytes: rendition.bytes.into(),
            content_type: rendition.mime.to_owned(),
            cache_control: Some(CACHE_CONTROL.to_owned()),
            content_disposition: Some(filename::disposition(filename, extension)),
        };
        let size = object.bytes.len() as u64;
        self.bucket.put(&key, object).await?;
        self.metrics.bytes_out.inc_by(size);
        Ok(format!("{}/{key}", self.base_url))
    }
}

/// How far an upload has come.
struct Known {
    record: Record,
    /// When the record was made, if that was here and just now.
    made: Option<SystemTime>,
}

/// Whether a message whose record was made then cannot be in the log, or the log knows its id. By the
/// clock on the wall: the other one may stand still with the process.
fn surely_new(made: Option<SystemTime>, now: SystemTime) -> bool {
    made.and_then(|made| now.duration_since(made).ok()).is_some_and(|age| age < SURELY_NEW)
}

fn extension(mime: &str) -> &'static str {
    match mime {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "image/gif" => "gif",
        "audio/ogg" => "ogg",
        "audio/webm" => "webm",
        "audio/mp4" => "m4a",
        "audio/aac" => "aac",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_pause_the_log_is_asked() {
        let now = SystemTime::now();
        let ago = |seconds| Some(now - Duration::from_secs(seconds));
        let ahead = Some(now + Duration::from_secs(1));
        for (made, new) in [(ago(0), true), (ago(29), true), (ago(30), false), (ago(600), false)] {
            assert_eq!(surely_new(made, now), new, "{made:?}");
        }
        assert!(!surely_new(None, now));
        assert!(!surely_new(ahead, now), "the clock was turned back: no telling");
        assert!(SURELY_NEW * 4 <= stream::DEDUPE_WINDOW);
    }
}
