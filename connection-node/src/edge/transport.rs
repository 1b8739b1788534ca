//! The handle by which the rest of the node sees and closes one client's transport.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use super::{
    CloseReason, Traffic,
    backlog::{Backlog, Outgoing},
    frame,
    intake::Intake,
    lane::{Flushed, Lane, Out, Way},
    passing::packets_in,
};

/// One client's transport. A clone is the same transport.
///
/// Every Socket.IO socket finds its own in `socket.req_parts().extensions.get::<Transport>()`,
/// whether the client came by WebSocket or by polling, and keeps it over the upgrade from the one
/// to the other.
#[derive(Clone)]
pub struct Transport(Arc<Shared>);

struct Shared {
    id: u64,
    peer: SocketAddr,
    /// A [`CloseReason`], or 0 while the transport is open.
    reason: AtomicU8,
    /// Whether a WebSocket carries it, or is about to.
    websocket: AtomicBool,
    /// Whether that WebSocket takes compressed messages, and may bring some.
    deflated: AtomicBool,
    bytes_in: AtomicU64,
    backlog: Backlog,
    /// As [`Traffic`] has them.
    plain: AtomicU64,
    deflated_bytes: AtomicU64,
    intake: Intake,
    /// How many namespaces its client is in.
    namespaces: AtomicU32,
    /// The two halves of the WebSocket stream are polled by two tasks, and both have to learn of
    /// the end.
    reader: AtomicWaker,
    writer: AtomicWaker,
    /// All others who wait for it.
    closing: Notify,
    lane: Mutex<Lane>,
}

impl Transport {
    pub(super) fn new(id: u64, peer: SocketAddr, max_waiting: u64, intake: Intake) -> Self {
        Self(Arc::new(Shared {
            id,
            peer,
            reason: AtomicU8::new(0),
            websocket: AtomicBool::new(false),
            deflated: AtomicBool::new(false),
            bytes_in: AtomicU64::new(0),
            backlog: Backlog::new(max_waiting),
            plain: AtomicU64::new(0),
            deflated_bytes: AtomicU64::new(0),
            intake,
            namespaces: AtomicU32::new(0),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            closing: Notify::new(),
            lane: Mutex::default(),
        }))
    }

    /// Ends the transport at once; what is not sent yet is lost. The client sees "transport close"
    /// or "transport error" and reconnects by itself; the socket's disconnect handler runs. Closing
    /// a second time does nothing.
    ///
    /// To send a client away for good, disconnect its socket instead: it then sees "io server
    /// disconnect" and stays away.
    pub fn close(&self, reason: CloseReason) {
        let first =
            self.0.reason.compare_exchange(0, reason as u8, Ordering::AcqRel, Ordering::Acquire);
        if first.is_ok() {
            self.0.reader.wake();
            self.0.writer.wake();
            self.0.closing.notify_waiters();
        }
    }

    /// Whether the transport is closed.
    pub fn closed(&self) -> bool {
        self.0.reason.load(Ordering::Acquire) != 0
    }

    /// Why it was closed; `None` while it is open.
    pub fn close_reason(&self) -> Option<CloseReason> {
        CloseReason::from_code(self.0.reason.load(Ordering::Acquire))
    }

    /// Resolves once the transport is closed.
    pub async fn wait_closed(&self) {
        let closing = self.0.closing.notified();
        tokio::pin!(closing);
        // Registered before the look at the state, so that no close falls between the two.
        closing.as_mut().enable();
        if !self.closed() {
            closing.await;
        }
    }

    /// Bytes received: all of a WebSocket's stream, and the bodies of polling requests.
    pub fn bytes_in(&self) -> u64 {
        self.0.bytes_in.load(Ordering::Relaxed)
    }

    /// Bytes sent: all of a WebSocket's stream, and the bodies of polling responses.
    pub fn bytes_out(&self) -> u64 {
        self.0.backlog.sent()
    }

    /// What has gone through it.
    pub(super) fn traffic(&self) -> Traffic {
        Traffic {
            received: self.bytes_in(),
            sent: self.bytes_out(),
            writes: self.lane().writes(),
            plain: self.0.plain.load(Ordering::Relaxed),
            deflated: self.0.deflated_bytes.load(Ordering::Relaxed),
        }
    }

    /// A frame of so many bytes is about to be sent that would have so many uncompressed.
    pub fn count_deflated(&self, plain: usize, deflated: usize) {
        self.0.plain.fetch_add(plain as u64, Ordering::Relaxed);
        self.0.deflated_bytes.fetch_add(deflated as u64, Ordering::Relaxed);
    }

    /// Takes in so many bytes for the client; false where too many wait already, and they are not to be
    /// sent.
    #[must_use]
    pub fn take_in(&self, bytes: usize, what: Outgoing) -> bool {
        self.0.backlog.take_in(bytes, what)
    }

    /// The bytes that socketioxide makes of a packet's.
    pub fn framed(&self, bytes: usize) -> usize {
        bytes + if self.is_websocket() { frame::header_len(bytes) } else { 0 }
    }

    /// Whether so much waits that what is in no hurry should wait elsewhere.
    pub fn is_clogged(&self) -> bool {
        self.0.backlog.is_clogged()
    }

    /// Bytes that wait for the client in this process.
    pub fn waiting(&self) -> u64 {
        self.0.backlog.waiting()
    }

    /// The way of the next packet; one that goes through socketioxide is to be given to it now.
    pub fn way(&self) -> Way {
        self.lane().way()
    }

    /// Socketioxide would not take it, and so many bytes that were taken in.
    pub fn refused(&self, bytes: usize) {
        self.0.backlog.give_back(bytes);
        self.lane().refused();
    }

    /// Socketioxide is about to welcome its client to a namespace.
    pub fn welcome(&self) {
        self.lane().welcome();
    }

    /// Adds a frame, which was taken in, to those that are to be written; whether somebody has to
    /// [flush](Self::flush) for that. Behind what a closed transport has left out nothing follows.
    #[must_use]
    pub fn push(&self, frame: Bytes) -> bool {
        !self.closed() && self.lane().push(frame)
    }

    /// Writes the frames that wait, as far as the socket takes them at once. The rest follows when it
    /// takes more.
    pub fn flush(&self) {
        if self.closed() {
            return;
        }
        let flushed = self.lane().flush(self.0.backlog.count());
        match flushed {
            Flushed::Done => {}
            Flushed::Blocked => self.0.reader.wake(),
            Flushed::Failed => self.close(CloseReason::Ended),
        }
    }

    /// Its client has entered a namespace.
    pub fn enter(&self) {
        self.0.namespaces.fetch_add(1, Ordering::AcqRel);
    }

    /// It has left one; whether that was the last and the transport, still open, serves nobody.
    pub fn leave(&self) -> bool {
        self.0.namespaces.fetch_sub(1, Ordering::AcqRel) == 1 && !self.closed()
    }

    /// Whether its client is in no namespace.
    pub fn is_idle(&self) -> bool {
        self.0.namespaces.load(Ordering::Acquire) == 0
    }

    /// The address of the TCP connection that opened the transport: the client's, or that of a
    /// proxy before it.
    pub fn peer_addr(&self) -> SocketAddr {
        self.0.peer
    }

    /// What the client may send.
    pub fn intake(&self) -> &Intake {
        &self.0.intake
    }

    /// Whether a WebSocket carries the transport, or is being tried.
    pub fn is_websocket(&self) -> bool {
        self.0.websocket.load(Ordering::Acquire)
    }

    /// Whether its WebSocket takes compressed messages.
    pub fn is_deflated(&self) -> bool {
        self.0.deflated.load(Ordering::Acquire)
    }

    /// What the WebSocket that has claimed it has negotiated.
    pub(super) fn set_deflated(&self, deflated: bool) {
        self.0.deflated.store(deflated, Ordering::Release);
    }

    pub(super) fn id(&self) -> u64 {
        self.0.id
    }

    pub(super) fn count_in(&self, bytes: usize) {
        self.0.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_out(&self, bytes: usize) {
        self.0.backlog.count().fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A WebSocket carries the transport from now on.
    pub(super) fn attach(&self, out: Box<dyn Out>, stall: Duration) {
        self.lane().attach(out, stall);
    }

    /// The WebSocket is gone.
    pub(super) fn detach(&self) {
        self.lane().detach();
    }

    /// The answer to a poll is on its way.
    pub(super) fn polled(&self, body: &[u8]) {
        self.count_out(body.len());
        self.lane().polled(packets_in(body));
    }

    /// Whether the socket would not take all, and the reading task has to see to the rest.
    pub(super) fn is_blocked(&self) -> bool {
        self.lane().is_blocked()
    }

    /// Writes on, for the reading task, what could not be written at once.
    pub(super) fn poll_waiting(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = self.lane().poll_waiting(cx, self.0.backlog.count());
        if written.is_ready() {
            // It may wait for the same socket, which knows of the last who asked alone.
            self.0.writer.wake();
        }
        written
    }

    /// Writes for socketioxide.
    pub(super) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.lane().poll_write(cx, bytes, self.0.backlog.count())
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lane().poll_flush(cx, self.0.backlog.count())
    }

    pub(super) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lane().poll_shutdown(cx, self.0.backlog.count())
    }

    /// Nothing that holds the lock can panic half-way through a change.
    fn lane(&self) -> MutexGuard<'_, Lane> {
        self.0.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the stream's reading task woken by [`close`](Self::close). Returns whether the transport
    /// is closed already.
    pub(super) fn watch_as_reader(&self, waker: &Waker) -> bool {
        self.0.reader.register(waker);
        self.closed()
    }

    /// The same for the writing task.
    pub(super) fn watch_as_writer(&self, waker: &Waker) -> bool {
        self.0.writer.register(waker);
        self.closed()
    }

    /// Takes the transport for a WebSocket. False if one has it: socketioxide ends the session of a
    /// client that upgrades twice.
    pub(super) fn claim_websocket(&self) -> bool {
        !self.0.websocket.swap(true, Ordering::AcqRel)
    }

    /// Gives it back to polling, after a WebSocket that came to nothing.
    pub(super) fn release_websocket(&self) {
        self.0.websocket.store(false, Ordering::Release);
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("id", &self.0.id)
            .field("peer", &self.0.peer)
            .field("websocket", &self.is_websocket())
            .field("closed", &self.close_reason())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
