//! The frames that socketioxide writes to a WebSocket, as they pass by (RFC 6455, section 5.2): where
//! one ends, so that others may be put between them, and which of them carry what the node has given
//! to it.
//!
//! Pure.

/// The longest header of a frame that a server sends: two bytes, eight of a length.
const LONGEST: usize = 10;
/// Of a payload so much is looked at.
const LEAD: usize = 2;

/// A position in what socketioxide writes.
#[derive(Debug, Default)]
pub(super) struct Passing {
    header: [u8; LONGEST],
    /// Bytes of the header that have passed; 0 between two frames.
    seen: u8,
    lead: [u8; LEAD],
    led: u8,
    /// Bytes of the payload that have yet to pass.
    left: u64,
}

impl Passing {
    /// Reads on; how many of the node's packets have passed whole.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> u32 {
        let mut packets = 0;
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.left == 0 {
                self.header[usize::from(self.seen)] = byte;
                self.seen += 1;
                bytes = rest;
                if usize::from(self.seen) < self.header_len() {
                    continue;
                }
                self.left = self.payload();
            } else if usize::from(self.led) < LEAD {
                self.lead[usize::from(self.led)] = byte;
                self.led += 1;
                self.left -= 1;
                bytes = rest;
            } else {
                let passed =
                    usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.left -= passed as u64;
                bytes = &bytes[passed..];
            }
            if self.left == 0 {
                packets += u32::from(self.is_text() && is_the_nodes(&self.lead[..self.led.into()]));
                *self = Self::default();
            }
        }
        packets
    }

    /// Whether no frame is half-way through.
    pub(super) fn is_between_frames(&self) -> bool {
        self.seen == 0
    }

    /// How many bytes belong to the frame that is half-way through, as far as that is known.
    pub(super) fn missing(&self) -> usize {
        let header = self.header_len().saturating_sub(self.seen.into());
        if header > 0 { header } else { usize::try_from(self.left).unwrap_or(usize::MAX) }
    }

    fn is_text(&self) -> bool {
        self.header[0] & 0x0f == 1
    }

    fn header_len(&self) -> usize {
        match (self.seen, self.header[1]) {
            (0 | 1, _) => 2,
            (_, 126) => 4,
            (_, 127) => 10,
            _ => 2,
        }
    }

    fn payload(&self) -> u64 {
        let [_, length, rest @ ..] = &self.header;
        match length {
            126 => u64::from(u16::from_be_bytes([rest[0], rest[1]])),
            127 => rest.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
            length => u64::from(*length),
        }
    }
}

/// The packets in the body of a poll's answer that are the node's.
pub(super) fn packets_in(body: &[u8]) -> u32 {
    let packets = body.split(|byte| *byte == 0x1e).filter(|packet| is_the_nodes(packet));
    u32::try_from(packets.count()).unwrap_or(u32::MAX)
}

/// Whether a packet is one that the node gives to socketioxide: an event, an answer, or the welcome to
/// a namespace, within a message of Engine.IO.
fn is_the_nodes(packet: &[u8]) -> bool {
    matches!(packet, [b'4', b'0' | b'2' | b'3', ..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::edge::frame::text_frame;

    fn control(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0x80 | opcode, length], payload].concat()
    }

    fn pass(bytes: &[u8], piece: usize) -> (u32, bool) {
        let mut passing = Passing::default();
        let packets = bytes.chunks(piece).map(|piece| passing.pass(piece)).sum();
        (packets, passing.is_between_frames())
    }

    #[test]
    fn the_nodes_packets_are_counted() {
        let long = format!("42[\"{}\"]", "x".repeat(70_000));
        let middle = format!("43{}[]", "1".repeat(300));
        let bytes = [
            &text_frame(&[r#"0{"sid":"a"}"#])[..],
            &text_frame(&["40{\"sid\":\"b\"}"]),
            &text_frame(&["2"]),
            &control(9, b"42"),
            &control(10, b""),
            &text_frame(&[&long]),
            &text_frame(&[""]),
            &text_frame(&[&middle]),
            &text_frame(&["44{\"message\":\"no\"}"]),
            &text_frame(&["41"]),
        ]
        .concat();
        for piece in [1, 2, 3, 7, 1_000, 1 << 20] {
            assert_eq!(pass(&bytes, piece), (3, true), "in pieces of {piece}");
        }
        assert_eq!(pass(&bytes[..bytes.len() - 1], 5), (3, false));
    }

    #[test]
    fn packets_of_a_poll_are_counted() {
        assert_eq!(packets_in(b"2\x1e42[\"a\"]\x1e430[]\x1e40{}\x1e44{}\x1e6"), 3);
        assert_eq!(packets_in(b""), 0);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes: Vec<u8>, piece in 1..50_usize) {
            prop_assert_eq!(pass(&bytes, piece), pass(&bytes, bytes.len().max(1)));
        }
    }
}
