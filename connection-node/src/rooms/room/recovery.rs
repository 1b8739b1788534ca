//! Bringing one socket up to date: from the window, or from the log a page at a time.

use wire::{client::Recovered, event};

use super::Room;
use crate::rooms::{
    member::Goal,
    packet::Packet,
    port::{Effect, Page, Port, SocketKey},
};

impl<P: Port> Room<P> {
    /// A page of what a socket missed.
    pub fn replayed(&mut self, key: SocketKey, page: &Page, port: &mut P) {
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(recovery) = &mut member.recovery else { return };
        recovery.complete.get_or_insert(recovery.from >= page.complete_from);
        let goal = recovery.goal;
        let read = page.messages.last().map_or(0, |message| message.seq);
        for message in &page.messages {
            if message.seq > member.position && message.seq <= self.last {
                port.emit(&member.socket, &message.packet);
                member.position = message.seq;
            }
        }
        // A replica of the log that lags would end before a message that was emitted already.
        let lagging = read < goal.message && member.position < goal.message;
        if !page.more && !lagging {
            member.position = member.position.max(goal.last);
        }
        self.recover(key, port);
    }

    /// Brings a socket up to date from memory, or asks for the next page.
    pub(super) fn recover(&mut self, key: SocketKey, port: &mut P) {
        let Some(window) = &self.window else { return };
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(recovery) = &mut member.recovery else { return };
        if !window.covers(member.position) {
            let message = window.latest(1).next().map_or(0, |message| message.seq);
            recovery.goal = Goal { last: self.last, message };
            let (room, after) = (self.name.clone(), member.position);
            port.effect(Effect::Replay { room, key, after });
            return;
        }
        for message in window.after(member.position) {
            port.emit(&member.socket, &message.packet);
        }
        let reached = recovery.from <= member.position;
        member.position = member.position.max(self.last);
        let recovered = Recovered {
            room: self.name.clone(),
            from: recovery.from,
            to: member.position,
            complete: reached && recovery.complete.unwrap_or(true),
            code: None,
            message: None,
        };
        member.recovery = None;
        if let Ok(packet) = Packet::new(event::RECOVERED, &recovered) {
            port.emit(&member.socket, &packet);
        }
    }
}
