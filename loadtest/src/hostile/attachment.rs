//! Events that announce attachments and do not have them, or others.

use fastrand::Rng;

use super::{
    frame,
    input::{Input, Kind, Stage, noise, one_of},
};

/// What stands between the type of a packet and its payload.
const COUNTS: [&str; 12] = [
    "",
    "-",
    "0-",
    "1-",
    "2-",
    "16-",
    "17-",
    "-1-",
    "1--",
    "99999999999999999999-",
    "1-/nowhere,",
    "1-7",
];
const PLACES: [&str; 8] = [
    "{\"_placeholder\":true,\"num\":0}",
    "{\"_placeholder\":true,\"num\":1}",
    "{\"_placeholder\":true,\"num\":-1}",
    "{\"_placeholder\":true,\"num\":1e9}",
    "{\"_placeholder\":true,\"num\":\"0\"}",
    "{\"_placeholder\":true}",
    "{\"_placeholder\":1,\"num\":0}",
    "{\"_placeholder\":true,\"num\":18446744073709551616}",
];

pub(super) fn lie(rng: &mut Rng) -> Input {
    let kind = one_of(rng, &["45", "45", "46"]);
    let (count, place) = (one_of(rng, &COUNTS), one_of(rng, &PLACES));
    let event = one_of(rng, &["send-file", "chat-message", "x"]);
    let announced = format!("{kind}{count}[\"{event}\",{place},{{\"room\":\"general\"}}]");
    let stage = one_of(rng, &[Stage::WebSocket, Stage::Member, Stage::Member]);
    let mut input = Input::new(Kind::Attachments, stage, frame::text(rng, announced.as_bytes()));
    for _ in 0..rng.usize(0..4) {
        // Too many, too few, or a text where they should be.
        let part = if rng.u8(..3) == 0 {
            frame::text(rng, b"42[\"typing\",{\"room\":\"general\",\"typing\":true}]")
        } else {
            let bytes = noise(rng, 0, 2_000);
            frame::binary(rng, &bytes)
        };
        input.parts.push(part);
    }
    input
}
