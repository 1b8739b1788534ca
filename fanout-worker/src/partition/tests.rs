use wire::User;
use wire::delivery::{Digest, Messages, RosterChange, RosterUpdate};
use wire::ephemeral::{PresenceReport, RoomPresence};

use super::*;
use crate::liveness::Liveness;

pub(super) const TIMING: Timing = Timing {
    presence_window: Duration::from_millis(200),
    gather_timeout: Duration::from_millis(1_500),
    digest_delay: Duration::from_millis(500),
    digest_interval: Duration::from_secs(5),
    remove_dead_after: Duration::from_secs(30),
};

pub(super) fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) fn partition() -> Partition {
    Partition::new(0).unwrap()
}

/// The rooms of partition 0.
pub(super) fn room(n: u8) -> RoomName {
    let rooms = (0_u32..).map(|i| RoomName::parse(&format!("room-{i}")).unwrap());
    rooms.filter(|room| room.partition() == partition()).nth(n.into()).unwrap()
}

pub(super) fn node(n: u8) -> NodeId {
    NodeId::parse(&format!("node-{n}")).unwrap()
}

fn user(n: u8) -> User {
    User { user_id: format!("u{n}").into(), username: format!("User {n}").into() }
}

fn body(seq: Seq) -> Box<RawValue> {
    RawValue::from_string(format!("{{\"n\":{seq}}}")).unwrap()
}

pub(super) fn message(seq: Seq, r: u8) -> Record {
    Record { seq, entry: Entry::Message { room: room(r), body: body(seq), trace: None } }
}

pub(super) fn joined(seq: Seq, r: u8, n: u8) -> Record {
    let entry = Entry::Interest { room: room(r), node: node(n), interest: Interest::Joined };
    Record { seq, entry }
}

/// A view in which exactly `alive` live.
pub(super) fn view(alive: &[u8]) -> Arc<View<NodeId>> {
    let start = Instant::now();
    let mut liveness = Liveness::new(start);
    let mut now = start;
    while now < start + millis(4_000) {
        liveness.contact(now);
        for n in alive {
            liveness.beat(&node(*n), false, now);
        }
        now += millis(500);
    }
    liveness.contact(now);
    liveness.expire(now);
    Arc::new(liveness.view(now))
}

fn membership(pairs: &[(u8, u8, Seq)]) -> Membership {
    let mut membership = Membership::default();
    for (r, n, seq) in pairs {
        membership.apply(&room(*r), &node(*n), Interest::Joined, *seq, 0);
    }
    membership
}

fn core(pairs: &[(u8, u8, Seq)], followed_from: Seq, now: Instant) -> PartitionCore {
    PartitionCore::new(
        (partition(), 7),
        membership(pairs),
        followed_from,
        view(&[1, 2, 3]),
        TIMING,
        now,
    )
}

/// Lets time pass until `until`, and says what was sent and when, in milliseconds from `start`.
fn pass(core: &mut PartitionCore, start: Instant, until: u64) -> Vec<(u128, NodeId, ToNode)> {
    let mut sent = Vec::new();
    while let Some(wake) = core.next_wake().filter(|wake| *wake <= start + millis(until)) {
        for effect in core.handle(Input::Wake, wake) {
            let Effect::Send { node, item, .. } = effect else { continue };
            sent.push((wake.saturating_duration_since(start).as_millis(), node, item));
        }
    }
    sent
}

pub(super) fn sends(effects: Vec<Effect>) -> Vec<(NodeId, ToNode)> {
    effects
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Send { node, item, .. } => Some((node, item)),
            Effect::RemoveInterest { .. } => None,
        })
        .collect()
}

fn report(n: u8, counter: u64, full: bool, joined: &[u8], left: &[u8]) -> Input {
    let rooms = vec![RoomPresence {
        room: room(0),
        joined: joined.iter().map(|n| user(*n)).collect(),
        left: left.iter().map(|n| user(*n).user_id).collect(),
    }];
    Input::Said(FromNode::Presence(PresenceReport { node: node(n), counter, full, rooms }))
}

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
fn a_tenure_begins_with_a_digest_to_every_live_member() {
    let now = Instant::now();
    let mut core = core(&[(0, 1, 3), (1, 2, 4), (1, 9, 5)], 10, now);
    let mut sent = sends(core.handle(Input::Wake, now));
    sent.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = Digest { partition: partition(), epoch: 7, counter: 0, seq: 10, reports: 0 };
    assert_eq!(sent.len(), 2, "not to the dead one: {sent:?}");
    for (n, (to, item)) in [1, 2].into_iter().zip(sent) {
        assert_eq!(to, node(n));
        assert!(matches!(item, ToNode::Digest(digest) if digest == expected));
    }
}

#[test]
fn messages_go_to_members_with_counter_and_prev() {
    let now = Instant::now();
    let mut core = core(&[(0, 1, 3), (1, 1, 3), (1, 2, 4)], 10, now);
    core.handle(Input::Wake, now);
    let batch = vec![message(11, 0), message(12, 1), joined(13, 0, 2), message(14, 0)];
    let mut sent = sends(core.handle(Input::Log(batch), now));
    sent.sort_by(|a, b| a.0.cmp(&b.0));
    let delivered = |item: &ToNode| match item {
        ToNode::Messages(Messages { partition: p, epoch: 7, counter, messages })
            if *p == partition() =>
        {
            let all = messages.iter().map(|m| (m.seq, m.prev, m.body.get().to_owned()));
            (*counter, all.collect::<Vec<_>>())
        }
        other => panic!("{other:?}"),
    };
    let text = |seq| body(seq).get().to_owned();
    assert_eq!(
        delivered(&sent[0].1),
        (1, vec![(11, 10, text(11)), (12, 10, text(12)), (14, 11, text(14))])
    );
    assert_eq!(delivered(&sent[1].1), (1, vec![(12, 10, text(12)), (14, 11, text(14))]));
    // What was handled is not handled again.
    assert!(sends(core.handle(Input::Log(vec![message(14, 0)]), now)).is_empty());
    let sent = sends(core.handle(Input::Log(vec![message(20, 1)]), now));
    assert_eq!(sent.iter().map(|(_, item)| delivered(item).0).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(core.processed(), 20);
}

#[test]
fn digests_follow_a_burst_and_then_every_few_seconds() {
    let now = Instant::now();
    let mut core = core(&[(0, 1, 3)], 10, now);
    core.handle(Input::Wake, now);
    core.handle(report(1, 1, true, &[], &[]), now);
    pass(&mut core, now, 1_000);
    for (at, seq) in [(1_000, 11), (1_100, 12), (1_400, 13)] {
        core.handle(Input::Log(vec![message(seq, 0)]), now + millis(at));
    }
    let digests: Vec<(u128, u64)> = pass(&mut core, now, 12_000)
        .into_iter()
        .map(|(at, _, item)| match item {
            ToNode::Digest(digest) => (at, digest.counter),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(digests, [(1_900, 3), (6_900, 3), (11_900, 3)]);
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

/// A core whose rosters are published; node 1 and 2 are in room 0, with users 1 and 2.
fn settled(start: Instant) -> PartitionCore {
    let mut core = core(&[(0, 1, 3), (0, 2, 3)], 10, start);
    core.handle(Input::Wake, start);
    core.handle(report(1, 1, false, &[1], &[]), start);
    core.handle(report(2, 1, false, &[2], &[]), start);
    assert!(core.gather_until.is_none());
    pass(&mut core, start, 1_000);
    core
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
fn the_interest_of_the_long_dead_is_removed() {
    let start = Instant::now();
    let mut core = settled(start);
    core.handle(Input::Nodes(view(&[1])), start);
    let mut removals = Vec::new();
    while let Some(wake) = core.next_wake().filter(|wake| *wake <= start + millis(65_000)) {
        for effect in core.handle(Input::Wake, wake) {
            if let Effect::RemoveInterest { room, node, joined } = effect {
                removals.push((wake.duration_since(start).as_secs(), room, node, joined));
            }
        }
    }
    // The first write may have been lost.
    assert_eq!(removals, [(30, room(0), node(2), 3), (60, room(0), node(2), 3)]);
    let left = Entry::Interest { room: room(0), node: node(2), interest: Interest::Left };
    core.handle(Input::Log(vec![Record { seq: 11, entry: left }]), start + millis(65_000));
    assert!(!core.membership.has_node(&node(2)));
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
fn typing_goes_to_the_nodes_of_the_room_alone() {
    let start = Instant::now();
    let mut core = core(&[(0, 1, 3), (1, 2, 3), (0, 3, 3)], 10, start);
    core.handle(Input::Nodes(view(&[1, 2])), start);
    let typing = Typing { room: room(0), user: user(1), typing: true };
    let sent = sends(
        core.handle(Input::Said(FromNode::Typing { node: node(2), typing: typing.clone() }), start),
    );
    let typings: Vec<_> =
        sent.iter().filter(|(_, item)| matches!(item, ToNode::Typing(_))).collect();
    assert_eq!(typings.len(), 1);
    assert!(
        typings[0].0 == node(1) && matches!(&typings[0].1, ToNode::Typing(sent) if *sent == typing)
    );
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
