//! The frames of a WebSocket as they come by: how long each says that it is (RFC 6455, section 5.2).
//!
//! Pure. It looks at headers alone, before anything is set aside for what they announce; whether they
//! are sound is the protocol's question, which is asked later.

/// The longest header: two bytes, eight of a length, four of a mask.
const LONGEST: usize = 14;

/// A position in a client's frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; LONGEST],
    /// Bytes of the header that have come.
    seen: usize,
    /// Bytes of the payload that have yet to come.
    payload: u64,
    /// Whether the frame ends its message.
    last: bool,
    message: Option<Message>,
}

/// A message that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// What its frames so far say that they have.
    pub(super) bytes: u64,
    pub(super) binary: bool,
}

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// A frame that belongs to a message, which has so much with it.
    Part(Message),
    /// A ping, a pong, a close.
    Control,
    /// The message that the last part belongs to is complete.
    End,
}

impl Frames {
    /// Reads on. Ends at the first refusal, after which it is of no more use.
    pub(super) fn read<E>(
        &mut self,
        mut bytes: &[u8],
        mut see: impl FnMut(Seen) -> Result<(), E>,
    ) -> Result<(), E> {
        while !bytes.is_empty() {
            if self.payload > 0 {
                let passed =
                    usize::try_from(self.payload).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.payload -= passed as u64;
                bytes = &bytes[passed..];
            } else {
                self.header[self.seen] = bytes[0];
                self.seen += 1;
                bytes = &bytes[1..];
                if self.seen < self.header_len() {
                    continue;
                }
                see(self.begin())?;
                self.seen = 0;
            }
            if self.payload == 0 && self.last && self.message.is_some() {
                self.message = None;
                self.last = false;
                see(Seen::End)?;
            }
        }
        Ok(())
    }

    /// How long the header is, as far as it is known.
    fn header_len(&self) -> usize {
        if self.seen < 2 {
            return 2;
        }
        let length = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        2 + length + mask
    }

    /// The header is complete.
    fn begin(&mut self) -> Seen {
        let [first, second, rest @ ..] = &self.header;
        self.payload = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes([rest[0], rest[1]])),
            127 => rest[..8].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
            length => u64::from(length),
        };
        let opcode = first & 0x0f;
        if opcode >= 8 {
            return Seen::Control;
        }
        self.last = first & 0x80 != 0;
        let begun = self.message.filter(|_| opcode == 0);
        let mut message = begun.unwrap_or(Message { bytes: 0, binary: opcode != 1 });
        message.bytes = message.bytes.saturating_add(self.payload);
        self.message = Some(message);
        Seen::Part(message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A masked frame as a client sends it.
    fn frame(first: u8, payload: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match payload {
            0..126 => frame.push(0x80 | u8::try_from(payload).unwrap()),
            126..0x1_0000 => {
                frame.push(0x80 | 0x7e);
                frame.extend(u16::try_from(payload).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 0x7f);
                frame.extend((payload as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.extend(std::iter::repeat_n(0xff, payload));
        frame
    }

    fn seen(bytes: &[u8], piece: usize) -> Vec<Seen> {
        let (mut frames, mut all) = (Frames::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            let read: Result<(), ()> = frames.read(piece, |seen| {
                all.push(seen);
                Ok(())
            });
            read.unwrap();
        }
        all
    }

    fn part(bytes: u64, binary: bool) -> Seen {
        Seen::Part(Message { bytes, binary })
    }

    #[test]
    fn messages_are_followed_through_their_frames() {
        use Seen::{Control, End};
        let bytes = [
            frame(0x81, 5),
            frame(0x82, 70_000),
            frame(0x01, 200),
            frame(0x89, 0),
            frame(0x00, 3),
            frame(0x80, 0),
            frame(0x8a, 125),
            frame(0x81, 0),
        ]
        .concat();
        let expected = [
            part(5, false),
            End,
            part(70_000, true),
            End,
            part(200, false),
            Control,
            part(203, false),
            part(203, false),
            End,
            Control,
            part(0, false),
            End,
        ];
        for piece in [1, 2, 3, 7, 1_000, 1 << 20] {
            assert_eq!(seen(&bytes, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_length_is_seen_before_what_it_announces() {
        let huge = [0x82, 0x80 | 0x7f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4];
        assert_eq!(seen(&huge, 14), [part(0x7fff_ffff_ffff_ffff, true)]);
        // Fragments that add up to more than a number holds.
        let mut many = vec![0x02];
        many.extend(&huge[1..]);
        let (mut frames, refused) = (Frames::default(), |_| Err(()));
        assert_eq!(frames.read(&many, refused), Err(()));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes: Vec<u8>, piece in 1..50_usize) {
            let once = seen(&bytes, bytes.len().max(1));
            prop_assert_eq!(seen(&bytes, piece), once);
        }
    }
}
