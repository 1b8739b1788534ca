//! One room as one client stands to it.

use wire::Seq;

use crate::{chaos::client::roster::Roster, ledger::Micros};

/// A room of a client.
#[derive(Debug)]
pub struct Place {
    /// Its number in the history.
    pub room: usize,
    pub name: String,
    pub guest: bool,
    /// Everything up to here has come.
    pub position: Option<Seq>,
    pub standing: Standing,
    /// When it asks to leave.
    pub leave_at: Option<Micros>,
    pub roster: Roster,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not in the room, and to join at this time.
    Out(Micros),
    /// A join is asked for, or the connection named the room: a `recovered` is to come.
    Entering,
    In,
    /// It has asked to leave.
    Leaving,
}
