//! What was refused, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// What there was too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    Handshake = 0,
    Event,
    File,
    Frame,
    Authentication,
}

/// By whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Per {
    Socket = 0,
    User,
    Address,
}

impl What {
    const ALL: [Self; 5] =
        [Self::Handshake, Self::Event, Self::File, Self::Frame, Self::Authentication];

    /// A name for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Event => "event",
            Self::File => "file",
            Self::Frame => "frame",
            Self::Authentication => "authentication",
        }
    }
}

impl Per {
    const ALL: [Self; 3] = [Self::Socket, Self::User, Self::Address];

    /// A name for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::User => "user",
            Self::Address => "address",
        }
    }

    /// In a sentence.
    pub fn whose(self) -> &'static str {
        match self {
            Self::Socket => "this connection",
            Self::User => "all your connections",
            Self::Address => "your address",
        }
    }
}

/// How often each was refused.
#[derive(Default)]
pub struct Counts([[AtomicU64; Per::ALL.len()]; What::ALL.len()]);

impl Counts {
    pub(super) fn add(&self, what: What, per: Per) {
        self.0[what as usize][per as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// All of them, those too that were never refused: a series that is there from the start shows its first step.
    pub fn all(&self) -> impl Iterator<Item = (What, Per, u64)> {
        let pairs = What::ALL.into_iter().flat_map(|what| Per::ALL.map(|per| (what, per)));
        pairs.map(|(what, per)| {
            (what, per, self.0[what as usize][per as usize].load(Ordering::Relaxed))
        })
    }
}
