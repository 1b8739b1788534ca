//! What one client may send: little until it is authenticated, and then its share of the memory in
//! which a node keeps what is not complete yet.
//!
//! A file comes as an event and its attachments, which wait for each other; an event that is complete
//! is its handler's business. What waits is counted from the moment it is announced.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::{
    CloseReason,
    frames::{Inflated, LONGEST_CONTROL, Message, Seen},
};
use crate::limits::{Caller, Limits, Place, Wait};

/// Larger texts count, for a node has to keep them until they are complete; below, it is too little to
/// mind.
const LARGE: u64 = 64 << 10;
/// A compressed message may become so many bytes of however few,
const SMALL: u64 = 1 << 20;
/// and so many times what came. What goes beyond both is blown up: it costs its sender next to nothing to
/// fill memory with.
const MOST_TIMES: u64 = 64;
/// How many times over a client may send what it may send in one packet before it is authenticated: a
/// few attempts, and what upkeep takes.
const ATTEMPTS: u64 = 4;

/// HTTP connections of a session that are its own: one to poll and one to send, and those that they
/// replace.
const CARRIERS: usize = 4;

/// Marks an HTTP connection as one of a session's own, until it is dropped.
pub(super) type Carrier = Arc<()>;

/// Bytes of incomplete messages, all clients together.
pub(super) struct Budget {
    most: u64,
    held: AtomicU64,
}

impl Budget {
    pub(super) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { most, held: AtomicU64::new(0) })
    }

    pub(super) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> bool {
        let more = |held: u64| held.checked_add(bytes).filter(|held| *held <= self.most);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        let less = |held: u64| Some(held.saturating_sub(bytes));
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok();
    }
}

/// What one client may send.
pub struct Intake {
    caller: Caller,
    limits: Arc<Limits>,
    /// Bytes that a packet may have before its client is authenticated.
    first_payload: u64,
    /// Bytes that a message may have, and half of those that may be held for this client.
    max_payload: u64,
    budget: Arc<Budget>,
    blown_up_budget: Arc<Budget>,
    admitted: AtomicBool,
    /// Where it stands until it is authenticated.
    place: Mutex<Option<Place>>,
    carriers: Carrier,
    /// Bytes counted in the budget.
    held: AtomicU64,
    /// Those of them that belong to the message that is coming in.
    incoming: AtomicU64,
    /// Bytes that came of compressed messages before the client was authenticated.
    inflated: AtomicU64,
    /// Bytes of the message that is coming in that count as blown up, too.
    blown_up: AtomicU64,
}

/// Bytes of the budget for what is no message; given back when this is dropped.
pub(super) struct Kept {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

/// Sizes for every intake of a node.
#[derive(Clone)]
pub(super) struct IntakeBounds {
    pub(super) first_payload: u64,
    pub(super) max_payload: u64,
    pub(super) budget: Arc<Budget>,
    /// What is blown up counts here as well. It has room for one of the largest messages: an honest one
    /// comes in a moment and is gone in another.
    pub(super) blown_up: Arc<Budget>,
    pub(super) limits: Arc<Limits>,
}

impl Intake {
    pub(super) fn new(bounds: &IntakeBounds, caller: Caller, place: Place) -> Self {
        Self {
            caller,
            limits: bounds.limits.clone(),
            first_payload: bounds.first_payload,
            max_payload: bounds.max_payload,
            budget: bounds.budget.clone(),
            blown_up_budget: bounds.blown_up.clone(),
            admitted: AtomicBool::new(false),
            place: Mutex::new(Some(place)),
            carriers: Carrier::default(),
            held: AtomicU64::new(0),
            incoming: AtomicU64::new(0),
            inflated: AtomicU64::new(0),
            blown_up: AtomicU64::new(0),
        }
    }

    /// The client, as limits know it.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The client has shown a good token.
    pub fn admit(&self) {
        self.admitted.store(true, Ordering::Release);
        drop(self.place.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Whether the client has shown a good token.
    pub fn is_admitted(&self) -> bool {
        self.admitted.load(Ordering::Acquire)
    }

    /// Takes an HTTP connection for one of the client's own, if it has shown a token and has not many
    /// yet.
    pub(super) fn carrier(&self) -> Option<Carrier> {
        let few = Arc::strong_count(&self.carriers) <= CARRIERS;
        (self.is_admitted() && few).then(|| self.carriers.clone())
    }

    /// An event is complete: what waited for it is its handler's. Several may be at a time, of bodies
    /// that came by several connections: each gives back what it took off itself.
    pub fn complete(&self) {
        let incoming = self.incoming.load(Ordering::Relaxed);
        let held = self.held.fetch_min(incoming, Ordering::Relaxed);
        self.budget.give_back(held.saturating_sub(incoming));
    }

    /// The bytes that a packet may have now.
    pub(super) fn max_payload(&self, admitted: u64) -> u64 {
        if self.is_admitted() { admitted } else { admitted.min(self.first_payload) }
    }

    /// Whether a client that has sent so much may go on.
    pub(super) fn may_have_sent(&self, bytes: u64) -> bool {
        let bytes = bytes.saturating_add(self.inflated.load(Ordering::Relaxed));
        self.is_admitted() || bytes <= self.first_payload.saturating_mul(ATTEMPTS)
    }

    /// A frame was seen; why the transport is to be closed for it.
    pub(super) fn see(&self, seen: Seen) -> Result<(), CloseReason> {
        match seen {
            Seen::End => {
                self.incoming.store(0, Ordering::Relaxed);
                self.blown_up_budget.give_back(self.blown_up.swap(0, Ordering::Relaxed));
            }
            // Whoever reads it sets aside what it announces.
            Seen::Control(bytes) if bytes > LONGEST_CONTROL => return Err(CloseReason::Protocol),
            Seen::Control(_) => self.pace()?,
            Seen::Inflated(inflated) => self.inflated(inflated)?,
            Seen::Part(message) => {
                self.pace()?;
                self.announced(message)?;
            }
        }
        Ok(())
    }

    /// So many packets came by polling; how long to wait if they are too many at once.
    pub(super) fn packets(&self, count: u32) -> Result<(), Wait> {
        self.limits.packets(&self.caller, count)
    }

    fn pace(&self) -> Result<(), CloseReason> {
        self.limits.frame(&self.caller).map_err(|_| CloseReason::Protocol)
    }

    /// A compressed message has so much, so far. However little came, it takes up room as if it had come
    /// as it is, and what its client has saved is counted. That it shrank a lot tells nothing, for silence
    /// becomes a thousandth of itself; but few such messages may be there at a time.
    fn inflated(&self, inflated: Inflated) -> Result<(), CloseReason> {
        let Inflated { message, more, of } = inflated;
        if message.bytes > self.max_payload {
            return Err(CloseReason::Protocol);
        }
        let saved = |bytes: u64| bytes.saturating_sub(of);
        let saved = saved(message.bytes - more)..saved(message.bytes);
        self.limits.saved(&self.caller, saved).map_err(|_| CloseReason::Protocol)?;
        self.blow_up(message.bytes.saturating_sub(SMALL.max(of.saturating_mul(MOST_TIMES))))?;
        if !self.is_admitted() {
            self.inflated.fetch_add(more, Ordering::Relaxed);
            if !self.may_have_sent(of) {
                return Err(CloseReason::Protocol);
            }
        }
        self.announced(message)
    }

    /// So many bytes of the message that is coming in are blown up.
    fn blow_up(&self, bytes: u64) -> Result<(), CloseReason> {
        let more = bytes.saturating_sub(self.blown_up.load(Ordering::Relaxed));
        if more > 0 && !self.blown_up_budget.take(more) {
            return Err(CloseReason::Fault);
        }
        self.blown_up.fetch_add(more, Ordering::Relaxed);
        Ok(())
    }

    /// Keeps so many bytes of the node's memory for something else than messages, for a while.
    pub(super) fn keep(&self, bytes: u64) -> Result<Kept, CloseReason> {
        let taken = self.budget.take(bytes);
        taken.then(|| Kept { budget: self.budget.clone(), bytes }).ok_or(CloseReason::Fault)
    }

    /// A message says that it has so much, so far.
    fn announced(&self, message: Message) -> Result<(), CloseReason> {
        if message.bytes > self.max_payload(u64::MAX) {
            return Err(CloseReason::Protocol);
        }
        let counts = message.binary || message.bytes > LARGE;
        let held = self.incoming.load(Ordering::Relaxed);
        let more = if counts { message.bytes.saturating_sub(held) } else { 0 };
        self.hold(more)?;
        self.incoming.store(held + more, Ordering::Relaxed);
        Ok(())
    }

    /// Counts bytes that wait until an event is complete.
    pub(super) fn hold(&self, bytes: u64) -> Result<(), CloseReason> {
        // One that is waiting for its attachments, and one that comes in.
        let most = self.max_payload.saturating_mul(2);
        let more = |held: u64| held.checked_add(bytes).filter(|held| *held <= most);
        if more(self.held.load(Ordering::Relaxed)).is_none() {
            return Err(CloseReason::Protocol);
        }
        if !self.budget.take(bytes) {
            return Err(CloseReason::Fault);
        }
        // Others may have held more meanwhile.
        let held = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        held.map(drop).map_err(|_| {
            self.budget.give_back(bytes);
            CloseReason::Protocol
        })
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.budget.give_back(*self.held.get_mut());
        self.blown_up_budget.give_back(*self.blown_up.get_mut());
    }
}

#[cfg(test)]
mod tests;
