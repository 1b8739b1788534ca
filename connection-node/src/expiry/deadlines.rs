//! Which connections end when: by the wall clock, as tokens do.
//!
//! Pure: the time is an argument. An entry takes some 40 bytes, and is gone with its socket.

use std::{collections::BTreeMap, time::Duration};

use wire::Timestamp;

use crate::rooms::port::SocketKey;

/// Over how long the ends of tokens with the same `exp` are spread, where the leeway allows it.
const SPREAD: u64 = 5_000;

/// When a connection ends that is let in `now` with a token good until `expires`, give or take
/// `leeway`, in milliseconds.
///
/// At `expires`, or up to five seconds after it, by `random`: a crowd whose tokens end in one instant
/// would else come back in one. A client looks at its own clock to tell whether it needs another token,
/// so that before `expires` it might bring the same again. Never is a connection kept longer than the
/// leeway lets a new one in. One that comes with a token in its leeway has the rest of it.
pub fn end(expires: Timestamp, leeway: u64, now: Timestamp, random: u32) -> Timestamp {
    let late = if now < expires { u64::from(random) % (leeway.min(SPREAD) + 1) } else { leeway };
    Timestamp::from_millis(expires.as_millis().saturating_add(late))
}

/// Everything that has an end, the next one first.
pub struct Deadlines<T> {
    ends: BTreeMap<(Timestamp, SocketKey), T>,
}

impl<T> Default for Deadlines<T> {
    fn default() -> Self {
        Self { ends: BTreeMap::new() }
    }
}

impl<T> Deadlines<T> {
    /// Notes an end; whether it is the next one now.
    pub fn note(&mut self, end: Timestamp, key: SocketKey, what: T) -> bool {
        let sooner = self.next().is_none_or(|next| end < next);
        self.ends.insert((end, key), what);
        sooner
    }

    /// Forgets an end, where it has not come.
    pub fn forget(&mut self, end: Timestamp, key: SocketKey) {
        self.ends.remove(&(end, key));
    }

    /// What has come to its end, in order.
    pub fn take_due(&mut self, now: Timestamp) -> impl Iterator<Item = T> + use<T> {
        let later = self.ends.split_off(&(now, SocketKey::MAX));
        std::mem::replace(&mut self.ends, later).into_values()
    }

    /// The next end.
    pub fn next(&self) -> Option<Timestamp> {
        self.ends.keys().next().map(|(end, _)| *end)
    }
}

/// How long to wait for the next end, which is looked for at least every `look`: clocks are set.
pub fn pause(next: Option<Timestamp>, now: Timestamp, look: Duration) -> Duration {
    next.map_or(look, |next| {
        Duration::from_millis(next.as_millis().saturating_sub(now.as_millis())).min(look)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn ends_lie_between_exp_and_the_leeways_end() {
        // expires, leeway, now, random, end
        for (expires, leeway, now, random, expected) in [
            (100_000, 30_000, 0, 0, 100_000),
            (100_000, 30_000, 0, 5_000, 105_000),
            (100_000, 30_000, 0, 5_001, 100_000),
            (100_000, 30_000, 99_999, 4_000, 104_000),
            (100_000, 2_000, 0, 2_000, 102_000),
            (100_000, 0, 0, u32::MAX, 100_000),
            // Let in during the leeway: it has the rest of it.
            (100_000, 30_000, 100_000, 7, 130_000),
            (100_000, 30_000, 129_999, 7, 130_000),
        ] {
            let end = end(at(expires), leeway, at(now), random);
            assert_eq!(end, at(expected), "{expires} {leeway} {now} {random}");
        }
    }

    #[test]
    fn an_end_beyond_all_time_is_waited_for() {
        let never = at(u64::MAX);
        assert_eq!(end(never, u64::MAX, at(0), u32::MAX), never);
        let look = Duration::from_mins(1);
        let mut deadlines = Deadlines::default();
        assert!(deadlines.note(never, 1, "never"));
        assert_eq!(pause(deadlines.next(), at(0), look), look);
        assert_eq!(deadlines.take_due(at(u64::MAX - 1)).count(), 1, "the same millisecond");
    }

    #[test]
    fn what_is_due_is_taken_once_and_in_order() {
        let mut deadlines = Deadlines::default();
        assert!(deadlines.note(at(20), 1, 'c'));
        assert!(deadlines.note(at(10), 2, 'a'));
        assert!(!deadlines.note(at(10), 3, 'b'));
        assert!(!deadlines.note(at(30), 4, 'd'));
        deadlines.forget(at(30), 4);
        deadlines.forget(at(30), 5);
        assert_eq!(deadlines.take_due(at(9)).count(), 0);
        assert_eq!(deadlines.take_due(at(10)).collect::<String>(), "ab");
        assert_eq!(deadlines.next(), Some(at(20)));
        // The clock may be set far ahead.
        assert_eq!(deadlines.take_due(at(9_999)).collect::<String>(), "c");
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn pauses() {
        let look = Duration::from_mins(1);
        for (next, now, expected) in
            [(None, 5, 60_000), (Some(7), 5, 2), (Some(5), 7, 0), (Some(999_999), 5, 60_000)]
        {
            let pause = pause(next.map(at), at(now), look);
            assert_eq!(pause, Duration::from_millis(expected), "{next:?}");
        }
    }

    proptest! {
        #[test]
        fn an_end_is_never_early_and_never_after_the_leeway(
            expires in 0_u64..1_000_000, leeway in 0_u64..300_000, now in 0_u64..1_300_000, random: u32,
        ) {
            let end = end(at(expires), leeway, at(now), random).as_millis();
            prop_assert!(end >= expires && end <= expires + leeway);
            // Whoever is let in stays a while: nobody is let in whose end has come.
            prop_assert!(now >= expires + leeway || end > now);
        }

        /// Against a plain list: whatever comes and goes, everything ends once, at its time.
        #[test]
        fn as_a_list_would_have_it(
            steps in proptest::collection::vec((0_u8..3, 0_u64..50, 0_u64..20), 0..200),
        ) {
            let (mut deadlines, mut list) = (Deadlines::default(), Vec::new());
            let mut now = 0;
            for (step, end, key) in steps {
                match step {
                    0 if !list.contains(&(end, key)) => {
                        list.push((end, key));
                        deadlines.note(at(end), key, (end, key));
                    }
                    1 => {
                        list.retain(|one| *one != (end, key));
                        deadlines.forget(at(end), key);
                    }
                    _ => {
                        now = (now + key).min(60);
                        let mut due: Vec<_> =
                            list.iter().copied().filter(|(end, _)| *end <= now).collect();
                        due.sort_unstable();
                        list.retain(|(end, _)| *end > now);
                        prop_assert_eq!(deadlines.take_due(at(now)).collect::<Vec<_>>(), due);
                    }
                }
                let next = list.iter().map(|(end, _)| at(*end)).min();
                prop_assert_eq!(deadlines.next(), next);
            }
        }
    }
}
