//! Compressed messages that are none, and such as become a thousand times larger. Their sender has
//! negotiated compression.

use std::sync::OnceLock;

use fastrand::Rng;
use flate2::{Compress, Compression, FlushCompress};

use super::{
    frame::{self, frame},
    input::{Expect, Input, Kind, Stage, noise, one_of},
};

/// The first frame of a message, compressed.
const TEXT: u8 = 0x41;
const BINARY: u8 = 0x42;
const CONTINUATION: u8 = 0x00;
const LAST: u8 = 0x80;
const COMPRESSED: u8 = 0x40;

/// More than anybody may send in one message.
const TOO_LARGE: usize = 12 << 20;
/// More than anybody may send before a token was shown.
const TOO_LARGE_FIRST: usize = 100 << 10;
/// No more than one with a token may.
const LARGE: usize = 2 << 20;

/// What a compressor makes of it, as a message is to be sent.
fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(bytes.len() / 2 + 100);
    let mut deflate = Compress::new(Compression::best(), false);
    // There is room for all of it; otherwise it is one more that is cut off.
    let _ = deflate.compress_vec(bytes, &mut deflated, FlushCompress::Sync);
    deflated.truncate(deflated.len().saturating_sub(4));
    deflated
}

/// So many bytes that are all alike.
fn bomb(size: usize) -> &'static [u8] {
    static BOMBS: [OnceLock<Vec<u8>>; 3] = [const { OnceLock::new() }; 3];
    let at = [TOO_LARGE, LARGE].iter().position(|one| *one == size).unwrap_or(2);
    BOMBS[at].get_or_init(|| deflate(&vec![b'4'; size]))
}

pub(super) fn bad(rng: &mut Rng) -> Input {
    let stage = one_of(rng, &[Stage::WebSocket, Stage::Member]);
    let any = |bytes| Input::new(Kind::Deflated, stage, bytes);
    let ends = |bytes| any(bytes).expecting(Expect::End);
    let event =
        b"42[\"chat-message\",{\"room\":\"general\",\"content\":\"again and again and again\"}]";
    let event = deflate(&event[..rng.usize(30..=event.len())]);
    let kind = one_of(rng, &[TEXT, BINARY]);
    match rng.u8(..12) {
        0 => ends(frame(rng, LAST | kind, bomb(TOO_LARGE))),
        1 => {
            let bomb = frame(rng, LAST | TEXT, bomb(TOO_LARGE_FIRST));
            Input { stage: Stage::WebSocket, ..ends(bomb) }
        }
        // One that is no larger than it may be, once and as fast as it can be sent.
        2 => {
            let mut bytes = Vec::new();
            for _ in 0..rng.usize(1..8) {
                bytes.extend(frame(rng, LAST | TEXT, bomb(LARGE)));
            }
            any(bytes)
        }
        // A bomb in a bomb, and one in many fragments.
        3 => {
            let twice = deflate(bomb(TOO_LARGE));
            any(frame(rng, LAST | BINARY, &twice))
        }
        4 => {
            let mut bytes = frame(rng, BINARY, b"");
            for part in bomb(TOO_LARGE).chunks(rng.usize(50..1_000)) {
                bytes.extend(frame(rng, CONTINUATION, part));
            }
            ends(bytes)
        }
        5 => {
            let noise = noise(rng, 1, 600);
            any(frame(rng, LAST | kind, &noise))
        }
        6 => ends(frame(rng, LAST | TEXT, &[0xff; 20])),
        7 => {
            let cut = rng.usize(1..event.len() - 1);
            ends(frame(rng, LAST | TEXT, &event[..cut]))
        }
        // Ends of the stream, one behind the other.
        8 => {
            let many = [0x03, 0x00].repeat(rng.usize(2..20_000));
            ends(frame(rng, LAST | BINARY, &many))
        }
        // The bit on a fragment, a ping, a message within a message; and one without a mask.
        9 => {
            let second = one_of(rng, &[LAST | COMPRESSED | CONTINUATION, 0xc9, LAST | TEXT, 0x81]);
            ends([frame(rng, TEXT, &event), frame(rng, second, b"x")].concat())
        }
        10 => {
            let mut unmasked = frame(rng, LAST | TEXT, &event);
            unmasked[1] &= 0x7f;
            ends(unmasked)
        }
        // A message that is begun, and goes on without end.
        _ => {
            let mut bytes = frame(rng, TEXT, &event);
            for _ in 0..rng.usize(1..200) {
                let first = one_of(rng, &[CONTINUATION, 0x89]);
                bytes.extend(frame(rng, first, b"\0\0\0\xff\xff"));
            }
            bytes.extend(frame::text(rng, b"2"));
            ends(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_a_thousand_times_smaller() {
        for size in [TOO_LARGE, LARGE, TOO_LARGE_FIRST] {
            assert!(bomb(size).len() < size / 800, "{} of {size}", bomb(size).len());
        }
    }
}
