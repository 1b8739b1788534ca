//! This worker's own session: the one record whose renewal keeps all its leases alive.
//!
//! The bucket's revisions say whether it is the same session still; this worker's own clock ends its
//! right to act [`FENCE_MARGIN`] before the server could have ended the session, whatever it heard or
//! did not hear. A right that has ended once does not come back: another session begins, and every
//! lease is taken anew in it.

use std::time::{Duration, Instant};

use wire::kv::{SESSION_RENEWAL, SESSION_TTL};

use super::RETRY;
use super::action::{Action, Answer, Request};

/// How long before the session's end its worker stops by itself.
pub const FENCE_MARGIN: Duration = Duration::from_millis(500);

/// The session of one run of a worker.
#[derive(Debug, Default)]
pub struct Session {
    /// The revision of the last record that the bucket showed or took; 0 for none, `None` until that
    /// is known.
    record: Option<u64>,
    open: Option<Open>,
    /// The revision over which a write is on its way. There is never a second one, so that an answer
    /// belongs to what is known now.
    writing: Option<u64>,
    /// No write before this.
    not_before: Option<Instant>,
    /// The revision over which the last write was refused.
    refused: Option<u64>,
    leaving: bool,
}

#[derive(Debug)]
struct Open {
    since: Instant,
    revision: u64,
    until: Instant,
}

impl Session {
    /// Since when it has been open; `None` when it gives no right to act at `now`.
    pub fn open_since(&self, now: Instant) -> Option<Instant> {
        self.open.as_ref().filter(|open| now < open.until).map(|open| open.since)
    }

    /// Whether nothing is left of it.
    pub fn is_over(&self) -> bool {
        self.open.is_none() && self.writing.is_none()
    }

    /// What is known is about to be read anew.
    pub fn forget_record(&mut self) {
        self.record = None;
        self.refused = None;
    }

    /// The bucket was read to its end and shows no record.
    pub fn absent(&mut self) {
        self.record.get_or_insert(0);
    }

    /// The bucket shows this record; `live` is false for a deleted or expired session.
    pub fn observed(&mut self, revision: u64, live: bool) -> Vec<Action> {
        if self.record.is_some_and(|known| revision < known) {
            return Vec::new();
        }
        self.record = Some(revision);
        match &mut self.open {
            Some(open) if revision <= open.revision => Vec::new(),
            // A renewal whose answer got lost. It counts for the next one, but gives no time.
            Some(open) if live => {
                open.revision = revision;
                Vec::new()
            }
            Some(_) => self.lose(),
            None => {
                // This is what a refused write had not known.
                self.not_before = None;
                Vec::new()
            }
        }
    }

    /// The answer to [`Request::Session`], which was sent at `sent`.
    pub fn written(
        &mut self,
        expected: u64,
        answer: Answer,
        sent: Instant,
        now: Instant,
    ) -> Vec<Action> {
        if self.writing != Some(expected) {
            return Vec::new();
        }
        self.writing = None;
        let mut actions = Vec::new();
        if self.open.as_ref().is_some_and(|open| now >= open.until) {
            // What an owner had to send may have been dropped meanwhile; another tenure sends it.
            actions = self.lose();
        }
        match answer {
            Answer::Written(revision) => actions.extend(self.stored(revision, sent, now)),
            // Another's record, or an own one whose answer got lost: the watch will tell which, and
            // the fence holds meanwhile.
            Answer::Refused => {
                self.not_before = Some(now + RETRY);
                let unchanged = self.record.is_some_and(|known| known <= expected);
                let again = self.refused.replace(expected) == Some(expected);
                if unchanged && again {
                    actions.push(Action::Resync);
                }
            }
            Answer::Unknown => self.not_before = Some(now + RETRY),
        }
        actions
    }

    fn stored(&mut self, revision: u64, sent: Instant, now: Instant) -> Option<Action> {
        let overtaken = self.record.is_some_and(|known| known > revision);
        if !overtaken {
            self.record = Some(revision);
        }
        let (until, renew_at) = (fence(sent), Some(sent + SESSION_RENEWAL));
        if let Some(open) = &mut self.open {
            open.revision = open.revision.max(revision);
            open.until = open.until.max(until);
            self.not_before = renew_at;
            return Some(Action::Extend { until: open.until });
        }
        if overtaken || self.leaving || now >= until {
            return None;
        }
        self.open = Some(Open { since: now, revision, until });
        self.not_before = renew_at;
        Some(Action::Begin { until })
    }

    /// Time passes.
    pub fn tick(&mut self, now: Instant) -> Vec<Action> {
        if self.open.as_ref().is_some_and(|open| now >= open.until) {
            return self.lose();
        }
        let expected = match &self.open {
            Some(open) => Some(open.revision),
            // A record that lives is left over from a right that ended here before it did there.
            None => self.record.filter(|_| !self.leaving),
        };
        let waits = self.writing.is_some() || self.not_before.is_some_and(|then| now < then);
        match expected {
            Some(expected) if !waits => {
                self.writing = Some(expected);
                vec![Action::Ask { request: Request::Session, expected }]
            }
            _ => Vec::new(),
        }
    }

    /// This worker goes: when this session is over, no other one begins.
    pub fn leave(&mut self) {
        self.leaving = true;
    }

    /// Nothing needs it any more. To be called again until [`Session::is_over`].
    pub fn close(&mut self) -> Vec<Action> {
        if self.writing.is_some() {
            return Vec::new();
        }
        let Some(Open { revision: expected, .. }) = self.open.take() else { return Vec::new() };
        self.writing = Some(expected);
        vec![Action::Ask { request: Request::EndSession, expected }]
    }

    /// The answer to [`Request::EndSession`]. A record that is still there expires by itself.
    pub fn closed(&mut self, expected: u64) {
        if self.writing == Some(expected) {
            self.writing = None;
        }
    }

    fn lose(&mut self) -> Vec<Action> {
        self.open = None;
        self.not_before = None;
        vec![Action::Lost]
    }
}

/// Until when a session that was written by a request sent at `sent` gives the right to act: the server
/// counts from when it stored it, which is later.
fn fence(sent: Instant) -> Instant {
    sent + SESSION_TTL.saturating_sub(FENCE_MARGIN)
}

#[cfg(test)]
mod tests {
    use super::super::tests::millis;
    use super::*;

    fn write(expected: u64) -> Vec<Action> {
        vec![Action::Ask { request: Request::Session, expected }]
    }

    /// A session that was opened at `start` with revision 5.
    fn opened(start: Instant) -> Session {
        let mut session = Session::default();
        assert_eq!(session.tick(start), [], "nothing is known yet");
        session.absent();
        assert_eq!(session.tick(start), write(0));
        let begun = session.written(0, Answer::Written(5), start, start);
        assert_eq!(begun, [Action::Begin { until: start + millis(2_500) }]);
        session
    }

    #[test]
    fn renewals_extend_from_when_they_were_sent() {
        let start = Instant::now();
        let mut session = opened(start);
        assert_eq!(session.tick(start + millis(999)), []);
        let sent = start + millis(1_000);
        assert_eq!(session.tick(sent), write(5));
        assert_eq!(session.tick(sent), [], "one at a time");
        let extended = session.written(5, Answer::Written(6), sent, sent + millis(300));
        assert_eq!(extended, [Action::Extend { until: sent + millis(2_500) }]);
        assert_eq!(session.tick(sent + millis(999)), []);
        assert_eq!(session.tick(sent + millis(1_000)), write(6));
    }

    #[test]
    fn a_worker_without_answers_fences_itself_and_begins_anew_over_what_it_left() {
        let start = Instant::now();
        let mut session = opened(start);
        let sent = start + millis(1_000);
        assert_eq!(session.tick(sent), write(5));
        assert_eq!(session.written(5, Answer::Unknown, sent, sent + millis(900)), []);
        assert_eq!(session.tick(start + millis(2_149)), []);
        assert_eq!(session.tick(start + millis(2_150)), write(5), "it tries again");
        let end = start + millis(2_500);
        assert_eq!(session.open_since(start + millis(2_499)), Some(start));
        assert_eq!(session.open_since(end), None, "before anybody looks at the clock");
        assert_eq!(session.tick(end), [Action::Lost]);
        assert_eq!(session.tick(end), [], "the answer is still out");
        // It comes: a session of its own, although the record never ended.
        let begun = session.written(5, Answer::Written(6), start + millis(2_150), end);
        assert_eq!(begun, [Action::Begin { until: start + millis(4_650) }]);
        assert_eq!(session.open_since(end), Some(end));
    }

    #[test]
    fn an_answer_after_the_fence_ends_one_session_and_begins_another() {
        let start = Instant::now();
        let mut session = opened(start);
        let sent = start + millis(2_400);
        assert_eq!(session.tick(sent), write(5));
        assert_eq!(
            session.written(5, Answer::Written(6), sent, start + millis(2_500)),
            [Action::Lost, Action::Begin { until: sent + millis(2_500) }]
        );
        // One that comes too late for either begins nothing.
        let mut session = opened(start);
        assert_eq!(session.tick(start + millis(1_000)), write(5));
        let late = start + millis(3_500);
        let lost = session.written(5, Answer::Written(6), start + millis(1_000), late);
        assert_eq!(lost, [Action::Lost]);
        assert_eq!(session.tick(late), write(6));
    }

    #[test]
    fn a_marker_ends_it_at_once_and_another_begins_over_it() {
        let start = Instant::now();
        let mut session = opened(start);
        assert_eq!(session.observed(4, false), [], "an older record");
        assert_eq!(session.observed(9, false), [Action::Lost]);
        assert_eq!(session.tick(start), write(9));
        // The marker of an end that came before the answer.
        assert_eq!(session.observed(12, false), []);
        assert_eq!(session.written(9, Answer::Written(10), start, start), []);
        assert_eq!(session.tick(start), write(12));
    }

    #[test]
    fn a_renewal_whose_answer_was_lost_is_adopted() {
        let start = Instant::now();
        let mut session = opened(start);
        let sent = start + millis(1_000);
        session.tick(sent);
        assert_eq!(session.written(5, Answer::Unknown, sent, sent), []);
        assert_eq!(session.observed(8, true), []);
        assert_eq!(session.tick(sent + millis(250)), write(8));
        // It came too late to give time: without an answer the fence stands where it was.
        assert_eq!(session.tick(start + millis(2_500)), [Action::Lost]);
    }

    #[test]
    fn a_refusal_that_nothing_explains_leads_to_reading_again() {
        let start = Instant::now();
        let mut session = Session::default();
        session.observed(7, false);
        for (at, expected) in [(0, vec![]), (250, vec![Action::Resync])] {
            let now = start + millis(at);
            assert_eq!(session.tick(now), write(7));
            assert_eq!(session.written(7, Answer::Refused, now, now), expected);
        }
        session.observed(9, false);
        assert_eq!(session.tick(start + millis(250)), write(9), "that explains it");
        session.written(9, Answer::Unknown, start, start);
        session.forget_record();
        assert_eq!(session.tick(start + millis(1_000)), [], "nothing is known");
        session.absent();
        assert_eq!(session.tick(start + millis(1_000)), write(0));
    }

    #[test]
    fn who_leaves_closes_it_after_the_last_write_and_opens_no_other() {
        let start = Instant::now();
        let mut session = opened(start);
        session.leave();
        let now = start + millis(1_000);
        assert_eq!(session.tick(now), write(5), "it is needed until it is closed");
        assert_eq!(session.close(), []);
        session.written(5, Answer::Written(6), now, now);
        let end = vec![Action::Ask { request: Request::EndSession, expected: 6 }];
        assert_eq!(session.close(), end);
        assert!(!session.is_over());
        assert_eq!(session.open_since(now), None);
        session.closed(6);
        assert!(session.is_over());
        assert_eq!((session.tick(now + millis(5_000)), session.close()), (vec![], vec![]));
    }
}
