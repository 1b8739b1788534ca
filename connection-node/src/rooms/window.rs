//! The latest messages of a room, kept in memory while the room is open on this node.
//!
//! Joins and most recoveries are answered from here without a read of the log, which is what keeps a
//! storm of reconnecting clients cheap.

use std::collections::VecDeque;

use wire::Seq;

use super::packet::Message;

/// An unbroken run of a room's messages up to the last one emitted.
#[derive(Debug)]
pub struct Window {
    /// Every message with a higher sequence, up to the room's last, is in `messages`.
    floor: Seq,
    messages: VecDeque<Message>,
    capacity: usize,
}

impl Window {
    /// `messages` ascending and complete above `floor`; at most `capacity` of them are kept.
    pub fn new(floor: Seq, messages: Vec<Message>, capacity: usize) -> Self {
        let mut window = Self { floor, messages: messages.into(), capacity };
        window.trim();
        window
    }

    /// Forgets everything: from `floor` on the run is unbroken again.
    pub fn restart(&mut self, floor: Seq) {
        self.floor = floor;
        self.messages.clear();
    }

    /// Adds the room's next message.
    pub fn push(&mut self, message: Message) {
        self.messages.push_back(message);
        self.trim();
    }

    /// Gives up the frames that were made of its messages.
    pub fn forget_frames(&mut self) {
        self.messages.iter_mut().for_each(Message::forget_frames);
    }

    fn trim(&mut self) {
        while self.messages.len() > self.capacity {
            if let Some(oldest) = self.messages.pop_front() {
                self.floor = oldest.seq;
            }
        }
    }

    /// Whether everything after `position` is here.
    pub fn covers(&self, position: Seq) -> bool {
        position >= self.floor
    }

    /// The messages after `position`, oldest first.
    pub fn after(&self, position: Seq) -> impl Iterator<Item = &Message> {
        let start = self.messages.partition_point(|message| message.seq <= position);
        self.messages.range(start..)
    }

    /// The latest `count` messages, oldest first.
    pub fn latest(&self, count: usize) -> impl Iterator<Item = &Message> {
        self.messages.range(self.messages.len().saturating_sub(count)..)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::rooms::packet::Packet;

    fn message(seq: Seq) -> Message {
        let packet = Arc::new(Packet::new("chat-message", &seq).unwrap());
        Message { seq, born: wire::Timestamp::from_millis(seq), packet }
    }

    proptest! {
        #[test]
        fn covers_tells_the_truth(
            seqs in proptest::collection::btree_set(1u64..200, 0..40),
            capacity in 1usize..20,
            position in 0u64..220,
        ) {
            let mut window = Window::new(0, Vec::new(), capacity);
            for &seq in &seqs {
                window.push(message(seq));
            }
            let held: Vec<_> = window.after(position).map(|m| m.seq).collect();
            let truth: Vec<_> = seqs.iter().copied().filter(|&seq| seq > position).collect();
            if window.covers(position) {
                prop_assert_eq!(held, truth);
            } else {
                prop_assert!(held.len() < truth.len());
            }
            prop_assert!(window.latest(capacity).count() <= capacity);
        }
    }
}
