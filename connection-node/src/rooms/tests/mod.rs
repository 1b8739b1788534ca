//! The rooms against a model: whatever is lost, doubled or late on the way, every socket sees the
//! log from where it stood, in order, once.

mod limits;
mod model;
mod presence;
mod recorder;
mod unusual;

use std::time::Duration;

use proptest::prelude::*;
use wire::event;

use self::model::{WINDOW, World};
use super::{
    port::{Effect, Input},
    shard::Census,
};

#[derive(Debug, Clone)]
enum Op {
    Send { lost: bool },
    SendUnseen,
    Join,
    JoinFrom(usize),
    JoinAhead,
    JoinAgain(usize, bool),
    Leave(usize),
    CarryOut(usize),
    TakeOver,
    Repeat,
    Resync,
    Digest,
    Clog,
    Tick,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => any::<bool>().prop_map(|lost| Op::Send { lost }),
        1 => Just(Op::SendUnseen),
        2 => Just(Op::Join),
        2 => any::<usize>().prop_map(Op::JoinFrom),
        1 => Just(Op::JoinAhead),
        1 => any::<(usize, bool)>().prop_map(|(which, from)| Op::JoinAgain(which, from)),
        1 => any::<usize>().prop_map(Op::Leave),
        6 => any::<usize>().prop_map(Op::CarryOut),
        1 => Just(Op::TakeOver),
        1 => Just(Op::Repeat),
        1 => Just(Op::Resync),
        1 => Just(Op::Digest),
        1 => Just(Op::Clog),
        1 => Just(Op::Tick),
    ]
}

fn apply(world: &mut World, op: &Op) {
    match op {
        Op::Send { lost } => world.send(*lost),
        Op::SendUnseen => world.send_unseen(),
        Op::Join => {
            let key = world.join(None);
            world.from.insert(key, 0);
        }
        Op::JoinFrom(which) if !world.log.is_empty() => {
            let position = world.log[which % world.log.len()];
            let key = world.join(Some(position));
            world.from.insert(key, position);
        }
        // The client has been on another node, which was quicker.
        Op::JoinAhead => {
            world.send(true);
            let position = world.end;
            let key = world.join(Some(position));
            world.from.insert(key, position);
        }
        Op::JoinAgain(which, with_position) if !world.from.is_empty() => {
            let key = *world.from.keys().nth(which % world.from.len()).unwrap();
            world.join_again(key, *with_position);
        }
        Op::Leave(which) if !world.from.is_empty() => {
            let key = *world.from.keys().nth(which % world.from.len()).unwrap();
            world.from.remove(&key);
            world.leave(key);
        }
        Op::CarryOut(which) => {
            world.carry_out(*which);
        }
        Op::TakeOver => world.take_over(),
        Op::Repeat if world.counter > 0 => {
            let Some(&seq) = world.log.last() else { return };
            world.deliver(seq, seq - 1, world.counter);
        }
        Op::Resync => world.input(Input::Resync),
        Op::Digest => world.digest(),
        Op::Clog => world.port.takes = Some(0),
        Op::Tick => world.tick(Duration::from_millis(100)),
        Op::JoinFrom(_) | Op::JoinAgain(..) | Op::Leave(_) | Op::Repeat => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_socket_sees_the_log_from_where_it_stood(ops in proptest::collection::vec(op(), 1..60)) {
        let mut world = World::new();
        for op in &ops {
            apply(&mut world, op);
        }
        world.settle();
        world.digest();
        world.tick(Duration::from_millis(100));
        world.settle();
        let staying = world.from.clone();
        for (key, from) in staying {
            let received = world.received(key);
            // A join without a position promises the latest messages and everything after them.
            let from = if from == 0 {
                received.first().map_or(world.port.joined[&key].0, |first| first - 1)
            } else {
                from
            };
            let due: Vec<_> = world.log.iter().copied().filter(|&seq| seq > from).collect();
            prop_assert_eq!(&received, &due, "socket {} from {}", key, from);
            let recovered = world.events(key, event::RECOVERED);
            prop_assert!(recovered.iter().all(|r| r["complete"] == true), "{:?}", recovered);
        }
        // When everybody is gone the room is given up.
        let staying: Vec<_> = world.from.keys().copied().collect();
        for key in staying {
            world.leave(key);
        }
        world.tick(Duration::from_secs(10));
        world.settle();
        world.tick(Duration::from_secs(10));
        prop_assert_eq!(world.shard.census(), Census::default());
    }
}

#[test]
fn a_first_join_waits_for_the_log() {
    let mut world = World::new();
    for _ in 0..6 {
        world.send(false);
    }
    let key = world.join(None);
    assert!(world.port.joined.is_empty());
    world.settle();
    let (seq, history) = &world.port.joined[&key];
    assert_eq!((*seq, history.len()), (world.end, WINDOW));
    // The second is answered from memory.
    let second = world.join(None);
    assert!(world.port.joined.contains_key(&second));
    assert!(!world.port.effects.iter().any(|effect| !matches!(effect, Effect::Tell { .. })));
}

#[test]
fn a_position_that_no_log_has_reached_is_told_apart() {
    let mut world = World::new();
    world.send(false);
    let key = world.join(Some(1_000_000));
    world.settle();
    let recovered = world.events(key, event::RECOVERED);
    assert_eq!(recovered.len(), 1);
    assert_eq!(recovered[0]["complete"], false);
    world.send(false);
    assert_eq!(world.received(key), [world.end]);
}

#[test]
fn a_position_before_the_oldest_message_is_told_apart() {
    let mut world = World::new();
    for _ in 0..12 {
        world.send(false);
    }
    let key = world.join(Some(12));
    // All but the last replay is as the log has it; here the oldest have been discarded.
    while let Some(effect) = world.port.effects.pop() {
        if let Effect::Replay { room, key, asked, .. } = effect {
            let mut page = world.page(asked.after);
            page.complete_from = 20;
            world.input(Input::Replayed { room, key, asked, page });
        } else {
            world.perform(effect);
        }
    }
    assert_eq!(world.events(key, event::RECOVERED)[0]["complete"], false);
}

#[test]
fn a_join_that_the_log_does_not_answer_is_refused() {
    let mut world = World::new();
    let key = world.join(None);
    world.tick(Duration::from_secs(4));
    assert!(world.port.refused.is_empty());
    world.tick(Duration::from_secs(2));
    assert_eq!(world.port.refused, [(key, wire::ErrorCode::Unavailable)]);
    // The room goes on opening, and the next one is let in.
    let next = world.join(None);
    world.settle();
    assert!(world.port.joined.contains_key(&next));
}

#[test]
fn leaving_while_joining_answers_both() {
    let mut world = World::new();
    let key = world.join(None);
    let room = world.room.clone();
    world.input(Input::Leave { key, socket: key, room, ack: Some(key) });
    world.settle();
    assert_eq!(world.port.refused, [(key, wire::ErrorCode::NotAMember)]);
    assert_eq!(world.port.left, [key]);
    assert!(world.port.joined.is_empty());
}

#[test]
fn what_is_said_after_a_join_follows_it() {
    let mut world = World::new();
    let key = world.join(None);
    let say = |world: &mut World, speech| {
        let room = world.room.clone();
        world.input(Input::Speak { key, socket: key, room, speech });
    };
    say(&mut world, "first");
    say(&mut world, "second");
    assert!(world.port.spoken.is_empty());
    world.settle();
    say(&mut world, "third");
    assert_eq!(world.port.spoken, [("first", true), ("second", true), ("third", true)]);

    // What was said before leaving is passed on; what waited in vain is refused.
    let mut world = World::new();
    world.join(None);
    say(&mut world, "left");
    world.leave(key);
    world.join(None);
    let key = key + 1;
    let room = world.room.clone();
    world.input(Input::Speak { key, socket: key, room, speech: "late" });
    world.tick(Duration::from_secs(6));
    assert_eq!(world.port.spoken, [("left", true), ("late", false)]);
}

#[test]
fn a_former_owner_is_not_heard() {
    let mut world = World::new();
    let key = world.join(None);
    world.settle();
    world.epoch = 5;
    world.digest();
    world.settle();
    world.epoch = 4;
    world.send(false);
    assert!(world.received(key).is_empty());
    world.epoch = 5;
    world.counter = 1;
    world.digest();
    world.settle();
    assert_eq!(world.received(key), [world.end]);
}
