//! What is known of one room: which message stands at each `seq`, and who has received it.
//!
//! Pure. For each message a set of bits says which residents have it, so that one message that one
//! client missed is found whatever else came to it; once everybody has it, only its number stays, and
//! whoever gets it again gets a double. Guests, who come late and go early, keep what they received
//! instead, and are held against the whole log at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use wire::Seq;

/// The number of a message: the place in the order in which messages were first sent.
pub type Index = u64;

/// The log of one room, as its members and the senders' acks tell it.
#[derive(Debug, Default)]
pub struct RoomLog {
    slots: BTreeMap<Seq, Slot>,
    /// The slots that somebody still waits for.
    open: BTreeSet<Seq>,
    residents: Vec<Resident>,
    /// Where a client stands among the residents.
    places: HashMap<usize, usize>,
    /// Guests who are here, and the visits that have ended.
    guests: HashMap<usize, Visit>,
    visits: Vec<Visit>,
}

#[derive(Debug)]
struct Slot {
    index: Index,
    /// A bit for each resident who has it; `None` once all have who should.
    seen: Option<Vec<u64>>,
}

#[derive(Debug)]
struct Resident {
    client: usize,
    /// Where it came in: what stands later must come to it.
    from: Seq,
    /// The latest that has come, or up to which it was told that it has all.
    last: Seq,
    /// Whether it left for good, after `last`.
    left: bool,
}

#[derive(Debug)]
struct Visit {
    client: usize,
    from: Seq,
    /// Up to where it was told that it has all.
    told: Seq,
    received: Vec<Seq>,
    /// Messages that all residents had when the visit ended.
    passed: usize,
}

/// Somebody who was in a room while it grew, and got nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeafVisit {
    pub client: usize,
    pub from: Seq,
    /// Messages that all residents got meanwhile.
    pub passed: usize,
}

/// How a receipt fits to what was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    Fits,
    /// The client has had it, or came in after it.
    Double,
    /// It stands before one that the client has had.
    Late,
    /// The client is not in the room.
    Stray,
}

/// How a message fits to what was known to stand at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// The place was empty.
    New,
    Known,
    /// Another message stands there.
    Other(Index),
}

/// A message that a client should have received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    pub client: usize,
    pub index: Index,
    pub seq: Seq,
}

impl RoomLog {
    /// A client is in the room from `from` on, until it leaves for good.
    pub fn enter(&mut self, client: usize, from: Seq) {
        if self.places.contains_key(&client) {
            return;
        }
        self.places.insert(client, self.residents.len());
        self.residents.push(Resident { client, from, last: from, left: false });
    }

    /// A client is in the room from `from` on, for a while.
    pub fn visit(&mut self, client: usize, from: Seq) {
        self.end_visit(client);
        let visit = Visit { client, from, told: from, received: Vec::new(), passed: 0 };
        self.guests.insert(client, visit);
    }

    /// A client is not in the room any more: what follows the last that it received is not for it.
    pub fn leave(&mut self, client: usize) {
        self.end_visit(client);
        if let Some(place) = self.places.get(&client) {
            self.residents[*place].left = true;
            for seq in self.open.clone() {
                self.close_if_complete(seq);
            }
        }
    }

    fn end_visit(&mut self, client: usize) {
        if let Some(mut visit) = self.guests.remove(&client) {
            // What residents still wait for may be on its way to the guest too.
            let behind = self.slots.range(visit.from + 1..);
            visit.passed = behind.filter(|(_, slot)| slot.seen.is_none()).count();
            self.visits.push(visit);
        }
    }

    /// A client was told that it has everything up to `to`.
    pub fn recovered(&mut self, client: usize, to: Seq) {
        if let Some(place) = self.places.get(&client) {
            let resident = &mut self.residents[*place];
            resident.last = resident.last.max(to);
        } else if let Some(visit) = self.guests.get_mut(&client) {
            visit.told = visit.told.max(to);
        }
    }

    /// Somebody says that message `index` stands at `seq`.
    pub fn witness(&mut self, index: Index, seq: Seq) -> Witness {
        if let Some(slot) = self.slots.get(&seq) {
            return if slot.index == index { Witness::Known } else { Witness::Other(slot.index) };
        }
        self.slots.insert(seq, Slot { index, seen: Some(Vec::new()) });
        self.open.insert(seq);
        self.close_if_complete(seq);
        Witness::New
    }

    /// A client has received what stands at `seq`, which was witnessed.
    pub fn received(&mut self, client: usize, seq: Seq) -> Receipt {
        if let Some(&place) = self.places.get(&client) {
            return self.received_by_resident(place, seq);
        }
        let Some(visit) = self.guests.get_mut(&client) else { return Receipt::Stray };
        if seq > visit.last() {
            visit.received.push(seq);
            return Receipt::Fits;
        }
        if seq <= visit.from || visit.received.binary_search(&seq).is_ok() {
            return Receipt::Double;
        }
        // Kept in order, so that it can be looked for.
        visit.received.push(seq);
        visit.received.sort_unstable();
        Receipt::Late
    }

    fn received_by_resident(&mut self, place: usize, seq: Seq) -> Receipt {
        let resident = &mut self.residents[place];
        if seq <= resident.from {
            return Receipt::Double;
        }
        let Some(slot) = self.slots.get_mut(&seq) else { return Receipt::Stray };
        let Some(seen) = &mut slot.seen else { return Receipt::Double };
        if is_set(seen, place) {
            return Receipt::Double;
        }
        set(seen, place);
        let late = seq <= resident.last;
        resident.last = resident.last.max(seq);
        self.close_if_complete(seq);
        if late { Receipt::Late } else { Receipt::Fits }
    }

    fn close_if_complete(&mut self, seq: Seq) {
        let Some(slot) = self.slots.get_mut(&seq) else { return };
        let Some(seen) = &slot.seen else { return };
        let mut waiting = self.residents.iter().enumerate();
        if waiting.all(|(place, resident)| is_set(seen, place) || !resident.expects(seq)) {
            slot.seen = None;
            self.open.remove(&seq);
        }
    }

    /// How many messages somebody still waits for.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// How many deliveries the log calls for by now.
    #[must_use]
    pub fn expected(&self) -> u64 {
        let stood_after = |from: Seq| self.slots.range(from + 1..).count();
        let of_resident = |resident: &Resident| {
            if resident.left {
                self.between(resident.from, resident.last).count()
            } else {
                stood_after(resident.from)
            }
        };
        let residents: usize = self.residents.iter().map(of_resident).sum();
        let guests: usize = self.all_visits().map(|visit| self.between_visit(visit).count()).sum();
        (residents + guests) as u64
    }

    /// What has not come to somebody who should have it.
    pub fn missing(&self) -> impl Iterator<Item = Missing> {
        let residents = self.open.iter().filter_map(|seq| self.slots.get_key_value(seq));
        let residents = residents.flat_map(|(&seq, slot)| {
            let lacks = move |place: usize| slot.seen.as_ref().is_some_and(|s| !is_set(s, place));
            let waiting = self.residents.iter().enumerate();
            waiting
                .filter(move |(place, resident)| resident.expects(seq) && lacks(*place))
                .map(move |(_, resident)| (resident.client, slot.index, seq))
        });
        let guests = self.all_visits().flat_map(|visit| {
            self.between_visit(visit)
                .filter(|(seq, _)| visit.received.binary_search(seq).is_err())
                .map(|(seq, slot)| (visit.client, slot.index, *seq))
        });
        residents.chain(guests).map(|(client, index, seq)| Missing { client, index, seq })
    }

    /// Visits that have ended without any message, though `several` and more came to all residents.
    pub fn deaf_visits(&self, several: usize) -> impl Iterator<Item = DeafVisit> {
        let deaf = move |visit: &&Visit| visit.received.is_empty() && visit.passed >= several;
        self.visits.iter().filter(deaf).map(|visit| {
            let Visit { client, from, passed, .. } = *visit;
            DeafVisit { client, from, passed }
        })
    }

    /// Every message, in order.
    pub fn messages(&self) -> impl Iterator<Item = (Seq, Index)> {
        self.slots.iter().map(|(seq, slot)| (*seq, slot.index))
    }

    fn all_visits(&self) -> impl Iterator<Item = &Visit> {
        self.visits.iter().chain(self.guests.values())
    }

    fn between_visit(&self, visit: &Visit) -> impl Iterator<Item = (&Seq, &Slot)> {
        self.between(visit.from, visit.last())
    }

    /// What stands after `from` and up to `last`.
    fn between(&self, from: Seq, last: Seq) -> impl Iterator<Item = (&Seq, &Slot)> {
        // A range whose start lies behind its end would panic.
        self.slots.range(from + 1..=last.max(from + 1)).filter(move |(seq, _)| **seq <= last)
    }
}

impl Visit {
    /// What stands up to here should have come.
    fn last(&self) -> Seq {
        self.told.max(self.received.last().copied().unwrap_or(self.from))
    }
}

impl Resident {
    fn expects(&self, seq: Seq) -> bool {
        seq > self.from && (!self.left || seq <= self.last)
    }
}

fn is_set(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

fn set(bits: &mut Vec<u64>, at: usize) {
    if bits.len() <= at / 64 {
        bits.resize(at / 64 + 1, 0);
    }
    bits[at / 64] |= 1 << (at % 64);
}

#[cfg(test)]
mod tests;
