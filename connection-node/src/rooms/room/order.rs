//! Order and exactly-once: a message is emitted when its predecessor was, and never again.

use wire::Seq;

use super::Room;
use crate::rooms::{
    packet::Message,
    port::{Effect, Page, Port},
};

/// Messages that may wait for a gap to be filled; beyond, they are read from the log again.
const MAX_AHEAD: usize = 1_024;
/// Reads of the log that may miss a message known to exist (a lagging replica) before it is taken
/// for discarded.
const MAX_REPAIRS: u32 = 5;

impl<P: Port> Room<P> {
    /// A message came: emitted now, dropped as known, or kept until what precedes it is read.
    pub fn delivered(&mut self, seq: Seq, prev: Seq, message: Option<Message>, port: &mut P) {
        if seq <= self.last {
            return;
        }
        if self.is_open() && self.repairs.is_none() && prev <= self.last {
            self.advance(seq, message, port);
            return;
        }
        // While the room opens nothing has been promised yet beyond `ahead`; its window is read
        // later than all of these were stored.
        if self.ahead.len() < MAX_AHEAD {
            self.ahead.insert(seq, (prev, message));
        } else {
            self.spilled = true;
        }
        if self.is_open() && self.repairs.is_none() {
            self.repair(port);
        }
    }

    /// Reads what is missing after `last`, unless that is under way.
    pub fn repair(&mut self, port: &mut P) {
        if self.is_open() && self.repairs.is_none() {
            self.repairs = Some(1);
            self.read_after_last(port);
        }
    }

    pub(super) fn read_after_last(&mut self, port: &mut P) {
        self.spilled = false;
        port.effect(Effect::Repair { room: self.name.clone(), after: self.last });
    }

    /// What the log holds after `last`.
    pub fn repaired(&mut self, page: Page, port: &mut P) {
        let Some(attempt) = self.repairs else { return };
        for message in page.messages {
            if message.seq > self.last {
                self.advance(message.seq, Some(message), port);
            }
        }
        if page.more {
            self.read_after_last(port);
            return;
        }
        self.repairs = None;
        self.drain_ahead(port);
        if self.ahead.is_empty() {
            if self.spilled {
                self.repair(port);
            }
            return;
        }
        // The log is the truth, but a replica of it may lag behind what was already delivered.
        if attempt < MAX_REPAIRS {
            self.repairs = Some(attempt + 1);
            self.read_after_last(port);
        } else {
            for (seq, (_, message)) in std::mem::take(&mut self.ahead) {
                self.advance(seq, message, port);
            }
        }
    }

    /// Emits what waited, up to the next gap.
    pub(super) fn drain_ahead(&mut self, port: &mut P) {
        while let Some(first) = self.ahead.first_entry() {
            let (seq, prev) = (*first.key(), first.get().0);
            if seq > self.last && prev > self.last {
                return;
            }
            let (_, message) = first.remove();
            if seq > self.last {
                self.advance(seq, message, port);
            }
        }
    }

    /// Emits the room's next message.
    pub(super) fn advance(&mut self, seq: Seq, message: Option<Message>, port: &mut P) {
        self.last = seq;
        let Some(message) = message else { return };
        for member in self.members.values_mut() {
            if member.recovery.is_none() && seq > member.position {
                port.emit(&member.socket, &message.packet);
                member.position = seq;
            }
        }
        if let Some(window) = &mut self.window {
            window.push(message);
        }
    }
}
