//! Rooms in unusual times: a log that is away, lags or forgets, and hours in which nothing happens.

use std::time::Duration;

use service_shell::telemetry::Span;
use wire::{
    ErrorCode,
    delivery::Digest,
    ephemeral::{FromNode, Interest},
    event,
};

use super::model::{World, message};
use crate::rooms::{
    port::{Check, Delivered, Effect, Input},
    shard::Census,
};

/// The effects that wait, of one kind.
fn checks(world: &World) -> usize {
    world.port.effects.iter().filter(|effect| matches!(effect, Effect::CheckLasts { .. })).count()
}

#[test]
fn a_room_named_on_connecting_is_waited_for() {
    let mut world = World::new();
    world.send(false);
    let key = world.connect(Some(world.end));
    let room = world.room.clone();
    world.input(Input::Speak { key, socket: key, room, speech: "too early" });
    // The log is away for a minute. The client counts on being in the room, but wants to know of its
    // message.
    for _ in 0..600 {
        world.tick(Duration::from_millis(100));
    }
    assert!(world.port.refused.is_empty());
    assert_eq!(world.port.spoken, [("too early", false)]);
    assert_eq!(world.shard.census(), Census { rooms: 1, members: 0, waiters: 1 });
    world.send(false);
    world.settle();
    assert_eq!(world.received(key), world.log[1..]);
    assert_eq!(world.events(key, event::RECOVERED)[0]["complete"], true);
    // One that asked to be told is told.
    let mut world = World::new();
    let key = world.join(Some(1));
    world.tick(Duration::from_secs(6));
    assert_eq!(world.port.refused, [(key, ErrorCode::Unavailable)]);
}

#[test]
fn one_comparison_at_a_time_however_much_is_lost() {
    let mut world = World::new();
    let key = world.join(None);
    world.settle();
    world.tick(Duration::from_millis(100));
    world.settle();
    for _ in 0..50 {
        world.send(true);
        world.digest();
    }
    assert_eq!(checks(&world), 1);
    // What was lost after the comparison was asked for is found by a second one.
    let lasts = vec![(world.room.clone(), world.log[0])];
    let check = Check::Partition(world.partition());
    world.port.effects.clear();
    world.input(Input::Lasts { check, lasts });
    assert_eq!(checks(&world), 1);
    world.settle();
    assert_eq!(world.received(key), world.log);
}

#[test]
fn a_comparison_demands_what_the_owner_has_read() {
    let mut world = World::new();
    world.join(None);
    world.settle();
    world.port.effects.clear();
    let (partition, epoch) = (world.partition(), world.epoch);
    world.input(Input::Digest(Digest { partition, epoch, counter: 9, seq: 777, reports: 0 }));
    let demanded = world.port.effects.iter().find_map(|effect| match effect {
        Effect::CheckLasts { reached, .. } => Some(*reached),
        _ => None,
    });
    assert_eq!(demanded, Some(777));
}

#[test]
fn what_was_delivered_is_seen_although_the_log_forgets_it() {
    let mut world = World::new();
    let key = world.join(None);
    world.settle();
    let deliver = |world: &mut World, seq, prev| {
        world.counter += 1;
        let room = world.room.clone();
        let delivered =
            Delivered { room, seq, prev, message: Some(message(seq)), span: Span::default() };
        let (partition, epoch, counter) = (world.partition(), world.epoch, world.counter);
        world.input(Input::Messages { partition, epoch, counter, messages: vec![delivered] });
    };
    // 20 is lost on the way; 22 and 24 wait. When the log is read it holds 24 alone.
    deliver(&mut world, 22, 20);
    deliver(&mut world, 24, 22);
    world.log = vec![24];
    world.settle();
    assert_eq!(world.received(key), [22, 24]);
    deliver(&mut world, 26, 24);
    assert_eq!(world.received(key), [22, 24, 26]);
}

#[test]
fn a_room_in_which_nothing_happens_for_hours_stays_the_nodes() {
    let mut world = World::new();
    let key = world.join(None);
    world.settle();
    let mut stored = 0;
    // The settings of the model refresh each hour.
    for _ in 0..12 * 60 * 60 {
        world.tick(Duration::from_secs(1));
        let joined =
            |e: &Effect<_>| matches!(e, Effect::StoreInterest { interest: Interest::Joined, .. });
        stored += world.port.effects.iter().filter(|effect| joined(effect)).count();
        world.settle();
    }
    assert!((11..=13).contains(&stored), "{stored}");
    assert!(
        !world
            .port
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Tell { what: FromNode::WantRoster { .. }, .. }))
    );
    world.send(true);
    world.digest();
    world.settle();
    assert_eq!(world.received(key), [world.end]);
}

#[test]
fn a_node_that_stood_still_stores_its_interest_again() {
    let mut world = World::new();
    let key = world.join(None);
    world.settle();
    // Meanwhile it was taken for dead, and its interest removed.
    world.interested = false;
    world.send(false);
    world.tick(Duration::from_secs(40));
    world.settle();
    world.tick(Duration::from_millis(100));
    world.settle();
    world.send(false);
    assert_eq!(world.received(key), world.log);
}
