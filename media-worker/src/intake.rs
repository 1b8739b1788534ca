//! The one way from bytes to a message in a room, for the queue and for HTTP.
//!
//! Owns the order of the steps, which makes it safe to stop anywhere and do it again: renditions first,
//! then a record of the message, then the message, then the record that it was published. Where the
//! bytes come from and who is told of the end is its callers' business.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};
use wire::{RoomName, StoredFile, Timestamp, User, media};

use crate::bucket::{Bucket, Object};
use crate::filename;
use crate::log::Log;
use crate::pipeline::{self, Limits, Media, Refusal, Rendition};
use crate::record::{self, Record};
use crate::secrets::Secrets;

/// How long an upload waits for its turn.
const TURN: Duration = Duration::from_secs(10);
/// A rendition never changes under its key.
const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// Who sends what where.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub media_id: String,
    pub room: RoomName,
    pub author: User,
    pub filename: Option<String>,
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
    #[error("no turn within {TURN:?}")]
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
    turns: Arc<Semaphore>,
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
    ) -> Self {
        let base_url = base_url.trim_end_matches('/').into();
        Self { bucket, log, secrets, base_url, turns: Arc::new(Semaphore::new(parallel)) }
    }

    pub(crate) fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Makes the one message of an upload; when this returns well, it is in the log. What was done
    /// before is not done again.
    pub(crate) async fn take(&self, upload: &Upload, source: &impl Source) -> Result<(), Trouble> {
        match record::read(&self.bucket, &upload.media_id).await? {
            Some(Record::Published) => Ok(()),
            Some(Record::Refused { code, message }) => {
                Err(Trouble::Refused(Refusal { code, message }))
            }
            Some(Record::Stored { room, message, after }) => {
                if !self.log.holds(&room, after, &message.id).await? {
                    self.log.publish(&room, &message).await?;
                }
                Ok(self.note(upload, &Record::Published).await?)
            }
            None => {
                let message = self.store(upload, source).await?;
                self.log.publish(&upload.room, &message).await?;
                Ok(self.note(upload, &Record::Published).await?)
            }
        }
    }

    /// From bytes to renditions in the bucket and a record of the message that is to be published.
    async fn store(&self, upload: &Upload, source: &impl Source) -> Result<StoredFile, Trouble> {
        let media = match self.media(source).await {
            Ok(media) => media,
            Err(Trouble::Refused(refusal)) => {
                self.note(upload, &Record::from(&refusal)).await?;
                return Err(Trouble::Refused(refusal));
            }
            Err(trouble) => return Err(trouble),
        };
        let message = self.put(upload, media).await?;
        let record = Record::Stored {
            room: upload.room.clone(),
            message: Box::new(message.clone()),
            after: self.log.last(&upload.room).await?,
        };
        self.note(upload, &record).await?;
        Ok(message)
    }

    async fn media(&self, source: &impl Source) -> Result<Media, Trouble> {
        let _turn = self.turn().await?;
        let bytes = source.read().await?.ok_or(Trouble::Missing)?;
        let work = move || pipeline::process(&bytes, &Limits::default());
        let made = tokio::task::spawn_blocking(work).await.context("the pipeline did not end")?;
        made.map_err(Trouble::Refused)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, Trouble> {
        let turn = tokio::time::timeout(TURN, self.turns.acquire());
        Ok(turn.await.map_err(|_| Trouble::Busy)?.context("there are no turns any more")?)
    }

    async fn put(&self, upload: &Upload, media: Media) -> anyhow::Result<StoredFile> {
        let folder = self.secrets.folder(&upload.media_id);
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
        self.bucket.put(&key, object).await?;
        Ok(format!("{}/{key}", self.base_url))
    }

    async fn note(&self, upload: &Upload, record: &Record) -> anyhow::Result<()> {
        record::write(&self.bucket, &upload.media_id, record).await
    }
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
