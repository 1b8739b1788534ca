//! A message as a compressed frame.

use std::cell::RefCell;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::{Compress, Compression, FlushCompress, Status};

use super::super::frame::{header_len, put_header};

/// The end of a message, compressed, a text.
const FIRST: u8 = 0x80 | 0x40 | 0x01;

/// Bytes of a message below which it goes as it is: a quarter of so little is less than what TCP and IP
/// add to it.
const LEAST: usize = 512;

/// Level 1 gives up Huffman codes of the message's own, and with them half of what can be won; the levels
/// above 2 win nothing more from a text of this size.
const LEVEL: u32 = 2;

/// What every message that is flushed to a byte ends with, and is left out (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Room that is kept from one message to the next.
const KEPT: usize = 64 << 10;

struct Deflater {
    deflate: Compress,
    room: Vec<u8>,
}

thread_local! {
    /// A quarter of a megabyte, for whatever the thread compresses.
    static DEFLATER: RefCell<Deflater> = RefCell::new(Deflater {
        deflate: Compress::new(Compression::new(LEVEL), false),
        room: Vec::new(),
    });
}

/// A text message in one frame, compressed, for any number of clients that have negotiated it; `None` for
/// one that is short, or would not become shorter. Its payload is the parts, one behind the other.
pub fn deflated_frame(parts: &[&str]) -> Option<Bytes> {
    let length = parts.iter().map(|part| part.len()).sum();
    if length < LEAST {
        return None;
    }
    DEFLATER.with_borrow_mut(|deflater| {
        let payload = deflater.deflate(parts, length)?;
        let mut frame = BytesMut::with_capacity(header_len(payload.len()) + payload.len());
        put_header(&mut frame, FIRST, payload.len() as u64);
        frame.put_slice(payload);
        Some(frame.freeze())
    })
}

impl Deflater {
    /// `None` where it would become no shorter than `length`.
    fn deflate(&mut self, parts: &[&str], length: usize) -> Option<&[u8]> {
        self.room.clear();
        self.room.shrink_to(KEPT);
        self.room.reserve(length);
        self.deflate.reset();
        for part in parts {
            self.add(part.as_bytes(), FlushCompress::None)?;
        }
        self.add(&[], FlushCompress::Sync)?;
        // Where all room was needed, something may be left.
        let is_whole = self.room.len() < self.room.capacity();
        let payload = self.room.strip_suffix(&TAIL).filter(|_| is_whole)?;
        (payload.len() < length).then_some(payload)
    }

    fn add(&mut self, part: &[u8], flush: FlushCompress) -> Option<()> {
        let before = self.deflate.total_in();
        let status = self.deflate.compress_vec(part, &mut self.room, flush).ok()?;
        let taken = self.deflate.total_in() - before;
        (taken == part.len() as u64 && (status == Status::Ok || part.is_empty())).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Decompress, FlushDecompress};
    use proptest::prelude::*;

    use super::*;

    /// What a client makes of a frame.
    fn inflated(frame: &[u8]) -> Vec<u8> {
        assert_eq!(frame[0], 0xc1, "a whole text, compressed");
        let (length, payload) = match frame[1] {
            126 => (usize::from(u16::from_be_bytes([frame[2], frame[3]])), &frame[4..]),
            127 => (frame[2..10].iter().fold(0, |l, b| l << 8 | usize::from(*b)), &frame[10..]),
            short => (usize::from(short), &frame[2..]),
        };
        assert_eq!(length, payload.len());
        let whole = [payload, &TAIL].concat();
        let mut text = Vec::with_capacity(4 << 20);
        let mut inflate = Decompress::new(false);
        inflate.decompress_vec(&whole, &mut text, FlushDecompress::Sync).unwrap();
        assert_eq!(inflate.total_in(), whole.len() as u64);
        text
    }

    #[test]
    fn a_frame_is_what_the_message_was() {
        let words = "Everyone in a room sees the same messages in the same order. ";
        for times in [9, 17, 1_200, 20_000] {
            let text = words.repeat(times);
            let frame = deflated_frame(&["42[\"chat-message\",", &text, "]"]).unwrap();
            assert!(frame.len() < text.len() / 3, "{} of {}", frame.len(), text.len());
            assert_eq!(inflated(&frame), format!("42[\"chat-message\",{text}]").as_bytes());
        }
    }

    #[test]
    fn what_gains_nothing_goes_as_it_is() {
        assert_eq!(deflated_frame(&[]), None);
        assert_eq!(deflated_frame(&[&"x".repeat(LEAST - 1)]), None);
        assert!(deflated_frame(&[&"x".repeat(LEAST)]).is_some());
        // Seven bits of eight at most can be won from these, and no more: the eighth goes into codes.
        let mut random = 1_u64;
        let noise: String = std::iter::repeat_with(|| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from_u32(0x4e00 + u32::try_from(random >> 33).unwrap() % 0x5000).unwrap()
        })
        .take(300)
        .collect();
        if let Some(frame) = deflated_frame(&[&noise]) {
            assert!(frame.len() < noise.len());
        }
        // Nothing of one message is seen in the next.
        let text = "the same again, and again. ".repeat(40);
        assert_eq!(deflated_frame(&[&text]), deflated_frame(&[&text]));
    }

    proptest! {
        #[test]
        fn whatever_is_compressed_comes_back(parts in prop::collection::vec("[a-f]{0,400}|\\PC{0,80}", 0..8)) {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let whole = parts.concat();
            if let Some(frame) = deflated_frame(&parts) {
                prop_assert!(frame.len() < whole.len() + header_len(whole.len()));
                prop_assert_eq!(inflated(&frame), whole.as_bytes());
            } else if whole.len() >= LEAST {
                // So many of six letters always gain.
                prop_assert!(whole.bytes().any(|byte| !(b'a'..=b'f').contains(&byte)));
            }
        }
    }
}
