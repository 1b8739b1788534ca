//! One partition's lease, as this worker sees it.
//!
//! Pure: what the bucket shows, answers and time go in, actions come out. The bucket's revisions
//! arbitrate between workers; this worker's own clock fences itself: it stops [`FENCE_MARGIN`] before
//! the server could have given the lease away, whatever it heard or did not hear.

use std::time::{Duration, Instant};

use wire::{
    WorkerId,
    kv::{Epoch, LEASE_RENEWAL, LEASE_TTL},
};

pub use self::action::{Action, Answer, Winner};

mod action;

/// How long before the lease's end its owner stops by itself.
pub const FENCE_MARGIN: Duration = Duration::from_millis(500);
/// A lease that nobody took for this long is anybody's: the winner may be deaf or stuck.
const ANYBODYS_AFTER: Duration = Duration::from_secs(1);
/// How long a better owner must have lived before a partition is handed to it.
const WINNER_PROVEN: Duration = Duration::from_secs(1);
/// Before a refused or failed request is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// Before this worker takes a lease again whose tenure ended without anybody wanting it to.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// A lease of another that was neither renewed nor expired for this long: the watch missed something.
const STALE_RECORD: Duration = LEASE_TTL.saturating_mul(2);

/// The lease of one partition.
#[derive(Debug)]
pub struct Lease {
    me: WorkerId,
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
    /// `None` when the lease is free.
    holder: Option<WorkerId>,
    since: Instant,
}

#[derive(Debug)]
enum Tenure {
    None,
    Taking { expected: u64 },
    Held(Held),
    Releasing { expected: u64 },
}

#[derive(Debug)]
struct Held {
    epoch: Epoch,
    revision: u64,
    until: Instant,
    renew_at: Instant,
    /// The revision over which a renewal is on its way.
    renewing: Option<u64>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Acting,
    Draining,
    /// The owner is gone; the lease is released as soon as no renewal is on its way.
    Ended,
}

impl Lease {
    pub fn new(me: WorkerId) -> Self {
        Self { me, record: None, tenure: Tenure::None, not_before: None, refused: None }
    }

    /// Who holds it, as far as the bucket has shown.
    pub fn holder(&self) -> Option<&WorkerId> {
        self.record.as_ref()?.holder.as_ref()
    }

    /// Whether this worker has nothing to do with the lease any more.
    pub fn is_idle(&self) -> bool {
        matches!(self.tenure, Tenure::None)
    }

    /// What is known is about to be read anew.
    pub fn forget_record(&mut self) {
        self.record = None;
        self.refused = None;
    }

    /// The bucket was read to its end and shows no record.
    pub fn absent(&mut self, now: Instant) {
        if self.record.is_none() {
            self.record = Some(Record { revision: 0, holder: None, since: now });
        }
    }

    /// The bucket shows this record; `holder` is `None` for a deleted or expired lease.
    pub fn observed(
        &mut self,
        revision: u64,
        holder: Option<WorkerId>,
        now: Instant,
    ) -> Vec<Action> {
        if self.record.as_ref().is_some_and(|record| revision < record.revision) {
            return Vec::new();
        }
        let mine = holder.as_ref() == Some(&self.me);
        self.record = Some(Record { revision, holder, since: now });
        let Tenure::Held(held) = &mut self.tenure else { return Vec::new() };
        if revision <= held.revision {
            return Vec::new();
        }
        if mine {
            // A renewal whose answer got lost. It counts for the next one, but gives no time.
            held.revision = revision;
            return Vec::new();
        }
        self.lose(now)
    }

    /// The answer to [`Action::Take`], whose request was sent at `sent`.
    pub fn taken(
        &mut self,
        expected: u64,
        answer: Answer,
        sent: Instant,
        now: Instant,
    ) -> Vec<Action> {
        if !matches!(self.tenure, Tenure::Taking { expected: asked } if asked == expected) {
            return Vec::new();
        }
        self.tenure = Tenure::None;
        let Answer::Written(revision) = answer else {
            self.not_before = Some(now + RETRY);
            let unchanged = self.record.as_ref().is_some_and(|record| record.revision == expected);
            let again = self.refused.replace(expected) == Some(expected);
            let stuck = answer == Answer::Refused && unchanged && again;
            return if stuck { vec![Action::Resync] } else { Vec::new() };
        };
        let until = fence(sent);
        let overtaken = self.record.as_ref().is_some_and(|record| record.revision > revision);
        if overtaken || now >= until {
            return Vec::new();
        }
        self.record = Some(Record { revision, holder: Some(self.me.clone()), since: now });
        self.tenure = Tenure::Held(Held {
            epoch: revision,
            revision,
            until,
            renew_at: sent + LEASE_RENEWAL,
            renewing: None,
            stage: Stage::Acting,
        });
        vec![Action::Start { epoch: revision, until }]
    }

    /// The answer to [`Action::Renew`], whose request was sent at `sent`.
    pub fn renewed(
        &mut self,
        expected: u64,
        answer: Answer,
        sent: Instant,
        now: Instant,
    ) -> Vec<Action> {
        let Tenure::Held(held) = &mut self.tenure else { return Vec::new() };
        if held.renewing != Some(expected) {
            return Vec::new();
        }
        held.renewing = None;
        if now >= held.until {
            // What the owner had to send may have been dropped meanwhile; another tenure sends it.
            return self.lose(now);
        }
        match answer {
            Answer::Written(revision) => {
                held.revision = held.revision.max(revision);
                held.until = held.until.max(fence(sent));
                held.renew_at = sent + LEASE_RENEWAL;
                let mut actions = vec![Action::Extend { until: held.until }];
                actions.extend(self.release_if_ended());
                actions
            }
            // Another's record, or an own one whose answer got lost: the watch will tell which, and
            // the fence holds meanwhile.
            Answer::Refused | Answer::Unknown => {
                held.renew_at = now + RETRY;
                self.release_if_ended()
            }
        }
    }

    /// The answer to [`Action::Release`].
    pub fn released(&mut self, expected: u64, answer: Answer, now: Instant) {
        if !matches!(self.tenure, Tenure::Releasing { expected: asked } if asked == expected) {
            return;
        }
        self.tenure = Tenure::None;
        if let Answer::Written(revision) = answer
            && self.record.as_ref().is_some_and(|record| record.revision < revision)
        {
            self.record = Some(Record { revision, holder: None, since: now });
        }
    }

    /// The owner of `epoch` has ended: everything it sent is out. `failed` when nobody asked it to.
    pub fn ended(&mut self, epoch: Epoch, failed: bool, now: Instant) -> Vec<Action> {
        let Tenure::Held(held) = &mut self.tenure else { return Vec::new() };
        if held.epoch != epoch {
            return Vec::new();
        }
        held.stage = Stage::Ended;
        if failed {
            self.not_before = Some(now + AFTER_FAILURE);
        }
        self.release_if_ended()
    }

    /// This worker goes: what it holds is handed over.
    pub fn leave(&mut self) -> Vec<Action> {
        match &mut self.tenure {
            Tenure::Held(held) if held.stage == Stage::Acting => {
                held.stage = Stage::Draining;
                vec![Action::Drain]
            }
            _ => Vec::new(),
        }
    }

    /// Time passes. `judging` says since when this worker has known enough of the others to take
    /// leases; `None` while it does not, or goes.
    pub fn tick(
        &mut self,
        winner: Option<Winner<'_>>,
        judging: Option<Instant>,
        now: Instant,
    ) -> Vec<Action> {
        match &mut self.tenure {
            Tenure::None => self.take_if_free(winner, judging, now),
            Tenure::Taking { .. } | Tenure::Releasing { .. } => Vec::new(),
            Tenure::Held(held) => {
                if now >= held.until {
                    return self.lose(now);
                }
                let mut actions = Vec::new();
                if held.renewing.is_none() && held.stage != Stage::Ended && now >= held.renew_at {
                    held.renewing = Some(held.revision);
                    actions.push(Action::Renew { expected: held.revision });
                }
                let better = winner.is_some_and(|winner| {
                    *winner.worker != self.me && now >= winner.alive_since + WINNER_PROVEN
                });
                if better && held.stage == Stage::Acting {
                    held.stage = Stage::Draining;
                    actions.push(Action::Drain);
                }
                actions
            }
        }
    }

    fn take_if_free(
        &mut self,
        winner: Option<Winner<'_>>,
        judging: Option<Instant>,
        now: Instant,
    ) -> Vec<Action> {
        let (Some(record), Some(judging)) = (&self.record, judging) else { return Vec::new() };
        if self.not_before.is_some_and(|then| now < then) {
            return Vec::new();
        }
        // A record of this very run without a tenure is left over from a lost answer or a pause.
        let free = record.holder.as_ref().is_none_or(|holder| *holder == self.me);
        if !free {
            let stale = now >= record.since + STALE_RECORD;
            return if stale { vec![Action::Resync] } else { Vec::new() };
        }
        let mine = winner.is_some_and(|winner| *winner.worker == self.me);
        // Others may not have been able to take it before this worker was.
        if !mine && now < record.since.max(judging) + ANYBODYS_AFTER {
            return Vec::new();
        }
        let expected = record.revision;
        self.tenure = Tenure::Taking { expected };
        vec![Action::Take { expected }]
    }

    fn release_if_ended(&mut self) -> Vec<Action> {
        let Tenure::Held(held) = &self.tenure else { return Vec::new() };
        if held.stage != Stage::Ended || held.renewing.is_some() {
            return Vec::new();
        }
        let expected = held.revision;
        self.tenure = Tenure::Releasing { expected };
        vec![Action::Release { expected }]
    }

    fn lose(&mut self, now: Instant) -> Vec<Action> {
        let was = std::mem::replace(&mut self.tenure, Tenure::None);
        self.not_before = Some(now + RETRY);
        match was {
            Tenure::Held(Held { stage: Stage::Acting | Stage::Draining, .. }) => vec![Action::Stop],
            _ => Vec::new(),
        }
    }
}

/// Until when a lease that was written by a request sent at `sent` gives the right to act: the server
/// counts from when it stored it, which is later.
fn fence(sent: Instant) -> Instant {
    sent + LEASE_TTL.saturating_sub(FENCE_MARGIN)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
