use std::net::IpAddr;

use super::*;
use crate::limits::LimitSettings;

impl Intake {
    /// For tests of something else.
    pub(crate) fn unbounded() -> Self {
        let intake = intake(&bounds(u64::MAX));
        intake.admit();
        intake
    }
}

fn bounds(most: u64) -> IntakeBounds {
    IntakeBounds {
        first_payload: 100_000,
        max_payload: 1_000_000,
        budget: Budget::new(most),
        blown_up: Budget::new(u64::MAX),
        limits: Arc::new(Limits::new(&LimitSettings::off())),
    }
}

fn intake(bounds: &IntakeBounds) -> Intake {
    let address = IpAddr::from([127, 0, 0, 1]).into();
    let place = bounds.limits.unauthenticated().enter(address, false).ok().unwrap();
    Intake::new(bounds, Caller::new(address), place)
}

fn part(bytes: u64, binary: bool) -> Seen {
    Seen::Part(Message { bytes, binary })
}

#[test]
fn little_may_come_before_a_token() {
    let bounds = bounds(u64::MAX);
    let intake = intake(&bounds);
    assert_eq!(bounds.limits.unauthenticated().count(), 1);
    assert_eq!(intake.see(part(100_000, false)), Ok(()));
    assert_eq!(intake.see(part(100_001, false)), Err(CloseReason::Protocol));
    assert!(intake.may_have_sent(400_000) && !intake.may_have_sent(400_001));
    intake.admit();
    assert_eq!(bounds.limits.unauthenticated().count(), 0);
    assert_eq!(intake.see(part(1_000_000, false)), Ok(()));
    assert!(intake.may_have_sent(400_001));
}

#[test]
fn a_ping_is_short() {
    let intake = intake(&bounds(u64::MAX));
    assert_eq!(intake.see(Seen::Control(125)), Ok(()));
    assert_eq!(intake.see(Seen::Control(126)), Err(CloseReason::Protocol));
}

#[test]
fn what_waits_is_counted_until_its_event_is_complete() {
    let bounds = bounds(u64::MAX);
    let held = || bounds.budget.held();
    let intake = intake(&bounds);
    intake.admit();
    // An event, an attachment, and half of the next.
    for seen in [part(500, false), Seen::End, part(7_000, true), Seen::End, part(30, true)] {
        intake.see(seen).unwrap();
    }
    assert_eq!(held(), 7_030);
    intake.see(part(50, true)).unwrap();
    assert_eq!(held(), 7_050);
    intake.complete();
    assert_eq!(held(), 50, "what comes in does not belong to the event before");
    intake.see(Seen::End).unwrap();
    assert_eq!(held(), 50);
    intake.complete();
    assert_eq!(held(), 0);
    intake.see(part(LARGE + 1, false)).unwrap();
    assert_eq!(held(), LARGE + 1);
    drop(intake);
    assert_eq!(held(), 0);
}

#[test]
fn bodies_that_come_at_a_time_are_given_back_once() {
    const ROUNDS: u64 = 20_000;
    const BYTES: u64 = 1_000;
    let bounds = bounds(u64::MAX);
    let [one, other] = [intake(&bounds), intake(&bounds)];
    one.admit();
    other.admit();
    other.hold(BYTES).expect("there is room");
    // Both threads complete in the same moment: a turn is when both have arrived.
    let arrived = AtomicU64::new(0);
    let meet = |turn: u64| {
        arrived.fetch_add(1, Ordering::SeqCst);
        for spins in 0.. {
            if arrived.load(Ordering::SeqCst) >= turn * 2 {
                break;
            }
            // One that sleeps wakes too late to meet the other.
            if spins < 10_000 { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    };
    let work = || {
        for round in 0..ROUNDS {
            // Whatever fails is told at the end: a thread that ends early keeps the other waiting.
            one.hold(BYTES).ok();
            meet(2 * round + 1);
            one.complete();
            meet(2 * round + 2);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    assert_eq!((one.held.load(Ordering::Relaxed), bounds.budget.held()), (0, BYTES));
    drop((one, other));
    assert_eq!(bounds.budget.held(), 0);
}

fn inflated(bytes: u64, more: u64) -> Seen {
    let message = Message { bytes, binary: true };
    Seen::Inflated(Inflated { message, more, of: 100 })
}

#[test]
fn what_is_inflated_is_bounded_and_held() {
    let bounds = bounds(1_500_000);
    let one = intake(&bounds);
    // Before a token all that came of it counts as sent.
    assert_eq!(one.see(inflated(90_000, 90_000)), Ok(()));
    assert!(one.may_have_sent(310_000) && !one.may_have_sent(310_001));
    assert_eq!(one.see(inflated(100_001, 10_001)), Err(CloseReason::Protocol));
    drop(one);
    let one = intake(&bounds);
    one.admit();
    assert_eq!(one.see(part(100, true)), Ok(()));
    assert_eq!(one.see(inflated(1_000_000, 1_000_000)), Ok(()));
    assert_eq!(one.see(inflated(1_000_001, 1)), Err(CloseReason::Protocol));
    assert_eq!(bounds.budget.held(), 1_000_000);
    let kept = one.keep(500_000).expect("there is room");
    assert_eq!(one.keep(1).err(), Some(CloseReason::Fault));
    drop((kept, one));
    assert_eq!(bounds.budget.held(), 0);
}

/// What a message of so many equal bytes does to a client's intake; how much came of it until it was
/// refused, if it was.
fn bomb(intake: &Intake, bytes: u64) -> (u64, Result<(), CloseReason>) {
    const PIECE: u64 = 500;
    // Deflate makes a thousandth of it at best.
    intake.see(part(bytes / 1_000, true)).expect("it looks small");
    let mut came = 0;
    while came < bytes {
        let more = PIECE.min(bytes - came);
        came += more;
        let message = Message { bytes: came, binary: true };
        let seen = Seen::Inflated(Inflated { message, more, of: came / 1_000 });
        if let Err(reason) = intake.see(seen) {
            return (came, Err(reason));
        }
    }
    (came, intake.see(Seen::End))
}

#[test]
fn how_small_a_message_was_made_does_not_matter() {
    const FILE: u64 = 10 << 20;
    let bounds = IntakeBounds { max_payload: FILE, ..bounds(FILE + (1 << 20)) };
    let stranger = intake(&bounds);
    let (came, refused) = bomb(&stranger, FILE);
    assert_eq!(refused, Err(CloseReason::Protocol));
    assert!(came <= 100_500, "{came} bytes before a token");
    drop(stranger);
    let [one, other] = [intake(&bounds), intake(&bounds)];
    one.admit();
    other.admit();
    assert_eq!(bomb(&one, FILE), (FILE, Ok(())));
    assert_eq!(bounds.budget.held(), FILE, "it is held as one that came as it is");
    // Whoever comes next finds the memory that is left, however little it sends.
    let (came, refused) = bomb(&other, FILE);
    assert_eq!(refused, Err(CloseReason::Fault));
    assert!((1 << 20..=(1 << 20) + 500).contains(&came), "{came} bytes");
    one.complete();
    drop(other);
    assert_eq!(bounds.budget.held(), 0);
}

#[test]
fn few_messages_are_blown_up_at_a_time() {
    const FILE: u64 = 10 << 20;
    let bounds =
        IntakeBounds { max_payload: FILE, blown_up: Budget::new(2 * FILE), ..bounds(u64::MAX) };
    let begin = |message: Message, of| {
        let one = intake(&bounds);
        one.admit();
        let seen = one.see(Seen::Inflated(Inflated { message, more: message.bytes, of }));
        (one, seen)
    };
    let message = Message { bytes: FILE, binary: true };
    // 9 MB of each are more than may come of so little.
    let two = [begin(message, 10_000), begin(message, 10_000)];
    assert!(two.iter().all(|(_, seen)| seen.is_ok()));
    assert_eq!(begin(message, 10_000).1, Err(CloseReason::Fault));
    // What is small, or does not shrink as much, needs none of it.
    assert_eq!(begin(message, FILE / 64).1, Ok(()));
    assert_eq!(begin(Message { bytes: SMALL, binary: true }, 1_000).1, Ok(()));
    // One that is whole is blown up no more, and one that is gone neither.
    two[0].0.see(Seen::End).unwrap();
    assert_eq!(begin(message, 10_000).1, Ok(()));
    drop(two);
    assert_eq!(bounds.blown_up.held(), 0);
}

#[test]
fn what_compressing_saves_costs_frames() {
    let limits =
        LimitSettings { limit_socket_events: "1:25".parse().unwrap(), ..LimitSettings::off() };
    let limits = Arc::new(Limits::new(&limits));
    let bounds = IntakeBounds { limits, max_payload: 10 << 20, ..bounds(u64::MAX) };
    let one = intake(&bounds);
    one.admit();
    // 100 frames, and a few more for as long as the test takes.
    let mut came = Vec::new();
    for _ in 0..9 {
        let (bytes, let_in) = bomb(&one, 10 << 20);
        came.push(bytes >> 18);
        if let_in.is_err() {
            break;
        }
        one.complete();
    }
    assert!(matches!(came[..], [40, 40, 17..25]), "times 256 KiB of a few bytes: {came:?}");
}

#[test]
fn a_client_and_a_node_hold_so_much() {
    let bounds = bounds(3_000_000);
    let [one, other] = [intake(&bounds), intake(&bounds)];
    one.admit();
    other.admit();
    one.see(part(2_000_000, true)).unwrap();
    assert_eq!(one.see(part(2_000_001, true)), Err(CloseReason::Protocol));
    assert_eq!(other.see(part(1_000_001, true)), Err(CloseReason::Fault));
    other.see(part(1_000_000, true)).unwrap();
    drop((one, other));
    assert_eq!(bounds.budget.held(), 0);
}
