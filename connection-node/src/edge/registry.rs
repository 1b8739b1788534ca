//! Which transports are open, and which Engine.IO session each of the polling ones serves.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use socketioxide::socket::Sid;

use super::{CloseReason, Traffic, Transport, intake::Intake};

/// All open transports of one edge, and how many have ended for what reason.
pub(super) struct Registry {
    /// Bytes that may wait for each client.
    max_waiting: u64,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    transports: HashMap<u64, Transport>,
    /// Sessions that began by polling: the only ones that later requests name.
    sessions: HashMap<Sid, Transport>,
    last_id: u64,
    sealed: bool,
    /// Transports that have ended, in the order of [`CloseReason::ALL`].
    ended: [u64; CloseReason::ALL.len()],
    /// What has gone through those.
    traffic: Traffic,
}

impl Registry {
    pub(super) fn new(max_waiting: u64) -> Self {
        Self { max_waiting, open: Mutex::default() }
    }

    /// Opens a transport for a client at `peer`; it is listed until the entry is dropped. `None`
    /// once the registry is sealed.
    pub(super) fn open(self: &Arc<Self>, peer: SocketAddr, intake: Intake) -> Option<Entry> {
        let mut open = self.lock();
        if open.sealed {
            return None;
        }
        open.last_id += 1;
        let transport = Transport::new(open.last_id, peer, self.max_waiting, intake);
        open.transports.insert(transport.id(), transport.clone());
        Some(Entry { registry: self.clone(), transport, session: None })
    }

    /// The open transport of a session that began by polling.
    pub(super) fn session(&self, sid: Sid) -> Option<Transport> {
        let transport = self.lock().sessions.get(&sid).cloned()?;
        (!transport.closed()).then_some(transport)
    }

    /// Lets no further transport in, and returns those that are open.
    pub(super) fn seal(&self) -> Vec<Transport> {
        let mut open = self.lock();
        open.sealed = true;
        open.transports.values().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().transports.len()
    }

    /// Bytes that wait for clients, all transports together.
    pub(super) fn waiting(&self) -> u64 {
        self.lock().transports.values().map(Transport::waiting).sum()
    }

    /// What has gone through all transports, those that have ended included.
    pub(super) fn traffic(&self) -> Traffic {
        let open = self.lock();
        let mut traffic = open.traffic;
        for transport in open.transports.values() {
            traffic += transport.traffic();
        }
        traffic
    }

    /// How many transports have ended for each reason.
    pub(super) fn ended(&self) -> [(CloseReason, u64); CloseReason::ALL.len()] {
        let ended = self.lock().ended;
        std::array::from_fn(|at| (CloseReason::ALL[at], ended[at]))
    }

    /// Nothing that holds the lock can panic half-way through a change, so a poisoned one is as
    /// good.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transport's place in the registry. Dropping it closes the transport and takes it off the
/// lists.
pub(super) struct Entry {
    registry: Arc<Registry>,
    pub(super) transport: Transport,
    session: Option<Sid>,
}

impl Entry {
    /// Lists the transport as that of the session `sid`.
    pub(super) fn bind(&mut self, sid: Sid) {
        self.session = Some(sid);
        self.registry.lock().sessions.insert(sid, self.transport.clone());
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.transport.close(CloseReason::Ended);
        let mut open = self.registry.lock();
        open.transports.remove(&self.transport.id());
        open.traffic += self.transport.traffic();
        let reason = self.transport.close_reason();
        if let Some(at) = CloseReason::ALL.iter().position(|one| Some(*one) == reason) {
            open.ended[at] += 1;
        }
        if let Some(sid) = &self.session {
            open.sessions.remove(sid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> SocketAddr {
        ([127, 0, 0, 1], 9).into()
    }

    #[test]
    fn an_entry_is_listed_while_it_lives() {
        let registry = Arc::new(Registry::new(1_000));
        let sid = Sid::new();
        let mut entry = registry.open(peer(), Intake::unbounded()).expect("the registry is open");
        let transport = entry.transport.clone();
        assert!(registry.session(sid).is_none());
        entry.bind(sid);
        assert!(registry.session(sid).is_some());
        assert_eq!(registry.len(), 1);
        drop(entry);
        assert!(transport.closed());
        assert!(registry.session(sid).is_none());
        assert_eq!(registry.len(), 0);
    }

    #[test]
    fn a_closed_transport_serves_no_session() {
        let registry = Arc::new(Registry::new(1_000));
        let sid = Sid::new();
        let mut entry = registry.open(peer(), Intake::unbounded()).expect("the registry is open");
        entry.bind(sid);
        entry.transport.close(CloseReason::Drain);
        assert!(registry.session(sid).is_none());
    }

    #[test]
    fn a_sealed_registry_lets_nobody_in() {
        let registry = Arc::new(Registry::new(1_000));
        let _entry = registry.open(peer(), Intake::unbounded()).expect("the registry is open");
        assert_eq!(registry.seal().len(), 1);
        assert!(registry.open(peer(), Intake::unbounded()).is_none());
    }
}
