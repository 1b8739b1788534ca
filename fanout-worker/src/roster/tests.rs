use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn room(n: u8) -> RoomName {
    RoomName::parse(&format!("room-{n}")).unwrap()
}

fn node(n: u8) -> NodeId {
    NodeId::parse(&format!("node-{n}")).unwrap()
}

fn user(n: u8) -> User {
    User { user_id: format!("u{n}").into(), username: format!("User {n}").into() }
}

fn presence(r: u8, joined: &[u8], left: &[u8]) -> RoomPresence {
    RoomPresence {
        room: room(r),
        joined: joined.iter().map(|n| user(*n)).collect(),
        left: left.iter().map(|n| user(*n).user_id).collect(),
    }
}

/// What a node makes of the updates of one room.
#[derive(Default)]
struct Replica {
    version: u64,
    users: BTreeMap<UserId, UserName>,
}

impl Replica {
    fn apply(&mut self, update: &RosterUpdate) {
        match &update.change {
            RosterChange::Snapshot { users } => {
                self.users =
                    users.iter().map(|u| (u.user_id.clone(), u.username.clone())).collect();
            }
            RosterChange::Delta { joined, left } => {
                assert_eq!(update.version, self.version + 1, "a delta of another version");
                for user in joined {
                    let was = self.users.insert(user.user_id.clone(), user.username.clone());
                    assert_ne!(was.as_ref(), Some(&user.username), "joined, but was there");
                }
                for user in left {
                    assert!(self.users.remove(&user.user_id).is_some(), "left, but was not there");
                }
            }
        }
        self.version = update.version;
    }
}

fn names(update: &RosterUpdate) -> (Vec<&str>, Vec<&str>) {
    let RosterChange::Delta { joined, left } = &update.change else { panic!("not a delta") };
    let ids = |users: &'_ [User]| users.iter().map(|user| user.user_id.clone()).collect::<Vec<_>>();
    let leak = |ids: Vec<UserId>| ids.into_iter().map(|id| &*String::from(&*id).leak()).collect();
    (leak(ids(joined)), leak(ids(left)))
}

#[test]
fn who_came_and_went_within_a_window_is_not_spoken_of() {
    let mut rosters = Rosters::new(1);
    rosters.report(&node(1), false, &[presence(1, &[1, 2], &[])]);
    rosters.report(&node(1), false, &[presence(1, &[3], &[1])]);
    rosters.report(&node(1), false, &[presence(1, &[], &[3])]);
    let updates = rosters.flush();
    assert_eq!(updates.len(), 1);
    assert_eq!(names(&updates[0].1[0]), (vec!["u2"], vec![]));
    rosters.report(&node(1), false, &[presence(1, &[4], &[])]);
    rosters.report(&node(1), false, &[presence(1, &[], &[4])]);
    assert!(rosters.is_changed() && rosters.flush().is_empty());
}

#[test]
fn a_user_on_two_nodes_leaves_with_the_second() {
    let mut rosters = Rosters::new(1);
    rosters.report(&node(1), false, &[presence(1, &[1], &[])]);
    rosters.report(&node(2), false, &[presence(1, &[1], &[])]);
    rosters.flush();
    rosters.node_gone(&node(1));
    assert!(rosters.flush().is_empty());
    rosters.report(&node(2), false, &[presence(1, &[], &[1])]);
    assert_eq!(names(&rosters.flush()[0].1[0]), (vec![], vec!["u1"]));
}

#[test]
fn a_new_name_is_a_change() {
    let mut rosters = Rosters::new(1);
    rosters.report(&node(1), false, &[presence(1, &[1], &[])]);
    rosters.flush();
    let renamed = User { username: "Another".into(), ..user(1) };
    let report = RoomPresence { joined: vec![renamed.clone()], ..presence(1, &[], &[]) };
    rosters.report(&node(1), false, &[report]);
    let updates = rosters.flush();
    let expected = RosterChange::Delta { joined: vec![renamed], left: vec![] };
    assert_eq!(updates[0].1[0].change, expected);
}

#[test]
fn large_rosters_and_changes_come_in_parts() {
    let many: Vec<User> = (0..2_500)
        .map(|n| User { user_id: format!("u{n}").into(), username: "x".into() })
        .collect();
    let mut rosters = Rosters::new(1);
    let report = RoomPresence { room: room(1), joined: many, left: Vec::new() };
    rosters.report(&node(1), true, &[report]);
    let (mut follower, mut joiner) = (Replica::default(), Replica::default());
    let before = rosters.snapshot(&room(1));
    assert_eq!(before.len(), 1, "nothing is published yet");
    follower.apply(&before[0]);
    for (updates, parts) in [(rosters.flush().remove(0).1, 3), (rosters.snapshot(&room(1)), 3)] {
        assert_eq!(updates.len(), parts);
        for update in &updates {
            let users = match &update.change {
                RosterChange::Snapshot { users } => users.len(),
                RosterChange::Delta { joined, left } => joined.len() + left.len(),
            };
            assert!(users <= MAX_USERS_PER_UPDATE);
            if updates[0].version == before[0].version + 1
                && matches!(updates[0].change, RosterChange::Delta { .. })
            {
                follower.apply(update);
            } else {
                joiner.apply(update);
            }
        }
    }
    assert_eq!((follower.users.len(), follower.version), (2_500, joiner.version));
    assert_eq!(follower.users, joiner.users);
}

#[test]
fn versions_do_not_go_back_when_an_empty_roster_is_forgotten() {
    let mut rosters = Rosters::new(1);
    rosters.report(&node(1), false, &[presence(1, &[1], &[])]);
    rosters.flush();
    rosters.report(&node(1), false, &[presence(1, &[], &[1])]);
    rosters.forget_if_empty(&room(1));
    let emptied = rosters.flush()[0].1[0].version;
    rosters.forget_if_empty(&room(1));
    assert!(rosters.rooms.is_empty() && rosters.by_node.is_empty());
    assert!(rosters.snapshot(&room(1))[0].version >= emptied);
    rosters.report(&node(1), false, &[presence(1, &[1], &[])]);
    assert!(rosters.flush()[0].1[0].version > emptied);
}

#[derive(Debug, Clone)]
enum Step {
    Report { node: u8, rooms: Vec<(u8, BTreeSet<u8>, BTreeSet<u8>)> },
    Full { node: u8, rooms: Vec<(u8, BTreeSet<u8>)> },
    Gone { node: u8 },
    Flush,
    Forget { room: u8 },
    Restart { room: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let users = || prop::collection::btree_set(0_u8..6, 0..4);
    let report = (0_u8..3, prop::collection::vec((0_u8..3, users(), users()), 0..3));
    let full = (0_u8..3, prop::collection::vec((0_u8..3, users()), 0..3));
    prop_oneof![
        4 => report.prop_map(|(node, rooms)| Step::Report { node, rooms }),
        2 => full.prop_map(|(node, rooms)| Step::Full { node, rooms }),
        1 => (0_u8..3).prop_map(|node| Step::Gone { node }),
        4 => Just(Step::Flush),
        1 => (0_u8..3).prop_map(|room| Step::Forget { room }),
        1 => (0_u8..3).prop_map(|room| Step::Restart { room }),
    ]
}

proptest! {
    /// Replicas that apply what is sent always have what was published, whatever is reported.
    #[test]
    fn replicas_follow(steps in prop::collection::vec(step(), 0..60)) {
        let mut rosters = Rosters::new(1);
        let mut model: BTreeSet<(u8, u8, u8)> = BTreeSet::new();
        let mut replicas: Vec<Replica> = Vec::new();
        for r in 0..3 {
            let mut replica = Replica::default();
            rosters.snapshot(&room(r)).iter().for_each(|update| replica.apply(update));
            replicas.push(replica);
        }
        for step in steps.into_iter().chain([Step::Flush]) {
            match step {
                Step::Report { node: n, rooms } => {
                    let mut report = Vec::new();
                    for (r, joined, left) in rooms {
                        // A user who left and came again is only named as there.
                        let left: Vec<u8> = left.difference(&joined).copied().collect();
                        model.retain(|(node, room, user)| (*node, *room) != (n, r) || !left.contains(user));
                        model.extend(joined.iter().map(|user| (n, r, *user)));
                        report.push(presence(r, &Vec::from_iter(joined), &left));
                    }
                    rosters.report(&node(n), false, &report);
                }
                Step::Full { node: n, rooms } => {
                    model.retain(|(node, ..)| *node != n);
                    model.extend(rooms.iter().flat_map(|(r, users)| users.iter().map(move |u| (n, *r, *u))));
                    let report = rooms.iter().map(|(r, users)| presence(*r, &Vec::from_iter(users.clone()), &[]));
                    rosters.report(&node(n), true, &report.collect::<Vec<_>>());
                }
                Step::Gone { node: n } => {
                    model.retain(|(node, ..)| *node != n);
                    rosters.node_gone(&node(n));
                }
                Step::Flush => {
                    for (room, updates) in rosters.flush() {
                        let r = (0..3).find(|r| self::room(*r) == room).unwrap();
                        for update in &updates {
                            replicas[usize::from(r)].apply(update);
                        }
                    }
                    for r in 0..3_u8 {
                        let there: BTreeSet<UserId> = model
                            .iter()
                            .filter(|(_, room, _)| *room == r)
                            .map(|(_, _, u)| user(*u).user_id)
                            .collect();
                        let replica: BTreeSet<UserId> = replicas[usize::from(r)].users.keys().cloned().collect();
                        prop_assert_eq!(replica, there);
                    }
                }
                Step::Forget { room: r } => {
                    // Only where nobody follows the room; who comes later gets a snapshot.
                    let kept = rosters.rooms.contains_key(&room(r));
                    rosters.forget_if_empty(&room(r));
                    if kept && !rosters.rooms.contains_key(&room(r)) {
                        let replica = &mut replicas[usize::from(r)];
                        let before = replica.version;
                        rosters.snapshot(&room(r)).iter().for_each(|update| replica.apply(update));
                        prop_assert!(replica.version >= before);
                    }
                }
                Step::Restart { room: r } => {
                    let published = std::mem::take(&mut replicas[usize::from(r)]);
                    let replica = &mut replicas[usize::from(r)];
                    rosters.snapshot(&room(r)).iter().for_each(|update| replica.apply(update));
                    prop_assert_eq!(&replica.users, &published.users, "a snapshot is what was published");
                    prop_assert!(replica.version >= published.version);
                }
            }
        }
    }
}
