//! Bringing one socket up to date: from the window, or from the log a page at a time.

use wire::{client::Recovered, event};

use super::Room;
use crate::rooms::{
    packet::Packet,
    port::{Effect, Page, Port, SocketKey},
};

impl<P: Port> Room<P> {
    /// A page of what a socket missed.
    pub fn replayed(&mut self, key: SocketKey, page: &Page, port: &mut P) {
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(recovery) = &mut member.recovery else { return };
        if let Some(complete_from) = page.complete_from {
            recovery.complete.get_or_insert(recovery.from >= complete_from);
        }
        let goal = recovery.goal;
        for message in &page.messages {
            if message.seq > member.position && message.seq <= self.last {
                port.emit(&member.socket, &message.packet);
                member.position = message.seq;
            }
        }
        if !page.more {
            member.position = member.position.max(goal);
        }
        self.recover(key, port);
    }

    /// Brings a socket up to date from memory, or asks for the next page.
    pub(super) fn recover(&mut self, key: SocketKey, port: &mut P) {
        let Some(window) = &self.window else { return };
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(recovery) = &mut member.recovery else { return };
        if !window.covers(member.position) {
            recovery.goal = self.last;
            port.effect(Effect::Replay {
                room: self.name.clone(),
                key,
                socket: member.socket.clone(),
                after: member.position,
                reached: window.latest(1).next().map_or(0, |message| message.seq),
                first: recovery.complete.is_none(),
            });
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
