//! Rosters at the right time, and to the right nodes.

use wire::delivery::RosterChange;
use wire::ephemeral::{FromNode, RoomPresence};

use super::super::Input;
use super::super::tests::{
    core, joined, message, millis, node, partition, pass, report, room, sends, settled, user, view,
};
use super::*;

fn rosters(sent: &[(u128, NodeId, ToNode)]) -> Vec<(u128, NodeId, RosterChange)> {
    let roster = |(at, node, item): &(u128, NodeId, ToNode)| match item {
        ToNode::Roster(RosterUpdate { change, .. }) => Some((*at, node.clone(), change.clone())),
        _ => None,
    };
    sent.iter().filter_map(roster).collect()
}

fn snapshot(users: &[u8]) -> RosterChange {
    RosterChange::Snapshot { users: users.iter().map(|n| user(*n)).collect() }
}

fn delta(joined: &[u8], left: &[u8]) -> RosterChange {
    let users = |ids: &[u8]| ids.iter().map(|n| user(*n)).collect();
    RosterChange::Delta { joined: users(joined), left: users(left) }
}

#[test]
fn rosters_wait_for_everyones_report() {
    let start = Instant::now();
    let mut core = core(&[(0, 1, 3), (0, 2, 3)], 10, start);
    core.handle(Input::Wake, start);
    assert!(rosters(&pass(&mut core, start, 50)).is_empty());
    core.handle(report(1, 5, true, &[1], &[]), start + millis(100));
    let asked = pass(&mut core, start, 700);
    assert!(rosters(&asked).is_empty());
    let ask = |(_, to, item): &&(u128, NodeId, ToNode)| {
        matches!(item, ToNode::ReportPresence(_)) && *to == node(2)
    };
    assert_eq!(asked.iter().filter(ask).count(), 1, "the silent one is asked: {asked:?}");
    let sent = sends(core.handle(report(2, 9, true, &[2], &[]), start + millis(800)));
    let sent: Vec<_> = sent.into_iter().map(|(node, item)| (0, node, item)).collect();
    let mut sent = rosters(&sent);
    sent.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(sent, [(0, node(1), snapshot(&[1, 2])), (0, node(2), snapshot(&[1, 2]))]);
    assert!(rosters(&pass(&mut core, start, 3_000)).is_empty(), "and nothing flaps after it");
}

#[test]
fn rosters_do_not_wait_for_ever() {
    let start = Instant::now();
    let mut core = core(&[(0, 1, 3), (0, 2, 3)], 10, start);
    core.handle(report(1, 5, true, &[1], &[]), start);
    let sent = rosters(&pass(&mut core, start, 2_000));
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|(at, _, change)| *at == 1_500 && *change == snapshot(&[1])));
    core.handle(report(2, 9, true, &[2], &[]), start + millis(2_000));
    let mut sent = rosters(&pass(&mut core, start, 3_000));
    sent.sort_by(|a, b| a.1.cmp(&b.1));
    // Who tells all may have missed a lot, and is told all.
    let expected = [(2_200, node(1), delta(&[2], &[])), (2_200, node(2), snapshot(&[1, 2]))];
    assert_eq!(sent, expected);
}

#[test]
fn whoever_may_have_missed_a_change_of_rosters_is_told_all() {
    let start = Instant::now();
    let mut core = settled(start);
    // The worker's own connection was lost: what it had sent may not have arrived anywhere.
    core.handle(Input::Reconnected, start + millis(1_000));
    let mut sent = rosters(&pass(&mut core, start, 2_000));
    sent.sort_by(|a, b| a.1.cmp(&b.1));
    let all = |at| [(at, node(1), snapshot(&[1, 2])), (at, node(2), snapshot(&[1, 2]))];
    assert_eq!(sent, all(1_200));
    // A node's connection was: it tells all that it has, though nothing has changed.
    core.handle(report(1, 2, true, &[1], &[]), start + millis(2_000));
    assert_eq!(rosters(&pass(&mut core, start, 3_000)), all(2_200)[..1]);
}

#[test]
fn a_new_follower_gets_a_snapshot_and_the_others_deltas() {
    let start = Instant::now();
    let mut core = settled(start);
    let now = start + millis(1_000);
    core.handle(Input::Log(vec![joined(11, 0, 3)]), now);
    core.handle(report(3, 1, false, &[3], &[]), now + millis(100));
    let mut sent = rosters(&pass(&mut core, start, 2_000));
    sent.sort_by(|a, b| a.1.cmp(&b.1));
    let expected = [
        (1_200, node(1), delta(&[3], &[])),
        (1_200, node(2), delta(&[3], &[])),
        (1_200, node(3), snapshot(&[1, 2, 3])),
    ];
    assert_eq!(sent, expected);
    let want = |n: u8, r: u8| Input::Said(FromNode::WantRoster { node: node(n), room: room(r) });
    for (n, r) in [(3, 0), (3, 1), (9, 0)] {
        core.handle(want(n, r), start + millis(2_000));
    }
    let sent = rosters(&pass(&mut core, start, 3_000));
    assert_eq!(sent, [(2_200, node(3), snapshot(&[1, 2, 3]))], "only to a member of the room");
}

#[test]
fn a_dead_nodes_users_leave_and_nothing_is_sent_to_it() {
    let start = Instant::now();
    let mut core = settled(start);
    let now = start + millis(1_000);
    core.handle(Input::Nodes(view(&[1])), now);
    let sent = pass(&mut core, start, 20_000);
    assert_eq!(rosters(&sent), [(1_200, node(1), delta(&[], &[2]))]);
    assert!(sent.iter().all(|(_, to, _)| *to == node(1)));
    core.handle(report(2, 2, false, &[9], &[]), now);
    let sent = sends(core.handle(Input::Log(vec![message(11, 0)]), now));
    assert!(sent.len() == 1 && sent[0].0 == node(1));
    // Back: it is told what it missed, and asked what it has.
    let sent = sends(core.handle(Input::Nodes(view(&[1, 2])), now + millis(2_000)));
    let digest = |(to, item): &(NodeId, ToNode)| {
        *to == node(2)
            && matches!(item, ToNode::Digest(digest) if digest.counter == 1 && digest.reports == 0)
    };
    assert!(sent.iter().any(digest), "{sent:?}");
    assert!(
        sent.iter().any(|(to, item)| *to == node(2) && matches!(item, ToNode::ReportPresence(_)))
    );
    core.handle(report(2, 3, true, &[2], &[]), now + millis(2_100));
    let sent = rosters(&pass(&mut core, start, 20_000));
    assert!(
        sent.contains(&(3_200, node(1), delta(&[2], &[])))
            && sent.contains(&(3_200, node(2), snapshot(&[1, 2])))
    );
}

#[test]
fn a_gap_in_the_reports_is_asked_about_but_not_too_often() {
    let start = Instant::now();
    let mut core = settled(start);
    let mut asked = 0;
    for (at, counter) in [(1_000, 3), (1_050, 4), (1_100, 5), (1_150, 6), (1_250, 7)] {
        let effects = core.handle(report(1, counter, false, &[9], &[]), start + millis(at));
        asked += sends(effects)
            .iter()
            .filter(|(_, item)| matches!(item, ToNode::ReportPresence(_)))
            .count();
    }
    assert_eq!(asked, 2);
    core.handle(report(1, 8, true, &[1, 9], &[]), start + millis(1_300));
    let sent = rosters(&pass(&mut core, start, 3_000));
    assert!(sent.contains(&(1_500, node(2), delta(&[9], &[]))), "{sent:?}");
}

#[test]
fn presence_of_other_partitions_is_ignored() {
    let start = Instant::now();
    let mut core = settled(start);
    let elsewhere = (0_u32..1_000)
        .map(|n| RoomName::parse(&format!("other-{n}")).unwrap())
        .find(|room| room.partition() != partition())
        .unwrap();
    let rooms = vec![RoomPresence { room: elsewhere, joined: vec![user(5)], left: Vec::new() }];
    let report = PresenceReport { node: node(1), counter: 2, full: false, rooms };
    core.handle(Input::Said(FromNode::Presence(report)), start);
    assert!(core.flush_at.is_none());
}
