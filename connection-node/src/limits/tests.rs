//! The limits together, at their full rates.

use super::*;

fn limits(change: impl FnOnce(&mut LimitSettings)) -> Limits {
    let mut settings = LimitSettings::off();
    change(&mut settings);
    Limits::new(&settings)
}

fn address(last: u8) -> AddressGroup {
    IpAddr::from([192, 0, 2, last]).into()
}

/// Slow enough that a test never sees a bucket refilled.
fn some(burst: u32) -> Rate {
    Rate::new(1, burst)
}

#[test]
fn each_limit_refuses_its_own() {
    let limits = limits(|settings| {
        settings.limit_socket_events = some(3);
        settings.limit_user_events = some(5);
        settings.limit_address_events = some(8);
    });
    let per = |caller: &Caller, user: &str| {
        (0..100).find_map(|_| limits.event(caller, user, 0).err()).map(|too_much| too_much.per)
    };
    assert_eq!(per(&Caller::new(address(1)), "u"), Some(Per::Socket));
    // Three are gone, and what a socket was refused the user has not spent.
    assert_eq!(per(&Caller::new(address(1)), "u"), Some(Per::User));
    assert_eq!(per(&Caller::new(address(1)), "v"), Some(Per::Socket));
    assert_eq!(per(&Caller::new(address(1)), "w"), Some(Per::Address));
    assert_eq!(per(&Caller::new(address(2)), "x"), Some(Per::Socket));
    let counts: Vec<_> = limits.counts().all().filter(|(.., count)| *count > 0).collect();
    assert_eq!(
        counts,
        [
            (What::Event, Per::Socket, 3),
            (What::Event, Per::User, 1),
            (What::Event, Per::Address, 1)
        ]
    );
}

#[test]
fn files_count_by_their_size() {
    let limits = limits(|settings| settings.limit_socket_events = some(100));
    let caller = Caller::new(address(1));
    let files = |bytes| (0..200).take_while(|_| limits.event(&caller, "u", bytes).is_ok()).count();
    assert_eq!(files(10 << 20), 2, "of 41 each");
    assert_eq!(files(1), 9, "of 2 each");
    let counts: Vec<_> = limits.counts().all().filter(|(.., count)| *count > 0).collect();
    assert_eq!(counts, [(What::File, Per::Socket, 2)]);
}

#[test]
fn what_compressing_saves_counts_as_a_files_bytes() {
    const FILE: u64 = 10 << 20;
    let limits = limits(|settings| {
        settings.limit_socket_events = some(100);
        settings.limit_address_events = some(500);
    });
    // In pieces of any size it is the same.
    let saves = |caller: &Caller, piece: usize| {
        let mut pieces = (0..FILE).step_by(piece).map(|at| at..(at + piece as u64).min(FILE));
        pieces.all(|piece| limits.saved(caller, piece).is_ok())
    };
    let files = |caller: &Caller, piece| (0..99).take_while(|_| saves(caller, piece)).count();
    let [one, other] = [Caller::new(address(1)), Caller::new(address(1))];
    // The third file is answered `rate_limited`; who does not care is cut off.
    assert_eq!(files(&one, 500), 10, "of 40 frames each");
    // The rest is what the address has left.
    assert_eq!(files(&other, 1 << 20), 2);
    assert_eq!(files(&Caller::new(address(2)), 10 << 20), 10);
    assert!(limits.saved(&one, 0..SAVED_PART - 1).is_ok(), "so little is nothing");
    let counts: Vec<_> = limits.counts().all().filter(|(.., count)| *count > 0).collect();
    assert_eq!(counts, [(What::Frame, Per::Socket, 2), (What::Frame, Per::Address, 1)]);
}

#[test]
fn failures_keep_an_address_out() {
    let limits = limits(|settings| settings.limit_failures = some(3));
    for _ in 0..3 {
        limits.failure(address(1)).unwrap();
        limits.handshake(address(1)).unwrap();
    }
    assert!(limits.failure(address(1)).is_err());
    assert!(limits.handshake(address(1)).unwrap_err() <= penalties::PENALTY);
    limits.handshake(address(2)).unwrap();
}

#[test]
fn a_user_cannot_come_and_go_without_end() {
    let limits = limits(|settings| settings.limit_user_events = some(3));
    assert_eq!((0..9).take_while(|_| limits.entrance("u").is_ok()).count(), 3);
    limits.entrance("v").unwrap();
}

#[test]
fn frames_outnumber_events() {
    let limits = limits(|settings| settings.limit_socket_events = some(10));
    let caller = Caller::new(address(1));
    assert_eq!((0..99).take_while(|_| limits.frame(&caller).is_ok()).count(), 40);
}

#[test]
fn waits_are_never_zero() {
    assert_eq!(millis(Duration::ZERO), 1);
    assert_eq!(millis(Duration::from_micros(19_999)), 20);
}
