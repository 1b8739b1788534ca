//! A stream that counts what passes: the bytes of the WebSocket, which TCP carries.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes so far.
#[derive(Debug, Default)]
pub struct Meter {
    pub read: Cell<u64>,
    pub written: Cell<u64>,
}

/// A stream whose bytes go through a meter.
#[derive(Debug)]
pub struct Counted<S> {
    stream: S,
    meter: Rc<Meter>,
}

impl<S> Counted<S> {
    #[must_use]
    pub fn new(stream: S, meter: Rc<Meter>) -> Self {
        Self { stream, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        add(&self.meter.read, buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        add(&self.meter.written, taken);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn add(count: &Cell<u64>, bytes: usize) {
    count.set(count.get() + bytes as u64);
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn both_ways_are_counted() {
        let meter = Rc::new(Meter::default());
        let (here, mut there) = duplex(64);
        let mut counted = Counted::new(here, meter.clone());
        counted.write_all(b"hello").await.unwrap();
        there.write_all(b"you").await.unwrap();
        counted.read_exact(&mut [0; 3]).await.unwrap();
        assert_eq!((meter.written.get(), meter.read.get()), (5, 3));
    }
}
