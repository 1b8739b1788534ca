//! The stream of one WebSocket, as socketioxide holds it: counted, under a write deadline, bounded in
//! what it announces, and ended by its [`Transport`].

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use service_shell::StallTimeout;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{CloseReason, Transport, frames::Frames, registry::Entry};

/// A WebSocket's stream. Both halves fail as soon as the transport is closed, whichever task polls
/// them; dropping it closes the transport.
pub(super) struct ClientStream<S> {
    io: StallTimeout<S>,
    /// What the client sent right behind its upgrade request.
    ahead: Bytes,
    frames: Frames,
    transport: Transport,
    /// The transport's place in the registry, unless a polling session holds it.
    _entry: Option<Entry>,
    /// Lets a drain wait for socketioxide's tasks, which it cannot join: their end is the end of
    /// this stream.
    _task: TaskTrackerToken,
}

impl<S> ClientStream<S> {
    pub(super) fn new(
        io: StallTimeout<S>,
        ahead: Bytes,
        transport: Transport,
        entry: Option<Entry>,
        task: TaskTrackerToken,
    ) -> Self {
        Self { io, ahead, frames: Frames::default(), transport, _entry: entry, _task: task }
    }

    /// After a read: fails if the client has sent, or announces, more than it may.
    fn taken_in(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.transport.count_in(bytes.len());
        let intake = self.transport.intake();
        let seen = self.frames.read(bytes, |seen| intake.see(seen));
        let within = intake.may_have_sent(self.transport.bytes_in());
        let reason = seen.err().or((!within).then_some(CloseReason::Protocol));
        let Some(reason) = reason else { return Ok(()) };
        self.transport.close(reason);
        Err(io::ErrorKind::ConnectionAborted.into())
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

impl<S> Drop for ClientStream<S> {
    fn drop(&mut self) {
        self.transport.close(CloseReason::Ended);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.transport.watch_as_reader(cx.waker()) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if !self.ahead.is_empty() {
            let taken = self.ahead.len().min(buf.remaining());
            let early = self.ahead.split_to(taken);
            buf.put_slice(&early);
            if self.ahead.is_empty() {
                // Even empty it would keep hyper's buffer alive.
                self.ahead = Bytes::new();
            }
            return Poll::Ready(self.taken_in(&early));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        Poll::Ready(self.taken_in(&buf.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ClientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writable(cx)?;
        let outcome = Pin::new(&mut self.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = outcome {
            self.transport.count_out(written);
        }
        self.written(outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writable(cx)?;
        let outcome = Pin::new(&mut self.io).poll_flush(cx);
        self.written(outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writable(cx)?;
        let outcome = Pin::new(&mut self.io).poll_shutdown(cx);
        self.written(outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split},
        task::yield_now,
    };
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::edge::intake::Intake;

    const LONG: Duration = Duration::from_hours(1);

    /// A stream, its client's end, which holds 16 bytes, and its transport.
    fn stream(ahead: &'static [u8], limit: Duration) -> (ClientStream<DuplexStream>, DuplexStream) {
        let (io, client) = duplex(16);
        let transport = Transport::new(1, ([127, 0, 0, 1], 9).into(), 1_000, Intake::unbounded());
        let task = TaskTracker::new().token();
        let ahead = Bytes::from_static(ahead);
        (ClientStream::new(StallTimeout::new(io, limit), ahead, transport, None, task), client)
    }

    #[tokio::test]
    async fn both_halves_end_with_the_transport() {
        let (stream, _client) = stream(b"", LONG);
        let transport = stream.transport.clone();
        let (mut reader, mut writer) = split(stream);
        let reading = tokio::spawn(async move { reader.read_u8().await.map(drop) });
        let writing = tokio::spawn(async move { writer.write_all(&[0; 64]).await });
        while transport.bytes_out() < 16 {
            yield_now().await;
        }
        transport.close(CloseReason::Drain);
        for half in [reading, writing] {
            let error = half.await.expect("no panic").expect_err("the half fails");
            assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        }
    }

    #[tokio::test]
    async fn a_stalled_write_ends_both_halves() {
        let (mut stream, _client) = stream(b"", Duration::from_millis(1));
        let transport = stream.transport.clone();
        let error = stream.write_all(&[0; 64]).await.expect_err("the write fails");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(transport.close_reason(), Some(CloseReason::Stalled));
        assert!(stream.read_u8().await.is_err());
    }

    #[tokio::test]
    async fn progress_starts_the_write_deadline_anew() {
        let (mut stream, mut client) = stream(b"", LONG);
        let writing = stream.write_all(&[0; 64]);
        let reading = async { client.read_exact(&mut [0; 64]).await };
        let (written, read) = tokio::join!(writing, reading);
        assert!(written.is_ok() && read.is_ok());
        assert!(stream.io.is_calm() && !stream.transport.closed());
    }

    #[tokio::test]
    async fn what_was_read_early_comes_first_and_is_counted() {
        let (mut stream, mut client) = stream(b"early", LONG);
        client.write_all(b" late").await.expect("there is room");
        let mut read = [0; 10];
        stream.read_exact(&mut read[..3]).await.expect("it is there");
        stream.read_exact(&mut read[3..]).await.expect("it is there");
        assert_eq!(&read, b"early late");
        assert_eq!(stream.transport.bytes_in(), 10);
    }

    #[tokio::test]
    async fn a_dropped_stream_closes_its_transport() {
        let (stream, _client) = stream(b"", LONG);
        let transport = stream.transport.clone();
        drop(stream);
        assert_eq!(transport.close_reason(), Some(CloseReason::Ended));
    }
}
