//! What the claims of one worker amount to.

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
    let tick = |claims: &mut Claims| claims.tick(|_| Some(winner(&me, start)), Some(start), start);
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
    let tick = |claims: &mut Claims| claims.tick(|_| Some(winner(&me, start)), Some(start), start);
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
