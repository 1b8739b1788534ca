//! The frames of a WebSocket as they come by: how long each says that it is (RFC 6455, section 5.2).
//!
//! Pure. It looks at headers alone, before anything is set aside for what they announce; whether they
//! are sound is the protocol's question, which is asked later.

/// The longest header: two bytes, eight of a length, four of a mask.
const LONGEST: usize = 14;
/// The longest payload of a ping, a pong, a close.
pub(super) const LONGEST_CONTROL: u64 = 125;

/// The last frame of a message.
pub(super) const LAST: u8 = 0x80;
/// What kind of frame it is.
pub(super) const OPCODE: u8 = 0x0f;

/// A header, as its bytes come.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: [u8; LONGEST],
    /// How many have come.
    seen: usize,
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The end of a message, the reserved bits, the kind of frame.
    pub(super) first: u8,
    pub(super) payload: u64,
    pub(super) mask: Option<[u8; 4]>,
}

/// A place in a client's messages, behind the last header.
#[derive(Debug, Default)]
pub(super) struct Course {
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
    /// More of a compressed message, which has so much with it.
    Inflated(Inflated),
    /// A ping, a pong, a close, which has so much.
    Control(u64),
    /// The message that the last part belongs to is complete.
    End,
}

/// A compressed message, as far as it is inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inflated {
    pub(super) message: Message,
    /// How many of its bytes are new.
    pub(super) more: u64,
    /// How many came to make it.
    pub(super) of: u64,
}

impl Head {
    /// Takes the next byte; what the header says, once it is complete.
    pub(super) fn take(&mut self, byte: u8) -> Option<Header> {
        self.bytes[self.seen] = byte;
        self.seen += 1;
        if self.seen < self.len() {
            return None;
        }
        let header = self.header();
        self.seen = 0;
        Some(header)
    }

    /// Whether none of the next header has come.
    pub(super) fn is_empty(&self) -> bool {
        self.seen == 0
    }

    /// How long the header is, as far as it is known.
    fn len(&self) -> usize {
        if self.seen < 2 {
            return 2;
        }
        2 + self.length_len() + if self.is_masked() { 4 } else { 0 }
    }

    fn length_len(&self) -> usize {
        match self.bytes[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    fn is_masked(&self) -> bool {
        self.bytes[1] & 0x80 != 0
    }

    fn header(&self) -> Header {
        let [first, second, rest @ ..] = &self.bytes;
        let (length, rest) = rest.split_at(self.length_len());
        let payload = match length {
            [] => u64::from(second & 0x7f),
            length => length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        let mask = rest.first_chunk().copied().filter(|_| self.is_masked());
        Header { first: *first, payload, mask }
    }
}

impl Header {
    /// The header that these bytes begin with, and how long it is; `None` where it has yet to come in part.
    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut head = Head::default();
        bytes.iter().zip(1..).find_map(|(byte, len)| head.take(*byte).map(|header| (header, len)))
    }

    /// Whether it is a ping, a pong, a close.
    pub(super) fn is_control(&self) -> bool {
        self.first & OPCODE >= 8
    }
}

impl Course {
    /// Follows what has come up to a header that is cut off, or that is `left` to somebody else; how far.
    /// Ends at the first refusal, after which it is of no more use.
    pub(super) fn follow<E>(
        &mut self,
        bytes: &[u8],
        left: impl Fn(&Header) -> bool,
        mut see: impl FnMut(Seen) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let passed = if self.is_between_frames() {
                let Some((header, len)) = Header::read(rest) else { break };
                if left(&header) {
                    break;
                }
                see(self.begin(&header))?;
                len
            } else {
                let passed = self.within(rest.len());
                self.pass(passed);
                passed
            };
            rest = &rest[passed..];
            if self.end() {
                see(Seen::End)?;
            }
        }
        Ok(bytes.len() - rest.len())
    }

    /// A frame begins.
    pub(super) fn begin(&mut self, header: &Header) -> Seen {
        self.payload = header.payload;
        if header.is_control() {
            return Seen::Control(self.payload);
        }
        let opcode = header.first & OPCODE;
        self.last = header.first & LAST != 0;
        let begun = self.message.filter(|_| opcode == 0);
        let mut message = begun.unwrap_or(Message { bytes: 0, binary: opcode != 1 });
        message.bytes = message.bytes.saturating_add(self.payload);
        self.message = Some(message);
        Seen::Part(message)
    }

    /// How many of so many bytes are the frame's.
    pub(super) fn within(&self, bytes: usize) -> usize {
        usize::try_from(self.payload).map_or(bytes, |left| left.min(bytes))
    }

    /// So many bytes of the frame have passed.
    pub(super) fn pass(&mut self, bytes: usize) {
        self.payload = self.payload.saturating_sub(bytes as u64);
    }

    /// Whether all of the frame has come.
    pub(super) fn is_between_frames(&self) -> bool {
        self.payload == 0
    }

    /// Whether a message has begun and is not complete.
    pub(super) fn is_in_message(&self) -> bool {
        self.message.is_some()
    }

    /// Takes note of the end of a message; whether this is one.
    pub(super) fn end(&mut self) -> bool {
        let ends = self.payload == 0 && self.last && self.message.is_some();
        if ends {
            self.message = None;
            self.last = false;
        }
        ends
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

    /// What is seen where what could not be followed yet comes once more, before the next piece.
    fn seen(bytes: &[u8], piece: usize) -> Vec<Seen> {
        let (mut course, mut all, mut rest) = (Course::default(), Vec::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            rest.extend(piece);
            let followed: Result<usize, ()> = course.follow(
                &rest,
                |_| false,
                |seen| {
                    all.push(seen);
                    Ok(())
                },
            );
            rest.drain(..followed.unwrap());
            assert!(rest.len() < LONGEST, "all but a header is followed");
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
            Control(0),
            part(203, false),
            part(203, false),
            End,
            Control(125),
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
        let refused = Course::default().follow(&many, |_| false, |_| Err(()));
        assert_eq!(refused, Err(()));
    }

    #[test]
    fn what_is_left_to_somebody_else_is_not_seen() {
        let bytes = [frame(0x81, 5), frame(0x89, 3), frame(0x82, 4_000), frame(0x81, 1)].concat();
        let (mut course, mut all) = (Course::default(), Vec::new());
        let followed: Result<usize, ()> = course.follow(
            &bytes,
            |header| header.payload > 3_999,
            |seen| {
                all.push(seen);
                Ok(())
            },
        );
        assert_eq!(followed, Ok(11 + 9));
        assert_eq!(all, [part(5, false), Seen::End, Seen::Control(3)]);
        assert!(course.is_between_frames());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes: Vec<u8>, piece in 1..50_usize) {
            let once = seen(&bytes, bytes.len().max(1));
            prop_assert_eq!(seen(&bytes, piece), once);
        }
    }
}
