//! What a room's log finds, receipt by receipt.

use super::*;

/// Two residents and message 1 at seq 10.
fn log() -> RoomLog {
    let mut log = RoomLog::default();
    log.enter(7, 0);
    log.enter(8, 0);
    assert_eq!(log.witness(1, 10), Witness::New);
    log
}

#[test]
fn what_all_have_is_closed_and_a_double_is_still_found() {
    let mut log = log();
    assert_eq!(log.received(7, 10), Receipt::Fits);
    assert_eq!((log.open(), log.missing().count()), (1, 1));
    assert_eq!(log.received(8, 10), Receipt::Fits);
    assert_eq!((log.open(), log.missing().count()), (0, 0));
    assert_eq!(log.received(8, 10), Receipt::Double);
    assert_eq!(log.witness(1, 10), Witness::Known);
    assert_eq!(log.witness(2, 10), Witness::Other(1));
}

#[test]
fn a_late_one_and_a_stranger() {
    let mut log = log();
    log.witness(2, 11);
    assert_eq!(log.received(7, 11), Receipt::Fits);
    assert_eq!(log.received(7, 10), Receipt::Late);
    assert_eq!(log.received(9, 10), Receipt::Stray);
}

#[test]
fn who_left_lacks_only_what_stood_before_its_last() {
    let mut log = log();
    for (index, seq) in [(2, 11), (3, 12)] {
        log.witness(index, seq);
    }
    for seq in 10..=12 {
        log.received(8, seq);
    }
    log.received(7, 11);
    log.leave(7);
    let missing: Vec<_> = log.missing().collect();
    assert_eq!(missing, [Missing { client: 7, index: 1, seq: 10 }]);
    assert_eq!(log.expected(), 3 + 2);
}

#[test]
fn who_came_later_does_not_lack_what_stood_before() {
    let mut log = log();
    log.enter(9, 10);
    log.witness(2, 11);
    for client in [7, 8] {
        log.received(client, 10);
    }
    let waiting: Vec<_> = log.missing().map(|missing| (missing.client, missing.seq)).collect();
    assert_eq!(waiting, [(7, 11), (8, 11), (9, 11)]);
    assert_eq!(log.received(9, 10), Receipt::Double);
}

#[test]
fn a_guest_lacks_what_lies_between_two_that_it_got() {
    let mut log = log();
    log.visit(9, 10);
    for (index, seq) in [(2, 11), (3, 12), (4, 13)] {
        log.witness(index, seq);
    }
    assert_eq!(log.received(9, 12), Receipt::Fits);
    assert_eq!(log.received(9, 12), Receipt::Double);
    log.leave(9);
    assert_eq!(log.received(9, 13), Receipt::Stray);
    let missing: Vec<_> = log.missing().filter(|missing| missing.client == 9).collect();
    assert_eq!(missing, [Missing { client: 9, index: 2, seq: 11 }]);
    log.visit(9, 13);
    assert_eq!(log.received(9, 13), Receipt::Double);
}

#[test]
fn what_comes_after_all_was_told_is_late() {
    let mut log = log();
    log.visit(9, 5);
    for client in [7, 9] {
        log.recovered(client, 10);
        assert_eq!(log.received(client, 10), Receipt::Late, "client {client}");
        assert_eq!(log.received(client, 10), Receipt::Double, "client {client}");
    }
    log.witness(2, 11);
    assert_eq!([7, 9].map(|client| log.received(client, 11)), [Receipt::Fits; 2]);
    log.witness(3, 12);
    log.recovered(9, 12);
    log.leave(9);
    assert!(log.missing().any(|missing| (missing.client, missing.seq) == (9, 12)));
}

#[test]
fn a_guest_that_got_nothing_of_what_all_others_got_is_named() {
    let mut log = log();
    log.visit(9, 0);
    log.received(7, 10);
    log.leave(9);
    assert_eq!(log.deaf_visits(1).count(), 0, "a resident waits for it too");
    log.visit(9, 0);
    log.received(8, 10);
    log.leave(9);
    let deaf: Vec<_> = log.deaf_visits(1).collect();
    assert_eq!(deaf, [DeafVisit { client: 9, from: 0, passed: 1 }]);
    assert_eq!(log.deaf_visits(2).count(), 0);
}
