//! The stream of one WebSocket, as socketioxide holds it: counted, under a write deadline, bounded in
//! what it announces, and ended by its [`Transport`].

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::coop,
};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{
    CloseReason, Transport,
    deflate::{INFLATER, Inflow},
    frames::Course,
    intake::Kept,
    portions::Portions,
    registry::Entry,
};

/// Bytes that are read at a time of a client whose messages may be compressed, or are large.
const READ: usize = 4 << 10;

/// A WebSocket's stream. Both halves fail as soon as the transport is closed, whichever task polls
/// them; dropping it closes the transport.
///
/// What is written goes through the transport, which puts it in order with what others write.
pub(super) struct ClientStream<R> {
    io: R,
    /// What the client sent right behind its upgrade request.
    ahead: Bytes,
    /// Where the client is in its frames, as long as they pass as they come.
    course: Course,
    /// Where they do not: the client may compress, or has sent a large frame or a part of a header, and
    /// that is not at its end.
    inflow: Option<Box<Inbound>>,
    transport: Transport,
    /// The transport's place in the registry, unless a polling session holds it.
    _entry: Option<Entry>,
    /// Lets a drain wait for socketioxide's tasks, which it cannot join: their end is the end of
    /// this stream.
    _task: TaskTrackerToken,
}

/// What does not pass as it came.
struct Inbound {
    inflow: Inflow,
    /// The memory of a message that has yet to come in part.
    kept: Option<Kept>,
}

impl<R> ClientStream<R> {
    /// The stream of a transport that is attached to its writing half already.
    pub(super) fn new(
        io: R,
        ahead: &[u8],
        transport: Transport,
        entry: Option<Entry>,
        task: TaskTrackerToken,
    ) -> Self {
        // A slice, even an empty one, would keep all of hyper's buffer alive.
        let ahead = Bytes::copy_from_slice(ahead);
        let course = Course::default();
        Self { io, ahead, course, inflow: None, transport, _entry: entry, _task: task }
    }

    /// After a read: how much of it passes as it came; what follows waits in the inflow. Fails if the
    /// client has sent, or announces, more than it may.
    fn taken_in(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.counted_in(bytes.len())?;
        let intake = self.transport.intake();
        let passed = self.course.follow(bytes, Portions::needs, |seen| intake.see(seen));
        let passed = passed.map_err(|reason| self.refused(reason))?;
        if passed < bytes.len() {
            self.inflow().take(Bytes::copy_from_slice(&bytes[passed..]));
        }
        Ok(passed)
    }

    /// The same, whatever it announces.
    fn counted_in(&self, bytes: usize) -> io::Result<()> {
        self.transport.count_in(bytes);
        let within = self.transport.intake().may_have_sent(self.transport.bytes_in());
        if within { Ok(()) } else { Err(self.refused(CloseReason::Protocol)) }
    }

    /// What turns the client's frames into others, which begins here if it has not begun.
    fn inflow(&mut self) -> &mut Inflow {
        let Self { inflow, course, transport, .. } = self;
        let inbound = inflow.get_or_insert_with(|| {
            let inflow = Inflow::behind(std::mem::take(course), transport.is_deflated());
            Box::new(Inbound { inflow, kept: None })
        });
        &mut inbound.inflow
    }

    /// Reads what the client has sent already, as the inflow hands it on; how much.
    fn read_inflow(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        let Some(inbound) = &mut self.inflow else { return Ok(0) };
        let intake = self.transport.intake();
        let read = inbound.inflow.read(buf, |seen| intake.see(seen));
        let kept = match read {
            Ok(0) if inbound.inflow.is_inflating() && inbound.kept.is_none() => {
                intake.keep(INFLATER).map(Some)
            }
            _ => Ok(inbound.kept.take().filter(|_| inbound.inflow.is_inflating())),
        };
        match (read, kept) {
            (Ok(read), Ok(kept)) => {
                inbound.kept = kept;
                if inbound.inflow.is_at_rest() {
                    self.inflow = None;
                }
                Ok(read)
            }
            (Err(reason), _) | (_, Err(reason)) => Err(self.refused(reason)),
        }
    }

    /// The transport ends for it.
    fn refused(&self, reason: CloseReason) -> io::Error {
        self.transport.close(reason);
        io::ErrorKind::ConnectionAborted.into()
    }

    /// Before a write: fails if the transport is closed, and has the writing task woken when it is.
    fn writable(&self, cx: &Context<'_>) -> io::Result<()> {
        if self.transport.watch_as_writer(cx.waker()) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// After a write: closes the transport if it has stalled, so that the reading half ends as
    /// well.
    fn written<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &outcome
            && error.kind() == io::ErrorKind::TimedOut
        {
            self.transport.close(CloseReason::Stalled);
        }
        outcome
    }
}

impl<R> Drop for ClientStream<R> {
    fn drop(&mut self) {
        self.transport.close(CloseReason::Ended);
        self.transport.detach();
    }
}

impl<R: AsyncRead + Unpin> ClientStream<R> {
    /// Reads as much as goes straight into the buffer. Nothing where the client has gone, or where all of
    /// it waits in the inflow.
    fn poll_straight(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.ahead.is_empty() {
            ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        } else {
            let taken = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead.split_to(taken));
        }
        let passed = self.taken_in(&buf.filled()[before..])?;
        buf.set_filled(before + passed);
        Poll::Ready(Ok(()))
    }

    /// Reads from a client whose messages may be compressed, or are large.
    fn poll_inflow(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        // A few bytes may become many, which is work that others should not wait for.
        let turn = ready!(coop::poll_proceed(cx));
        while self.read_inflow(buf)? == 0 {
            let raw = if self.ahead.is_empty() {
                let mut raw = [0; READ];
                let mut raw = ReadBuf::new(&mut raw);
                ready!(Pin::new(&mut self.io).poll_read(cx, &mut raw))?;
                Bytes::copy_from_slice(raw.filled())
            } else {
                std::mem::take(&mut self.ahead)
            };
            if raw.is_empty() {
                break;
            }
            self.counted_in(raw.len())?;
            self.inflow().take(raw);
        }
        turn.made_progress();
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for ClientStream<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.transport.watch_as_reader(cx.waker()) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if self.transport.is_blocked()
            && let Poll::Ready(written) = self.written(self.transport.poll_waiting(cx))
        {
            written?;
        }
        if self.inflow.is_none() && !self.transport.is_deflated() {
            let before = buf.filled().len();
            ready!(self.poll_straight(cx, buf))?;
            // Nothing read is the end, which must not be said while a header is on its way.
            if self.inflow.is_none() || buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
        self.poll_inflow(cx, buf)
    }
}

impl<R: Unpin> AsyncWrite for ClientStream<R> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writable(cx)?;
        self.written(self.transport.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writable(cx)?;
        self.written(self.transport.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writable(cx)?;
        self.written(self.transport.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests;
