//! What becomes of one lease.

use super::*;

pub(super) fn worker(n: usize) -> WorkerId {
    WorkerId::parse(&format!("worker-{n}")).unwrap()
}

pub(super) fn partition(n: u16) -> Partition {
    Partition::new(n).unwrap()
}

pub(super) fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) fn winner(worker: &WorkerId, alive_since: Instant) -> Winner<'_> {
    Winner { worker, alive_since }
}

fn take(expected: u64) -> Action {
    Action::Ask { request: Request::Take(partition(0)), expected }
}

fn stop() -> Action {
    Action::Stop { partition: partition(0) }
}

fn drain() -> Action {
    Action::Drain { partition: partition(0) }
}

fn lease() -> Lease {
    Lease::new(worker(0), partition(0))
}

/// A tick of worker 0, which can take leases since `taking` and knows `register`.
fn tick(
    lease: &mut Lease,
    won: Option<&WorkerId>,
    taking: Option<Instant>,
    register: &Register,
    (start, now): (Instant, Instant),
) -> Option<Action> {
    let winner = won.map(|worker| winner(worker, start));
    lease.tick(Outlook { winner, taking, register }, now)
}

/// A lease of `worker(0)` that was taken at `start` with epoch 5.
fn held(start: Instant) -> Lease {
    let (me, register) = (worker(0), Register::default());
    let mut lease = lease();
    lease.absent(start);
    assert_eq!(tick(&mut lease, Some(&me), Some(start), &register, (start, start)), Some(take(0)));
    let started = lease.taken(0, Answer::Written(5), true, start);
    assert_eq!(started, Some(Action::Start { partition: partition(0), epoch: 5 }));
    lease
}

#[test]
fn a_free_lease_is_taken_by_the_winner_at_once_and_by_others_after_a_second() {
    let start = Instant::now();
    let at = |after| start + millis(after);
    let table = [
        (0, Some(0), Some(0), Some(take(7))),
        (0, Some(1), Some(0), None),
        (999, Some(1), Some(0), None),
        (1_000, Some(1), Some(0), Some(take(7))),
        (1_000, None, Some(0), Some(take(7))),
        (1_000, Some(0), None, None),
        // Who has only just been able to take leaves the others their second.
        (1_000, Some(1), Some(900), None),
        (1_899, Some(1), Some(900), None),
        (1_900, Some(1), Some(900), Some(take(7))),
    ];
    for (after, won, taking, expected) in table {
        let mut lease = lease();
        lease.observed(7, None, start);
        let (won, register) = (won.map(worker), Register::default());
        let times = (start, at(after));
        let action = tick(&mut lease, won.as_ref(), taking.map(at), &register, times);
        assert_eq!(action, expected, "{after} {won:?} {taking:?}");
    }
}

#[test]
fn a_lease_of_another_is_taken_when_its_session_has_ended_after_it() {
    let start = Instant::now();
    let at = |after| start + millis(after);
    let bury = |expected| Action::Ask { request: Request::Bury(worker(1)), expected };
    // The records of its holder's session, when each is shown, and what that makes of a lease of
    // revision 7: for the winner at the last of them, and for another worker 999 ms and 1 s later.
    let table = [
        (vec![(3, true)], [None, None, None]),
        (vec![(3, true), (9, false)], [Some(take(7)), None, Some(take(7))]),
        (vec![(3, true), (9, false), (10, true)], [Some(take(7)), Some(take(7)), Some(take(7))]),
        (vec![(8, true)], [None, None, None]),
        (vec![(6, false)], [Some(bury(6)), None, Some(bury(6))]),
        (vec![], [Some(bury(0)), None, Some(bury(0))]),
    ];
    for (records, expected) in table {
        let mut register = Register::default();
        let last = (records.len() as u64).saturating_sub(1) * 500;
        for (after, (revision, live)) in (0..).step_by(500).zip(&records) {
            register.observed(&worker(1), *revision, *live, at(after));
        }
        let cases = [(0, last), (1, last + 999), (1, last + 1_000)];
        for ((won, after), expected) in cases.into_iter().zip(expected) {
            let mut lease = lease();
            lease.observed(7, Some(worker(1)), start);
            let won = worker(won);
            let action = tick(&mut lease, Some(&won), Some(start), &register, (start, at(after)));
            assert_eq!(action, expected, "{records:?} {won} {after}");
        }
    }
}

#[test]
fn nothing_is_taken_before_the_bucket_is_known_and_a_silent_session_makes_it_read_again() {
    let start = Instant::now();
    let (me, at) = (worker(0), |after| (start, start + millis(after)));
    let mut register = Register::default();
    let mut lease = lease();
    assert_eq!(tick(&mut lease, Some(&me), Some(start), &register, at(5_000)), None);
    register.observed(&worker(1), 2, true, start);
    lease.observed(3, Some(worker(1)), start);
    assert_eq!(tick(&mut lease, Some(&me), Some(start), &register, at(5_999)), None);
    // Neither renewed nor ended: something was missed.
    let again = tick(&mut lease, Some(&me), Some(start), &register, at(6_000));
    assert_eq!(again, Some(Action::Resync));
}

#[test]
fn a_stolen_or_deleted_lease_stops_its_owner_at_once() {
    let start = Instant::now();
    for holder in [Some(worker(1)), None] {
        let mut lease = held(start);
        assert_eq!(lease.observed(9, holder, start), Some(stop()));
        assert!(lease.is_idle());
    }
    let mut lease = held(start);
    assert_eq!(lease.observed(4, Some(worker(1)), start), None, "an older record");
    assert_eq!(lease.observed(5, Some(worker(0)), start), None, "its own");
}

#[test]
fn a_better_owner_gets_it_once_it_has_proven_itself_and_can_hold_it() {
    let start = Instant::now();
    let (me, better, mut register) = (worker(0), worker(1), Register::default());
    let mut lease = held(start);
    let (early, times) = ((start, start + millis(999)), (start, start + millis(1_000)));
    assert_eq!(tick(&mut lease, Some(&better), Some(start), &register, times), None);
    register.observed(&better, 6, true, start);
    assert_eq!(tick(&mut lease, Some(&better), Some(start), &register, early), None);
    assert_eq!(tick(&mut lease, Some(&better), Some(start), &register, times), Some(drain()));
    assert_eq!(tick(&mut lease, Some(&better), Some(start), &register, times), None);
    assert_eq!(lease.ended(4, false, start), None, "another tenure");
    let release = Action::Ask { request: Request::Release(partition(0)), expected: 5 };
    assert_eq!(lease.ended(5, false, start), Some(release));
    lease.released(5, Answer::Written(7), times.1);
    assert!(lease.is_idle());
    let other = tick(&mut lease, Some(&better), Some(start), &register, times);
    assert_eq!(other, None, "it is the other's now");
    assert_eq!(tick(&mut lease, Some(&me), Some(start), &register, times), Some(take(7)));
}

#[test]
fn a_tenure_that_failed_is_released_and_taken_again_after_a_while() {
    let start = Instant::now();
    let (me, register) = (worker(0), Register::default());
    let mut lease = held(start);
    assert!(lease.ended(5, true, start).is_some());
    lease.released(5, Answer::Unknown, start);
    for (after, expected) in [(999, None), (1_000, Some(take(5)))] {
        let times = (start, start + millis(after));
        assert_eq!(tick(&mut lease, Some(&me), Some(start), &register, times), expected);
    }
}

#[test]
fn a_refusal_that_nothing_explains_leads_to_reading_again() {
    let start = Instant::now();
    let (me, register) = (worker(0), Register::default());
    let mut lease = lease();
    lease.absent(start);
    for (after, expected) in [(0, None), (250, Some(Action::Resync))] {
        let now = start + millis(after);
        assert_eq!(
            tick(&mut lease, Some(&me), Some(start), &register, (start, now)),
            Some(take(0))
        );
        assert_eq!(lease.taken(0, Answer::Refused, true, now), expected);
    }
    lease.forget_record();
    let later = (start, start + millis(1_000));
    assert_eq!(tick(&mut lease, Some(&me), Some(start), &register, later), None);
}

#[test]
fn an_answer_starts_nothing_once_the_session_is_over_or_another_has_it() {
    let start = Instant::now();
    let (me, register) = (worker(0), Register::default());
    let taking = || {
        let mut lease = lease();
        lease.absent(start);
        tick(&mut lease, Some(&me), Some(start), &register, (start, start));
        lease
    };
    let mut fenced = taking();
    assert_eq!(fenced.taken(0, Answer::Written(5), false, start), None);
    let mut void = taking();
    assert_eq!(void.session_over(), None);
    assert_eq!(void.taken(0, Answer::Written(5), true, start), None);
    let mut overtaken = taking();
    overtaken.observed(6, Some(worker(1)), start);
    assert_eq!(overtaken.taken(0, Answer::Written(5), true, start), None);
    for lease in [&fenced, &void, &overtaken] {
        assert!(lease.is_idle());
    }
    let mut held = held(start);
    assert_eq!(held.session_over(), Some(stop()));
    assert_eq!(held.session_over(), None);
}
