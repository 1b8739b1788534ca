//! A socket's stay on this node, in any namespace: from its entrance to its end.
//!
//! Owns that a stay leaves nothing behind: no place among the sockets, no deadline, no transport that
//! serves nobody.

use std::sync::Arc;

use wire::Timestamp;

use crate::{
    edge::Transport,
    expiry::{Expiry, Watched},
    gateway::Line,
    rooms::port::SocketKey,
    sockets::Sockets,
};

/// A socket that can be reached.
#[derive(Clone)]
pub struct Guest {
    pub line: Line,
    pub user_id: Arc<str>,
    /// Whether it is in the chat namespace.
    pub chats: bool,
}

/// Everybody who stays.
pub struct House {
    pub sockets: Sockets<Guest>,
    pub expiry: Arc<Expiry>,
}

/// One socket's stay. It rests in the socket's disconnect handler, which is dropped unrun where the
/// client has left while it was let in.
pub struct Stay {
    pub key: SocketKey,
    house: Arc<House>,
    transport: Transport,
    _watched: Watched,
}

impl House {
    pub fn new(expiry: Arc<Expiry>) -> Arc<Self> {
        Arc::new(Self { sockets: Sockets::default(), expiry })
    }

    /// A stay begins; its transport is closed when a token good until `expires` comes to its end.
    pub fn stay(
        self: &Arc<Self>,
        key: SocketKey,
        user_id: Arc<str>,
        transport: &Transport,
        expires: Timestamp,
    ) -> Stay {
        transport.enter();
        self.sockets.expect(key, user_id);
        let watched = self.expiry.watch(key, expires, transport.clone());
        Stay { key, house: self.clone(), transport: transport.clone(), _watched: watched }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.house.sockets.remove(self.key);
        if self.transport.leave() {
            self.house.expiry.end_idle(self.key, self.transport.clone());
        }
    }
}
