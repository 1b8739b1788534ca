//! Every socket of the chat namespace on this node, for what concerns all of them or all of one user.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::rooms::port::SocketKey;

/// The sockets that are here; `P` is the way to one.
pub struct Sockets<P> {
    here: Mutex<HashMap<SocketKey, P>>,
}

impl<P> Default for Sockets<P> {
    fn default() -> Self {
        Self { here: Mutex::default() }
    }
}

impl<P: Clone> Sockets<P> {
    /// A socket has come.
    pub fn add(&self, key: SocketKey, peer: P) {
        self.here().insert(key, peer);
    }

    /// A socket is gone, or never came.
    pub fn remove(&self, key: SocketKey) {
        let gone = self.here().remove(&key);
        // Not while the others wait.
        drop(gone);
    }

    /// Those for which `which` holds, as they are now.
    pub fn matching(&self, which: impl Fn(&P) -> bool) -> Vec<P> {
        self.here().values().filter(|peer| which(peer)).cloned().collect()
    }

    fn here(&self) -> MutexGuard<'_, HashMap<SocketKey, P>> {
        // Nothing in here panics half-way through a change.
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_one_user() {
        let sockets = Sockets::default();
        for (key, user) in [(1, "ana"), (2, "ben"), (3, "ana")] {
            sockets.add(key, user);
        }
        assert_eq!(sockets.matching(|user| *user == "ana").len(), 2);
        sockets.remove(1);
        sockets.remove(7);
        assert_eq!(sockets.matching(|_| true).len(), 2);
        assert_eq!(sockets.matching(|user| *user == "ana"), ["ana"]);
    }
}
