//! Large frames cut by themselves, and as the stream of a client hands them on.

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
use tokio_util::task::TaskTracker;

use super::*;
use crate::edge::{
    Intake, Transport,
    frame::put_header,
    frames::{Head, OPCODE},
    stream::ClientStream,
};

/// A frame's first byte, and its length.
type Frame = (u8, u64);

/// The fragments of a frame.
fn cut(first: u8, payload: u64) -> Vec<Frame> {
    let mask = Some([1, 2, 3, 4]);
    let (mut portions, mut header) = Portions::begin(&Header { first, payload, mask });
    let mut all = Vec::new();
    loop {
        assert_eq!(header.mask, mask);
        all.push((header.first, header.payload));
        assert_eq!(portions.within(usize::MAX) as u64, header.payload);
        assert_eq!(portions.pass(1), None, "it is not complete");
        let rest = portions.within(usize::MAX);
        match portions.pass(rest) {
            Some(next) => header = next,
            None => return all,
        }
    }
}

#[test]
fn the_first_keeps_the_kind_and_the_last_the_end() {
    const P: u64 = PORTION;
    let table: [(u8, u64, &[Frame]); 5] = [
        (0x82, P + 2, &[(0x02, P), (0x80, 2)]),
        (0x81, 2 * P, &[(0x01, P), (0x80, P)]),
        (0x02, 2 * P + 5, &[(0x02, P), (0x00, P), (0x00, 5)]),
        (0x80, P + 4, &[(0x00, P), (0x80, 4)]),
        // What is reserved stays for the reader to refuse.
        (0xf3, P + 4, &[(0x73, P), (0x80, 4)]),
    ];
    for (first, payload, expected) in table {
        assert_eq!(cut(first, payload), expected, "{first:#x} of {payload}");
    }
}

#[test]
fn small_frames_and_pings_stay_whole() {
    let table = [(0x82, PORTION, false), (0x82, PORTION + 1, true), (0x89, u64::MAX, false)];
    for (first, payload, needs) in table {
        let header = Header { first, payload, mask: None };
        assert_eq!(Portions::needs(&header), needs, "{first:#x} of {payload}");
    }
}

/// A frame as a client sends it.
#[derive(Clone, Debug)]
struct Sent {
    first: u8,
    mask: Option<[u8; 4]>,
    payload: Vec<u8>,
}

impl Sent {
    fn bytes(&self) -> Vec<u8> {
        let mut frame = BytesMut::new();
        put_header(&mut frame, self.first, self.payload.len() as u64);
        if let Some(mask) = self.mask {
            frame[1] |= 0x80;
            frame.put_slice(&mask);
        }
        frame.extend(masked(&self.payload, self.mask));
        frame.to_vec()
    }

    fn is_control(&self) -> bool {
        self.first & OPCODE >= 8
    }
}

fn masked(payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mask = mask.unwrap_or_default();
    payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
}

/// The frames that these bytes are.
fn parse(mut bytes: &[u8]) -> Vec<Sent> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let mut head = Head::default();
        let mut next = bytes.iter().zip(1..);
        let (header, len) = next
            .find_map(|(byte, len)| head.take(*byte).map(|header| (header, len)))
            .expect("a whole header");
        let Header { first, payload, mask } = header;
        let (payload, rest) = bytes[len..].split_at(usize::try_from(payload).unwrap());
        frames.push(Sent { first, mask, payload: masked(payload, mask) });
        bytes = rest;
    }
    frames
}

/// What frames say, however they are cut: behind so many bytes of messages a kind and bits, an end, or a
/// ping with what it carries.
#[derive(Debug, PartialEq)]
enum Said {
    Kind(usize, u8),
    End(usize),
    Control(usize, u8, Vec<u8>),
}

fn said(frames: &[Sent]) -> (Vec<u8>, Vec<Said>) {
    let (mut data, mut said) = (Vec::new(), Vec::new());
    for frame in frames {
        if frame.is_control() {
            said.push(Said::Control(data.len(), frame.first, frame.payload.clone()));
            continue;
        }
        if frame.first & !LAST != 0 {
            said.push(Said::Kind(data.len(), frame.first & !LAST));
        }
        data.extend(&frame.payload);
        if frame.first & LAST != 0 {
            said.push(Said::End(data.len()));
        }
    }
    (data, said)
}

/// What comes out of a client's stream, where reads bring `piece` bytes and take `room`.
async fn handed_on(
    bytes: &[u8],
    ahead: usize,
    piece: usize,
    room: usize,
    deflated: bool,
) -> Vec<u8> {
    let (io, mut client) = duplex(piece);
    let (reader, writer) = split(io);
    let transport = Transport::new(1, ([127, 0, 0, 1], 9).into(), 1_000, Intake::unbounded());
    transport.attach(Box::new(writer), Duration::from_hours(1));
    transport.set_deflated(deflated);
    let (ahead, rest) = bytes.split_at(ahead.min(bytes.len()));
    let task = TaskTracker::new().token();
    let mut stream = ClientStream::new(reader, ahead, transport.clone(), None, task);
    let write = async move { client.write_all(rest).await.expect("it is read") };
    let read = async {
        let (mut out, mut buf) = (Vec::new(), vec![0; room]);
        loop {
            match stream.read(&mut buf).await.expect("it is let in") {
                0 => return out,
                read => out.extend(&buf[..read]),
            }
        }
    };
    let ((), out) = tokio::join!(write, read);
    assert_eq!(transport.bytes_in(), bytes.len() as u64);
    out
}

fn sent() -> impl Strategy<Value = Sent> {
    let large = usize::try_from(PORTION).unwrap();
    let edge = prop::sample::select(vec![large - 1, large, large + 1, 2 * large, 2 * large + 1]);
    let length = prop_oneof![0..200_usize, edge, 0..30_000_usize];
    // Whatever may stand there, but for a compressed message, which comes out as it was before.
    let data = (any::<bool>(), 0..8_u8, 0..4_u8)
        .prop_map(|(last, opcode, bits)| if last { LAST } else { 0 } | bits << 4 | opcode);
    let message = (data, length);
    let control = (0x88..0x90_u8, 0..126_usize);
    let frame = prop_oneof![3 => message.boxed(), 1 => control.boxed()];
    (frame, prop::option::weighted(0.9, any::<[u8; 4]>()), any::<u8>()).prop_map(
        |((first, length), mask, seed)| {
            let payload = (0..=250_u8).map(|at| at ^ seed).cycle().take(length).collect();
            Sent { first, mask, payload }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever frames a client sends, and however they are cut on the way.
    #[test]
    fn all_goes_on_in_frames_that_are_not_large(
        sent in prop::collection::vec(sent(), 0..7),
        ahead in prop_oneof![Just(0_usize), 0..6_000_usize],
        piece in prop_oneof![1..40_usize, 500..9_000_usize],
        room in prop_oneof![1..40_usize, Just(512_usize), 4_000..9_000_usize],
        deflated: bool,
    ) {
        let bytes: Vec<u8> = sent.iter().flat_map(Sent::bytes).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let out = parse(&runtime.block_on(handed_on(&bytes, ahead, piece, room, deflated)));
        prop_assert!(out.iter().all(|frame| frame.payload.len() as u64 <= PORTION));
        prop_assert_eq!(said(&out), said(&sent));
    }
}
