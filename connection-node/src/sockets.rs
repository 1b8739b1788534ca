//! Every socket on this node, of any namespace, for what concerns all of them or all of one user.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::rooms::port::SocketKey;

/// The sockets that are here; `P` is the way to one.
///
/// A socket is expected from the moment it is let in, and can be reached once its client knows. The way
/// to a socket keeps it alive: held from the start, one whose client leaves in between would stay.
pub struct Sockets<P> {
    here: Mutex<HashMap<SocketKey, Option<P>>>,
}

impl<P> Default for Sockets<P> {
    fn default() -> Self {
        Self { here: Mutex::default() }
    }
}

impl<P: Clone> Sockets<P> {
    /// A socket is let in.
    pub fn expect(&self, key: SocketKey) {
        self.here().insert(key, None);
    }

    /// It can be reached from now on; false where it is gone already.
    #[must_use]
    pub fn arrive(&self, key: SocketKey, way: P) -> bool {
        match self.here().get_mut(&key) {
            Some(place) => {
                *place = Some(way);
                true
            }
            None => false,
        }
    }

    /// A socket is gone, or never came.
    pub fn remove(&self, key: SocketKey) {
        let gone = self.here().remove(&key);
        // Not while the others wait.
        drop(gone);
    }

    /// Whether a socket was let in and is not gone.
    pub fn has(&self, key: SocketKey) -> bool {
        self.here().contains_key(&key)
    }

    /// Those for which `which` holds, as they are now.
    pub fn matching(&self, which: impl Fn(&P) -> bool) -> Vec<P> {
        self.here().values().flatten().filter(|way| which(way)).cloned().collect()
    }

    fn here(&self) -> MutexGuard<'_, HashMap<SocketKey, Option<P>>> {
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
            sockets.expect(key);
            assert!(sockets.arrive(key, user));
        }
        assert_eq!(sockets.matching(|user| *user == "ana").len(), 2);
        sockets.remove(1);
        sockets.remove(7);
        assert_eq!(sockets.matching(|_| true).len(), 2);
        assert_eq!(sockets.matching(|user| *user == "ana"), ["ana"]);
    }

    #[test]
    fn who_leaves_before_it_arrives_is_not_here() {
        let sockets = Sockets::default();
        sockets.expect(1);
        assert!(sockets.has(1) && sockets.matching(|_| true).is_empty());
        sockets.remove(1);
        assert!(!sockets.arrive(1, "ana") && !sockets.has(1));
        assert!(sockets.matching(|_| true).is_empty());
    }
}
