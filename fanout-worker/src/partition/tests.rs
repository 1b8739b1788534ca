use wire::User;
use wire::delivery::{Digest, Messages};
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

pub(super) fn user(n: u8) -> User {
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

pub(super) fn core(pairs: &[(u8, u8, Seq)], followed_from: Seq, now: Instant) -> PartitionCore {
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
pub(super) fn pass(
    core: &mut PartitionCore,
    start: Instant,
    until: u64,
) -> Vec<(u128, NodeId, ToNode)> {
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

pub(super) fn report(n: u8, counter: u64, full: bool, joined: &[u8], left: &[u8]) -> Input {
    let rooms = vec![RoomPresence {
        room: room(0),
        joined: joined.iter().map(|n| user(*n)).collect(),
        left: left.iter().map(|n| user(*n).user_id).collect(),
    }];
    Input::Said(FromNode::Presence(PresenceReport { node: node(n), counter, full, rooms }))
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

/// A core whose rosters are published; node 1 and 2 are in room 0, with users 1 and 2.
pub(super) fn settled(start: Instant) -> PartitionCore {
    let mut core = core(&[(0, 1, 3), (0, 2, 3)], 10, start);
    core.handle(Input::Wake, start);
    core.handle(report(1, 1, false, &[1], &[]), start);
    core.handle(report(2, 1, false, &[2], &[]), start);
    assert!(core.gather_until.is_none());
    pass(&mut core, start, 1_000);
    core
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
