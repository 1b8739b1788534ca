//! Every socket on this node, of any namespace, for what concerns all of them or all of one user.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::rooms::port::SocketKey;

/// The sockets that are here; `P` is the way to one.
///
/// A socket is expected from the moment it is let in, and can be reached once its client knows. The way
/// to a socket keeps it alive: held from the start, one whose client leaves in between would stay.
pub struct Sockets<P> {
    here: Mutex<HashMap<SocketKey, Place<P>>>,
}

enum Place<P> {
    /// Let in, of this user.
    Expected(Arc<str>),
    /// To be sent away as soon as it can be reached.
    Unwanted,
    Here(P),
}

/// What became of a socket that can be reached now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    Welcome,
    /// Its user was sent away meanwhile.
    Unwanted,
    /// Its client has left.
    Gone,
}

impl<P> Default for Sockets<P> {
    fn default() -> Self {
        Self { here: Mutex::default() }
    }
}

impl<P: Clone> Sockets<P> {
    /// A socket of a user is let in.
    pub fn expect(&self, key: SocketKey, user_id: Arc<str>) {
        self.here().insert(key, Place::Expected(user_id));
    }

    /// It can be reached from now on, where it is wanted.
    #[must_use]
    pub fn arrive(&self, key: SocketKey, way: P) -> Arrival {
        match self.here().get_mut(&key) {
            Some(Place::Unwanted) => Arrival::Unwanted,
            Some(place) => {
                *place = Place::Here(way);
                Arrival::Welcome
            }
            None => Arrival::Gone,
        }
    }

    /// Has those of a user that cannot be reached yet sent away once they can; how many.
    pub fn turn_away_expected(&self, user_id: &str) -> usize {
        let mut turned = 0;
        for place in self.here().values_mut() {
            if matches!(place, Place::Expected(of) if **of == *user_id) {
                *place = Place::Unwanted;
                turned += 1;
            }
        }
        turned
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
        let here = self.here();
        let ways = here.values().filter_map(|place| match place {
            Place::Here(way) => Some(way),
            Place::Expected(_) | Place::Unwanted => None,
        });
        ways.filter(|way| which(way)).cloned().collect()
    }

    fn here(&self) -> MutexGuard<'_, HashMap<SocketKey, Place<P>>> {
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
            sockets.expect(key, user.into());
            assert_eq!(sockets.arrive(key, user), Arrival::Welcome);
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
        sockets.expect(1, "ana".into());
        assert!(sockets.has(1) && sockets.matching(|_| true).is_empty());
        sockets.remove(1);
        assert_eq!(sockets.arrive(1, "ana"), Arrival::Gone);
        assert!(!sockets.has(1));
        assert!(sockets.matching(|_| true).is_empty());
    }

    #[test]
    fn who_is_sent_away_before_it_arrives_is_turned_away() {
        let sockets = Sockets::default();
        for (key, user) in [(1, "ana"), (2, "ben"), (3, "ana")] {
            sockets.expect(key, user.into());
        }
        assert_eq!(sockets.arrive(1, "ana"), Arrival::Welcome);
        assert_eq!(sockets.turn_away_expected("ana"), 1);
        assert_eq!(sockets.arrive(3, "ana"), Arrival::Unwanted);
        assert_eq!(sockets.arrive(2, "ben"), Arrival::Welcome);
        assert_eq!(sockets.matching(|_| true).len(), 2);
    }
}
