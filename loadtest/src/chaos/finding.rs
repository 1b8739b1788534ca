//! A broken guarantee, with the place at which it broke.

use std::fmt;

use serde::Serialize;
use wire::Seq;

use super::room_log::Index;

/// Sentences that are kept; further ones are only counted.
const KEPT: usize = 40;

/// What kind of guarantee broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Broken {
    /// A member did not get a message of its room.
    Lost,
    /// A member got a message twice, or one message was stored twice.
    Duplicated,
    /// A message came after one that stands behind it.
    Reordered,
    /// Two say different things about the same place of a log.
    Contradictory,
    /// A client was told that what it missed is gone, though nothing was discarded.
    Incomplete,
    /// A client was told to stay away where it should come back.
    Dismissed,
    /// A request that is sound was refused for good.
    Denied,
    /// A request was never answered.
    Unanswered,
}

/// One broken guarantee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub broken: Broken,
    pub room: String,
    pub client: Option<usize>,
    pub index: Option<Index>,
    pub seq: Option<Seq>,
    pub what: String,
}

/// How many of each kind, and the first of them in words.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    counts: Vec<(Broken, u64)>,
    sentences: Vec<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:", self.broken)?;
        if !self.room.is_empty() {
            write!(f, " room {}", self.room)?;
        }
        if let Some(client) = self.client {
            write!(f, " client {client}")?;
        }
        if let Some(index) = self.index {
            write!(f, " message #{index}")?;
        }
        if let Some(seq) = self.seq {
            write!(f, " seq {seq}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl Findings {
    pub fn add(&mut self, finding: &Finding) {
        match self.counts.iter_mut().find(|(broken, _)| *broken == finding.broken) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((finding.broken, 1)),
        }
        if self.sentences.len() < KEPT {
            self.sentences.push(finding.to_string());
        }
    }

    #[must_use]
    pub fn count(&self, of: Broken) -> u64 {
        self.counts.iter().find(|(broken, _)| *broken == of).map_or(0, |(_, count)| *count)
    }

    /// The first findings in words, and how many more there are.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let all: u64 = self.counts.iter().map(|(_, count)| count).sum();
        let mut sentences = self.sentences.clone();
        let more = all - sentences.len() as u64;
        if more > 0 {
            sentences.push(format!("and {more} more"));
        }
        sentences
    }
}
