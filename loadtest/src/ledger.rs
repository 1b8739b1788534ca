//! What was sent, what came, and how long it took.
//!
//! Pure: told of each event with its time, it does the reckoning. A message must come to every
//! member of its room once, and to each member in the order of `seq`.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::packet::ChatArrived;

/// The longest time that is told apart; longer ones count as this long.
const LONGEST: Duration = Duration::from_mins(10);

/// Times since an instant that the caller chose, in microseconds.
pub type Micros = u64;

#[derive(Debug, Clone, Copy, Default)]
struct Message {
    due: Micros,
    deliveries: u32,
    answer: Answer,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Answer {
    #[default]
    None,
    Stored,
    Refused,
}

/// The reckoning of one run.
#[derive(Debug)]
pub struct Ledger {
    /// The index of the first message; lower ones belong to an earlier run.
    base: u64,
    /// Messages from this one on are measured; those before warm the system up.
    measured_from: u64,
    members: u32,
    messages: Vec<Message>,
    /// The highest `seq` that each client has seen.
    last_seq: Vec<u64>,
    tally: Tally,
    times: Times,
}

/// How many of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub sent: u64,
    pub stored: u64,
    pub refused: u64,
    pub deliveries: u64,
    /// Deliveries whose `seq` was not above the last one that the client had seen.
    pub disordered: u64,
    /// Clients that lost their connection.
    pub disconnected: u64,
}

/// Microseconds from the time at which a message was due.
#[derive(Debug, Clone)]
pub struct Times {
    /// To each receipt.
    pub delivery: Histogram<u64>,
    /// To the ack.
    pub ack: Histogram<u64>,
    /// To the moment at which the generator wrote it: its own tardiness, part of the two others.
    pub lag: Histogram<u64>,
}

impl Ledger {
    /// For `clients` clients in rooms of `members`, with messages from index `base` on, of which the
    /// first `warm_up` are counted but not timed.
    #[must_use]
    pub fn new(base: u64, clients: usize, members: u32, warm_up: u64) -> Self {
        Self {
            base,
            measured_from: base + warm_up,
            members,
            messages: Vec::new(),
            last_seq: vec![0; clients],
            tally: Tally::default(),
            times: Times::new(),
        }
    }

    /// The next message was due at `due` and has been written at `now`; returns its index.
    pub fn sent(&mut self, due: Micros, now: Micros) -> u64 {
        let index = self.next_index();
        self.messages.push(Message { due, ..Message::default() });
        self.tally.sent += 1;
        if index >= self.measured_from {
            record(&mut self.times.lag, now.saturating_sub(due));
        }
        index
    }

    /// The index of the message that is sent next.
    #[must_use]
    pub fn next_index(&self) -> u64 {
        self.base + self.messages.len() as u64
    }

    /// The ack of a message has come.
    pub fn answered(&mut self, index: u64, stored: bool, now: Micros) {
        let measured = index >= self.measured_from;
        let Some(message) = self.message(index) else { return };
        if message.answer != Answer::None {
            return;
        }
        message.answer = if stored { Answer::Stored } else { Answer::Refused };
        let took = now.saturating_sub(message.due);
        if stored {
            self.tally.stored += 1;
            if measured {
                record(&mut self.times.ack, took);
            }
        } else {
            self.tally.refused += 1;
        }
    }

    /// A message has come to `client`.
    pub fn arrived(&mut self, client: usize, chat: ChatArrived, now: Micros) {
        let measured = chat.index >= self.measured_from;
        let Some(message) = self.message(chat.index) else { return };
        message.deliveries += 1;
        let took = now.saturating_sub(message.due);
        self.tally.deliveries += 1;
        if let Some(last) = self.last_seq.get_mut(client) {
            self.tally.disordered += u64::from(chat.seq <= *last);
            *last = chat.seq.max(*last);
        }
        if measured {
            record(&mut self.times.delivery, took);
        }
    }

    /// A client lost its connection.
    pub fn disconnected(&mut self) {
        self.tally.disconnected += 1;
    }

    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    #[must_use]
    pub fn times(&self) -> &Times {
        &self.times
    }

    /// Deliveries that the stored messages call for.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.tally.stored * u64::from(self.members)
    }

    /// Deliveries of stored messages that have not come.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let stored = self.messages.iter().filter(|message| message.answer == Answer::Stored);
        stored.map(|message| u64::from(self.members.saturating_sub(message.deliveries))).sum()
    }

    /// Deliveries beyond one a member.
    #[must_use]
    pub fn surplus(&self) -> u64 {
        let each = |message: &Message| u64::from(message.deliveries.saturating_sub(self.members));
        self.messages.iter().map(each).sum()
    }

    /// Messages whose ack has not come.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.tally.sent - self.tally.stored - self.tally.refused
    }

    /// Whether everything sent was answered, and everything stored has come to every member.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        // The sums first: they are cheap, and mostly false while a run is going on.
        self.unanswered() == 0 && self.tally.deliveries >= self.expected() && self.missing() == 0
    }

    fn message(&mut self, index: u64) -> Option<&mut Message> {
        let at = usize::try_from(index.checked_sub(self.base)?).ok()?;
        self.messages.get_mut(at)
    }
}

impl Times {
    fn new() -> Self {
        // Three digits between one microsecond and LONGEST; these bounds are valid ones.
        #[allow(clippy::expect_used)]
        let histogram =
            || Histogram::new_with_bounds(1, micros(LONGEST), 3).expect("the bounds are valid");
        Self { delivery: histogram(), ack: histogram(), lag: histogram() }
    }
}

/// `duration` in whole microseconds.
#[must_use]
pub fn micros(duration: Duration) -> Micros {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn record(histogram: &mut Histogram<u64>, micros: Micros) {
    histogram.saturating_record(micros.max(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(index: u64, seq: u64) -> ChatArrived {
        ChatArrived { seq, index }
    }

    #[test]
    fn what_came_to_everyone_in_order_is_settled() {
        let mut ledger = Ledger::new(10, 2, 2, 0);
        assert!(ledger.is_settled());
        assert_eq!(ledger.sent(1_000, 1_010), 10);
        assert!(!ledger.is_settled());
        ledger.arrived(0, chat(10, 5), 1_500);
        ledger.answered(10, true, 1_400);
        assert_eq!(ledger.missing(), 1);
        ledger.arrived(1, chat(10, 5), 2_000);
        assert!(ledger.is_settled());
        assert_eq!((ledger.missing(), ledger.surplus(), ledger.expected()), (0, 0, 2));
        assert_eq!(ledger.tally().disordered, 0);
        assert_eq!(ledger.times().delivery.max(), 1_000);
        assert_eq!(ledger.times().ack.max(), 400);
        assert_eq!(ledger.times().lag.max(), 10);
    }

    #[test]
    fn a_double_does_not_make_up_for_a_loss() {
        let mut ledger = Ledger::new(0, 2, 2, 0);
        ledger.sent(0, 0);
        ledger.sent(0, 0);
        ledger.answered(0, true, 1);
        ledger.answered(1, true, 1);
        for (client, index, seq) in [(0, 0, 5), (1, 0, 5), (0, 1, 6), (0, 0, 5)] {
            ledger.arrived(client, chat(index, seq), 2);
        }
        assert_eq!(ledger.tally().deliveries, ledger.expected());
        assert_eq!((ledger.missing(), ledger.surplus(), ledger.tally().disordered), (1, 1, 1));
        assert!(!ledger.is_settled());
    }

    #[test]
    fn what_was_refused_is_not_expected() {
        let mut ledger = Ledger::new(0, 1, 1, 0);
        ledger.sent(0, 0);
        ledger.answered(0, false, 1);
        assert!(ledger.is_settled());
        assert_eq!(ledger.tally().refused, 1);
    }

    #[test]
    fn what_warms_up_is_counted_and_not_timed() {
        let mut ledger = Ledger::new(0, 1, 1, 1);
        for index in [0, 1] {
            ledger.sent(0, 0);
            ledger.answered(index, true, 10);
            ledger.arrived(0, chat(index, index + 1), 10);
        }
        assert_eq!(ledger.tally().deliveries, 2);
        assert_eq!((ledger.times().delivery.len(), ledger.times().ack.len()), (1, 1));
    }

    #[test]
    fn strangers_are_not_counted() {
        let mut ledger = Ledger::new(5, 1, 1, 0);
        ledger.sent(0, 0);
        for index in [0, 4, 6, u64::MAX] {
            ledger.arrived(0, chat(index, 1), 1);
            ledger.answered(index, true, 1);
        }
        assert_eq!(ledger.tally(), Tally { sent: 1, ..Tally::default() });
    }
}
