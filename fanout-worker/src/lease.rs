//! One partition's lease, as this worker sees it.
//!
//! Pure: what the bucket shows, answers and time go in, actions come out. A lease is written when it is
//! taken and deleted when it is released; in between it lives as long as its holder's session
//! ([`session`]), which is the only record that is renewed. So the right to act in any partition is
//! that of the session, and a lease says only where.
//!
//! Two things keep two workers from acting at once. A lease is written over exactly the record that was
//! seen, and over another's only when that one's session has ended after it was written
//! ([`register`]). And by then its holder had stopped: its own clock had ended its right.

use std::time::{Duration, Instant};

use wire::{
    Partition, WorkerId,
    kv::{Epoch, SESSION_TTL},
};

pub use self::action::{Action, Answer, Request, Winner};
pub use self::claims::Claims;
use self::register::{Register, Standing};

mod action;
mod claims;
mod register;
mod session;

/// A lease that nobody took for this long is anybody's: the winner may be deaf or stuck.
const ANYBODYS_AFTER: Duration = Duration::from_secs(1);
/// How long a better owner must have lived before a partition is handed to it.
const WINNER_PROVEN: Duration = Duration::from_secs(1);
/// Before a refused or failed request is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// Before this worker takes a lease again whose tenure ended without anybody wanting it to.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// A session of another that was neither renewed nor ended for this long: the watch missed something.
const STALE_SESSION: Duration = SESSION_TTL.saturating_mul(2);

/// The lease of one partition.
#[derive(Debug)]
struct Lease {
    me: WorkerId,
    partition: Partition,
    /// The last record that the bucket showed; `None` until it is known.
    record: Option<Record>,
    tenure: Tenure,
    not_before: Option<Instant>,
    /// The revision over which the last attempt to take was refused.
    refused: Option<u64>,
}

#[derive(Debug)]
struct Record {
    revision: u64,
    /// `None` when the lease was released, or never taken.
    holder: Option<WorkerId>,
    since: Instant,
}

#[derive(Debug)]
enum Tenure {
    None,
    /// `void` when the session has ended since: what was taken in it is not held in another.
    Taking {
        expected: u64,
        void: bool,
    },
    Held {
        epoch: Epoch,
        draining: bool,
    },
    Releasing {
        expected: u64,
    },
}

/// What this worker may do at a moment.
#[derive(Debug, Clone, Copy)]
struct Outlook<'a> {
    /// Who should own the partition; `None` while this worker cannot tell.
    winner: Option<Winner<'a>>,
    /// Since when it has been able to take leases: its session is open, and it knows enough of the
    /// others; `None` while that is not so, or it goes.
    taking: Option<Instant>,
    register: &'a Register,
}

impl Lease {
    fn new(me: WorkerId, partition: Partition) -> Self {
        let tenure = Tenure::None;
        Self { me, partition, record: None, tenure, not_before: None, refused: None }
    }

    /// Whether this worker has nothing to do with the lease any more.
    fn is_idle(&self) -> bool {
        matches!(self.tenure, Tenure::None)
    }

    /// What is known is about to be read anew.
    fn forget_record(&mut self) {
        self.record = None;
        self.refused = None;
    }

    /// The bucket was read to its end and shows no record.
    fn absent(&mut self, now: Instant) {
        if self.record.is_none() {
            self.record = Some(Record { revision: 0, holder: None, since: now });
        }
    }

    /// The bucket shows this record; `holder` is `None` for a deleted lease.
    fn observed(
        &mut self,
        revision: u64,
        holder: Option<WorkerId>,
        now: Instant,
    ) -> Option<Action> {
        if self.record.as_ref().is_some_and(|record| revision < record.revision) {
            return None;
        }
        self.record = Some(Record { revision, holder, since: now });
        match self.tenure {
            Tenure::Held { epoch, .. } if revision > epoch => {
                self.not_before = Some(now + RETRY);
                Some(self.stop())
            }
            _ => None,
        }
    }

    /// The answer to [`Request::Take`]; `acts` while this worker's session is open.
    fn taken(&mut self, expected: u64, answer: Answer, acts: bool, now: Instant) -> Option<Action> {
        let Tenure::Taking { expected: asked, void } = self.tenure else { return None };
        if asked != expected {
            return None;
        }
        self.tenure = Tenure::None;
        let Answer::Written(revision) = answer else {
            self.not_before = Some(now + RETRY);
            let unchanged = self.record.as_ref().is_some_and(|record| record.revision == expected);
            let again = self.refused.replace(expected) == Some(expected);
            let stuck = answer == Answer::Refused && unchanged && again;
            return stuck.then_some(Action::Resync);
        };
        let overtaken = self.record.as_ref().is_some_and(|record| record.revision > revision);
        if overtaken {
            return None;
        }
        self.record = Some(Record { revision, holder: Some(self.me.clone()), since: now });
        if void || !acts {
            return None;
        }
        self.tenure = Tenure::Held { epoch: revision, draining: false };
        Some(Action::Start { partition: self.partition, epoch: revision })
    }

    /// The answer to [`Request::Release`].
    fn released(&mut self, expected: u64, answer: Answer, now: Instant) {
        if !matches!(self.tenure, Tenure::Releasing { expected: asked } if asked == expected) {
            return;
        }
        self.tenure = Tenure::None;
        let Answer::Written(revision) = answer else {
            // It may be gone, and then the winner has the first word; the watch tells.
            self.not_before = Some(now + ANYBODYS_AFTER);
            return;
        };
        if self.record.as_ref().is_some_and(|record| record.revision < revision) {
            self.record = Some(Record { revision, holder: None, since: now });
        }
    }

    /// The owner of `epoch` has ended: everything it sent is out. `failed` when nobody asked it to.
    fn ended(&mut self, ended: Epoch, failed: bool, now: Instant) -> Option<Action> {
        let Tenure::Held { epoch, .. } = self.tenure else { return None };
        if epoch != ended {
            return None;
        }
        if failed {
            self.not_before = Some(now + AFTER_FAILURE);
        }
        self.tenure = Tenure::Releasing { expected: epoch };
        Some(Action::Ask { request: Request::Release(self.partition), expected: epoch })
    }

    /// This worker's session has ended, and with it every right to act.
    fn session_over(&mut self) -> Option<Action> {
        match &mut self.tenure {
            Tenure::Held { .. } => Some(self.stop()),
            Tenure::Taking { void, .. } => {
                *void = true;
                None
            }
            Tenure::None | Tenure::Releasing { .. } => None,
        }
    }

    /// Time passes.
    fn tick(&mut self, outlook: Outlook<'_>, now: Instant) -> Option<Action> {
        match self.tenure {
            Tenure::None => self.take_if_free(outlook, now),
            Tenure::Taking { .. } | Tenure::Releasing { .. } => None,
            Tenure::Held { .. } => {
                // One without a session could not take it, and nobody would have it for a while.
                let better = outlook.winner.is_some_and(|winner| {
                    *winner.worker != self.me
                        && now >= winner.alive_since + WINNER_PROVEN
                        && outlook.register.lives(winner.worker)
                });
                if better { self.drain() } else { None }
            }
        }
    }

    fn take_if_free(&mut self, outlook: Outlook<'_>, now: Instant) -> Option<Action> {
        let (record, taking) = (self.record.as_ref()?, outlook.taking?);
        if self.not_before.is_some_and(|then| now < then) {
            return None;
        }
        let expected = record.revision;
        // A record of this very run without a tenure is left over from a lost answer, from a pause, or
        // from a session that has ended.
        let standing = record
            .holder
            .as_ref()
            .filter(|holder| **holder != self.me)
            .map(|holder| (holder, outlook.register.standing(holder, record.revision)));
        let (since, request, expected) = match standing {
            None => (record.since, Request::Take(self.partition), expected),
            Some((_, Standing::Over { since })) => {
                (since.max(record.since), Request::Take(self.partition), expected)
            }
            Some((holder, Standing::Unproven { expected })) => {
                (record.since, Request::Bury(holder.clone()), expected)
            }
            Some((_, Standing::Lives { shown })) => {
                return (now >= shown + STALE_SESSION).then_some(Action::Resync);
            }
        };
        let mine = outlook.winner.is_some_and(|winner| *winner.worker == self.me);
        // Others may not have been able to take it before this worker was.
        if !mine && now < since.max(taking) + ANYBODYS_AFTER {
            return None;
        }
        if let Request::Take(_) = request {
            self.tenure = Tenure::Taking { expected, void: false };
        }
        Some(Action::Ask { request, expected })
    }

    /// Another is to have it: what it is held for ends in good order.
    fn drain(&mut self) -> Option<Action> {
        match &mut self.tenure {
            Tenure::Held { draining: draining @ false, .. } => {
                *draining = true;
                Some(Action::Drain { partition: self.partition })
            }
            _ => None,
        }
    }

    fn stop(&mut self) -> Action {
        self.tenure = Tenure::None;
        Action::Stop { partition: self.partition }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
