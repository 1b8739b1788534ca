use super::*;

pub(super) fn worker(n: usize) -> WorkerId {
    WorkerId::parse(&format!("worker-{n}")).unwrap()
}

pub(super) fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) fn winner(worker: &WorkerId, alive_since: Instant) -> Winner<'_> {
    Winner { worker, alive_since }
}

/// A lease of `worker(0)` that was taken at `start` with epoch 5.
fn held(start: Instant) -> Lease {
    let mut lease = Lease::new(worker(0));
    lease.absent(start);
    assert_eq!(
        lease.tick(Some(winner(&worker(0), start)), Some(start), start),
        [Action::Take { expected: 0 }]
    );
    let until = start + millis(2_500);
    let started = lease.taken(0, Answer::Written(5), start, start);
    assert_eq!(started, [Action::Start { epoch: 5, until }]);
    lease
}

#[test]
fn a_free_lease_is_taken_by_the_winner_at_once_and_by_others_after_a_second() {
    let start = Instant::now();
    let take = vec![Action::Take { expected: 7 }];
    let at = |after| start + millis(after);
    let table = [
        (0, Some(0), Some(0), take.clone()),
        (0, Some(1), Some(0), vec![]),
        (999, Some(1), Some(0), vec![]),
        (1_000, Some(1), Some(0), take.clone()),
        (1_000, None, Some(0), take.clone()),
        (1_000, Some(0), None, vec![]),
        // Who has only just begun to judge leaves the others their second.
        (1_000, Some(1), Some(900), vec![]),
        (1_899, Some(1), Some(900), vec![]),
        (1_900, Some(1), Some(900), take),
    ];
    for (after, won, judging, expected) in table {
        let mut lease = Lease::new(worker(0));
        lease.observed(7, None, start);
        let won = won.map(worker);
        let winner = won.as_ref().map(|worker| winner(worker, start));
        let actions = lease.tick(winner, judging.map(at), at(after));
        assert_eq!(actions, expected, "{after} {won:?} {judging:?}");
    }
}

#[test]
fn nothing_is_taken_before_the_bucket_is_known_or_while_another_holds() {
    let start = Instant::now();
    let mut lease = Lease::new(worker(0));
    assert_eq!(lease.tick(Some(winner(&worker(0), start)), Some(start), start + millis(5_000)), []);
    lease.observed(3, Some(worker(1)), start);
    assert_eq!(lease.tick(Some(winner(&worker(0), start)), Some(start), start + millis(5_999)), []);
    // Neither renewed nor expired: something was missed.
    assert_eq!(
        lease.tick(Some(winner(&worker(0), start)), Some(start), start + millis(6_000)),
        [Action::Resync]
    );
}

#[test]
fn renewals_extend_from_when_they_were_sent() {
    let start = Instant::now();
    let me = worker(0);
    let mut lease = held(start);
    assert_eq!(lease.tick(Some(winner(&me, start)), Some(start), start + millis(999)), []);
    let sent = start + millis(1_000);
    assert_eq!(
        lease.tick(Some(winner(&me, start)), Some(start), sent),
        [Action::Renew { expected: 5 }]
    );
    assert_eq!(lease.tick(Some(winner(&me, start)), Some(start), sent), [], "one at a time");
    let extended = lease.renewed(5, Answer::Written(6), sent, sent + millis(300));
    assert_eq!(extended, [Action::Extend { until: sent + millis(2_500) }]);
    assert_eq!(
        lease.tick(Some(winner(&me, start)), Some(start), sent + millis(1_000)),
        [Action::Renew { expected: 6 }]
    );
}

#[test]
fn an_owner_without_answers_fences_itself() {
    let start = Instant::now();
    let me = worker(0);
    let mut lease = held(start);
    let sent = start + millis(1_000);
    lease.tick(Some(winner(&me, start)), Some(start), sent);
    lease.renewed(5, Answer::Unknown, sent, sent + millis(900));
    assert_eq!(
        lease.tick(Some(winner(&me, start)), Some(start), start + millis(2_499)).len(),
        1,
        "it tries again"
    );
    assert_eq!(
        lease.tick(Some(winner(&me, start)), Some(start), start + millis(2_500)),
        [Action::Stop]
    );
    assert!(lease.is_idle());
}

#[test]
fn a_stolen_or_expired_lease_stops_its_owner_at_once() {
    for holder in [Some(worker(1)), None] {
        let mut lease = held(Instant::now());
        assert_eq!(lease.observed(9, holder, Instant::now()), [Action::Stop]);
    }
    let mut lease = held(Instant::now());
    assert_eq!(lease.observed(4, Some(worker(1)), Instant::now()), [], "an older record");
}

#[test]
fn a_renewal_whose_answer_was_lost_is_adopted() {
    let start = Instant::now();
    let me = worker(0);
    let mut lease = held(start);
    let sent = start + millis(1_000);
    lease.tick(Some(winner(&me, start)), Some(start), sent);
    assert_eq!(lease.renewed(5, Answer::Unknown, sent, sent), []);
    assert_eq!(lease.observed(8, Some(me.clone()), sent), []);
    assert_eq!(
        lease.tick(Some(winner(&me, start)), Some(start), sent + millis(250)),
        [Action::Renew { expected: 8 }]
    );
    // It came too late to give time: without an answer the fence stands where it was.
    let actions = lease.tick(Some(winner(&me, start)), Some(start), start + millis(2_500));
    assert_eq!(actions, [Action::Stop]);
}

#[test]
fn a_better_owner_gets_it_once_it_has_proven_itself() {
    let start = Instant::now();
    let (me, better) = (worker(0), worker(1));
    let mut lease = held(start);
    assert_eq!(lease.tick(Some(winner(&better, start)), Some(start), start + millis(999)), []);
    let now = start + millis(1_000);
    let actions = lease.tick(Some(winner(&better, start)), Some(start), now);
    assert_eq!(actions, [Action::Renew { expected: 5 }, Action::Drain]);
    // The owner ends while the renewal is on its way.
    assert_eq!(lease.ended(5, false, now), []);
    let actions = lease.renewed(5, Answer::Written(6), now, now);
    assert_eq!(
        actions,
        [Action::Extend { until: now + millis(2_500) }, Action::Release { expected: 6 }]
    );
    lease.released(6, Answer::Written(7), now);
    assert!(lease.is_idle());
    assert_eq!(
        lease.tick(Some(winner(&better, start)), Some(start), now),
        [],
        "it is the other's now"
    );
    assert_eq!(
        lease.tick(Some(winner(&me, start)), Some(start), now),
        [Action::Take { expected: 7 }]
    );
}

#[test]
fn a_refusal_that_nothing_explains_leads_to_reading_again() {
    let start = Instant::now();
    let me = worker(0);
    let mut lease = Lease::new(me.clone());
    lease.absent(start);
    for (at, expected) in [(0, vec![]), (250, vec![Action::Resync])] {
        let now = start + millis(at);
        assert_eq!(
            lease.tick(Some(winner(&me, start)), Some(start), now),
            [Action::Take { expected: 0 }]
        );
        assert_eq!(lease.taken(0, Answer::Refused, now, now), expected);
    }
    lease.forget_record();
    assert_eq!(lease.tick(Some(winner(&me, start)), Some(start), start + millis(1_000)), []);
}

#[test]
fn an_answer_that_comes_too_late_starts_nothing() {
    let start = Instant::now();
    let mut lease = Lease::new(worker(0));
    lease.absent(start);
    lease.tick(None, Some(start), start + millis(1_000));
    let sent = start + millis(1_000);
    assert_eq!(lease.taken(0, Answer::Written(1), sent, sent + millis(2_500)), []);
}
