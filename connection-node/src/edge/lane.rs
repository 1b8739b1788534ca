//! The way of ready frames to one WebSocket client, past socketioxide.
//!
//! Events and answers are encoded once, as whole frames, and written to the socket by whoever has them:
//! no queue, task or copy for each client lies in between. What socketioxide writes by itself (the
//! handshake, pings, the end of a namespace) takes the same way, between those frames.
//!
//! Owns the order of the two. Socketioxide has a queue of its own, so nothing goes past it before all
//! that was given to it has come out: while a client polls or is being welcomed, everything goes through
//! it; from the moment that the last of that has passed, everything goes past it.
//!
//! It leaves to others how much may wait, and to wake those who are to write.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use service_shell::StallTimeout;
use tokio::{io::AsyncWrite, net::tcp::OwnedWriteHalf};

use super::passing::Passing;

/// Frames that are written at a time.
const AT_ONCE: usize = 64;

/// The writing half of a client's stream.
pub(super) trait Out: AsyncWrite + Unpin + Send {
    /// Writes what can be written at once.
    fn try_write(&mut self, frames: &[IoSlice<'_>]) -> io::Result<usize>;
}

impl Out for OwnedWriteHalf {
    fn try_write(&mut self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        match frames {
            [frame] => Self::try_write(self, frame),
            frames => self.try_write_vectored(frames),
        }
    }
}

#[cfg(test)]
impl Out for tokio::io::WriteHalf<tokio::io::DuplexStream> {
    fn try_write(&mut self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match Pin::new(self).poll_write_vectored(&mut cx, frames) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// What comes out at one client, in order.
#[derive(Default)]
pub(super) struct Lane {
    /// `None` while no WebSocket carries the transport.
    out: Option<StallTimeout<Box<dyn Out>>>,
    /// The ready frame that is to be written next, or what is left of it; empty for none.
    next: Bytes,
    /// Those behind it. Mostly there are none, and then it costs nothing to put one there.
    waiting: VecDeque<Bytes>,
    /// Whether the socket would not take more, and its reading task sees to the rest.
    blocked: bool,
    passing: Passing,
    /// Packets that went to socketioxide.
    given: u32,
    /// Those of them that came out of it.
    passed: u32,
    /// Whether ready frames go past it.
    open: bool,
    /// Writes of which the socket took something.
    writes: u64,
}

/// The way of a packet to its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As a ready frame.
    Past,
    /// Through socketioxide.
    Through,
}

/// What became of an attempt to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Nothing is left to do for whoever tried.
    Done,
    /// The reading task is to be woken, to see to the rest.
    Blocked,
    /// The socket has failed.
    Failed,
}

impl Lane {
    /// A WebSocket carries the transport from now on; a write to it that makes no progress for `stall`
    /// fails.
    pub(super) fn attach(&mut self, out: Box<dyn Out>, stall: Duration) {
        self.out = Some(StallTimeout::new(out, stall));
    }

    /// How many writes the socket has taken.
    pub(super) fn writes(&self) -> u64 {
        self.writes
    }

    /// The WebSocket is gone, and what waited for it.
    pub(super) fn detach(&mut self) {
        (self.out, self.next, self.waiting) = (None, Bytes::new(), VecDeque::new());
    }

    /// The way of the next packet; one that goes through socketioxide is counted as given to it.
    pub(super) fn way(&mut self) -> Way {
        if self.open {
            return Way::Past;
        }
        self.given = self.given.saturating_add(1);
        Way::Through
    }

    /// Socketioxide has refused a packet.
    pub(super) fn refused(&mut self) {
        self.given = self.given.saturating_sub(1);
    }

    /// Socketioxide is about to welcome its client to a namespace: nothing may come there before.
    pub(super) fn welcome(&mut self) {
        self.given = self.given.saturating_add(1);
        self.open = false;
    }

    /// Packets of polls came out of socketioxide.
    pub(super) fn polled(&mut self, packets: u32) {
        self.passed = self.passed.saturating_add(packets);
    }

    /// Adds a frame to what is to be written; whether it is the first, so that nobody has the task of
    /// writing it yet.
    pub(super) fn push(&mut self, frame: Bytes) -> bool {
        if self.out.is_none() {
            return false;
        }
        if self.is_clear() {
            self.next = frame;
            return !self.blocked;
        }
        self.waiting.push_back(frame);
        false
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Writes what waits, as far as the socket takes it at once.
    pub(super) fn flush(&mut self, sent: &AtomicU64) -> Flushed {
        // Whoever is to write the rest, of a frame or of what waits, goes on with all of it.
        if self.blocked || !self.passing.is_between_frames() {
            return Flushed::Done;
        }
        while !self.is_clear() {
            let Some(out) = &mut self.out else { return Flushed::Done };
            let mut frames = [IoSlice::new(&[]); AT_ONCE];
            let count = gather(&self.next, &self.waiting, &mut frames);
            match out.get_mut().try_write(&frames[..count]) {
                Ok(written @ 1..) => {
                    out.progressed();
                    self.advance(written, sent);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return Flushed::Blocked;
                }
                Ok(0) | Err(_) => return Flushed::Failed,
            }
        }
        Flushed::Done
    }

    /// Writes all that waits, unless socketioxide is in the middle of a frame.
    pub(super) fn poll_waiting(
        &mut self,
        cx: &mut Context<'_>,
        sent: &AtomicU64,
    ) -> Poll<io::Result<()>> {
        if !self.passing.is_between_frames() {
            return Poll::Ready(Ok(()));
        }
        while !self.is_clear() {
            let Some(out) = &mut self.out else { return Poll::Ready(Err(gone())) };
            let mut frames = [IoSlice::new(&[]); AT_ONCE];
            let count = gather(&self.next, &self.waiting, &mut frames);
            self.blocked = true;
            let written = ready!(Pin::new(out).poll_write_vectored(cx, &frames[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written, sent);
        }
        self.blocked = false;
        Poll::Ready(Ok(()))
    }

    /// Writes what socketioxide has to write, behind what waits.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        sent: &AtomicU64,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_waiting(cx, sent))?;
        // What waits since the middle of a frame comes behind that frame, and before the next.
        let most = if self.is_clear() { bytes.len() } else { self.passing.missing() };
        let Some(out) = &mut self.out else { return Poll::Ready(Err(gone())) };
        let bytes = &bytes[..most.min(bytes.len())];
        let written = ready!(Pin::new(out).poll_write(cx, bytes))?;
        sent.fetch_add(written as u64, Ordering::Relaxed);
        self.writes += 1;
        let packets = self.passing.pass(&bytes[..written]);
        self.passed = self.passed.saturating_add(packets);
        // A packet comes out here once the client is welcome, and no earlier than its upgrade is done.
        self.open |= packets > 0 && self.passed == self.given;
        Poll::Ready(Ok(written))
    }

    /// Flushes, and ends, the stream below.
    pub(super) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        sent: &AtomicU64,
    ) -> Poll<io::Result<()>> {
        Pin::new(ready!(self.poll_clear(cx, sent))?).poll_flush(cx)
    }

    pub(super) fn poll_shutdown(
        &mut self,
        cx: &mut Context<'_>,
        sent: &AtomicU64,
    ) -> Poll<io::Result<()>> {
        Pin::new(ready!(self.poll_clear(cx, sent))?).poll_shutdown(cx)
    }

    /// The stream below, once nothing waits for it.
    fn poll_clear(
        &mut self,
        cx: &mut Context<'_>,
        sent: &AtomicU64,
    ) -> Poll<io::Result<&mut StallTimeout<Box<dyn Out>>>> {
        ready!(self.poll_waiting(cx, sent))?;
        Poll::Ready(self.out.as_mut().ok_or_else(gone))
    }

    fn advance(&mut self, mut written: usize, sent: &AtomicU64) {
        sent.fetch_add(written as u64, Ordering::Relaxed);
        self.writes += 1;
        while written >= self.next.len() {
            written -= self.next.len();
            let Some(next) = self.waiting.pop_front() else {
                // An idle client keeps nothing of what it was sent, and no room for it.
                (self.next, self.waiting) = (Bytes::new(), VecDeque::new());
                return;
            };
            self.next = next;
        }
        self.next.advance(written);
    }

    /// Whether nothing waits.
    fn is_clear(&self) -> bool {
        self.next.is_empty()
    }
}

/// The first of the frames that wait; how many.
fn gather<'f>(next: &'f Bytes, waiting: &'f VecDeque<Bytes>, into: &mut [IoSlice<'f>]) -> usize {
    let mut count = 0;
    for (slice, frame) in into.iter_mut().zip(std::iter::once(next).chain(waiting)) {
        *slice = IoSlice::new(frame);
        count += 1;
    }
    count
}

fn gone() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

#[cfg(test)]
mod tests;
