//! Packets of Engine.IO and Socket.IO that are none.

use fastrand::Rng;

use super::{
    frame,
    input::{Input, Kind, Stage, noise, one_of},
};

/// Engine.IO packets that a client does not send, or not so.
const ENGINE: [&str; 20] = [
    "",
    "0",
    "0{}",
    "0{\"sid\":\"x\"}",
    "1x",
    "2",
    "2probe",
    "3probe",
    "4",
    "5",
    "5x",
    "6",
    "7",
    "8",
    "9",
    "x",
    "b",
    "b4",
    "bAAAA",
    "\u{1e}",
];

/// Socket.IO packets that are cut short, of no type, with numbers that are none, and of the wrong shape.
const SOCKET: [&str; 46] = [
    "4x",
    "47",
    "48",
    "49",
    "40",
    "40/",
    "40,",
    "40/,",
    "40/nowhere",
    "40/nowhere,{}",
    "40/admin,",
    "40{",
    "40[]",
    "40null",
    "41",
    "41/nowhere,",
    "42",
    "42[",
    "42]",
    "42{}",
    "42[]",
    "42[1]",
    "42[null]",
    "42[[]]",
    "42[\"\"]",
    "42[\"connect\"]",
    "42[\"disconnect\"]",
    "42[\"connect_error\",{}]",
    "42[\"chat-message\"",
    "42[\"chat-message\",]",
    "42[\"chat-message\",{\"content\":}]",
    "42[\"caf\\u00e9\"]",
    "42[\"\\ud800\"]",
    "42-1[\"x\"]",
    "4299999999999999999999999[\"x\"]",
    "42/,[",
    "42/nowhere,[\"x\"]",
    "43",
    "43[1]",
    "430[]",
    "4318446744073709551616[]",
    "44",
    "44{\"message\":\"x\"}",
    "45",
    "46",
    "42[\"no-such-event\",1,2,3]",
];

/// Something in place of one of its characters.
fn spoilt(rng: &mut Rng, packet: &str) -> String {
    let mut characters: Vec<char> = packet.chars().collect();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=characters.len());
        if rng.bool() && at < characters.len() {
            characters[at] = rng.char(..);
        } else {
            characters.insert(at, rng.char('\0'..'\u{7f}'));
        }
    }
    characters.into_iter().collect()
}

fn any(rng: &mut Rng, choice: &[&str]) -> String {
    let packet = one_of(rng, choice);
    if rng.u8(..3) == 0 { spoilt(rng, packet) } else { packet.to_owned() }
}

pub(super) fn of_engine(rng: &mut Rng) -> Input {
    let stage = one_of(rng, &[Stage::WebSocket, Stage::Member]);
    of(rng, Kind::EnginePacket, stage, &ENGINE)
}

pub(super) fn of_socket(rng: &mut Rng) -> Input {
    let stage = one_of(rng, &[Stage::WebSocket, Stage::Member, Stage::Member]);
    of(rng, Kind::SocketPacket, stage, &SOCKET)
}

fn of(rng: &mut Rng, kind: Kind, stage: Stage, choice: &[&str]) -> Input {
    let mut input = Input::new(kind, stage, Vec::new());
    input.parts.clear();
    for _ in 0..rng.usize(1..4) {
        let packet = any(rng, choice);
        input.parts.push(frame::text(rng, packet.as_bytes()));
    }
    input
}

pub(super) fn by_polling(rng: &mut Rng) -> Input {
    let stage = one_of(rng, &[Stage::Session, Stage::SessionMember]);
    let body = match rng.u8(..8) {
        0 => "\u{1e}".repeat(rng.usize(1..1_000)).into_bytes(),
        1 => "3\u{1e}".repeat(rng.usize(1..10_000)).into_bytes(),
        2 => "4\u{1e}".repeat(rng.usize(1..10_000)).into_bytes(),
        3 => format!("b{}", "!".repeat(rng.usize(1..100))).into_bytes(),
        4 => vec![b'4'; rng.usize(65_000..80_000)],
        5 => noise(rng, 1, 2_000),
        _ => {
            let choice = if rng.bool() { &ENGINE[..] } else { &SOCKET };
            let packets: Vec<_> = (0..rng.usize(1..6)).map(|_| any(rng, choice)).collect();
            packets.join("\u{1e}").into_bytes()
        }
    };
    Input::new(Kind::PollingPacket, stage, body)
}
