//! WebSocket frames, and such as RFC 6455 forbids.

use fastrand::Rng;

use super::input::{Expect, Input, Kind, Stage, noise, one_of};

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// A frame whose header says what it is told; `first` holds the opcode and the bits before it.
pub(super) fn frame(rng: &mut Rng, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len() as u64);
    let mask = rng.u32(..).to_be_bytes();
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A header up to the mask.
fn header(first: u8, length: u64) -> Vec<u8> {
    let mut header = vec![first];
    if let Ok(short) = u8::try_from(length)
        && short < 126
    {
        header.push(MASKED | short);
    } else if let Ok(medium) = u16::try_from(length) {
        header.push(MASKED | 0x7e);
        header.extend(medium.to_be_bytes());
    } else {
        header.push(MASKED | 0x7f);
        header.extend(length.to_be_bytes());
    }
    header
}

pub(super) fn text(rng: &mut Rng, payload: &[u8]) -> Vec<u8> {
    frame(rng, FIN | TEXT, payload)
}

pub(super) fn binary(rng: &mut Rng, payload: &[u8]) -> Vec<u8> {
    frame(rng, FIN | BINARY, payload)
}

pub(super) fn bad(rng: &mut Rng) -> Input {
    let stage = one_of(rng, &[Stage::WebSocket, Stage::Member]);
    let ends = |bytes| Input::new(Kind::Frame, stage, bytes).expecting(Expect::End);
    match rng.u8(..14) {
        // Lengths that are announced, of which nothing comes.
        0 => {
            let length = one_of(rng, &[u64::MAX, u64::MAX >> 1, 1 << 40, 64 << 20, 11 << 20]);
            ends([header(FIN | one_of(rng, &[TEXT, BINARY]), length), vec![0; 4]].concat())
        }
        1 => {
            let mut unmasked = header(FIN | TEXT, 5);
            unmasked[1] &= !MASKED;
            ends([unmasked, b"4hell".to_vec()].concat())
        }
        2 => {
            let reserved = one_of(rng, &[0x40, 0x20, 0x10, 0x70]);
            ends(frame(rng, FIN | reserved | TEXT, b"2"))
        }
        3 => {
            let opcode = one_of(rng, &[3, 4, 5, 6, 7, 11, 12, 13, 14, 15]);
            ends(frame(rng, FIN | opcode, b"2"))
        }
        4 => {
            let long = noise(rng, 126, 300);
            let opcode = one_of(rng, &[PING, PONG, CLOSE]);
            ends(frame(rng, FIN | opcode, &long))
        }
        // A control frame in fragments, a fragment of nothing, a message within a message.
        5 => ends(frame(rng, PING, b"x")),
        6 => ends(frame(rng, FIN, b"x")),
        7 => ends([frame(rng, TEXT, b"4"), frame(rng, FIN | TEXT, b"2")].concat()),
        8 => {
            let code = one_of(rng, &[&b"\x03"[..], b"\x00\x00", b"\x03\xe7", b"\x03\xe8\xff\xfe"]);
            ends(frame(rng, FIN | CLOSE, code))
        }
        9 => {
            // Fragments that add up to more than anybody may send.
            let mut bytes = frame(rng, BINARY, &[0; 100]);
            bytes.extend(header(0, 21 << 20));
            bytes.extend([0; 4]);
            ends(bytes)
        }
        10 => {
            let mut bytes = frame(rng, TEXT, b"4");
            for _ in 0..rng.usize(10..400) {
                bytes.extend(frame(rng, 0, b""));
            }
            Input::new(Kind::Frame, stage, bytes)
        }
        11 => {
            let mut bytes = Vec::new();
            for _ in 0..rng.usize(100..2_000) {
                let opcode = one_of(rng, &[PING, PONG]);
                bytes.extend(frame(rng, FIN | opcode, b""));
            }
            Input::new(Kind::Frame, stage, bytes)
        }
        12 => {
            let large = vec![b'4'; rng.usize(65_537..80_000)];
            Input { stage: Stage::WebSocket, ..ends(text(rng, &large)) }
        }
        _ => Input::new(Kind::Frame, stage, noise(rng, 1, 600)),
    }
}

/// Binary messages without an event that they belong to.
pub(super) fn unannounced(rng: &mut Rng) -> Input {
    let stage = one_of(rng, &[Stage::WebSocket, Stage::Member]);
    let size = one_of(rng, &[1, 100, 60_000]);
    let mut input = Input::new(Kind::Binary, stage, Vec::new());
    for _ in 0..rng.usize(1..6) {
        let payload = noise(rng, 0, size);
        input.parts.push(binary(rng, &payload));
    }
    input
}

/// Text that is no UTF-8: a lone byte, an overlong form, a surrogate, a code point that is none.
pub(super) fn invalid_text(rng: &mut Rng) -> Input {
    const WRONG: [&[u8]; 7] =
        [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80", b"\xfe"];
    let before =
        one_of(rng, &["", "2", "4", "42[\"", "42[\"chat-message\",{\"content\":\"", "\u{1f600}"]);
    let mut bytes = before.as_bytes().to_vec();
    bytes.extend(one_of(rng, &WRONG));
    // What follows must not complete what was cut off.
    bytes.push(b'x');
    bytes.extend(noise(rng, 0, 50));
    if rng.bool() {
        let stage = one_of(rng, &[Stage::Session, Stage::SessionMember]);
        return Input::new(Kind::InvalidUtf8, stage, bytes).expecting(Expect::Refusal);
    }
    let stage = one_of(rng, &[Stage::WebSocket, Stage::Member]);
    let frame = text(rng, &bytes);
    Input::new(Kind::InvalidUtf8, stage, frame).expecting(Expect::End)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_none_is_never_text() {
        for seed in 0..5_000 {
            let input = invalid_text(&mut Rng::with_seed(seed));
            let bytes = input.parts.concat();
            assert!(std::str::from_utf8(&bytes).is_err(), "seed {seed}: {bytes:?}");
        }
    }

    #[test]
    fn frames_have_the_lengths_that_they_say() {
        for (length, header) in [(5, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut rng = Rng::with_seed(1);
            assert_eq!(text(&mut rng, &vec![0; length]).len(), header + 4 + length);
        }
        let mut rng = Rng::with_seed(1);
        let frame = text(&mut rng, b"hello");
        let unmasked: Vec<_> = (0..5).map(|at| frame[6 + at] ^ frame[2 + at % 4]).collect();
        assert_eq!((frame[0], &unmasked[..]), (0x81, &b"hello"[..]));
    }
}
