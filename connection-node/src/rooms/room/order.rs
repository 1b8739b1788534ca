//! Order and exactly-once: a message is emitted when its predecessor was, and never again.

use wire::Seq;

use super::Room;
use crate::rooms::{
    member::Recovery,
    packet::Message,
    port::{Effect, Page, Port, SocketKey},
};

/// Messages that may wait for a gap to be filled; beyond, they are read from the log again.
const MAX_AHEAD: usize = 1_024;

impl<P: Port> Room<P> {
    /// A message came: emitted now, dropped as known, or kept until what precedes it is read.
    pub fn delivered(&mut self, seq: Seq, prev: Seq, message: Option<Message>, port: &mut P) {
        if seq <= self.last {
            return;
        }
        if self.is_open() && self.repairing.is_none() && prev <= self.last {
            self.advance(seq, message, port);
            return;
        }
        // While the room opens nothing has been promised yet beyond `ahead`; its window is read
        // later than all of these were stored.
        if self.ahead.len() < MAX_AHEAD {
            self.ahead.insert(seq, (prev, message));
        }
        self.exists(seq, port);
    }

    /// The log holds a message of this room at `seq`: what is missing up to it is read, unless that
    /// is under way.
    pub fn exists(&mut self, seq: Seq, port: &mut P) {
        self.known = self.known.max(seq);
        if self.is_open() && self.repairing.is_none() && self.known > self.last {
            self.repairing = Some(self.known);
            self.read_after_last(self.known, port);
        }
    }

    fn read_after_last(&self, reached: Seq, port: &mut P) {
        port.effect(Effect::Repair { room: self.name.clone(), after: self.last, reached });
    }

    /// What the log holds after `last`.
    pub fn repaired(&mut self, page: Page, port: &mut P) {
        let Some(reached) = self.repairing else { return };
        // Where nothing is left, what follows the read is whole again.
        let floor = page.complete_from.min(page.up_to.max(reached));
        let behind = if page.complete_from > self.last { self.tear(floor) } else { Vec::new() };
        for message in page.messages {
            self.emit_ahead_below(message.seq, port);
            if message.seq > self.last {
                self.ahead.remove(&message.seq);
                self.advance(message.seq, Some(message), port);
            }
        }
        if page.more {
            self.last = self.last.max(page.up_to);
            self.read_after_last(reached, port);
        } else {
            // What the log does not show up to here is gone from it.
            self.emit_ahead_below(reached + 1, port);
            self.last = self.last.max(reached);
            self.repairing = None;
            self.emit_what_follows(port);
            self.exists(self.last, port);
        }
        for key in behind {
            self.recover(key, port);
        }
    }

    /// The log has discarded messages that were never emitted here. Whoever was up to date has a gap,
    /// and is told so by a recovery of what is left; returns them.
    fn tear(&mut self, floor: Seq) -> Vec<SocketKey> {
        if let Some(window) = &mut self.window {
            window.restart(floor);
        }
        let up_to_date = self.members.iter_mut().filter(|(_, member)| member.recovery.is_none());
        up_to_date
            .map(|(key, member)| {
                member.recovery = Some(Recovery::new(member.position, false));
                *key
            })
            .collect()
    }

    /// Emits what waits below `seq`, whose predecessors are emitted or gone.
    fn emit_ahead_below(&mut self, seq: Seq, port: &mut P) {
        while let Some(first) = self.ahead.first_entry().filter(|first| *first.key() < seq) {
            let (seq, (_, message)) = first.remove_entry();
            if seq > self.last {
                self.advance(seq, message, port);
            }
        }
    }

    /// Emits what waited, up to the next gap.
    pub(super) fn emit_what_follows(&mut self, port: &mut P) {
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
    fn advance(&mut self, seq: Seq, message: Option<Message>, port: &mut P) {
        self.last = seq;
        let Some(mut message) = message else { return };
        for member in self.members.values_mut() {
            if member.recovery.is_none() && !member.awaiting && seq > member.position {
                port.emit(&member.socket, &message.packet);
                member.position = seq;
            }
        }
        if let Some(window) = &mut self.window {
            // Whoever was to have them now has them.
            message.forget_frames();
            window.push(message);
        }
    }
}
