//! Raw uploads: in the object store on NATS, where nodes put them, and in the bucket, where browsers
//! put them.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::Client;
use async_nats::jetstream;
use async_nats::jetstream::object_store::{GetErrorKind, ObjectStore};
use bytes::Bytes;
use service_shell::JetStreamApi;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;
use wire::event::MAX_FILE_BYTES;
use wire::stream;

use crate::bucket::{Bucket, Found};
use crate::intake::{Source, Trouble};
use crate::pipeline::{Limits, Refusal};

/// How long reading an upload may take.
const READ: Duration = Duration::from_secs(30);

/// The object store on NATS.
#[derive(Clone)]
pub(crate) struct Uploads {
    jetstream: jetstream::Context,
}

impl Uploads {
    pub(crate) fn new(client: Client, api: &JetStreamApi) -> Self {
        Self { jetstream: api.context(client) }
    }

    async fn store(&self) -> anyhow::Result<ObjectStore> {
        let store = self.jetstream.get_object_store(stream::UPLOADS_BUCKET).await;
        store.context("the store of uploads does not answer")
    }

    pub(crate) fn object(&self, name: &str) -> StoreObject {
        StoreObject { uploads: self.clone(), name: name.to_owned() }
    }

    /// Deletes an upload before it expires.
    pub(crate) async fn delete(&self, name: &str) -> anyhow::Result<()> {
        Ok(self.store().await?.delete(name).await?)
    }
}

/// An upload in the object store.
pub(crate) struct StoreObject {
    uploads: Uploads,
    name: String,
}

impl StoreObject {
    async fn bytes(&self) -> anyhow::Result<Option<Bytes>> {
        let object = match self.uploads.store().await?.get(&self.name).await {
            Ok(object) => object,
            Err(error) if error.kind() == GetErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context("the upload cannot be read"),
        };
        // One byte too many, so that the pipeline sees that it is too large.
        let mut bytes = Vec::with_capacity(object.info().size.min(MAX_FILE_BYTES + 1));
        let mut bounded = object.take(MAX_FILE_BYTES as u64 + 1);
        bounded.read_to_end(&mut bytes).await.context("the upload cannot be read to its end")?;
        Ok(Some(bytes.into()))
    }
}

impl Source for StoreObject {
    async fn read(&self) -> Result<Option<Bytes>, Trouble> {
        let bytes = timeout(READ, self.bytes()).await;
        Ok(bytes.context("the upload was not read in time")??)
    }
}

/// An upload in the bucket.
pub(crate) struct BucketObject<'a> {
    pub bucket: &'a Bucket,
    pub key: &'a str,
}

impl Source for BucketObject<'_> {
    async fn read(&self) -> Result<Option<Bytes>, Trouble> {
        match self.bucket.get(self.key, MAX_FILE_BYTES).await? {
            None => Ok(None),
            Some(Found::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Found::TooLarge(bytes)) => {
                Err(Trouble::Refused(Refusal::of_size(bytes, Limits::default().bytes)))
            }
        }
    }
}
