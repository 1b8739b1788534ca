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
mod tests {
    use super::super::tests::{millis, partition, winner, worker};
    use super::*;

    fn ask(request: Request, expected: u64) -> Action {
        Action::Ask { request, expected }
    }

    /// Worker 0, alone, at `start`: its session has revision 1, and partitions 0 and 1 epochs 2 and 3.
    fn holding(start: Instant) -> Claims {
        let me = worker(0);
        let mut claims = Claims::new(me.clone(), (0..2).map(partition));
        claims.all_shown(start);
        let tick =
            |claims: &mut Claims| claims.tick(|_| Some(winner(&me, start)), Some(start), start);
        assert_eq!(tick(&mut claims), [ask(Request::Session, 0)], "no lease without a session");
        let begun = claims.answered(&Request::Session, 0, Answer::Written(1), start, start);
        assert_eq!(begun, [Action::Begin { until: start + millis(2_500) }]);
        let takes = [0, 1].map(|n| ask(Request::Take(partition(n)), 0));
        assert_eq!(tick(&mut claims), takes);
        for (n, epoch) in [(0, 2), (1, 3)] {
            let take = Request::Take(partition(n));
            let started = claims.answered(&take, 0, Answer::Written(epoch), start, start);
            assert_eq!(started, [Action::Start { partition: partition(n), epoch }]);
        }
        claims
    }

    #[test]
    fn with_the_session_every_tenure_ends_and_each_is_taken_anew() {
        let start = Instant::now();
        let me = worker(0);
        let tick =
            |claims: &mut Claims, now| claims.tick(|_| Some(winner(&me, start)), Some(start), now);
        let mut stops = vec![Action::Lost];
        stops.extend([0, 1].map(|n| Action::Stop { partition: partition(n) }));
        let sorted = |mut actions: Vec<Action>| {
            actions[1..].sort_by_key(|action| format!("{action:?}"));
            actions
        };
        // By its end in the bucket.
        let mut claims = holding(start);
        assert_eq!(sorted(claims.session_shown(&me, 9, false, start)), stops);
        assert_eq!(tick(&mut claims, start), [ask(Request::Session, 9)]);
        claims.answered(&Request::Session, 9, Answer::Written(10), start, start);
        let again = [(0, 2), (1, 3)].map(|(n, epoch)| ask(Request::Take(partition(n)), epoch));
        assert_eq!(tick(&mut claims, start), again, "over the records that it left");
        // By the fence.
        let mut claims = holding(start);
        let end = start + millis(2_500);
        let mut lost = claims.tick(|_| None, None, start + millis(1_000));
        assert_eq!(lost, [ask(Request::Session, 1)]);
        lost = claims.tick(|_| Some(winner(&me, start)), Some(start), end);
        assert_eq!(sorted(lost), stops);
        assert!(!claims.takes_part(end));
    }

    #[test]
    fn what_was_taken_in_one_session_is_not_held_in_the_next() {
        let start = Instant::now();
        let me = worker(0);
        let mut claims = Claims::new(me.clone(), (0..1).map(partition));
        let tick =
            |claims: &mut Claims| claims.tick(|_| Some(winner(&me, start)), Some(start), start);
        claims.all_shown(start);
        tick(&mut claims);
        claims.answered(&Request::Session, 0, Answer::Written(1), start, start);
        let take = Request::Take(partition(0));
        assert_eq!(tick(&mut claims), [ask(take.clone(), 0)]);
        assert_eq!(claims.session_shown(&me, 4, false, start), [Action::Lost]);
        assert_eq!(tick(&mut claims), [ask(Request::Session, 4)]);
        claims.answered(&Request::Session, 4, Answer::Written(5), start, start);
        // Others have seen the end of the session after this, and take the lease.
        assert_eq!(claims.answered(&take, 0, Answer::Written(3), start, start), []);
        assert_eq!(tick(&mut claims), [ask(take.clone(), 3)]);
        let started = claims.answered(&take, 3, Answer::Written(6), start, start);
        assert_eq!(started, [Action::Start { partition: partition(0), epoch: 6 }]);
    }

    #[test]
    fn a_lease_whose_holders_end_nobody_saw_is_taken_by_proof() {
        let start = Instant::now();
        let (me, gone) = (worker(0), worker(1));
        let mut claims = Claims::new(me.clone(), (0..2).map(partition));
        let tick =
            |claims: &mut Claims, now| claims.tick(|_| Some(winner(&me, start)), Some(start), now);
        for n in 0..2 {
            claims.lease_shown(partition(n), 5 + u64::from(n), Some(gone.clone()), start);
        }
        claims.all_shown(start);
        tick(&mut claims, start);
        claims.answered(&Request::Session, 0, Answer::Written(7), start, start);
        let bury = Request::Bury(gone.clone());
        assert_eq!(tick(&mut claims, start), [ask(bury.clone(), 0)], "once for both");
        assert_eq!(tick(&mut claims, start), []);
        // It lives after all, or another was quicker.
        let refused = claims.answered(&bury, 0, Answer::Refused, start, start);
        assert_eq!(refused, [Action::Resync]);
        assert_eq!(tick(&mut claims, start + millis(999)), []);
        let later = start + millis(1_000);
        assert!(tick(&mut claims, later).contains(&ask(bury.clone(), 0)));
        claims.answered(&bury, 0, Answer::Written(8), later, later);
        let takes = [0, 1].map(|n| ask(Request::Take(partition(n)), 5 + u64::from(n)));
        assert_eq!(tick(&mut claims, later), takes);
    }

    #[test]
    fn a_fresh_watcher_leaves_a_lease_of_an_earlier_session_to_its_holder() {
        let start = Instant::now();
        let holder = worker(1);
        // Its session was 3, ended with 6, and is 9 now. Of that a fresh watcher is shown the last alone.
        let show = |claims: &mut Claims| {
            claims.lease_shown(partition(0), 5, Some(holder.clone()), start);
            let actions = claims.session_shown(&holder, 9, true, start);
            claims.all_shown(start);
            actions
        };
        let mut fresh = Claims::new(worker(0), (0..1).map(partition));
        show(&mut fresh);
        fresh.tick(|_| None, Some(start), start);
        fresh.answered(&Request::Session, 0, Answer::Written(10), start, start);
        let (me, later) = (worker(0), start + millis(2_000));
        let renewal = fresh.tick(|_| Some(winner(&me, start)), Some(start), later);
        assert_eq!(renewal, [ask(Request::Session, 10)]);
        // Its holder takes it again, in the session that it has.
        let mut claims = Claims::new(holder.clone(), (0..1).map(partition));
        claims.all_shown(start);
        claims.tick(|_| None, Some(start), start);
        claims.answered(&Request::Session, 0, Answer::Written(9), start, start);
        assert_eq!(show(&mut claims), []);
        let taken = claims.tick(|_| Some(winner(&holder, start)), Some(start), start);
        assert_eq!(taken, [ask(Request::Take(partition(0)), 5)]);
    }

    #[test]
    fn who_leaves_ends_its_session_after_its_last_lease() {
        let start = Instant::now();
        let mut claims = holding(start);
        let idle = |claims: &mut Claims| claims.tick(|_| None, Some(start), start);
        assert_eq!(claims.leave().len(), 2);
        assert_eq!(idle(&mut claims), []);
        for (n, epoch) in [(0, 2), (1, 3)] {
            assert_eq!(idle(&mut claims), [], "a lease is left");
            let release = Request::Release(partition(n));
            let ended = claims.owner_ended(partition(n), epoch, false, start);
            assert_eq!(ended, [ask(release.clone(), epoch)]);
            assert_eq!(idle(&mut claims), []);
            claims.answered(&release, epoch, Answer::Written(epoch + 10), start, start);
        }
        assert_eq!(idle(&mut claims), [ask(Request::EndSession, 1)]);
        assert!(!claims.is_over());
        claims.answered(&Request::EndSession, 1, Answer::Unknown, start, start);
        assert!(claims.is_over());
        assert_eq!(idle(&mut claims), []);
    }
}
