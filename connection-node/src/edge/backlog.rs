//! What waits for one client, in bytes.
//!
//! It decides what may wait; who sends, and in which order, is the [`lane`](super::lane)'s.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many times more may wait where a client asks for much at once and has yet to read it.
pub(super) const ANSWERS: u64 = 4;

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Something that the client has not asked for.
    Event,
    /// What it waits for.
    Answer,
}

/// The bytes that are to be sent to one client, and those that were.
pub(super) struct Backlog {
    sent: AtomicU64,
    /// Bytes that were to be sent, counted like `sent`.
    taken_in: AtomicU64,
    /// How many of them may wait.
    most: u64,
}

impl Backlog {
    pub(super) fn new(most: u64) -> Self {
        Self { sent: AtomicU64::new(0), taken_in: AtomicU64::new(0), most }
    }

    /// Takes in so many bytes; false where too many wait already. A packet of any size may wait alone.
    ///
    /// What Socket.IO sends by itself (pings, the handshake) is not taken in but counts as sent, so
    /// that slightly more may wait than the bound says.
    pub(super) fn take_in(&self, bytes: usize, what: Outgoing) -> bool {
        let bytes = bytes as u64;
        let bound = match what {
            Outgoing::Event => self.most,
            Outgoing::Answer => self.most.saturating_mul(ANSWERS),
        };
        let taken = |taken: u64| {
            let sent = self.sent();
            // Nothing waits: counting starts anew, which sheds the difference above.
            let taken = taken.max(sent);
            (taken == sent || taken - sent + bytes <= bound).then_some(taken + bytes)
        };
        self.taken_in.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// What was taken in is not sent after all.
    pub(super) fn give_back(&self, bytes: usize) {
        let less = |taken: u64| Some(taken.saturating_sub(bytes as u64));
        // It never refuses.
        let _ = self.taken_in.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> u64 {
        self.taken_in.load(Ordering::Relaxed).saturating_sub(self.sent())
    }

    /// Whether so many do that what is in no hurry should wait elsewhere.
    pub(super) fn is_clogged(&self) -> bool {
        self.waiting() > self.most / 4
    }

    /// Bytes that were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Where whoever sends counts them.
    pub(super) fn count(&self) -> &AtomicU64 {
        &self.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_in_bytes() {
        let backlog = Backlog::new(1_000);
        let event = |bytes| backlog.take_in(bytes, Outgoing::Event);
        let send = |bytes| {
            backlog.count().fetch_add(bytes, Ordering::Relaxed);
        };
        assert!(event(200) && !backlog.is_clogged() && event(400) && backlog.is_clogged());
        assert!(!event(600) && event(400));
        assert_eq!(backlog.waiting(), 1_000);
        // Some goes out, and as much comes in again.
        send(500);
        assert!(!event(501) && event(500));
        // Who asks for much may have it wait.
        let answer = |bytes| backlog.take_in(bytes, Outgoing::Answer);
        assert!(answer(3_000) && !answer(1));
        // The end of the queue, and what was never taken in: counting starts anew.
        send(4_003);
        assert_eq!(backlog.waiting(), 0);
        assert!(event(5_000), "a packet of any size may wait alone");
        assert!(!event(1));
        send(5_000);
        assert_eq!(backlog.waiting(), 0);
        assert!(event(12) && event(204));
        backlog.give_back(204);
        assert_eq!(backlog.waiting(), 12);
    }
}
