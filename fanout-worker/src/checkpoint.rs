//! How far a partition's owner has come, kept in the bucket for the next one.
//!
//! A checkpoint only says where to start reading: one that is too low costs repetition, so losing a
//! write is harmless. Writing over another owner's is not, so each write names the revision it
//! replaces.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::DirectGetErrorKind;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::kv::{Checkpoint, Epoch, checkpoint_key, subject};
use wire::{Partition, Seq, stream::RT_STREAM};

use crate::nats::Nats;

/// The least time between two writes of one partition. What is repeated after a failover is bounded by
/// it: the part that one partition has in some seconds of the log, which nodes drop.
const INTERVAL: Duration = Duration::from_secs(5);

/// A checkpoint and its revision in the bucket; revision 0 where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub revision: u64,
    pub checkpoint: Option<Checkpoint>,
}

/// Reads the checkpoint of `partition`. One that cannot be read counts as none.
///
/// # Errors
/// When NATS does not answer, or the bucket is missing.
pub async fn read(nats: &Nats, partition: Partition) -> anyhow::Result<Stored> {
    let stream = nats.jetstream.get_stream_no_info(RT_STREAM).await?;
    match stream.direct_get_last_for_subject(subject(&checkpoint_key(partition))).await {
        Ok(message) => {
            let checkpoint = serde_json::from_slice(&message.payload);
            if let Err(error) = &checkpoint {
                tracing::error!(%partition, "the checkpoint cannot be read and is ignored: {error}");
            }
            Ok(Stored { revision: message.sequence, checkpoint: checkpoint.ok() })
        }
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => {
            Ok(Stored { revision: 0, checkpoint: None })
        }
        Err(error) => Err(error).context("cannot read a checkpoint"),
    }
}

/// Writes `progress` beyond `written` into the bucket, over `revision`, at most once in [`INTERVAL`], and a
/// last time once `finish` is cancelled. Ends early when a later owner has written.
pub async fn keep(
    nats: Nats,
    (partition, epoch): (Partition, Epoch),
    (mut revision, mut written): (u64, Seq),
    mut progress: watch::Receiver<Seq>,
    finish: CancellationToken,
) {
    loop {
        tokio::select! {
            changed = progress.changed() => if changed.is_err() { return },
            () = finish.cancelled() => {}
        }
        let seq = *progress.borrow_and_update();
        if seq > written {
            match write(&nats, partition, &Checkpoint { epoch, seq }, revision).await {
                Ok(Some(stored)) => {
                    revision = stored;
                    written = seq;
                }
                Ok(None) => {
                    return tracing::warn!(%partition, epoch, "a later owner has the checkpoint");
                }
                Err(error) => {
                    tracing::warn!(%partition, "cannot write a checkpoint, trying on: {error:#}");
                    progress.mark_changed();
                }
            }
        }
        if finish.is_cancelled() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = finish.cancelled() => {}
        }
    }
}

/// Writes over `revision`, or over whatever an earlier owner or a lost answer left there; `None` when
/// it is a later owner's.
async fn write(
    nats: &Nats,
    partition: Partition,
    checkpoint: &Checkpoint,
    mut revision: u64,
) -> anyhow::Result<Option<u64>> {
    let payload = serde_json::to_vec(checkpoint)?;
    loop {
        let message = PublishMessage::build().payload(payload.clone().into());
        let message = message.expected_last_subject_sequence(revision);
        let sent =
            nats.jetstream.send_publish(subject(&checkpoint_key(partition)), message).await?.await;
        match sent {
            Ok(ack) => return Ok(Some(ack.sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
                let stored = read(nats, partition).await?;
                if stored.checkpoint.is_some_and(|theirs| theirs.epoch > checkpoint.epoch) {
                    return Ok(None);
                }
                anyhow::ensure!(stored.revision != revision, "the bucket contradicts itself");
                revision = stored.revision;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
