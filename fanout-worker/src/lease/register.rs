//! The sessions of all workers, as the bucket shows them.
//!
//! What counts is a proof: a lease is over when its holder's session has ended at a revision above the
//! lease's own. The absence of a record, or an end below the lease, proves nothing: who watches late or
//! slowly is not shown what was replaced meanwhile. There the bucket itself is asked: it takes a marker
//! of the end only where no session lives ([`super::Request::Bury`]).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use wire::WorkerId;

/// How long the end of a session is remembered; after that it is proved anew where that matters.
const REMEMBER: Duration = Duration::from_mins(10);
/// Before the same session is asked about again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Whose session lives.
#[derive(Debug, Default)]
pub struct Register {
    entries: HashMap<WorkerId, Entry>,
    /// Whose end was asked for, and when.
    asked: HashMap<WorkerId, Instant>,
}

#[derive(Debug)]
struct Entry {
    revision: u64,
    live: bool,
    since: Instant,
    /// The revision of the last marker, and when it was shown.
    ended: Option<(u64, Instant)>,
}

/// What a lease is worth, by its holder's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The session lives, by a record that was shown then.
    Lives { shown: Instant },
    /// The session in which the lease was written has ended.
    Over { since: Instant },
    /// Nothing shows either; the last revision that was shown, or 0.
    Unproven { expected: u64 },
}

impl Register {
    /// What is known is about to be read anew.
    pub fn forget(&mut self) {
        self.entries.clear();
    }

    /// The bucket shows this record; `live` is false for a deleted or expired session.
    pub fn observed(&mut self, worker: &WorkerId, revision: u64, live: bool, now: Instant) {
        let before = self.entries.get(worker);
        if before.is_some_and(|entry| revision <= entry.revision) {
            return;
        }
        let ended = if live { before.and_then(|entry| entry.ended) } else { Some((revision, now)) };
        self.entries.insert(worker.clone(), Entry { revision, live, since: now, ended });
        if !live {
            self.entries.retain(|_, entry| entry.live || now < entry.since + REMEMBER);
        }
    }

    /// Whether the session of `worker` lives, as far as the bucket has shown.
    pub fn lives(&self, worker: &WorkerId) -> bool {
        self.entries.get(worker).is_some_and(|entry| entry.live)
    }

    /// What a lease that `holder` wrote at `revision` is worth.
    ///
    /// One from before an end that this worker was not shown passes for living as soon as its holder
    /// has another session. That holder knows it for what it is, an own record without a tenure, and
    /// takes it again.
    pub fn standing(&self, holder: &WorkerId, revision: u64) -> Standing {
        let Some(entry) = self.entries.get(holder) else {
            return Standing::Unproven { expected: 0 };
        };
        match entry.ended {
            Some((ended, since)) if ended > revision => Standing::Over { since },
            _ if entry.live => Standing::Lives { shown: entry.since },
            _ => Standing::Unproven { expected: entry.revision },
        }
    }

    /// Whether to ask for the end of this session now. Said once for all leases, and not soon again.
    pub fn ask(&mut self, worker: &WorkerId, now: Instant) -> bool {
        self.asked.retain(|_, asked| now < *asked + ASK_AGAIN);
        let ask = !self.asked.contains_key(worker);
        if ask {
            self.asked.insert(worker.clone(), now);
        }
        ask
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{millis, worker};
    use super::*;

    #[test]
    fn a_lease_is_over_only_by_an_end_that_came_after_it() {
        let start = Instant::now();
        let at = |after| start + millis(after);
        let (lives, over) = (
            |after| Standing::Lives { shown: at(after) },
            |after| Standing::Over { since: at(after) },
        );
        let unproven = |expected| Standing::Unproven { expected };
        // Records of the session, shown a millisecond apart, and what a lease of revision 5 is worth.
        let table: [(&[(u64, bool)], Standing); 9] = [
            (&[], unproven(0)),
            (&[(3, true)], lives(0)),
            (&[(3, true), (7, true)], lives(1)),
            (&[(3, true), (8, false)], over(1)),
            // Another session since makes it no better.
            (&[(3, true), (8, false), (9, true), (10, true)], over(1)),
            (&[(8, false), (9, true), (12, false)], over(2)),
            // Written after the end, or in a session that nobody showed in time.
            (&[(4, false)], unproven(4)),
            (&[(2, true), (4, false), (9, true)], lives(2)),
            // What comes late changes nothing.
            (&[(8, false), (3, true)], over(0)),
        ];
        for (records, expected) in table {
            let mut register = Register::default();
            for (after, (revision, live)) in (0..).zip(records) {
                register.observed(&worker(1), *revision, *live, at(after));
            }
            assert_eq!(register.standing(&worker(1), 5), expected, "{records:?}");
        }
    }

    #[test]
    fn ends_are_forgotten_in_time_and_asked_for_once_a_second() {
        let start = Instant::now();
        let mut register = Register::default();
        register.observed(&worker(1), 8, false, start);
        register.observed(&worker(2), 9, true, start);
        register.observed(&worker(3), 10, false, start + REMEMBER);
        assert_eq!(register.entries.len(), 2);
        assert!(register.lives(&worker(2)) && !register.lives(&worker(1)));
        for (after, asks) in [(0, true), (0, false), (999, false), (1_000, true), (1_500, false)] {
            assert_eq!(register.ask(&worker(1), start + millis(after)), asks, "{after}");
        }
        assert!(register.ask(&worker(2), start + millis(1_500)));
    }
}
