//! Events of good form with payloads that are not: JSON that is deep, rooms with hostile names.

use fastrand::Rng;
use serde_json::{Value, json};
use wire::event;

use super::{
    frame,
    input::{Expect, Input, Kind, Stage, one_of},
};

/// Deep JSON, in an event and in what names a client.
pub(super) fn deep(rng: &mut Rng) -> Input {
    let (open, close) = one_of(rng, &[("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")]);
    let depth = rng.usize(130..9_000);
    let end = if rng.bool() { close.repeat(depth) } else { String::new() };
    let deep = format!("{}1{end}", open.repeat(depth));
    let event = one_of(rng, &[event::CHAT_MESSAGE, event::JOIN_ROOM, event::TYPING, "x"]);
    let (stage, packet, expect) = match rng.u8(..4) {
        0 => (Stage::WebSocket, format!("40{deep}"), Expect::Outside),
        1 => (Stage::WebSocket, format!("40{{\"token\":{deep}}}"), Expect::Outside),
        2 => (Stage::Member, format!("42[{deep}]"), Expect::Anything),
        _ => (Stage::Member, format!("427[\"{event}\",{deep}]"), Expect::Anything),
    };
    let frame = frame::text(rng, packet.as_bytes());
    Input::new(Kind::DeepJson, stage, frame).expecting(expect)
}

const NAMES: [&str; 26] = [
    "",
    " ",
    ".",
    "..",
    "../../etc/passwd",
    "*",
    ">",
    "rt.0.m.>",
    "$JS.API.STREAM.DELETE.ROOMS",
    "_INBOX.>",
    "a b",
    "a\tb",
    "a\r\nPUB x 1",
    "a\0b",
    "__proto__",
    "constructor",
    "\u{202e}moor",
    "\u{feff}",
    "\u{1f600}",
    "e\u{301}",
    "%00",
    "%2e%2e",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "${jndi:ldap://x}",
    "GENERAL",
];

/// Rooms with names that mean something elsewhere, of every length, and that are no names.
pub(super) fn room(rng: &mut Rng) -> Input {
    let name: Value = match rng.u8(..8) {
        0 => json!("x".repeat(rng.usize(120..140))),
        1 => json!("x".repeat(rng.usize(1_000..50_000))),
        2 => json!((0..rng.usize(1..60)).map(|_| rng.char(..)).collect::<String>()),
        3 => one_of(
            rng,
            &[json!(null), json!(7), json!([]), json!({}), json!(true), json!(["x"])].each_ref(),
        )
        .clone(),
        _ => json!(one_of(rng, &NAMES)),
    };
    let mut input = Input::new(Kind::RoomName, Stage::Member, Vec::new());
    input.parts.clear();
    for id in 0..rng.usize(1..4) {
        let (event, payload) = match rng.u8(..6) {
            0 => (event::JOIN_ROOM, name.clone()),
            1 => (
                event::JOIN_ROOM,
                json!({ "room": name, "after": one_of(rng, &[0, u64::MAX, 1 << 53]) }),
            ),
            2 => (event::CHAT_MESSAGE, json!({ "room": name, "content": "hello" })),
            3 => (event::HISTORY, json!({ "room": name, "before": 0, "limit": u64::MAX })),
            4 => (event::TYPING, json!({ "room": name, "typing": true })),
            _ => (event::LEAVE_ROOM, json!({ "room": name })),
        };
        let packet = format!("42{id}{}", json!([event, payload]));
        input.parts.push(frame::text(rng, packet.as_bytes()));
    }
    input
}
