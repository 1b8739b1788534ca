//! Where something has an end: the log forgets, a page holds nothing, attempts must not add up.

use std::time::Duration;

use wire::event;

use super::model::{World, message};
use crate::rooms::port::{Effect, Input, Page};

/// All that is older than the node's interest has aged, and nothing else is in the log.
#[test]
fn a_position_in_a_log_that_has_aged_away_is_recovered() {
    let mut world = World::new();
    let key = world.connect(Some(5));
    for _ in 0..1_000 {
        let Some(effect) = world.port.effects.pop() else { break };
        match effect {
            Effect::ReadWindow { room, .. } => {
                // What LogReader::window answers: judge(None, 0) with nothing in the log.
                let page =
                    Page { messages: vec![], more: false, up_to: 0, complete_from: u64::MAX };
                world.input(Input::WindowRead { room, page });
            }
            Effect::Replay { room, key, asked, .. } => {
                let (up_to, complete_from) = (asked.after, u64::MAX);
                let page = Page { messages: vec![], more: false, up_to, complete_from };
                world.input(Input::Replayed { room, key, asked, page });
            }
            effect => world.perform(effect),
        }
    }
    assert!(world.port.effects.is_empty(), "replays for ever: {:?}", world.port.effects);
    assert_eq!(world.events(key, event::RECOVERED)[0]["complete"], false);
    world.send(false);
    assert_eq!(world.received(key), [world.end]);
}

/// A page of the log that holds nothing readable must not be read for ever.
#[test]
fn a_page_of_unreadable_messages_is_passed_over() {
    let mut world = World::new();
    let key = world.join(None);
    world.settle();
    world.tick(Duration::from_millis(100));
    world.settle();
    // 14, 16 and 18 are no messages, 20 is; a page has three. All were lost on the way.
    for _ in 0..4 {
        world.send(true);
    }
    let good = world.end;
    world.digest();
    for _ in 0..1_000 {
        let Some(effect) = world.port.effects.pop() else { break };
        match effect {
            Effect::Repair { room, after, .. } => {
                let rest: Vec<_> = world.log.iter().copied().filter(|&seq| seq > after).collect();
                let readable = rest.iter().take(3).copied().filter(|&seq| seq == good);
                let messages = readable.map(message).collect();
                let up_to = rest.iter().take(3).next_back().copied().unwrap_or(after);
                let more = rest.len() > 3;
                let page = Page { messages, more, up_to, complete_from: 0 };
                world.input(Input::Repaired { room, page });
            }
            effect => world.perform(effect),
        }
    }
    assert_eq!(world.received(key), [good]);
}

/// An outage of a day must not leave a task for each hour and room.
#[test]
fn an_outage_does_not_multiply_attempts() {
    let mut world = World::new();
    world.join(None);
    world.settle();
    for _ in 0..24 {
        // The model refreshes each hour. Every attempt fails, as it does while NATS is away.
        world.tick(Duration::from_hours(1));
        for _ in 0..3 {
            for effect in std::mem::take(&mut world.port.effects) {
                if let Effect::StoreInterest { room, interest } = effect {
                    world.input(Input::InterestFailed { room, interest, sent: false });
                }
            }
        }
    }
    let attempts = world.port.effects.iter();
    let attempts = attempts.filter(|e| matches!(e, Effect::StoreInterest { .. })).count();
    assert!(attempts <= 2, "{attempts} attempts are under way for one room");
}

/// The log forgot the middle of what this node missed: whoever is told nothing believes that it has
/// seen all.
#[test]
fn what_the_log_forgot_before_a_repair_is_told() {
    let mut world = World::new();
    let key = world.join(None);
    world.settle();
    world.send(false);
    let seen = world.end;
    // The node is cut off, the room goes on, its cap discards.
    for _ in 0..10 {
        world.send(true);
    }
    let kept = world.log.split_off(world.log.len() - 3);
    world.log = kept;
    world.discarded = true;
    world.digest();
    world.settle();
    let told = world.events(key, event::RECOVERED);
    // A client that comes back with the last position before the gap.
    let back = world.connect(Some(seen));
    world.settle();
    let recovered = world.events(back, event::RECOVERED);
    assert_eq!(recovered[0]["complete"], false, "seven messages are missing");
    assert!(told.iter().any(|r| r["complete"] == false), "nobody told the member");
}

/// The cap overtakes a client that is slow to recover.
#[test]
fn what_the_log_forgets_between_two_pages_is_told() {
    let mut world = World::new();
    for _ in 0..20 {
        world.send(false);
    }
    let from = world.log[0];
    let key = world.connect(Some(from));
    let mut pages = 0;
    while let Some(effect) = world.port.effects.pop() {
        match effect {
            Effect::Replay { room, key, asked, .. } => {
                pages += 1;
                if pages == 2 {
                    // Meanwhile the oldest twelve are gone.
                    world.log.drain(..12);
                    world.discarded = true;
                }
                let page = world.page(asked.after);
                world.input(Input::Replayed { room, key, asked, page });
            }
            effect => world.perform(effect),
        }
    }
    assert!(pages >= 2);
    let received = world.received(key);
    assert!(received.len() < 19, "some are missing");
    assert_eq!(world.events(key, event::RECOVERED)[0]["complete"], false);
}

/// However often a client asks while it is clogged, one task waits for it.
#[test]
fn a_clogged_socket_is_waited_for_once() {
    let mut world = World::new();
    world.send(false);
    let key = world.join(None);
    world.from.insert(key, 0);
    world.settle();
    world.send(false);
    world.port.takes = Some(0);
    for _ in 0..100 {
        world.join_again(key, true);
    }
    let paces = world.port.effects.iter().filter(|e| matches!(e, Effect::Pace { .. })).count();
    assert!(paces <= 1, "{paces}");
}
