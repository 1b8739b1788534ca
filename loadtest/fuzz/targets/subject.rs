//! Subjects, keys and the names in them: what is written reads back, and nothing else is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{NodeId, RoomName, WorkerId, admin, kv, room, subject, subject::LogSubject};

fuzz_target!(|text: &str| {
    if let Ok(room) = RoomName::parse(text) {
        assert!(
            (1..=room::MAX_ROOM_BYTES).contains(&text.len()) && !text.contains(char::is_control)
        );
        let token = room.token();
        assert!(token.len() <= 3 * text.len() && is_plain(&token), "{token}");
        assert_eq!(RoomName::from_token(&token).as_ref(), Ok(&room));
        let written = subject::message(&room);
        assert_eq!(LogSubject::parse(&written), Some(LogSubject::Message { room }));
    }
    if let Ok(room) = RoomName::from_token(text) {
        assert_eq!(room.token(), text, "a room has one token");
    }
    match LogSubject::parse(text) {
        Some(LogSubject::Message { room }) => assert_eq!(subject::message(&room), text),
        Some(LogSubject::Interest { room, node }) => {
            assert_eq!(subject::interest(&room, &node), text);
        }
        None => {}
    }
    if let Some(partition) = kv::parse_lease_key(text) {
        assert_eq!(kv::lease_key(partition), text);
    }
    if let Some(worker) = kv::parse_session_key(text) {
        assert_eq!(kv::session_key(&worker), text);
    }
    let (node, worker) = (NodeId::parse(text), WorkerId::parse(text));
    assert_eq!(node.is_ok(), worker.is_ok(), "both are ids of processes");
    if let Ok(node) = node {
        assert!(node.as_str() == text && is_plain(text));
    }
    // A user has an id: tokens without one are refused.
    assert!(text.is_empty() || admin::ban_key(text).split('.').all(is_plain));
});

/// Whether NATS takes it for one token with nothing special in it.
fn is_plain(token: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte);
    !token.is_empty() && token.bytes().all(plain)
}
