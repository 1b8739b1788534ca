//! The seam between the rooms' decisions and the world: what comes in, what goes out.
//!
//! Nothing here or in its siblings knows tokio, NATS or Socket.IO, so that every decision can be
//! tested as a table.

use service_shell::telemetry::Span;
use wire::{
    Failure, Partition, RoomName, Seq, User,
    client::Typing,
    delivery::{Digest, RosterUpdate},
    ephemeral::{FromNode, Interest},
    kv::Epoch,
};

use super::packet::{Message, Packet};

/// Identifies a socket within this node; never used again.
pub type SocketKey = u64;

/// Carries decisions out. Calls are made in the order in which a client must see them.
pub trait Port {
    /// A handle to a socket; the rooms only pass it back.
    type Socket: Clone;
    /// The right to answer one request.
    type Ack;
    /// A message on its way to the log.
    type Speech;

    /// Sends an event to a socket. A socket that cannot take it is closed by the port, so that its
    /// client recovers: nothing may be left out silently.
    fn emit(&mut self, to: &Self::Socket, packet: &Packet);
    /// Whether so much waits for a socket already that a replay should pause.
    fn is_clogged(&self, socket: &Self::Socket) -> bool;
    /// A socket is in the room from now on; answers the join if it asked to be told.
    fn joined(
        &mut self,
        socket: &Self::Socket,
        room: &RoomName,
        ack: Option<Self::Ack>,
        seq: Seq,
        history: &[&Message],
    );
    /// Passes a message on to the log, or tells its sender why not.
    fn speak(
        &mut self,
        socket: &Self::Socket,
        room: &RoomName,
        speech: Self::Speech,
        verdict: Result<(), Failure>,
    );
    /// Answers a leave.
    fn left(&mut self, socket: &Self::Socket, ack: Self::Ack);
    /// A join came to nothing: unless the socket was in the room before, its session must forget the
    /// room; and an ack says why.
    fn refused(
        &mut self,
        socket: &Self::Socket,
        room: &RoomName,
        ack: Option<Self::Ack>,
        why: Failure,
    );
    /// Something that takes IO; its result, if any, comes back as an [`Input`].
    fn effect(&mut self, effect: Effect<Self::Socket>);
}

/// A socket that wants to be in a room.
pub struct Join<P: Port> {
    pub key: SocketKey,
    pub socket: P::Socket,
    pub user: User,
    pub room: RoomName,
    /// The last sequence that the client has seen of the room.
    pub after: Option<Seq>,
    pub ack: Option<P::Ack>,
}

/// Messages read from the log.
#[derive(Debug)]
pub struct Page {
    /// Ascending.
    pub messages: Vec<Message>,
    /// Whether the log holds more in the direction of the read.
    pub more: bool,
    /// Up to where was read, be there a message that can be read or not.
    pub up_to: Seq,
    /// Nothing after this position has been discarded from the log, as of after the read.
    pub complete_from: Seq,
}

/// What a page for one socket was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The position after which it begins.
    pub after: Seq,
    /// Up to where the room had been emitted then: the last page brings the socket there at least.
    pub last: Seq,
}

/// A message as its partition's owner sent it.
#[derive(Debug)]
pub struct Delivered {
    pub room: RoomName,
    pub seq: Seq,
    pub prev: Seq,
    /// `None` where the log holds something that is no message: its place is passed over.
    pub message: Option<Message>,
    /// Ends when the room has dealt with it.
    pub span: Span,
}

/// Everything that a shard of rooms reacts to.
pub enum Input<P: Port> {
    Join(Join<P>),
    /// A message from a socket whose join was not done when it spoke: it must follow the join into
    /// the log, or its sender would not see it.
    Speak {
        key: SocketKey,
        socket: P::Socket,
        room: RoomName,
        speech: P::Speech,
    },
    Leave {
        key: SocketKey,
        socket: P::Socket,
        room: RoomName,
        ack: Option<P::Ack>,
    },
    /// The socket's transport has ended while it was in the room.
    Gone {
        key: SocketKey,
        room: RoomName,
    },
    Messages {
        partition: Partition,
        epoch: Epoch,
        counter: u64,
        messages: Vec<Delivered>,
    },
    Digest(Digest),
    Roster(RosterUpdate),
    ReportPresence {
        partition: Partition,
        epoch: Epoch,
    },
    Typing(Typing),
    /// [`Effect::StoreInterest`] of `Joined` is done.
    InterestStored {
        room: RoomName,
        seq: Seq,
    },
    /// [`Effect::StoreInterest`] failed some time ago.
    InterestFailed {
        room: RoomName,
        interest: Interest,
        /// Whether it may have been stored all the same.
        sent: bool,
    },
    /// [`Effect::ReadWindow`] is done.
    WindowRead {
        room: RoomName,
        page: Page,
    },
    /// [`Effect::Repair`] is done.
    Repaired {
        room: RoomName,
        page: Page,
    },
    /// [`Effect::Replay`] is done.
    Replayed {
        room: RoomName,
        key: SocketKey,
        asked: Asked,
        page: Page,
    },
    /// [`Effect::Pace`] is done.
    Paced {
        room: RoomName,
        key: SocketKey,
    },
    /// [`Effect::CheckLasts`] is done: the last message of each room that has any.
    Lasts {
        check: Check,
        lasts: Vec<(RoomName, Seq)>,
    },
    /// The connection to NATS came back: anything may have been missed.
    Resync,
    Tick,
    /// The node goes: tell everyone, and give up every room.
    Close,
}

/// Why rooms are compared with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Something that the partition's owner has sent was lost.
    Partition(Partition),
    /// The node's interest in them was stored again.
    Tails,
}

/// IO that the rooms ask for. What fails is tried again by whoever carries it out; a result that
/// never comes leaves a room waiting, never wrong.
///
/// A read's `reached` says how far the log is known to have come. In a cluster any replica answers
/// reads, and one that lags behind would show less than is there: its answer is not to be taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect<Socket> {
    /// Publish the node's interest; the log's order of these is the order of the effects.
    StoreInterest { room: RoomName, interest: Interest },
    /// Read the latest messages of a room.
    ReadWindow { room: RoomName, reached: Seq },
    /// Read everything after a position, for everyone in the room, a page at a time. `reached` is a
    /// message of the room: the last page shows it, unless it has been discarded.
    Repair { room: RoomName, after: Seq, reached: Seq },
    /// Wait until a clogged socket has taken what waits for it, or is closed.
    Pace { room: RoomName, key: SocketKey, socket: Socket },
    /// Read what one socket missed, a page at a time. `reached` as in a repair.
    Replay { room: RoomName, key: SocketKey, socket: Socket, asked: Asked, reached: Seq },
    /// Find the last sequence of each room. Of each kind one is under way at a time.
    CheckLasts { check: Check, rooms: Vec<RoomName>, reached: Seq },
    /// Tell a partition's owner.
    Tell { partition: Partition, what: FromNode },
}
