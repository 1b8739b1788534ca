//! The frames of a WebSocket as they come by: how long each says that it is (RFC 6455, section 5.2).
//!
//! Pure. It looks at headers alone, before anything is set aside for what they announce; whether they
//! are sound is the protocol's question, which is asked later.

/// The longest header: two bytes, eight of a length, four of a mask.
const LONGEST: usize = 14;

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

/// A position in a client's frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: Head,
    course: Course,
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
    /// A ping, a pong, a close.
    Control,
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

impl Course {
    /// A frame begins.
    pub(super) fn begin(&mut self, header: &Header) -> Seen {
        self.payload = header.payload;
        let opcode = header.first & 0x0f;
        if opcode >= 8 {
            return Seen::Control;
        }
        self.last = header.first & 0x80 != 0;
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

impl Frames {
    /// Reads on. Ends at the first refusal, after which it is of no more use.
    pub(super) fn read<E>(
        &mut self,
        mut bytes: &[u8],
        mut see: impl FnMut(Seen) -> Result<(), E>,
    ) -> Result<(), E> {
        while let [first, rest @ ..] = bytes {
            if self.course.is_between_frames() {
                bytes = rest;
                let Some(header) = self.head.take(*first) else { continue };
                see(self.course.begin(&header))?;
            } else {
                let passed = self.course.within(bytes.len());
                self.course.pass(passed);
                bytes = &bytes[passed..];
            }
            if self.course.end() {
                see(Seen::End)?;
            }
        }
        Ok(())
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
