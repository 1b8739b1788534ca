//! What one client has to say: a bounded queue, of which one message at a time is on its way.
//!
//! Pure. A message is sent again, with the same `clientMessageId`, until it is acknowledged: after the
//! time that a refusal names, after a time without an answer, and on each new connection.

use std::collections::VecDeque;

use wire::{ErrorCode, Failure};

use crate::{chaos::room_log::Index, ledger::Micros};

/// Messages that wait behind the one on its way.
const CAPACITY: usize = 512;
/// How long an answer is waited for.
pub const ANSWER: Micros = 8_000_000;
/// How long to wait where a refusal does not say.
const PAUSE: u64 = 500;

/// A message that nobody has sent yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The sender's own number of the room.
    pub place: usize,
    pub due: Micros,
}

/// A message on its way.
#[derive(Debug)]
struct Flight {
    index: Index,
    place: usize,
    /// The acks of its tries on this connection: a late one of an earlier try counts too.
    tries: Vec<u64>,
    /// When it is sent again, or for the first time on this connection.
    again: Micros,
}

/// What a client still has to say.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Line>,
    flight: Option<Flight>,
    /// Acks of this connection that were not answered in time, and not since.
    overdue: Vec<u64>,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Nothing,
    /// Give this line an index, by [`Outbox::launch`].
    Launch(Line),
    /// Send the message to the room `place`. `silent` where the last try was not answered.
    Try {
        index: Index,
        place: usize,
        silent: bool,
    },
}

/// What an answer meant.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// It answers nothing that is on its way.
    Stale,
    Stored(Index),
    PutOff,
    /// It will never be stored; the queue goes on.
    Denied(Index, usize),
}

impl Outbox {
    /// Takes a line; `false` where it is full.
    #[must_use]
    pub fn push(&mut self, line: Line) -> bool {
        let fits = self.waiting.len() < CAPACITY;
        if fits {
            self.waiting.push_back(line);
        }
        fits
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.flight.is_none()
    }

    /// What to do at `now`, while there is a connection.
    pub fn step(&mut self, now: Micros) -> Step {
        match &self.flight {
            None => self.waiting.pop_front().map_or(Step::Nothing, Step::Launch),
            Some(flight) if now >= flight.again => Step::Try {
                index: flight.index,
                place: flight.place,
                silent: !flight.tries.is_empty(),
            },
            Some(_) => Step::Nothing,
        }
    }

    /// When there is something to do without any event.
    #[must_use]
    pub fn due(&self) -> Option<Micros> {
        match &self.flight {
            None => (!self.waiting.is_empty()).then_some(0),
            Some(flight) => Some(flight.again),
        }
    }

    /// The line that a step gave has an index now.
    pub fn launch(&mut self, line: Line, index: Index) {
        self.flight = Some(Flight { index, place: line.place, tries: Vec::new(), again: 0 });
    }

    /// Tries on this connection that were not answered in time, and not since.
    #[must_use]
    pub fn overdue(&self) -> usize {
        self.overdue.len()
    }

    /// The message on its way was sent, to be answered by `ack`.
    pub fn tried(&mut self, ack: u64, now: Micros) {
        if let Some(flight) = &mut self.flight {
            self.overdue.extend(flight.tries.last());
            flight.tries.push(ack);
            flight.again = now + ANSWER;
        }
    }

    /// The connection is gone: no try on it will be answered.
    pub fn lost(&mut self) {
        self.overdue.clear();
        if let Some(flight) = &mut self.flight {
            flight.tries.clear();
            flight.again = 0;
        }
    }

    /// An answer has come. `unsettled` where the sender may not be in its room yet.
    pub fn answered(
        &mut self,
        ack: u64,
        outcome: Result<(), &Failure>,
        unsettled: bool,
        now: Micros,
    ) -> Answer {
        self.overdue.retain(|overdue| *overdue != ack);
        let Some(flight) = &mut self.flight else { return Answer::Stale };
        if !flight.tries.contains(&ack) {
            return Answer::Stale;
        }
        let failure = match outcome {
            Ok(()) => {
                let index = flight.index;
                self.flight = None;
                return Answer::Stored(index);
            }
            Err(failure) => failure,
        };
        let early = unsettled && failure.code == ErrorCode::NotAMember;
        if !early && !failure.code.is_temporary() {
            let (index, place) = (flight.index, flight.place);
            self.flight = None;
            return Answer::Denied(index, place);
        }
        flight.tries.clear();
        flight.again = now + failure.retry_after.unwrap_or(PAUSE) * 1_000;
        Answer::PutOff
    }

    /// The client leaves for good; whether something was on its way.
    pub fn abandon(&mut self) -> bool {
        self.waiting.clear();
        self.flight.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Line = Line { place: 0, due: 5 };

    /// An outbox whose message 9 was sent at 100 with ack 1.
    fn tried() -> Outbox {
        let mut outbox = Outbox::default();
        assert!(outbox.push(LINE) && outbox.push(LINE));
        assert_eq!(outbox.step(100), Step::Launch(LINE));
        outbox.launch(LINE, 9);
        assert_eq!(outbox.step(100), Step::Try { index: 9, place: 0, silent: false });
        outbox.tried(1, 100);
        outbox
    }

    #[test]
    fn one_at_a_time_and_the_next_after_the_ack() {
        let mut outbox = tried();
        assert_eq!(outbox.step(200), Step::Nothing);
        assert_eq!(outbox.answered(7, Ok(()), false, 300), Answer::Stale);
        assert_eq!(outbox.answered(1, Ok(()), false, 300), Answer::Stored(9));
        assert_eq!(outbox.step(300), Step::Launch(LINE));
    }

    #[test]
    fn again_after_silence_after_a_refusal_and_on_a_new_connection() {
        let mut outbox = tried();
        assert_eq!(outbox.due(), Some(100 + ANSWER));
        assert_eq!(outbox.step(100 + ANSWER), Step::Try { index: 9, place: 0, silent: true });
        outbox.tried(2, 100 + ANSWER);
        let busy = Failure::retry(ErrorCode::Overloaded, "busy", 250);
        let now = 200 + ANSWER;
        assert_eq!(outbox.answered(2, Err(&busy), false, now), Answer::PutOff);
        assert_eq!(outbox.due(), Some(now + 250_000));
        outbox.lost();
        assert_eq!(outbox.step(now), Step::Try { index: 9, place: 0, silent: false });
        // The ack of the old connection's try cannot come; another's number means nothing.
        assert_eq!(outbox.answered(2, Ok(()), false, now), Answer::Stale);
    }

    #[test]
    fn a_late_ack_of_an_earlier_try_counts() {
        let mut outbox = tried();
        outbox.tried(2, 100 + ANSWER);
        assert_eq!(outbox.answered(1, Ok(()), false, 200 + ANSWER), Answer::Stored(9));
        assert_eq!(outbox.answered(2, Ok(()), false, 300 + ANSWER), Answer::Stale);
    }

    #[test]
    fn a_try_is_overdue_until_it_is_answered_or_its_connection_is_gone() {
        let mut outbox = tried();
        assert_eq!(outbox.overdue(), 0);
        outbox.tried(2, 100 + ANSWER);
        assert_eq!(outbox.overdue(), 1);
        outbox.answered(2, Ok(()), false, 200 + ANSWER);
        assert_eq!(outbox.overdue(), 1);
        outbox.answered(1, Ok(()), false, 300 + ANSWER);
        assert_eq!(outbox.overdue(), 0);
        let mut outbox = tried();
        outbox.tried(2, 100 + ANSWER);
        outbox.lost();
        assert_eq!(outbox.overdue(), 0);
    }

    #[test]
    fn a_refusal_for_good_ends_it_unless_the_room_is_not_entered_yet() {
        let outside = Failure::new(ErrorCode::NotAMember, "join first");
        assert_eq!(tried().answered(1, Err(&outside), true, 200), Answer::PutOff);
        assert_eq!(tried().answered(1, Err(&outside), false, 200), Answer::Denied(9, 0));
    }

    #[test]
    fn it_is_bounded() {
        let mut outbox = Outbox::default();
        assert_eq!((0..2 * CAPACITY).filter(|_| outbox.push(LINE)).count(), CAPACITY);
        assert!(!outbox.abandon() && outbox.is_empty());
    }
}
