//! The way to the owners of partitions: what is never stored, in order, over core NATS.

use async_nats::{Client, connection::State};
use tokio::sync::mpsc;
use wire::{Partition, ephemeral::FromNode, subject};

/// What may wait to be sent.
const CAPACITY: usize = 4_096;

/// Sends to owners. Cheap to clone; its task ends when the last one is dropped.
#[derive(Clone)]
pub struct Teller {
    queue: mpsc::Sender<(Partition, FromNode)>,
}

impl Teller {
    /// A teller and the future that drives it.
    pub fn new(client: Client) -> (Self, impl Future<Output = ()>) {
        let (queue, words) = mpsc::channel(CAPACITY);
        (Self { queue }, drive(client, words))
    }

    /// Tells the partition's owner. Dropped where too much waits: typing is soft, and presence
    /// reports are counted, so that an owner that misses one asks again.
    pub fn tell(&self, partition: Partition, what: FromNode) {
        if self.queue.try_send((partition, what)).is_err() {
            tracing::debug!(%partition, "too much waits for NATS; something ephemeral was dropped");
        }
    }
}

async fn drive(client: Client, mut words: mpsc::Receiver<(Partition, FromNode)>) {
    while let Some((partition, what)) = words.recv().await {
        // What NATS does not take now would reach an owner late, who then knows better: after an
        // outage everything is told anew.
        if client.connection_state() != State::Connected {
            continue;
        }
        let payload = match serde_json::to_vec(&what) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(%error, "cannot encode a word to an owner");
                continue;
            }
        };
        if let Err(error) = client.publish(subject::ephemeral(partition), payload.into()).await {
            tracing::warn!(%error, %partition, "cannot tell an owner");
        }
    }
}
