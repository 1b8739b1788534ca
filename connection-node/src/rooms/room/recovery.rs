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
        member.busy = false;
        // The client has asked anew meanwhile: another page is, or will be, on its way.
        if member.awaiting || member.position != asked.after {
            return self.recover(key, port);
        }
        let Some(recovery) = &mut member.recovery else { return };
        recovery.complete &= asked.after >= page.complete_from;
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
        if taken {
            // What the room has not emitted yet comes with the others'.
            let reached = if page.more { page.up_to.min(self.last) } else { asked.last };
            member.position = member.position.max(reached);
        }
        self.recover(key, port);
    }

    /// A client that was waited for has taken what it was sent.
    pub fn paced(&mut self, key: SocketKey, port: &mut P) {
        if let Some(member) = self.members.get_mut(&key) {
            member.busy = false;
            self.recover(key, port);
        }
    }

    /// Brings a socket up to date from memory, or asks for the next page; goes on later where the
    /// client is slower than this.
    pub(super) fn recover(&mut self, key: SocketKey, port: &mut P) {
        let Some(window) = &self.window else { return };
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(recovery) = &mut member.recovery else { return };
        if member.awaiting || member.busy {
            return;
        }
        if port.is_clogged(&member.socket) {
            member.busy = true;
            let (room, socket) = (self.name.clone(), member.socket.clone());
            return port.effect(Effect::Pace { room, key, socket });
        }
        if !window.covers(member.position) {
            member.busy = true;
            return port.effect(Effect::Replay {
                room: self.name.clone(),
                key,
                socket: member.socket.clone(),
                asked: Asked { after: member.position, last: self.last },
                reached: window.latest(1).next().map_or(0, |message| message.seq),
            });
        }
        let mut missed = window.after(member.position).peekable();
        while let Some(message) = missed.next_if(|_| !port.is_clogged(&member.socket)) {
            port.emit(&member.socket, &message.packet);
            member.position = message.seq;
        }
        let slower = missed.peek().is_some();
        drop(missed);
        if slower {
            member.busy = true;
            let (room, socket) = (self.name.clone(), member.socket.clone());
            return port.effect(Effect::Pace { room, key, socket });
        }
        member.position = member.position.max(self.last);
        let recovered = Recovered {
            room: self.name.clone(),
            from: recovery.from,
            to: member.position,
            complete: recovery.complete,
            code: None,
            message: None,
        };
        member.recovery = None;
        if let Ok(packet) = Packet::new(event::RECOVERED, &recovered) {
            port.emit(&member.socket, &packet);
        }
    }
}
