//! What a partition's owner keeps about one node: what it was sent, what it reported, whether it lives.
//!
//! Pure bookkeeping; [`crate::partition`] decides what to send.

use std::time::{Duration, Instant};

use wire::delivery::{Delivered, Digest, Messages};
use wire::ephemeral::PresenceReport;
use wire::{Partition, Seq, kv::Epoch};

/// One node, seen from one partition, for one tenure.
#[derive(Debug)]
pub struct NodeLink {
    pub alive: bool,
    /// When its interest is to be removed from the log; `None` while it lives.
    pub remove_at: Option<Instant>,
    /// The counter of the last `Messages` sent, from 1.
    counter: u64,
    /// Something was meant for it while it was dead.
    withheld: bool,
    /// What the batch at hand holds for it.
    pending: Vec<Delivered>,
    /// The counter of the last presence report that was applied; 0 for none.
    reports: u64,
    /// When it is to get a digest that somebody waits for.
    pub digest_at: Option<Instant>,
    /// When it gets one because nothing followed the last messages.
    pub tail_at: Option<Instant>,
    /// When it gets one anyway.
    pub beat_at: Option<Instant>,
    /// When it is to be asked for a full report.
    pub ask_at: Option<Instant>,
    /// When it was last asked.
    pub asked: Option<Instant>,
}

/// What to do with a presence report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// Nothing is missing before it: apply it.
    Apply,
    /// It was applied before.
    Old,
    /// One before it was lost: ask for all.
    Gap,
}

impl NodeLink {
    /// A node that is dead to begin with has its interest removed after `remove_after`.
    pub fn new(alive: bool, remove_after: Duration, now: Instant) -> Self {
        Self {
            alive,
            remove_at: (!alive).then(|| now + remove_after),
            counter: 0,
            withheld: false,
            pending: Vec::new(),
            reports: 0,
            digest_at: None,
            tail_at: None,
            beat_at: None,
            ask_at: None,
            asked: None,
        }
    }

    /// Puts a message into the batch at hand; `make` is only called for a live node.
    pub fn push(&mut self, make: impl FnOnce() -> Delivered) {
        if self.alive {
            self.pending.push(make());
        } else {
            self.withheld = true;
        }
    }

    /// Ends the batch: what there is to send, numbered.
    pub fn take_messages(&mut self, partition: Partition, epoch: Epoch) -> Option<Messages> {
        if self.pending.is_empty() {
            return None;
        }
        self.counter += 1;
        let messages = std::mem::take(&mut self.pending);
        Some(Messages { partition, epoch, counter: self.counter, messages })
    }

    /// The node lives again. A number is left out if it missed something, so that it notices.
    pub fn revive(&mut self) {
        self.alive = true;
        self.remove_at = None;
        if std::mem::take(&mut self.withheld) {
            self.counter += 1;
        }
    }

    /// The node is dead; unless it revives, its interest is removed after `remove_after`.
    pub fn die(&mut self, remove_after: Duration, now: Instant) {
        self.alive = false;
        self.remove_at = Some(now + remove_after);
        self.forget_digests();
        self.ask_at = None;
        // Its users are gone from the rosters: only a full report brings them back.
        self.reports = 0;
    }

    /// Whether a report has been applied, so that what is known of the node's users is whole.
    pub fn has_reported(&self) -> bool {
        self.reports > 0
    }

    /// Judges a report, and takes note of it if it is to be applied.
    pub fn report(&mut self, report: &PresenceReport) -> Reported {
        let verdict =
            if report.counter < self.reports || (report.counter == self.reports && !report.full) {
                Reported::Old
            } else if report.full || report.counter == self.reports + 1 {
                Reported::Apply
            } else {
                Reported::Gap
            };
        if verdict == Reported::Apply {
            self.reports = report.counter;
        }
        verdict
    }

    /// `seq` is how far the owner has read the log.
    pub fn digest(&self, partition: Partition, epoch: Epoch, seq: Seq) -> Digest {
        Digest { partition, epoch, counter: self.counter, seq, reports: self.reports }
    }

    /// Asks for a full report, at the earliest `interval` after the last time.
    pub fn ask(&mut self, now: Instant, interval: Duration) {
        let then = self.asked.map_or(now, |asked| now.max(asked + interval));
        self.ask_at = Some(self.ask_at.map_or(then, |at| at.min(then)));
    }

    /// When something about this node is due.
    pub fn next_wake(&self) -> Option<Instant> {
        let digests = [self.digest_at, self.tail_at, self.beat_at];
        digests.into_iter().chain([self.ask_at, self.remove_at]).flatten().min()
    }

    /// Says whether a digest is due, and if so whether it may wait for company. It then counts as sent.
    pub fn take_due_digest(&mut self, now: Instant) -> Option<bool> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        let wanted = is_due(self.digest_at);
        let due = wanted || is_due(self.tail_at) || is_due(self.beat_at);
        due.then(|| {
            self.forget_digests();
            !wanted
        })
    }

    fn forget_digests(&mut self) {
        (self.digest_at, self.tail_at, self.beat_at) = (None, None, None);
    }

    /// Brings the next digest forward to `then`.
    pub fn digest_by(&mut self, then: Instant) {
        self.digest_at = Some(self.digest_at.map_or(then, |at| at.min(then)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::NodeId;

    fn report(counter: u64, full: bool) -> PresenceReport {
        PresenceReport { node: NodeId::parse("node-1").unwrap(), counter, full, rooms: Vec::new() }
    }

    #[test]
    fn reports_in_and_out_of_order() {
        let mut link = NodeLink::new(true, Duration::ZERO, Instant::now());
        let table = [
            (2, false, Reported::Gap),
            (1, false, Reported::Apply),
            (1, false, Reported::Old),
            (2, false, Reported::Apply),
            (4, false, Reported::Gap),
            (5, true, Reported::Apply),
            (5, true, Reported::Apply),
            (4, true, Reported::Old),
            (6, false, Reported::Apply),
        ];
        for (counter, full, expected) in table {
            assert_eq!(link.report(&report(counter, full)), expected, "{counter} {full}");
        }
    }

    #[test]
    fn a_dead_node_finds_a_number_left_out_only_if_it_missed_something() {
        let now = Instant::now();
        let mut link = NodeLink::new(true, Duration::ZERO, now);
        let epoch = 7;
        let partition = Partition::of_room("general");
        link.die(Duration::ZERO, now);
        link.revive();
        assert_eq!(link.digest(partition, epoch, 0).counter, 0);
        link.die(Duration::ZERO, now);
        link.push(|| unreachable!("nothing is made for a dead node"));
        assert!(link.take_messages(partition, epoch).is_none());
        link.revive();
        assert_eq!(link.digest(partition, epoch, 0).counter, 1);
    }
}
