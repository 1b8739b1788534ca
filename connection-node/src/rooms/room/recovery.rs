//! Bringing one socket up to date: from the window, or from the log a page at a time.

use wire::{client::Recovered, event};

use super::Room;
use crate::rooms::{
    packet::Packet,
    port::{Asked, Effect, Page, Port, SocketKey},
};

impl<P: Port> Room<P> {
    /// A page of what a socket missed.
    pub fn replayed(&mut self, key: SocketKey, asked: Asked, page: &Page, port: &mut P) {
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(recovery) = &mut member.recovery else { return };
        // The client has asked anew meanwhile: another page is, or will be, on its way.
        if member.awaiting || member.position != asked.after {
            return;
        }
        if let Some(complete_from) = page.complete_from {
            recovery.complete.get_or_insert(recovery.from >= complete_from);
        }
        let mut taken = true;
        for message in &page.messages {
            if port.is_clogged(&member.socket) {
                taken = false;
                break;
            }
            if message.seq > member.position && message.seq <= self.last {
                port.emit(&member.socket, &message.packet);
                member.position = message.seq;
            }
        }
        if taken && !page.more {
            member.position = member.position.max(asked.last);
        }
        self.recover(key, port);
    }

    /// Brings a socket up to date from memory, or asks for the next page; goes on later where the
    /// client is slower than this.
    pub fn recover(&mut self, key: SocketKey, port: &mut P) {
        let Some(window) = &self.window else { return };
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(recovery) = &mut member.recovery else { return };
        if member.awaiting {
            return;
        }
        if port.is_clogged(&member.socket) {
            let (room, socket) = (self.name.clone(), member.socket.clone());
            return port.effect(Effect::Pace { room, key, socket });
        }
        if !window.covers(member.position) {
            return port.effect(Effect::Replay {
                room: self.name.clone(),
                key,
                socket: member.socket.clone(),
                asked: Asked { after: member.position, last: self.last },
                reached: window.latest(1).next().map_or(0, |message| message.seq),
                first: recovery.complete.is_none(),
            });
        }
        let mut missed = window.after(member.position).peekable();
        while let Some(message) = missed.next_if(|_| !port.is_clogged(&member.socket)) {
            port.emit(&member.socket, &message.packet);
            member.position = message.seq;
        }
        if missed.peek().is_some() {
            let (room, socket) = (self.name.clone(), member.socket.clone());
            return port.effect(Effect::Pace { room, key, socket });
        }
        member.position = member.position.max(self.last);
        let recovered = Recovered {
            room: self.name.clone(),
            from: recovery.from,
            to: member.position,
            complete: recovery.complete.unwrap_or(true),
            code: None,
            message: None,
        };
        member.recovery = None;
        if let Ok(packet) = Packet::new(event::RECOVERED, &recovered) {
            port.emit(&member.socket, &packet);
        }
    }
}
