//! Sends what the owners of all partitions have for nodes, gathered into frames.
//!
//! One bounded queue and one task. What is there when the task looks goes out at once, one
//! [`Frame`] a node where it fits; a full queue makes the owners wait, and so the log.

use std::sync::Arc;
use std::time::Instant;

use service_shell::telemetry::Span;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use wire::delivery::{Frame, MAX_FRAME_BYTES, RosterChange, ToNode};
use wire::{NodeId, Seq, User, WorkerId, subject};

use crate::fence::Fence;
use crate::metrics::{Metrics, Waiting};
use crate::nats::Nats;

use self::post::Post;

mod post;

/// How many batches are gathered before they are sent, at most.
const GATHER_BATCHES: usize = 64;
/// How many bytes may be on their way to the socket before the log has to wait for it.
const UNFLUSHED_BYTES: usize = 1024 * 1024;

/// What one owner has to send, in order.
#[derive(Debug)]
pub struct Batch {
    pub items: Vec<(NodeId, ToNode)>,
    /// What goes after them, and is in no hurry.
    pub patient: Vec<(NodeId, ToNode)>,
    /// The owner's right to have it sent.
    pub fence: Fence,
    /// Set once these items, and all before them, are on their way: whatever this process publishes
    /// later, the server hears later.
    pub passed: Option<(watch::Sender<Seq>, Seq)>,
    /// Counts the batch while it waits.
    pub waiting: Waiting,
    /// What is traced among it, until it is sent.
    pub spans: Vec<Span>,
}

/// Sends until no owner is left.
pub async fn run(nats: Nats, metrics: Arc<Metrics>, mut batches: mpsc::Receiver<Batch>) {
    let mut gathered = Vec::with_capacity(GATHER_BATCHES);
    let mut post = Post::default();
    let mut unflushed = 0;
    loop {
        let due = post.due.map(tokio::time::Instant::from_std);
        let arrived = tokio::select! {
            arrived = batches.recv_many(&mut gathered, GATHER_BATCHES) => Some(arrived),
            () = sleep_until(due.unwrap_or_else(tokio::time::Instant::now)), if due.is_some() => None,
        };
        let now = Instant::now();
        let told = post.take(gathered.drain(..), now);
        let ends = arrived == Some(0);
        for (node, items) in post.leaving(ends, now) {
            unflushed += send(&nats, &metrics, &node, items).await;
        }
        if unflushed > UNFLUSHED_BYTES {
            unflushed = 0;
            if let Err(error) = nats.client.flush().await {
                metrics.publish_failures.inc();
                tracing::warn!("cannot flush to NATS: {error}");
            }
        }
        for (progress, seq) in told.passed {
            progress.send_replace(seq);
        }
        if ends {
            return;
        }
    }
}

/// Sends what a node gets, and says how many bytes that is.
async fn send(nats: &Nats, metrics: &Metrics, node: &NodeId, items: Vec<ToNode>) -> usize {
    let subject = subject::delivery(node);
    let messages = |item: &ToNode| match item {
        ToNode::Messages(messages) => messages.messages.len() as u64,
        _ => 0,
    };
    metrics.deliveries.inc_by(items.iter().map(messages).sum());
    let mut bytes = 0;
    for frame in frames(&nats.worker, items, nats.client.max_payload()) {
        metrics.frames.inc();
        metrics.frame_bytes.inc_by(frame.len() as u64);
        bytes += frame.len();
        // The log holds what is lost here, and the counters tell the node.
        if let Err(error) = nats.client.publish(subject.clone(), frame.into()).await {
            metrics.publish_failures.inc();
            tracing::warn!(%node, "cannot send to a node: {error}");
        }
    }
    bytes
}

/// Encodes `items`, in order, into frames of about [`MAX_FRAME_BYTES`] and never above `max_bytes`.
fn frames(worker: &WorkerId, items: Vec<ToNode>, max_bytes: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::with_capacity(1);
    let mut part = Vec::with_capacity(items.len());
    let mut bytes = 0;
    for item in items {
        let estimate = estimate(&item);
        if bytes + estimate > MAX_FRAME_BYTES && !part.is_empty() {
            encode(worker, std::mem::take(&mut part), max_bytes, &mut frames);
            bytes = 0;
        }
        bytes += estimate;
        part.push(item);
    }
    if !part.is_empty() {
        encode(worker, part, max_bytes, &mut frames);
    }
    frames
}

/// Encodes one frame, or, where that is larger than the server takes, the halves of it.
fn encode(worker: &WorkerId, items: Vec<ToNode>, max_bytes: usize, frames: &mut Vec<Vec<u8>>) {
    let frame = Frame { worker: worker.clone(), items };
    let json = match serde_json::to_vec(&frame) {
        Ok(json) => json,
        Err(error) => return tracing::error!("cannot encode a frame: {error}"),
    };
    if json.len() <= max_bytes {
        return frames.push(json);
    }
    let mut first = frame.items;
    let second = first.split_off(first.len().div_ceil(2));
    if second.is_empty() {
        // Messages left out here are missed by their counter and read from the log.
        let bytes = json.len();
        return tracing::error!(
            bytes,
            max_bytes,
            "an item is larger than NATS takes and is left out"
        );
    }
    encode(worker, first, max_bytes, frames);
    encode(worker, second, max_bytes, frames);
}

/// About how many bytes of JSON an item makes.
fn estimate(item: &ToNode) -> usize {
    let users = |users: &[User]| -> usize {
        users.iter().map(|user| user.user_id.len() + user.username.len() + 32).sum()
    };
    match item {
        ToNode::Messages(messages) => {
            let sizes = messages.messages.iter();
            64 + sizes.map(|m| m.room.as_str().len() + m.body.get().len() + 64).sum::<usize>()
        }
        ToNode::Roster(update) => match &update.change {
            RosterChange::Snapshot { users: all } => 256 + users(all),
            RosterChange::Delta { joined, left } => 256 + users(joined) + users(left),
        },
        ToNode::Digest(_) | ToNode::ReportPresence(_) => 128,
        ToNode::Typing(_) => 384,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use wire::delivery::{Delivered, Digest, Messages};
    use wire::{Partition, RoomName};

    use super::*;

    fn messages(counter: u64, body_bytes: usize) -> ToNode {
        let room = RoomName::parse("general").unwrap();
        let body = RawValue::from_string(format!("\"{}\"", "x".repeat(body_bytes))).unwrap();
        let messages = vec![Delivered { room, seq: counter, prev: 0, body, trace: None }];
        ToNode::Messages(Messages {
            partition: Partition::of_room("general"),
            epoch: 1,
            counter,
            messages,
        })
    }

    fn counters(frames: &[Vec<u8>]) -> Vec<Vec<u64>> {
        let read = |frame: &Vec<u8>| {
            let frame: Frame = serde_json::from_slice(frame).unwrap();
            let items = frame.items.into_iter();
            items
                .map(|item| match item {
                    ToNode::Messages(messages) => messages.counter,
                    _ => panic!("not messages"),
                })
                .collect()
        };
        frames.iter().map(read).collect()
    }

    /// Bytes of each body, the most that the server takes, and which counters each frame holds.
    type Case<'a> = (&'a [usize], usize, &'a [&'a [u64]]);

    #[test]
    fn frames_are_in_order_and_bounded() {
        let worker = WorkerId::parse("worker-1").unwrap();
        let table: [Case; 5] = [
            (&[10, 10, 10], 1 << 20, &[&[1, 2, 3]]),
            (&[200_000, 200_000, 10], 1 << 20, &[&[1], &[2, 3]]),
            // One that the server would refuse is left out, its neighbours are not.
            (&[10, 3_000, 10], 1_024, &[&[1], &[3]]),
            (&[400, 400, 400, 400], 1_024, &[&[1], &[2], &[3], &[4]]),
            (&[], 1 << 20, &[]),
        ];
        for (sizes, max_bytes, expected) in table {
            let items = (1..).zip(sizes).map(|(counter, size)| messages(counter, *size)).collect();
            let frames = frames(&worker, items, max_bytes);
            assert_eq!(counters(&frames), expected, "{sizes:?}");
            assert!(frames.iter().all(|frame| frame.len() <= max_bytes));
        }
    }

    #[test]
    fn estimates_are_close() {
        let digest = Digest {
            partition: Partition::of_room("x"),
            epoch: u64::MAX,
            counter: 9,
            seq: 9,
            reports: 9,
        };
        for item in [messages(1, 0), messages(1, 5_000), ToNode::Digest(digest)] {
            let bytes = serde_json::to_vec(&item).unwrap().len();
            assert!((bytes..bytes * 3).contains(&estimate(&item)), "{item:?}: {bytes}");
        }
    }
}
