//! A client's frames, compressed and not, read by the server's side of a WebSocket library.

use std::io::{self, Read, Write};

use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket, protocol::Role};

use super::*;

/// What a client sends, before it is cut into reads.
#[derive(Debug, Clone)]
struct Sent {
    text: Vec<u8>,
    binary: bool,
    /// Compressed at this level.
    level: Option<u32>,
    /// Bytes of each fragment.
    fragment: usize,
    /// Between fragments.
    pings: bool,
}

/// The message as a compressor leaves it, without the end that is added again.
fn deflate(text: &[u8], level: u32, flush: FlushCompress) -> Vec<u8> {
    let mut payload = Vec::with_capacity(text.len() + 1_000);
    let mut deflate = Compress::new(Compression::new(level), false);
    deflate.compress_vec(text, &mut payload, flush).unwrap();
    assert_eq!(deflate.total_in(), text.len() as u64);
    if flush == FlushCompress::Finish {
        payload.push(0);
    } else {
        payload.truncate(payload.len() - 4);
    }
    payload
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = BytesMut::new();
    put_header(&mut frame, first, payload.len() as u64);
    frame[1] |= MASKED;
    let mask = [0x12, 0x34, 0x56, 0x78];
    frame.put_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame.to_vec()
}

impl Sent {
    fn frames(&self) -> Vec<u8> {
        let compressed = self.level.map(|level| deflate(&self.text, level, FlushCompress::Sync));
        let bit = if compressed.is_some() { COMPRESSED } else { 0 };
        let payload = compressed.as_ref().unwrap_or(&self.text);
        let mut parts: Vec<&[u8]> = payload.chunks(self.fragment).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        let (mut frames, count) = (Vec::new(), parts.len());
        for (at, part) in parts.into_iter().enumerate() {
            let opcode = if self.binary { 2 } else { 1 };
            let first = if at == 0 { bit | opcode } else { 0 };
            let last = if at + 1 == count { LAST } else { 0 };
            frames.extend(frame(first | last, part));
            if self.pings && last == 0 {
                frames.extend(frame(LAST | 9, b"between"));
            }
        }
        frames
    }

    fn message(&self) -> Message {
        if self.binary {
            Message::binary(self.text.clone())
        } else {
            Message::text(String::from_utf8(self.text.clone()).unwrap())
        }
    }
}

/// What comes out, where reads bring `piece` bytes and take `room`; and what was seen.
fn read_all(
    bytes: &[u8],
    piece: usize,
    room: usize,
    mut refuse: impl FnMut(Seen) -> Result<(), CloseReason>,
) -> Result<(Vec<u8>, Vec<Seen>, Inflow), CloseReason> {
    let (mut inflow, mut out, mut all) = (Inflow::default(), Vec::new(), Vec::new());
    for part in bytes.chunks(piece) {
        inflow.take(Bytes::copy_from_slice(part));
        loop {
            let mut buf = (&mut out).limit(room);
            let read = inflow.read(&mut buf, |seen| {
                all.push(seen);
                refuse(seen)
            })?;
            if read == 0 {
                break;
            }
        }
    }
    Ok((out, all, inflow))
}

/// A socket that has received this, and drops what is sent.
struct Received(io::Cursor<Vec<u8>>);

impl Read for Received {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Received {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn messages(bytes: Vec<u8>) -> (Vec<Message>, tungstenite::Error) {
    let mut socket =
        WebSocket::from_raw_socket(Received(io::Cursor::new(bytes)), Role::Server, None);
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(Message::Ping(_)) => {}
            Ok(message) => messages.push(message),
            Err(end) => return (messages, end),
        }
    }
}

fn arrived(bytes: &[u8]) -> Result<Vec<Message>, CloseReason> {
    let (out, _, inflow) = read_all(bytes, 7, 1 << 10, |_| Ok(()))?;
    assert!(inflow.is_at_rest());
    let (messages, end) = messages(out);
    if matches!(
        end,
        tungstenite::Error::Protocol(
            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
        )
    ) {
        Ok(messages)
    } else {
        Err(CloseReason::Ended)
    }
}

fn text(text: &str) -> Vec<Message> {
    vec![Message::text(text)]
}

#[test]
fn the_examples_of_the_rfc() {
    // RFC 7692, section 7.2.3: one block, fragments, no compression, an end in the message, two blocks.
    let hello: [&[u8]; 5] = [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        // Behind a whole stream another, of nothing.
        &deflate(b"Hello", 9, FlushCompress::Finish),
    ];
    for payload in hello {
        assert_eq!(arrived(&frame(0xc1, payload)), Ok(text("Hello")), "{payload:02x?}");
        let (one, other) = payload.split_at(3);
        let nothing = [frame(0x41, &[]), frame(0x89, b"ping"), frame(0, one)].concat();
        let fragments = [nothing, frame(0x00, &[]), frame(0x80, other)].concat();
        assert_eq!(arrived(&fragments), Ok(text("Hello")), "{payload:02x?}");
    }
    for empty in [&[0x00][..], &[0x02, 0x00], &[]] {
        assert_eq!(arrived(&frame(0xc1, empty)), Ok(text("")), "{empty:02x?}");
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let hello = deflate(b"Hello", 6, FlushCompress::Sync);
    let unmasked = [&[0xc1, 0x07][..], &hello].concat();
    let long = deflate(&b"Everyone sees the same messages. ".repeat(20), 6, FlushCompress::Sync);
    let table: [(&str, Vec<u8>, CloseReason); 12] = [
        ("noise", frame(0xc1, &[0xff; 40]), CloseReason::Protocol),
        ("cut off", frame(0xc1, &long[..long.len() / 2]), CloseReason::Protocol),
        (
            "cut off before the last byte",
            frame(0xc1, &long[..long.len() - 1]),
            CloseReason::Protocol,
        ),
        ("two ends", frame(0xc1, &[0x03, 0x00, 0x03, 0x00, 0x00]), CloseReason::Protocol),
        ("no mask", unmasked, CloseReason::Protocol),
        (
            "a marked fragment",
            [frame(0x41, &hello), frame(0xc0, &hello)].concat(),
            CloseReason::Protocol,
        ),
        (
            "within another",
            [frame(0x41, &hello), frame(0xc1, &hello)].concat(),
            CloseReason::Protocol,
        ),
        (
            "a plain one within",
            [frame(0x41, &hello), frame(0x81, b"Hello")].concat(),
            CloseReason::Protocol,
        ),
        // What these are is left to the library that reads what comes out.
        (
            "within a plain one",
            [frame(0x01, b"He"), frame(0xc1, &hello)].concat(),
            CloseReason::Ended,
        ),
        ("a marked ping", frame(0xc9, b"ping"), CloseReason::Ended),
        ("other bits", frame(0xe1, &hello), CloseReason::Ended),
        ("a fragment of nothing", frame(0x80, b"Hello"), CloseReason::Ended),
    ];
    for (what, bytes, reason) in table {
        assert_eq!(arrived(&bytes), Err(reason), "{what}");
    }
}

#[test]
fn a_bomb_is_left_where_it_is_refused() {
    let bomb = frame(0xc2, &deflate(&vec![0; 10 << 20], 9, FlushCompress::Sync));
    assert!(bomb.len() < 11 << 10, "{} bytes of 10 MB", bomb.len());
    let refuse = |seen| match seen {
        Seen::Inflated(Inflated { message, .. }) if message.bytes > 65_536 => {
            Err(CloseReason::Fault)
        }
        _ => Ok(()),
    };
    let mut most = 0;
    let refused = read_all(&bomb, 1 << 10, 1 << 10, |seen| {
        if let Seen::Inflated(inflated) = seen {
            most = inflated.message.bytes;
        }
        refuse(seen)
    });
    assert_eq!(refused.err(), Some(CloseReason::Fault));
    assert!(most <= 65_536 + PIECE as u64, "{most} bytes were inflated");
}

#[test]
fn a_large_frame_is_seen_as_it_was_announced() {
    let large = vec![7; 70_000];
    let bytes = [frame(0x02, &large), frame(0x89, b"ping"), frame(0x80, &large[1..])].concat();
    let part = |bytes| Seen::Part(crate::edge::frames::Message { bytes, binary: true });
    let expected = [part(70_000), Seen::Control(4), part(139_999), Seen::End];
    for piece in [1, 4_096, 200_000] {
        let (out, seen, inflow) = read_all(&bytes, piece, 512, |_| Ok(())).unwrap();
        assert_eq!(seen, expected);
        assert!(inflow.is_at_rest());
        assert_eq!(messages(out).0, [Message::binary(vec![7; 139_999])]);
    }
    // What it announces is refused with its header, before any of it goes on.
    let refused = read_all(&bytes[..14], 14, 512, |_| Err(CloseReason::Fault));
    assert_eq!(refused.err(), Some(CloseReason::Fault));
}

#[test]
fn who_has_not_negotiated_to_compress_has_bits_refused() {
    let hello = frame(0xc1, &deflate(b"Hello", 6, FlushCompress::Sync));
    for bytes in [hello, frame(0xc2, &vec![7; 70_000])] {
        let (mut inflow, mut out) = (Inflow::behind(Course::default(), false), Vec::new());
        inflow.take(Bytes::from(bytes));
        while inflow.read(&mut (&mut out).limit(512), |_| Ok(())).unwrap() > 0 {}
        let (messages, end) = messages(out);
        assert!(messages.is_empty());
        let bits = tungstenite::error::ProtocolError::NonZeroReservedBits;
        assert!(matches!(end, tungstenite::Error::Protocol(ref what) if *what == bits), "{end}");
    }
}

#[test]
fn what_is_seen() {
    let words = "Everyone in a room sees the same messages. ".repeat(50);
    let payload = deflate(words.as_bytes(), 6, FlushCompress::Sync);
    let bytes = [frame(0xc1, &payload), frame(0x89, b""), frame(0x81, b"2")].concat();
    let (_, seen, _) = read_all(&bytes, 100, 1 << 10, |_| Ok(())).unwrap();
    let part = |bytes| Seen::Part(crate::edge::frames::Message { bytes, binary: false });
    assert_eq!(seen[0], part(payload.len() as u64));
    let mut sum = 0;
    for one in &seen[1..seen.len() - 4] {
        let Seen::Inflated(Inflated { message, more, of }) = *one else {
            panic!("{one:?}");
        };
        sum += more;
        assert_eq!(message.bytes, sum);
        assert!(of > 0 && of <= payload.len() as u64);
    }
    assert_eq!(sum, words.len() as u64);
    assert_eq!(seen[seen.len() - 4..], [Seen::End, Seen::Control(0), part(1), Seen::End]);
}

fn sent() -> impl Strategy<Value = Sent> {
    let text = prop_oneof![
        "[a-e]{0,40}".prop_map(String::into_bytes),
        "\\PC{0,300}".prop_map(String::into_bytes),
        ("[a-z ]{1,40}", 1..200_usize).prop_map(|(text, times)| text.repeat(times).into_bytes()),
    ];
    let level = prop::option::weighted(0.7, 0..10_u32);
    (text, any::<bool>(), level, 1..12_000_usize, any::<bool>()).prop_map(
        |(text, binary, level, fragment, pings)| Sent { text, binary, level, fragment, pings },
    )
}

proptest! {
    /// Whatever a client sends arrives, however it is cut.
    #[test]
    fn all_arrives(
        sent in prop::collection::vec(sent(), 0..5),
        piece in prop_oneof![1..40_usize, Just(4_096)],
        room in prop_oneof![1..40_usize, Just(1_024)],
    ) {
        let bytes: Vec<u8> = sent.iter().flat_map(Sent::frames).collect();
        let (out, _, inflow) = read_all(&bytes, piece, room, |_| Ok(())).unwrap();
        prop_assert!(inflow.is_at_rest());
        let expected: Vec<Message> = sent.iter().map(Sent::message).collect();
        prop_assert_eq!(messages(out).0, expected);
    }

    #[test]
    fn nothing_makes_it_panic(mut bytes: Vec<u8>, first in prop_oneof![Just(0xc1_u8), any::<u8>()], piece in 1..50_usize) {
        if let Some(byte) = bytes.first_mut() {
            *byte = first;
        }
        let once = read_all(&bytes, bytes.len().max(1), 1_024, |_| Ok(())).map(|(out, ..)| out);
        let cut = read_all(&bytes, piece, 1_024, |_| Ok(())).map(|(out, ..)| out);
        prop_assert_eq!(once, cut);
    }
}
