//! Among whom a TCP connection is counted: those that are busy with HTTP, or those of one session.
//!
//! A connection has a place among the former, whose number is bounded, until it carries requests of a
//! session that has shown a token. That session's own few are not counted: an office that polls is no
//! crowd of strangers.

use std::sync::{Mutex, PoisonError};

use super::intake::{Carrier, Intake};
use crate::limits::Place;

/// Where one connection is counted, until it is dropped.
pub(super) struct Standing(Mutex<Counted>);

struct Counted {
    place: Option<Place>,
    carrier: Option<Carrier>,
}

impl Standing {
    pub(super) fn new(place: Place) -> Self {
        Self(Mutex::new(Counted { place: Some(place), carrier: None }))
    }

    /// The connection carries a request of a session; if that takes it for one of its own, its place is
    /// free.
    pub(super) fn carry(&self, session: &Intake) {
        // Nothing in here panics half-way through a change.
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.carrier.is_none() {
            counted.carrier = session.carrier();
            if counted.carrier.is_some() {
                counted.place.take();
            }
        }
    }
}
