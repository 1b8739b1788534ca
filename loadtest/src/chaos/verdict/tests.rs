//! Good histories are clean, and each way to break one is found and named.

use proptest::prelude::*;

use super::*;

/// Clients 0 to 3; 0, 1 and 2 are in room 0, and 2 and 3 in room 1.
const MEMBERS: [&[usize]; 2] = [&[0, 1, 2], &[2, 3]];
const CLIENTS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Sent { index: u64, sender: usize, room: usize },
    Acked { index: u64, seq: u64 },
    Received { client: usize, room: usize, index: u64, seq: u64 },
    Lost { client: usize },
    Back { client: usize },
}

fn tell(events: &[Event]) -> Verdict {
    let mut history = History::new(CLIENTS, vec!["room-a".to_owned(), "room-b".to_owned()]);
    for (room, members) in MEMBERS.into_iter().enumerate() {
        for client in members {
            history.entered(*client, room, 0, false);
        }
    }
    history.load(true, 0);
    let mut now = 0;
    for event in events {
        now += 1_000;
        match *event {
            Event::Sent { index, sender, room } => {
                assert_eq!(history.sent(sender, room, now), index);
            }
            Event::Acked { index, seq } => history.acked(index, seq, now),
            Event::Received { client, room, index, seq } => {
                history.received(client, room, index, seq, now);
            }
            Event::Lost { client } => history.disconnected(client, now),
            Event::Back { client } => history.back(client, now),
        }
    }
    history.load(false, now);
    let verdict = Verdict::of(&history);
    assert_eq!(verdict.is_clean(), verdict.findings.is_empty() && verdict.delivered > 0);
    assert!(!verdict.is_clean() || history.is_settled());
    verdict
}

/// Where message `index` stands: sequences count over all rooms, with holes.
fn seq(index: u64) -> u64 {
    index * 3 + 5
}

/// A run in which message n goes to room `rooms[n]`, and everybody reads as fast as `choices` says.
fn good(rooms: &[usize], choices: &[usize]) -> Vec<Event> {
    let mut streams: Vec<Vec<Event>> = vec![Vec::new(); CLIENTS + 1];
    for (n, &room) in rooms.iter().enumerate() {
        let (index, members) = (n as u64, MEMBERS[room]);
        let seq = seq(index);
        streams[CLIENTS].push(Event::Sent { index, sender: members[n % members.len()], room });
        streams[CLIENTS].push(Event::Acked { index, seq });
        for &client in members {
            streams[client].push(Event::Received { client, room, index, seq });
        }
    }
    let mut sent = 0;
    let mut events = Vec::new();
    let mut choices = choices.iter().cycle();
    while streams.iter().any(|stream| !stream.is_empty()) {
        let first = *choices.next().unwrap();
        let ready = |stream: &Vec<Event>| match stream.first() {
            Some(Event::Received { index, .. }) => *index < sent,
            next => next.is_some(),
        };
        let next = (0..=CLIENTS).map(|at| (first + at) % (CLIENTS + 1));
        let next = next.into_iter().find(|at| ready(&streams[*at])).unwrap();
        let event = streams[next].remove(0);
        sent += u64::from(matches!(event, Event::Sent { .. }));
        events.push(event);
    }
    events
}

fn history() -> impl Strategy<Value = (Vec<Event>, usize)> {
    let rooms = prop::collection::vec(0_usize..2, 2..40);
    let choices = prop::collection::vec(0_usize..=CLIENTS, 1..60);
    (rooms, choices, any::<usize>()).prop_map(|(rooms, choices, at)| (good(&rooms, &choices), at))
}

/// One of the receipts, by number.
fn receipt(events: &[Event], at: usize) -> (usize, Event) {
    let received = |(_, event): &(usize, &Event)| matches!(event, Event::Received { .. });
    let receipts: Vec<_> = events.iter().enumerate().filter(received).collect();
    let (place, event) = receipts[at % receipts.len()];
    (place, *event)
}

/// Some finding is of this kind and names the place.
fn names(verdict: &Verdict, broken: Broken, event: Event) -> bool {
    let Event::Received { client, room, index, seq } = event else { return false };
    let room = ["room-a", "room-b"][room];
    let place = format!("room {room} client {client} message #{index} seq {seq}:");
    verdict
        .findings
        .iter()
        .any(|finding| finding.starts_with(&format!("{broken:?}:")) && finding.contains(&place))
}

proptest! {
    #[test]
    fn a_good_history_is_clean((events, _) in history()) {
        let verdict = tell(&events);
        prop_assert!(verdict.is_clean(), "{:?}", verdict.findings);
        prop_assert_eq!(verdict.delivered, verdict.expected);
    }

    #[test]
    fn one_that_is_missed_is_lost((mut events, at) in history()) {
        let (place, missed) = receipt(&events, at);
        events.remove(place);
        let verdict = tell(&events);
        prop_assert_eq!(verdict.lost, 1);
        prop_assert!(names(&verdict, Broken::Lost, missed), "{missed:?}: {:?}", verdict.findings);
    }

    #[test]
    fn one_that_is_missed_while_reconnecting_is_lost((mut events, at) in history()) {
        let (place, missed) = receipt(&events, at);
        let Event::Received { client, .. } = missed else { unreachable!() };
        events[place] = Event::Lost { client };
        events.insert(place + 1, Event::Back { client });
        let verdict = tell(&events);
        prop_assert_eq!((verdict.lost, verdict.recoveries), (1, 1));
        prop_assert!(names(&verdict, Broken::Lost, missed), "{missed:?}: {:?}", verdict.findings);
    }

    #[test]
    fn a_double_is_found_and_makes_up_for_no_loss((mut events, at) in history()) {
        let (place, doubled) = receipt(&events, at);
        events.push(doubled);
        let verdict = tell(&events);
        prop_assert_eq!((verdict.duplicated, verdict.lost), (1, 0));
        prop_assert!(names(&verdict, Broken::Duplicated, doubled), "{:?}", verdict.findings);
        // The same number of deliveries, and yet one is missing.
        let missed = (place + 1..events.len() - 1).find(|at| matches!(events[*at], Event::Received { .. }));
        if let Some(missed) = missed {
            let missed = events.remove(missed);
            let verdict = tell(&events);
            prop_assert_eq!(verdict.delivered, verdict.expected);
            prop_assert_eq!((verdict.duplicated, verdict.lost), (1, 1));
            prop_assert!(names(&verdict, Broken::Lost, missed), "{:?}", verdict.findings);
        }
    }

    #[test]
    fn two_that_are_swapped_are_out_of_order((mut events, at) in history()) {
        let (first, event) = receipt(&events, at);
        let Event::Received { client, room, .. } = event else { unreachable!() };
        let same = |other: &Event| {
            matches!(other, Event::Received { client: c, room: r, .. } if (*c, *r) == (client, room))
        };
        let second = (first + 1..events.len()).find(|at| same(&events[*at]));
        prop_assume!(second.is_some());
        // The later one cannot have come before it was sent: both come at the later place.
        let second = second.unwrap();
        let late = events.remove(first);
        events.insert(second, late);
        let verdict = tell(&events);
        prop_assert_eq!((verdict.reordered, verdict.lost, verdict.duplicated), (1, 0, 0));
        prop_assert!(names(&verdict, Broken::Reordered, late), "{:?}", verdict.findings);
    }

    #[test]
    fn an_acknowledged_one_that_nobody_saw_is_lost_for_everybody((mut events, at) in history()) {
        let (_, unseen) = receipt(&events, at);
        let Event::Received { room, index, seq, .. } = unseen else { unreachable!() };
        events.retain(|event| !matches!(event, Event::Received { index: i, .. } if *i == index));
        let verdict = tell(&events);
        prop_assert_eq!(verdict.lost, MEMBERS[room].len() as u64);
        for &client in MEMBERS[room] {
            let lost = Event::Received { client, room, index, seq };
            // Where nothing at all was delivered, that is what is said.
            prop_assert!(names(&verdict, Broken::Lost, lost), "{:?}", verdict.findings);
        }
    }

    #[test]
    fn one_that_is_stored_twice_is_found((mut events, at) in history()) {
        let (_, twice) = receipt(&events, at);
        let Event::Received { client, room, index, .. } = twice else { unreachable!() };
        let seq = seq(1_000);
        events.push(Event::Received { client, room, index, seq });
        for &other in MEMBERS[room].iter().filter(|other| **other != client) {
            events.push(Event::Received { client: other, room, index, seq });
        }
        let verdict = tell(&events);
        prop_assert_eq!((verdict.duplicated, verdict.lost), (1, 0));
        let second = Event::Received { client, room, index, seq };
        prop_assert!(names(&verdict, Broken::Duplicated, second), "{:?}", verdict.findings);
    }

    #[test]
    fn two_stories_about_one_place_contradict((mut events, at) in history()) {
        let (place, event) = receipt(&events, at);
        let Event::Received { client, room, index, seq } = event else { unreachable!() };
        let mut others = events.iter().filter_map(|event| match event {
            Event::Sent { index: other, room: r, .. } if *r == room && *other < index => Some(*other),
            _ => None,
        });
        let other = others.next_back();
        prop_assume!(other.is_some());
        let wrong = Event::Received { client, room, index: other.unwrap(), seq };
        events[place] = wrong;
        let verdict = tell(&events);
        prop_assert!(verdict.contradictory >= 1, "{:?}", verdict.findings);
        prop_assert!(verdict.lost >= 1);
    }
}

/// Two messages of client 0 in room 0, that everybody got.
fn two() -> Vec<Event> {
    good(&[0, 0], &[0])
}

#[test]
fn an_ack_for_another_place_is_found() {
    let mut events = two();
    let ack = events.iter_mut().find(|event| matches!(event, Event::Acked { index: 1, .. }));
    *ack.unwrap() = Event::Acked { index: 1, seq: 999 };
    let verdict = tell(&events);
    assert_eq!((verdict.duplicated, verdict.lost), (1, 3), "{:?}", verdict.findings);
}

#[test]
fn an_unacknowledged_one_is_unanswered_and_owed_only_once_somebody_got_it() {
    let mut events = two();
    events.push(Event::Sent { index: 2, sender: 1, room: 0 });
    let verdict = tell(&events);
    assert_eq!((verdict.unanswered, verdict.lost), (1, 0));
    events.push(Event::Received { client: 1, room: 0, index: 2, seq: 500 });
    let verdict = tell(&events);
    assert_eq!((verdict.unanswered, verdict.lost), (1, 2), "{:?}", verdict.findings);
    assert!(verdict.findings.iter().any(|finding| finding.contains("others got it")));
}

#[test]
fn messages_of_one_sender_stand_in_its_order() {
    let mut events = vec![
        Event::Sent { index: 0, sender: 0, room: 0 },
        Event::Sent { index: 1, sender: 0, room: 0 },
        Event::Acked { index: 0, seq: 9 },
        Event::Acked { index: 1, seq: 8 },
    ];
    for (index, seq) in [(1, 8), (0, 9)] {
        events.extend([0, 1, 2].map(|client| Event::Received { client, room: 0, index, seq }));
    }
    let verdict = tell(&events);
    assert_eq!((verdict.reordered, verdict.lost), (1, 0), "{:?}", verdict.findings);
}

#[test]
fn nothing_at_all_is_not_clean() {
    assert!(!tell(&[]).is_clean());
}

#[test]
fn a_message_for_another_room_and_one_that_nobody_sent() {
    let mut events = two();
    events.push(Event::Received { client: 3, room: 1, index: 0, seq: 70 });
    events.push(Event::Received { client: 3, room: 1, index: 77, seq: 71 });
    assert_eq!(tell(&events).contradictory, 2);
}

#[test]
fn recovery_counts_from_the_first_loss_and_silence_while_load_is_on() {
    let events = [
        two(),
        vec![
            Event::Lost { client: 1 },
            Event::Lost { client: 1 },
            Event::Back { client: 1 },
            Event::Back { client: 2 },
        ],
    ]
    .concat();
    let verdict = tell(&events);
    assert_eq!((verdict.disconnects, verdict.recoveries), (2, 1));
    assert!((verdict.recovery.max - 2.0).abs() < 0.01, "{:?}", verdict.recovery);
    // Nobody spoke in the second room all the while, some ten events of a millisecond.
    assert!(verdict.silence_worst_room > 9.0 && verdict.silence_worst_room < 20.0);
    assert!(verdict.silence_anywhere < verdict.silence_worst_room);
}
