//! Files that sockets send: into the media worker's queue, and word of those that fail.
//!
//! A file that succeeds comes back as a message of the room, like any other.

pub mod queue;
mod senders;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::Subscriber;
use bytes::Bytes;
use futures_util::StreamExt;
use service_shell::{
    NatsArgs,
    telemetry::{Span, SpanKind},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;
use wire::{
    MediaJob, NodeId,
    client::{FileError, FileQueued},
    event,
    media::{self, FileFailed},
};

use self::{
    queue::{Held, MediaQueue},
    senders::Senders,
};
use crate::{
    gateway::{Peer, Reply},
    hub::HubIo,
    metrics::{Metrics, Uploaded},
    request::File,
    rooms::{packet::Packet, port::SocketKey},
};

/// The desk for files. Cheap to clone.
#[derive(Clone)]
pub struct Uploads {
    node: NodeId,
    queue: MediaQueue,
    senders: Arc<Mutex<Senders<Peer>>>,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Uploads {
    /// Connects, and carries files among the engine's tasks until it stops; of their bytes `capacity`
    /// may be under way.
    ///
    /// # Errors
    /// As [`MediaQueue::open`] and [`MediaQueue::words`].
    pub async fn start(nats: &NatsArgs, capacity: u64, io: &HubIo) -> anyhow::Result<Self> {
        let node = io.node.clone();
        let queue = MediaQueue::open(nats, node.clone(), capacity).await?;
        let words = queue.words().await?;
        let (metrics, tasks, stop) = (io.metrics.clone(), io.tasks.clone(), io.stop.clone());
        let uploads = Self { node, queue, senders: Arc::default(), metrics, tasks, stop };
        uploads.tasks.spawn(uploads.clone().listen(words));
        Ok(uploads)
    }

    /// Bytes of files under way.
    pub fn held(&self) -> usize {
        self.queue.held()
    }

    /// What NATS has denied.
    pub fn refusals(&self) -> u64 {
        self.queue.refusals()
    }

    /// Takes a file, and answers its sender once it is queued or refused.
    pub fn take(&self, peer: &Peer, file: File, ack: Reply) {
        let job = self.job(peer, &file);
        let held = self.queue.hold(file.bytes.len());
        let held = held.and_then(|held| {
            self.senders().add(peer.key(), peer, &job.media_id)?;
            Ok(held)
        });
        // Its end may have been noted before the file was.
        if peer.is_gone() {
            self.gone(peer.key());
        }
        match held {
            Ok(held) => {
                let (uploads, peer) = (self.clone(), peer.clone());
                self.tasks
                    .spawn(async move { uploads.carry(peer, job, file.bytes, held, ack).await });
            }
            Err(failure) => {
                self.metrics.count_upload(Uploaded::of(failure.code));
                peer.answer(ack, &failure);
            }
        }
    }

    fn job(&self, peer: &Peer, file: &File) -> MediaJob {
        let (user_id, own) = (&peer.user().user_id, file.client_message_id.as_deref());
        MediaJob {
            media_id: media::media_id(user_id, &file.room, own),
            room: file.room.clone(),
            author: peer.user().clone(),
            filename: file.filename.clone(),
            // Each attempt has bytes of its own: another may still be at work on its.
            object: Uuid::new_v4().to_string(),
            node: Some(self.node.clone()),
            socket: Some(peer.key()),
        }
    }

    async fn carry(&self, peer: Peer, job: MediaJob, bytes: Bytes, held: Held, ack: Reply) {
        let size = bytes.len();
        let mut span = Span::root(event::SEND_FILE, SpanKind::Server);
        let put = self.stop.run_until_cancelled(self.queue.put(&job, bytes, held, &span));
        // Without an end the node stops, and with it the connection.
        let Some(put) = put.await else { return };
        let (key, media_id) = (peer.key(), job.media_id);
        match put {
            Ok(()) => {
                self.metrics.count_upload(Uploaded::queued);
                self.metrics.upload_bytes.inc_by(size as u64);
                peer.answer(ack, &FileQueued { media_id: media_id.clone() });
                let failed = self.senders().answered(key, &media_id, true);
                failed.inspect(|(peer, error)| tell(peer, error));
            }
            Err(failure) => {
                self.metrics.count_upload(Uploaded::of(failure.code));
                span.fail("unavailable");
                peer.answer(ack, &failure);
                let failed = self.senders().answered(key, &media_id, false);
                failed.inspect(|(peer, error)| tell(peer, error));
            }
        }
    }

    /// Tells senders of files that failed, until `stop`.
    async fn listen(self, mut words: Subscriber) {
        while let Some(Some(word)) = self.stop.run_until_cancelled(words.next()).await {
            match serde_json::from_slice::<FileFailed>(&word.payload) {
                Ok(FileFailed { socket: Some(key), error, .. }) => {
                    let failed = self.senders().failed(key, error);
                    failed.inspect(|(peer, error)| tell(peer, error));
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "the media worker sent what is no failure"),
            }
            self.stop.run_until_cancelled(self.queue.taken(word)).await;
        }
    }

    /// The socket is gone.
    pub fn gone(&self, key: SocketKey) {
        self.senders().gone(key);
    }

    fn senders(&self) -> MutexGuard<'_, Senders<Peer>> {
        // Nothing in there panics half-way through a change.
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(peer: &Peer, error: &FileError) {
    match Packet::new(event::FILE_ERROR, error) {
        Ok(packet) => peer.emit(&packet),
        Err(error) => tracing::error!(%error, "cannot encode an event"),
    }
}
