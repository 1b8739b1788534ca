//! What waits for each node: what goes at once, and what may wait for company.
//!
//! Pure. Reading the queue and sending are [`super::run`]'s.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use service_shell::telemetry::Span;
use tokio::sync::watch;
use wire::delivery::ToNode;
use wire::{NodeId, Seq};

use super::Batch;
use crate::fence::Fence;

/// How long what nobody waits for may wait for something to go with.
const LINGER: Duration = Duration::from_millis(200);

/// What waits for each node, in order.
#[derive(Debug, Default)]
pub struct Post {
    by_node: HashMap<NodeId, Lot>,
    /// When the most patient goes too.
    pub due: Option<Instant>,
}

#[derive(Debug, Default)]
struct Lot {
    items: Vec<(ToNode, Fence)>,
    /// Something in it has no time.
    hurried: bool,
}

/// What is to be told once everything is sent.
#[derive(Debug, Default)]
pub struct Told {
    pub passed: Vec<(watch::Sender<Seq>, Seq)>,
    /// End when this is dropped.
    spans: Vec<Span>,
}

impl Post {
    /// Puts batches to what waits for each node. What an owner left that has no right to it any more is
    /// dropped: this process was paused, or NATS out of reach, and by now another owner speaks. Should
    /// there be none, the counters tell the node that something is missing.
    pub fn take(&mut self, batches: impl Iterator<Item = Batch>, now: Instant) -> Told {
        let mut told = Told::default();
        for Batch { items, patient, fence, passed, waiting, spans } in batches {
            drop(waiting);
            if !fence.permits(now) {
                continue;
            }
            for (node, item) in items {
                let lot = self.by_node.entry(node).or_default();
                lot.items.push((item, fence.clone()));
                lot.hurried = true;
            }
            for (node, item) in patient {
                self.by_node.entry(node).or_default().items.push((item, fence.clone()));
                self.due.get_or_insert(now + LINGER);
            }
            told.passed.extend(passed);
            told.spans.extend(spans);
        }
        told
    }

    /// What goes now: each lot in which something is in a hurry, and all when it is time or `ends`.
    pub fn leaving(&mut self, ends: bool, now: Instant) -> Vec<(NodeId, Vec<ToNode>)> {
        let all = ends || self.due.is_some_and(|due| now >= due);
        let lots = self.by_node.extract_if(|_, lot| all || lot.hurried);
        let permitted = |(item, fence): (ToNode, Fence)| fence.permits(now).then_some(item);
        let leaving = lots
            .map(|(node, lot)| (node, lot.items.into_iter().filter_map(permitted).collect()))
            .collect();
        if self.by_node.is_empty() {
            self.due = None;
        }
        leaving
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;
    use wire::Partition;
    use wire::delivery::Digest;

    use super::*;
    use crate::fence::Right;
    use crate::metrics::Metrics;

    fn digest(seq: Seq) -> ToNode {
        let partition = Partition::of_room("general");
        ToNode::Digest(Digest { partition, epoch: 1, counter: seq, seq, reports: 0 })
    }

    fn batch(metrics: &Metrics, node: &NodeId, seq: Seq, until: Instant) -> Batch {
        Batch {
            items: vec![(node.clone(), digest(seq))],
            patient: Vec::new(),
            fence: Right::new(until).fence(CancellationToken::new()),
            passed: Some((watch::channel(0).0, seq)),
            waiting: metrics.waiting_batch(),
            spans: Vec::new(),
        }
    }

    fn patient(batch: Batch) -> Batch {
        Batch { patient: batch.items, items: Vec::new(), ..batch }
    }

    fn seqs(leaving: Vec<(NodeId, Vec<ToNode>)>) -> Vec<Vec<u64>> {
        let seq = |item| match item {
            ToNode::Digest(digest) => digest.counter,
            _ => panic!("not a digest"),
        };
        leaving.into_iter().map(|(_, items)| items.into_iter().map(seq).collect()).collect()
    }

    #[test]
    fn what_outlived_its_owners_right_is_dropped() {
        let metrics = Metrics::new();
        let now = Instant::now();
        let node = NodeId::parse("node-1").unwrap();
        let second = Duration::from_secs(1);
        let batch = |seq, until| batch(&metrics, &node, seq, until);
        let batches = [batch(1, now + second), batch(2, now), batch(3, now + second)];
        // Ten seconds later not even the others have a right to it.
        let late = [batch(4, now + second)];
        let waiting = || metrics.text().unwrap().contains("starling_worker_outbox_batches 4");
        assert!(waiting());
        let mut post = Post::default();
        let told = post.take(batches.into_iter(), now);
        let passed: Vec<Seq> = told.passed.iter().map(|(_, seq)| *seq).collect();
        assert_eq!((seqs(post.leaving(false, now)), passed), (vec![vec![1, 3]], vec![1, 3]));
        let told = post.take(late.into_iter(), now + second * 10);
        assert!(post.by_node.is_empty() && told.passed.is_empty());
        assert!(metrics.text().unwrap().contains("starling_worker_outbox_batches 0"));
    }

    #[test]
    fn the_patient_go_with_others_or_after_a_while_and_never_out_of_order() {
        let metrics = Metrics::new();
        let now = Instant::now();
        let (one, two) = (NodeId::parse("node-1").unwrap(), NodeId::parse("node-2").unwrap());
        let until = now + LINGER * 2;
        let mut post = Post::default();
        let waiting =
            [patient(batch(&metrics, &one, 1, until)), patient(batch(&metrics, &two, 2, until))];
        post.take(waiting.into_iter(), now);
        assert!(post.leaving(false, now).is_empty());
        post.take([batch(&metrics, &one, 3, until)].into_iter(), now);
        assert_eq!(seqs(post.leaving(false, now)), [[1, 3]]);
        assert_eq!(post.due, Some(now + LINGER));
        assert_eq!(seqs(post.leaving(false, now + LINGER)), [[2]]);
        assert_eq!(post.due, None);
        // The end waits for nobody, and a right that ran out meanwhile is none.
        post.take([patient(batch(&metrics, &one, 4, until))].into_iter(), now);
        post.take([patient(batch(&metrics, &one, 5, now + LINGER))].into_iter(), now);
        assert_eq!(seqs(post.leaving(true, now + LINGER)), [[4]]);
        assert!(post.by_node.is_empty());
    }
}
