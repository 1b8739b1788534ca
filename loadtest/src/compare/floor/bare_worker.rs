//! The least that a worker has to do: each message that is stored goes on to the nodes of its room's members.
//!
//! It knows where everyone is, keeps nothing and repairs nothing. It reads an [`Order`] as a line of JSON,
//! answers with `null` once it reads, and ends with its standard input.

use anyhow::Context as _;
use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, DeliverPolicy, push},
};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use wire::{stream, subject};

use super::bare_node::{node_id, room_of};
use crate::compare::holder::{answer, lines};

/// The word on the command line that asks for it.
pub const SUBCOMMAND: &str = "pass-on";

/// What to pass on to whom.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub nats_url: String,
    /// Client `n` is at node `n % nodes`, and in room `n / room_size`.
    pub nodes: usize,
    pub room_size: usize,
}

/// Does what standard input asks for.
///
/// # Errors
/// When the order cannot be read, or NATS is away.
#[tokio::main(flavor = "current_thread")]
pub async fn serve() -> anyhow::Result<()> {
    let mut lines = lines();
    let order = lines.recv().await.context("there is no order on standard input")?;
    let order: Order = serde_json::from_str(&order).context("the order cannot be read")?;
    let client = async_nats::connect(&order.nats_url).await?;
    let deliver_subject = client.new_inbox();
    let mut stored = client.subscribe(deliver_subject.clone()).await?;
    let config = push::Config {
        deliver_subject,
        deliver_policy: DeliverPolicy::New,
        ack_policy: AckPolicy::None,
        num_replicas: 1,
        memory_storage: true,
        ..push::Config::default()
    };
    let jetstream = jetstream::new(client.clone());
    jetstream.create_consumer_on_stream(config, stream::ROOMS).await?;
    let subjects = (0..order.nodes).map(|index| Ok(subject::delivery(&node_id(index)?)));
    let subjects = subjects.collect::<anyhow::Result<Vec<String>>>()?;
    answer(&())?;
    loop {
        let message = tokio::select! {
            message = stored.next() => message.context("the connection to NATS is closed")?,
            line = lines.recv() => match line {
                Some(_) => continue,
                None => return Ok(()),
            },
        };
        let first = room_of(&message.payload)? * order.room_size;
        // Neighbours are at different nodes, so these are all.
        for member in first..first + order.room_size.min(order.nodes) {
            let node = subjects[member % order.nodes].clone();
            client.publish(node, message.payload.clone()).await?;
        }
    }
}
