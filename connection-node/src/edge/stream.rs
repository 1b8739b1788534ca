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
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, duplex, split},
        task::yield_now,
    };
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::edge::{Way, frame::text_frame, intake::Intake};

    const LONG: Duration = Duration::from_hours(1);

    /// A stream, and its client's end, which holds 16 bytes.
    fn stream(
        ahead: &'static [u8],
        limit: Duration,
    ) -> (ClientStream<ReadHalf<DuplexStream>>, DuplexStream) {
        let (io, client) = duplex(16);
        let (reader, writer) = split(io);
        let transport = Transport::new(1, ([127, 0, 0, 1], 9).into(), 1_000, Intake::unbounded());
        transport.attach(Box::new(writer), limit);
        let task = TaskTracker::new().token();
        (ClientStream::new(reader, ahead, transport, None, task), client)
    }

    /// The same, once its client was welcomed to a namespace.
    async fn welcomed() -> (ClientStream<ReadHalf<DuplexStream>>, DuplexStream) {
        let (mut stream, mut client) = stream(b"", LONG);
        stream.transport.welcome();
        stream.write_all(&text_frame(&["40{}"])).await.expect("there is room");
        client.read_exact(&mut [0; 6]).await.expect("it is there");
        assert_eq!(stream.transport.way(), Way::Past);
        (stream, client)
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

    #[tokio::test(start_paused = true)]
    async fn progress_starts_the_write_deadline_anew() {
        let limit = Duration::from_secs(10);
        let (mut stream, mut client) = stream(b"", limit);
        let writing = stream.write_all(&[0; 64]);
        let reading = async {
            for _ in 0..3 {
                tokio::time::sleep(limit * 9 / 10).await;
                client.read_exact(&mut [0; 16]).await?;
            }
            Ok::<_, io::Error>(())
        };
        let (written, read) = tokio::join!(writing, reading);
        assert!(written.is_ok() && read.is_ok());
        assert!(!stream.transport.closed());
    }

    #[tokio::test]
    async fn nothing_follows_what_a_closed_transport_has_left_out() {
        let (stream, mut client) = welcomed().await;
        let transport = stream.transport.clone();
        assert!(transport.push(text_frame(&["42[1]"])));
        transport.close(CloseReason::SlowConsumer);
        assert!(!transport.push(text_frame(&["42[3]"])));
        transport.flush();
        drop(stream);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("it ends");
        assert!(rest.is_empty(), "{rest:?}");
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
    async fn frames_stand_behind_what_came_before_and_between_the_frames_of_socketioxide() {
        let (mut stream, mut client) = welcomed().await;
        let transport = stream.transport.clone();
        let (ping, event) = (text_frame(&["2"]), text_frame(&["42[\"e\"]"]));
        // Half a frame of socketioxide: nothing comes between its parts.
        stream.write_all(&ping[..1]).await.expect("there is room");
        assert!(transport.push(event.clone()), "somebody has to write it");
        transport.flush();
        stream.write_all(&ping[1..]).await.expect("there is room");
        stream.flush().await.expect("there is room");
        let mut read = vec![0; ping.len() + event.len()];
        client.read_exact(&mut read).await.expect("both are there");
        assert_eq!(read, [&ping[..], &event].concat());
        // What waits comes out before what socketioxide writes then.
        assert!(transport.push(event.clone()));
        stream.write_all(&ping).await.expect("there is room");
        client.read_exact(&mut read).await.expect("both are there");
        assert_eq!(read, [&event[..], &ping].concat());
    }

    #[tokio::test]
    async fn what_cannot_be_written_at_once_is_written_by_the_reading_task() {
        let (stream, mut client) = welcomed().await;
        let transport = stream.transport.clone();
        let (mut reader, mut writer) = split(stream);
        let reading = tokio::spawn(async move { reader.read_u8().await });
        let frames: Vec<Bytes> =
            (0..100).map(|n| text_frame(&["42[", &n.to_string(), "]"])).collect();
        for frame in &frames {
            if transport.push(frame.clone()) {
                transport.flush();
            }
        }
        assert!(transport.is_blocked());
        // Socketioxide's own stands behind.
        let writing = tokio::spawn(async move { writer.write_all(&text_frame(&["2"])).await });
        let expected = [frames.concat(), text_frame(&["2"]).to_vec()].concat();
        let mut read = vec![0; expected.len()];
        client.read_exact(&mut read).await.expect("all comes");
        assert_eq!(read, expected);
        writing.await.expect("no panic").expect("it is written");
        assert_eq!(transport.bytes_out(), expected.len() as u64 + 6);
        client.write_all(&[0x8a, 0x80, 1, 2, 3, 4]).await.expect("there is room");
        assert_eq!(reading.await.expect("no panic").expect("it reads on"), 0x8a);
    }

    #[tokio::test]
    async fn a_stalled_frame_closes_the_transport() {
        let (mut stream, _client) = stream(b"", Duration::from_millis(1));
        let transport = stream.transport.clone();
        assert!(transport.push(text_frame(&["42[\"more than sixteen bytes\"]"])));
        transport.flush();
        assert!(stream.read_u8().await.is_err());
        assert_eq!(transport.close_reason(), Some(CloseReason::Stalled));
    }

    #[tokio::test]
    async fn a_poll_opens_nothing_but_counts() {
        let (mut stream, mut client) = stream(b"", LONG);
        let transport = stream.transport.clone();
        transport.welcome();
        transport.polled(b"40{}");
        assert_eq!(transport.way(), Way::Through, "it may be polling still");
        stream.write_all(&text_frame(&["42[]"])).await.expect("there is room");
        client.read_exact(&mut [0; 6]).await.expect("it is there");
        assert_eq!(transport.way(), Way::Past);
    }

    #[tokio::test]
    async fn a_dropped_stream_closes_its_transport() {
        let (stream, _client) = stream(b"", LONG);
        let transport = stream.transport.clone();
        drop(stream);
        assert_eq!(transport.close_reason(), Some(CloseReason::Ended));
    }
}
