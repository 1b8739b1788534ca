//! Who is here: what the node tells the owner of its own users, and its members of everyone.

use std::{collections::HashSet, time::Duration};

use wire::{
    User,
    delivery::{RosterChange, RosterUpdate},
    ephemeral::FromNode,
    event,
};

use super::model::{World, user};
use crate::rooms::port::{Effect, Input, SocketKey};

/// The owner's update of the world's room.
fn update(world: &mut World, version: u64, change: RosterChange) {
    let room = world.room.clone();
    world.input(Input::Roster(RosterUpdate { room, epoch: 1, version, change }));
}

#[test]
fn presence_is_reported_once_a_user() {
    let mut world = World::new();
    world.digest();
    world.tick(Duration::from_millis(100));
    world.port.effects.clear();
    // Sockets 2 and 3 are the same user's.
    let (_, two, three) = (world.join(None), world.join(None), world.join(None));
    world.settle();
    let reports = |world: &mut World| -> Vec<(Vec<String>, Vec<String>)> {
        world.tick(Duration::from_millis(100));
        let effects = std::mem::take(&mut world.port.effects);
        effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Tell { what: FromNode::Presence(report), .. } => Some(report),
                _ => None,
            })
            .flat_map(|report| report.rooms)
            .map(|room| {
                let mut joined: Vec<_> =
                    room.joined.iter().map(|user| user.user_id.to_string()).collect();
                joined.sort();
                (joined, room.left.iter().map(ToString::to_string).collect())
            })
            .collect()
    };
    assert_eq!(reports(&mut world), [(vec!["user-0".into(), "user-1".into()], vec![])]);
    world.leave(two);
    assert!(reports(&mut world).is_empty());
    world.leave(three);
    assert_eq!(reports(&mut world), [(vec![], vec!["user-1".into()])]);
}

#[test]
fn a_joiner_gets_a_list_with_itself_in_it() {
    let mut world = World::new();
    let key = world.join(None);
    world.settle();
    let others: Vec<_> = (10..100).map(|n| user(n * 2)).collect();
    update(&mut world, 1, RosterChange::Snapshot { users: others });
    assert!(world.events(key, event::USER_LIST).is_empty());
    let joined = vec![user(key)];
    update(&mut world, 2, RosterChange::Delta { joined, left: vec![] });
    let lists = world.events(key, event::USER_LIST);
    assert_eq!(lists.len(), 1);
    assert_eq!(lists[0]["count"], 91);
    // In a large room everyone, the joiner too, hears of the change alone.
    assert_eq!(world.events(key, event::PRESENCE).last().unwrap()["count"], 91);
    // A lost update is noticed.
    update(&mut world, 4, RosterChange::Delta { joined: vec![], left: vec![] });
    let asks = |effect: &Effect<_>| {
        matches!(effect, Effect::Tell { what: FromNode::WantRoster { .. }, .. })
    };
    assert!(world.port.effects.iter().any(asks));
}

#[test]
fn a_small_room_gets_whole_lists() {
    let mut world = World::new();
    let (one, other) = (world.join(None), world.join(None));
    world.settle();
    let users = vec![user(one), user(other)];
    update(&mut world, 1, RosterChange::Snapshot { users });
    for key in [one, other] {
        let lists = world.events(key, event::USER_LIST);
        assert_eq!(lists.len(), 1);
        let named: HashSet<_> =
            lists[0]["users"].as_array().unwrap().iter().map(|u| u["userId"].to_string()).collect();
        assert_eq!(named.len(), 2);
    }
}

/// The users that a packet names.
fn named(packet: &serde_json::Value) -> usize {
    ["users", "joined", "left"]
        .iter()
        .filter_map(|list| packet[list].as_array())
        .map(Vec::len)
        .sum()
}

/// What a socket was told of who is here.
fn told(world: &World, key: SocketKey) -> Vec<(&'static str, serde_json::Value)> {
    let of = |name| world.events(key, name).into_iter().map(move |packet| (name, packet));
    of(event::PRESENCE).chain(of(event::USER_LIST)).collect()
}

#[test]
fn a_crowd_that_comes_or_goes_at_once_is_one_short_list() {
    const CROWD: usize = 10_000;
    const PART: usize = 1_000;
    let mut world = World::new();
    let members = [world.join(None), world.join(None), world.join(None)];
    world.settle();
    let crowd: Vec<User> = (1_000..).step_by(2).map(user).take(CROWD).collect();
    let staying = (100..200).step_by(2).map(user).chain([user(members[0]), user(members[2])]);
    update(&mut world, 1, RosterChange::Snapshot { users: staying.collect() });
    world.tick(Duration::from_millis(100));
    let mut version = 1;
    for (goes, count) in [(false, 52 + CROWD), (true, 52)] {
        world.port.seen.clear();
        // As the owner tells it: in parts, of which the last is small.
        for part in crowd[..150].chunks(150).chain(crowd[150..].chunks(PART)).rev() {
            version += 1;
            let (joined, left) =
                if goes { (vec![], part.to_vec()) } else { (part.to_vec(), vec![]) };
            update(&mut world, version, RosterChange::Delta { joined, left });
        }
        for key in members {
            assert!(told(&world, key).is_empty(), "more may follow at once");
        }
        world.tick(Duration::from_millis(100));
        world.tick(Duration::from_millis(100));
        for key in members {
            let told = told(&world, key);
            let [(event::USER_LIST, list)] = &told[..] else { panic!("{} packets", told.len()) };
            assert_eq!((list["count"].as_u64(), named(list)), (Some(count as u64), count.min(200)));
        }
    }
}

#[test]
fn as_many_as_a_list_names_come_and_go_by_name() {
    let mut world = World::new();
    let key = world.join(None);
    world.settle();
    let users: Vec<User> = (1_000..).step_by(2).map(user).take(301).collect();
    update(&mut world, 1, RosterChange::Snapshot { users: users[..100].to_vec() });
    world.port.seen.clear();
    let change = |joined: &[User], left: &[User]| RosterChange::Delta {
        joined: joined.to_vec(),
        left: left.to_vec(),
    };
    update(&mut world, 2, change(&users[100..300], &[]));
    update(&mut world, 3, change(&users[300..], &users[..200]));
    let changes = world.events(key, event::PRESENCE);
    let counts: Vec<_> = changes.iter().map(|p| (p["count"].as_u64().unwrap(), named(p))).collect();
    assert_eq!(counts, [(300, 200), (101, 201)]);
    assert!(world.events(key, event::USER_LIST).is_empty());
}

#[test]
fn a_crowd_leaves_few_behind_who_get_their_list_at_once() {
    let mut world = World::new();
    let key = world.join(None);
    world.settle();
    let mut users: Vec<User> = (1_000..).step_by(2).map(user).take(500).collect();
    users.push(user(key));
    update(&mut world, 1, RosterChange::Snapshot { users: users.clone() });
    world.tick(Duration::from_millis(100));
    world.port.seen.clear();
    users.truncate(490);
    update(&mut world, 2, RosterChange::Delta { joined: vec![], left: users });
    world.tick(Duration::from_millis(100));
    let told = told(&world, key);
    assert_eq!(told.len(), 1, "and not once more");
    assert_eq!((told[0].0, &told[0].1["count"]), (event::USER_LIST, &11.into()));
}
