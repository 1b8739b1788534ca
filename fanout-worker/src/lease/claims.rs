//! All that one worker claims: its session, and in it the leases of partitions.
//!
//! Pure, and the only door to what this module decides: it lets no lease be taken without an open
//! session, ends every tenure with the session that it stands on, and closes the session when the last
//! lease is handed over.

use std::collections::HashMap;
use std::time::Instant;

use wire::{Partition, WorkerId, kv::Epoch};

use super::action::{Action, Answer, Request, Winner};
use super::register::Register;
use super::session::Session;
use super::{Lease, Outlook};

/// What one worker holds, wants and knows.
#[derive(Debug)]
pub struct Claims {
    me: WorkerId,
    session: Session,
    register: Register,
    leases: HashMap<Partition, Lease>,
    /// Whether every record there was has been shown.
    known: bool,
    leaving: bool,
}

impl Claims {
    /// Of the worker `me`, which knows nothing yet, to leases of `partitions`.
    pub fn new(me: WorkerId, partitions: impl Iterator<Item = Partition>) -> Self {
        let lease = |partition| (partition, Lease::new(me.clone(), partition));
        let leases = partitions.map(lease).collect();
        let (session, register) = (Session::default(), Register::default());
        Self { me, session, register, leases, known: false, leaving: false }
    }

    /// Whether this worker can hold leases: it knows those of the others, and its session is open.
    pub fn takes_part(&self, now: Instant) -> bool {
        self.known && !self.leaving && self.session.open_since(now).is_some()
    }

    /// Whether the session of `worker` lives, as far as the bucket has shown.
    pub fn lives(&self, worker: &WorkerId) -> bool {
        self.register.lives(worker)
    }

    /// Whether this worker has left and nothing is under way.
    pub fn is_over(&self) -> bool {
        self.leaving && self.session.is_over() && self.leases.values().all(Lease::is_idle)
    }

    /// What was shown before may be wrong: everything comes again.
    pub fn forget(&mut self) {
        self.known = false;
        self.session.forget_record();
        self.register.forget();
        self.leases.values_mut().for_each(Lease::forget_record);
    }

    /// Every record there is has been shown.
    pub fn all_shown(&mut self, now: Instant) {
        self.known = true;
        self.session.absent();
        self.leases.values_mut().for_each(|lease| lease.absent(now));
    }

    /// The bucket shows the lease of `partition`; `holder` is `None` for a deleted one.
    pub fn lease_shown(
        &mut self,
        partition: Partition,
        revision: u64,
        holder: Option<WorkerId>,
        now: Instant,
    ) -> Vec<Action> {
        let lease = self.leases.get_mut(&partition);
        lease.and_then(|lease| lease.observed(revision, holder, now)).into_iter().collect()
    }

    /// The bucket shows the session of `worker`; `live` is false for a deleted or expired one.
    pub fn session_shown(
        &mut self,
        worker: &WorkerId,
        revision: u64,
        live: bool,
        now: Instant,
    ) -> Vec<Action> {
        if *worker == self.me {
            let actions = self.session.observed(revision, live);
            return self.with_tenures(actions);
        }
        self.register.observed(worker, revision, live, now);
        Vec::new()
    }

    /// The answer to a request over revision `expected` that was sent at `sent`.
    pub fn answered(
        &mut self,
        request: &Request,
        expected: u64,
        answer: Answer,
        sent: Instant,
        now: Instant,
    ) -> Vec<Action> {
        match request {
            Request::Session => {
                let actions = self.session.written(expected, answer, sent, now);
                return self.with_tenures(actions);
            }
            Request::EndSession => self.session.closed(expected),
            Request::Bury(worker) => match answer {
                Answer::Written(revision) => self.register.observed(worker, revision, false, now),
                // It lives, or its end is there: the watch tells, if it does not lack more than that.
                Answer::Refused => return vec![Action::Resync],
                Answer::Unknown => {}
            },
            Request::Take(partition) => {
                let acts = self.session.open_since(now).is_some();
                let lease = self.leases.get_mut(partition);
                let action = lease.and_then(|lease| lease.taken(expected, answer, acts, now));
                return action.into_iter().collect();
            }
            Request::Release(partition) => {
                if let Some(lease) = self.leases.get_mut(partition) {
                    lease.released(expected, answer, now);
                }
            }
        }
        Vec::new()
    }

    /// The owner of `epoch` has ended: everything it sent is out. `failed` when nobody asked it to.
    pub fn owner_ended(
        &mut self,
        partition: Partition,
        epoch: Epoch,
        failed: bool,
        now: Instant,
    ) -> Vec<Action> {
        let lease = self.leases.get_mut(&partition);
        lease.and_then(|lease| lease.ended(epoch, failed, now)).into_iter().collect()
    }

    /// This worker goes: what it holds is handed over, and then its session ends.
    pub fn leave(&mut self) -> Vec<Action> {
        self.leaving = true;
        self.session.leave();
        self.leases.values_mut().filter_map(Lease::drain).collect()
    }

    /// Time passes. `winner` should own a partition; `judging` says since when this worker has known
    /// enough of the others to decide anything, `None` while it does not.
    pub fn tick<'a>(
        &mut self,
        winner: impl Fn(Partition) -> Option<Winner<'a>>,
        judging: Option<Instant>,
        now: Instant,
    ) -> Vec<Action> {
        let actions = self.session.tick(now);
        let mut actions = self.with_tenures(actions);
        for partition in Partition::all() {
            actions.extend(self.step(partition, winner(partition), judging, now));
        }
        if self.leaving && self.leases.values().all(Lease::is_idle) {
            actions.extend(self.session.close());
        }
        actions
    }

    /// Something has changed about one partition; as [`Claims::tick`].
    pub fn step(
        &mut self,
        partition: Partition,
        winner: Option<Winner<'_>>,
        judging: Option<Instant>,
        now: Instant,
    ) -> Vec<Action> {
        let judging = judging.filter(|_| self.known && !self.leaving);
        let winner = winner.filter(|_| judging.is_some());
        let open = self.session.open_since(now);
        let taking = judging.zip(open).map(|(judging, open)| judging.max(open));
        let outlook = Outlook { winner, taking, register: &self.register };
        let Some(lease) = self.leases.get_mut(&partition) else { return Vec::new() };
        let mut action = lease.tick(outlook, now);
        if self.leaving {
            // A lease whose taking was under way has arrived meanwhile.
            action = action.or_else(|| lease.drain());
        }
        if let Some(Action::Ask { request: Request::Bury(worker), .. }) = &action
            && !self.register.ask(worker, now)
        {
            return Vec::new();
        }
        action.into_iter().collect()
    }

    /// Adds what the end of the session means for its tenures, before another one begins.
    fn with_tenures(&mut self, actions: Vec<Action>) -> Vec<Action> {
        let mut all = Vec::with_capacity(actions.len());
        for action in actions {
            let lost = action == Action::Lost;
            all.push(action);
            if lost {
                all.extend(self.leases.values_mut().filter_map(Lease::session_over));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests;
