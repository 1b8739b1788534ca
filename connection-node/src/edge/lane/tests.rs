use std::{
    sync::{Arc, Mutex},
    task::Waker,
};

use proptest::prelude::*;

use super::*;
use crate::edge::frame::text_frame;

const LONG: Duration = Duration::from_hours(1);

/// A socket that takes so many bytes.
#[derive(Clone, Default)]
struct Narrow(Arc<Mutex<(usize, Vec<u8>)>>);

impl Out for Narrow {
    fn try_write(&mut self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        let (room, written) = &mut *self.0.lock().unwrap();
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.iter().copied()).collect();
        let taken = bytes.len().min(*room);
        *room -= taken;
        written.extend(&bytes[..taken]);
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }
}

impl AsyncWrite for Narrow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.try_write(&[IoSlice::new(bytes)]).map_or(Poll::Pending, |taken| Poll::Ready(Ok(taken)))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// A ready frame with so much in it.
    Push(usize),
    Flush,
    /// The reading task looks.
    Read,
    /// Socketioxide has another frame to write.
    Feed(usize),
    /// It writes what it has, perhaps not all at once.
    Write,
    /// The client reads so much.
    Room(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..200_usize).prop_map(Step::Push),
        Just(Step::Flush),
        Just(Step::Read),
        (0..200_usize).prop_map(Step::Feed),
        Just(Step::Write),
        (0..300_usize).prop_map(Step::Room),
    ]
}

proptest! {
    /// Every frame comes out whole, in the order of its kind, and none of those that go past
    /// socketioxide later than one that socketioxide was given after it.
    #[test]
    fn frames_are_whole_and_in_order(steps in prop::collection::vec(step(), 0..60)) {
        let (mut lane, socket, sent) = (Lane::default(), Narrow::default(), AtomicU64::new(0));
        let mut cx = Context::from_waker(Waker::noop());
        // As it happens to be when there is nothing to write to yet.
        prop_assert!(!lane.push(Bytes::from_static(b"lost")));
        let _runtime = runtime();
        lane.attach(Box::new(socket.clone()), LONG);
        let (mut feeding, mut expected, mut number) = (Vec::new(), Vec::new(), 0);
        let mut frame = |kind: &str, bytes: usize| {
            number += 1;
            text_frame(&[kind, &number.to_string(), " ", &"x".repeat(bytes)])
        };
        // What was pushed before a feed comes out before it, unless that had begun.
        let mut pushed = Vec::new();
        let steps = steps.into_iter().chain([Step::Room(1 << 20), Step::Write, Step::Read]);
        for step in steps {
            match step {
                Step::Push(bytes) => {
                    let frame = frame("p", bytes);
                    lane.push(frame.clone());
                    pushed.push(frame);
                }
                Step::Flush => drop(lane.flush(&sent)),
                Step::Read => drop(lane.poll_waiting(&mut cx, &sent)),
                Step::Feed(bytes) => {
                    let frame = frame("f", bytes);
                    feeding.extend_from_slice(&frame);
                    expected.push((frame, pushed.len()));
                }
                Step::Write => {
                    while !feeding.is_empty() {
                        let Poll::Ready(written) = lane.poll_write(&mut cx, &feeding, &sent) else {
                            break;
                        };
                        feeding.drain(..written.unwrap());
                    }
                    drop(lane.poll_flush(&mut cx, &sent));
                }
                Step::Room(bytes) => socket.0.lock().unwrap().0 += bytes,
            }
        }
        let written = socket.0.lock().unwrap().1.clone();
        prop_assert_eq!(written.len() as u64, sent.load(Ordering::Relaxed));
        let (mut at, mut fed, mut past) = (0, expected.into_iter(), pushed.into_iter());
        let mut seen_past = 0;
        while at < written.len() {
            // The kind stands behind the header.
            let header = if written[at + 1] == 126 { 4 } else { 2 };
            let frame = if written[at + header] == b'p' {
                seen_past += 1;
                past.next().unwrap()
            } else {
                let (frame, before) = fed.next().unwrap();
                prop_assert!(seen_past >= before, "a frame was overtaken");
                frame
            };
            prop_assert_eq!(&written[at..at + frame.len()], &frame[..]);
            at += frame.len();
        }
        prop_assert!(past.next().is_none() && fed.next().is_none());
    }
}

/// Deadlines of writes need the clock of a runtime.
fn runtime() -> tokio::runtime::EnterGuard<'static> {
    static RUNTIME: std::sync::LazyLock<tokio::runtime::Runtime> = std::sync::LazyLock::new(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    });
    RUNTIME.enter()
}

#[test]
fn the_lane_opens_when_all_that_was_given_is_out() {
    let (mut lane, socket, sent) = (Lane::default(), Narrow::default(), AtomicU64::new(0));
    let mut cx = Context::from_waker(Waker::noop());
    socket.0.lock().unwrap().0 = 1_000;
    lane.attach(Box::new(socket), LONG);
    let mut out = |lane: &mut Lane, packet: &str| {
        let frame = text_frame(&[packet]);
        assert!(lane.poll_write(&mut cx, &frame, &sent).is_ready());
    };
    lane.welcome();
    assert_eq!((lane.way(), lane.way()), (Way::Through, Way::Through));
    out(&mut lane, "40{}");
    // One of the two was refused; what socketioxide says by itself does not count.
    lane.refused();
    out(&mut lane, "2");
    out(&mut lane, "44/x,{}");
    assert_eq!(lane.way(), Way::Through);
    out(&mut lane, "42[]");
    out(&mut lane, "43[]");
    assert_eq!(lane.way(), Way::Past);
    lane.welcome();
    assert_eq!(lane.way(), Way::Through, "nothing comes before a welcome");
}
