//! What clients sent, were told and received: the record of one run.
//!
//! Pure: told of each event with its time, it finds at once what cannot be right (a double, a wrong
//! order, two stories about one place) and keeps what only the end can tell. [`super::verdict`] draws
//! the sum.
//!
//! Why the reckoning is exact. A message is known by its index, which stands in its content, and by
//! its place, room and `seq`; whoever speaks of it, receiver or ack, is held against both. The index
//! finds what is stored twice, the place finds contradictions, and [`RoomLog`] keeps for each place
//! which members have it, until all have. So one message that one client missed is found by name,
//! and no amount of other deliveries makes up for it. What nobody received and no ack names was
//! never acknowledged; it is not owed. What any client received is owed to all.

use hdrhistogram::Histogram;
use wire::{Seq, client::Recovered};

use super::{
    finding::{Broken, Finding, Findings},
    rhythm::Rhythm,
    room_log::{Index, Receipt, RoomLog, Witness},
    tally::Tally,
};
use crate::ledger::Micros;

/// The longest time that is told apart, in microseconds; longer ones count as this long.
const LONGEST: Micros = 600_000_000;

/// The record of one run.
#[derive(Debug)]
pub struct History {
    rooms: Vec<Room>,
    messages: Vec<Message>,
    /// Since when each client is away; not set while it is connected and up to date.
    away: Vec<Option<Micros>>,
    /// Clients whose times of receipt say nothing, because they do not read.
    untimed: Vec<bool>,
    tally: Tally,
    findings: Findings,
    deliveries: Rhythm,
    acks: Rhythm,
    latency: Vec<(&'static str, Histogram<u64>)>,
    recovery: Histogram<u64>,
}

#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: String,
    pub(super) log: RoomLog,
    pub(super) deliveries: Rhythm,
}

/// A message that was sent at least once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub(super) room: usize,
    pub(super) sender: usize,
    due: Micros,
    /// Where it was first said to stand.
    seq: Option<Seq>,
    acked: bool,
}

impl History {
    /// For clients from 0 on, in rooms of these names.
    #[must_use]
    pub fn new(clients: usize, rooms: Vec<String>) -> Self {
        let room = |name| Room { name, log: RoomLog::default(), deliveries: Rhythm::default() };
        Self {
            rooms: rooms.into_iter().map(room).collect(),
            messages: Vec::new(),
            away: vec![None; clients],
            untimed: vec![false; clients],
            tally: Tally::default(),
            findings: Findings::default(),
            deliveries: Rhythm::default(),
            acks: Rhythm::default(),
            latency: vec![("", times())],
            recovery: times(),
        }
    }

    /// A client is in a room from `from` on: until it leaves for good, or as a guest.
    pub fn entered(&mut self, client: usize, room: usize, from: Seq, guest: bool) {
        let log = &mut self.rooms[room].log;
        if guest { log.visit(client, from) } else { log.enter(client, from) }
    }

    /// A client has left a room.
    pub fn left(&mut self, client: usize, room: usize) {
        self.rooms[room].log.leave(client);
    }

    /// Load begins or ends: between, silences count.
    pub fn load(&mut self, on: bool, now: Micros) {
        let rooms = self.rooms.iter_mut().map(|room| &mut room.deliveries);
        for rhythm in rooms.chain([&mut self.deliveries, &mut self.acks]) {
            if on { rhythm.start(now) } else { rhythm.stop(now) }
        }
    }

    /// Times of delivery are kept apart from now on.
    pub fn phase(&mut self, name: &'static str) {
        self.latency.push((name, times()));
    }

    /// Whether the times at which a client receives are left out.
    pub fn untime(&mut self, client: usize, untimed: bool) {
        self.untimed[client] = untimed;
    }

    /// A message that was due at `due` is sent for the first time.
    pub fn sent(&mut self, sender: usize, room: usize, due: Micros) -> Index {
        self.messages.push(Message { room, sender, due, seq: None, acked: false });
        self.messages.len() as u64 - 1
    }

    /// A message was due that its sender could not take.
    pub fn unsendable(&mut self) {
        self.tally.unsendable += 1;
    }

    /// An ack says that a message is stored at `seq`.
    pub fn acked(&mut self, index: Index, seq: Seq, now: Micros) {
        let Some(message) = self.message(index) else { return };
        if message.acked {
            return;
        }
        message.acked = true;
        let (room, sender) = (message.room, message.sender);
        self.tally.acked += 1;
        self.acks.beat(now);
        self.witness(room, index, seq, sender, "its ack says so");
    }

    /// An answer asks for another try.
    pub fn put_off(&mut self) {
        self.tally.put_off += 1;
    }

    /// A try was not answered in time.
    pub fn silent(&mut self) {
        self.tally.silent += 1;
    }

    /// A sender has left for good without the ack of its last message.
    pub fn abandoned(&mut self) {
        self.tally.abandoned += 1;
    }

    /// A sound request was refused for good.
    pub fn denied(&mut self, client: usize, room: usize, index: Option<Index>, why: &str) {
        self.find(Broken::Denied, room, Some(client), index, None, format!("was answered {why}"));
    }

    /// A message has come to a client.
    pub fn received(&mut self, client: usize, room: usize, index: Index, seq: Seq, now: Micros) {
        self.tally.deliveries += 1;
        self.deliveries.beat(now);
        self.rooms[room].deliveries.beat(now);
        match self.message(index).copied() {
            Some(message) if message.room == room => {
                if !self.untimed[client]
                    && let Some((_, times)) = self.latency.last_mut()
                {
                    times.saturating_record(now.saturating_sub(message.due).max(1));
                }
            }
            _ => {
                let what = "nobody sent it to this room".to_owned();
                return self.find(
                    Broken::Contradictory,
                    room,
                    Some(client),
                    Some(index),
                    Some(seq),
                    what,
                );
            }
        }
        if !self.witness(room, index, seq, client, "it was received there") {
            return;
        }
        let (broken, what) = match self.rooms[room].log.received(client, seq) {
            Receipt::Fits => return,
            Receipt::Double => (Broken::Duplicated, "came although the client has it"),
            Receipt::Late => (Broken::Reordered, "came after one that stands behind it"),
            Receipt::Stray => (Broken::Contradictory, "came to a client that is not in the room"),
        };
        self.find(broken, room, Some(client), Some(index), Some(seq), what.to_owned());
    }

    /// A message has come that nobody of this run wrote, or to a client that is not in its room.
    pub fn strayed(&mut self, client: usize, payload: &str) {
        let what = format!("got a message that is not for it: {payload}");
        self.find_nowhere(Broken::Contradictory, client, what);
    }

    /// Somebody speaks of a message at a place; whether both can be true.
    fn witness(&mut self, room: usize, index: Index, seq: Seq, client: usize, why: &str) -> bool {
        let known = self.rooms[room].log.witness(index, seq);
        let stands = self.message(index).map(|message| *message.seq.get_or_insert(seq));
        match (known, stands) {
            (Witness::Other(other), _) => {
                let what = format!("{why}, but message #{other} stands there");
                self.find(Broken::Contradictory, room, Some(client), Some(index), Some(seq), what);
                false
            }
            (Witness::New, Some(first)) if first != seq => {
                let what = format!("stored twice: it stands at seq {first} too");
                self.find(Broken::Duplicated, room, Some(client), Some(index), Some(seq), what);
                true
            }
            _ => true,
        }
    }

    /// A client has lost its connection, or given it up.
    pub fn disconnected(&mut self, client: usize, now: Micros) {
        self.tally.disconnects += 1;
        self.away[client].get_or_insert(now);
    }

    /// A client is told that it has all it missed in a room, or that it has not.
    pub fn recovered(&mut self, client: usize, room: usize, told: &Recovered) {
        self.rooms[room].log.recovered(client, told.to);
        if !told.complete {
            let what = format!("was told that messages after seq {} are gone", told.from);
            self.find(Broken::Incomplete, room, Some(client), None, None, what);
        }
    }

    /// A client is connected, and recovered in each of its rooms.
    pub fn back(&mut self, client: usize, now: Micros) {
        if let Some(since) = self.away[client].take() {
            self.tally.recoveries += 1;
            self.recovery.saturating_record(now.saturating_sub(since).max(1));
        }
    }

    /// A client has left for good; nobody waits for its return.
    pub fn gone(&mut self, client: usize) {
        self.away[client] = None;
    }

    /// A client is told not to come back.
    pub fn dismissed(&mut self, client: usize) {
        let what = "was told not to reconnect".to_owned();
        self.find_nowhere(Broken::Dismissed, client, what);
    }

    /// Whether every message is acked, and has come to everybody who should have it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.unacked() == 0 && self.rooms.iter().all(|room| room.log.open() == 0)
    }

    /// Messages that wait for their ack.
    #[must_use]
    pub fn unacked(&self) -> u64 {
        self.sent_count() - self.tally.acked - self.tally.abandoned
    }

    /// Messages that somebody waits for.
    #[must_use]
    pub fn open(&self) -> usize {
        self.rooms.iter().map(|room| room.log.open()).sum()
    }

    #[must_use]
    pub fn sent_count(&self) -> u64 {
        self.messages.len() as u64
    }

    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The sender of a message, the room, and whether it was acknowledged.
    pub(super) fn messages(&self) -> &[Message] {
        &self.messages
    }

    pub(super) fn rooms(&self) -> &[Room] {
        &self.rooms
    }

    pub(super) fn findings(&self) -> &Findings {
        &self.findings
    }

    pub(super) fn rhythms(&self) -> (Rhythm, Rhythm) {
        (self.deliveries, self.acks)
    }

    /// Times of recovery, in microseconds.
    pub(super) fn recovery(&self) -> &Histogram<u64> {
        &self.recovery
    }

    /// Times from when a message was due to each receipt, by phase, in microseconds.
    #[must_use]
    pub fn latency(&self) -> &[(&'static str, Histogram<u64>)] {
        &self.latency
    }

    fn message(&mut self, index: Index) -> Option<&mut Message> {
        self.messages.get_mut(usize::try_from(index).ok()?)
    }

    fn find(
        &mut self,
        broken: Broken,
        room: usize,
        client: Option<usize>,
        index: Option<Index>,
        seq: Option<Seq>,
        what: String,
    ) {
        let room = self.rooms[room].name.clone();
        self.findings.add(&Finding { broken, room, client, index, seq, what });
    }

    /// What belongs to no room.
    fn find_nowhere(&mut self, broken: Broken, client: usize, what: String) {
        let (room, client) = (String::new(), Some(client));
        self.findings.add(&Finding { broken, room, client, index: None, seq: None, what });
    }
}

impl Message {
    pub(super) fn is_acked(&self) -> bool {
        self.acked
    }
}

fn times() -> Histogram<u64> {
    // Three digits between one microsecond and LONGEST; these bounds are valid ones.
    #[allow(clippy::expect_used)]
    Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are valid")
}
