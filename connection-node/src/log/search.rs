//! Finding the last messages of a room in a log that can only be read forward.
//!
//! JetStream answers "the first message of this subject at or after a sequence, and how many follow".
//! A few such probes, guided by interpolation, find a start from which about the wanted number
//! remain. Pure: the caller does the probing.

use wire::Seq;

/// What is known of a room: how many messages remain at two sequences.
#[derive(Debug, Clone)]
pub struct Search {
    /// At or below the start; `remaining` messages from here on.
    low: Seq,
    low_remaining: u64,
    /// Above the start; fewer than wanted from here on.
    high: Seq,
    high_remaining: u64,
    wanted: u64,
    probes: u32,
}

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask how many messages remain from this sequence on.
    Probe(Seq),
    /// Read forward from here.
    ReadFrom(Seq),
}

/// Probes after which plain halving takes over, for logs where a room's rate has changed a lot.
const INTERPOLATIONS: u32 = 8;

impl Search {
    /// Looks for a start between `low`, from which `low_remaining` messages remain, and `high`, from
    /// which `high_remaining` do, such that at least `wanted` lie between it and `high`.
    pub fn new(low: (Seq, u64), high: (Seq, u64), wanted: u64) -> Self {
        Self {
            low: low.0,
            low_remaining: low.1,
            high: high.0,
            high_remaining: high.1,
            wanted: wanted + high.1,
            probes: 0,
        }
    }

    /// What to do next. Reads at most about four times what is wanted.
    pub fn step(&self) -> Step {
        let surplus = self.low_remaining.saturating_sub(self.wanted);
        if surplus <= 3 * (self.wanted - self.high_remaining.min(self.wanted)).max(1)
            || self.high - self.low <= 1
        {
            return Step::ReadFrom(self.low);
        }
        let span = self.high - self.low;
        let offset = if self.probes < INTERPOLATIONS {
            let density = u128::from(self.low_remaining - self.high_remaining);
            // A little more than wanted, so that an even log takes one probe.
            let short = u128::from(self.wanted - self.high_remaining) * 3 / 2;
            let back = u128::from(span) * short / density.max(1);
            span - Seq::try_from(back).unwrap_or(span).min(span)
        } else {
            span / 2
        };
        Step::Probe(self.low + offset.clamp(1, span - 1))
    }

    /// `remaining` messages lie at or after `at`.
    pub fn probed(&mut self, at: Seq, remaining: u64) {
        self.probes += 1;
        if remaining >= self.wanted {
            (self.low, self.low_remaining) = (at, remaining);
        } else {
            (self.high, self.high_remaining) = (at, remaining);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs a search over a log and returns (start, probes).
    fn run(seqs: &[Seq], before: Seq, wanted: u64) -> (Seq, u32) {
        let remaining = |at: Seq| seqs.iter().filter(|&&seq| seq >= at).count() as u64;
        let low = seqs[0];
        let mut search = Search::new((low, remaining(low)), (before, remaining(before)), wanted);
        let mut probes = 0;
        loop {
            match search.step() {
                Step::ReadFrom(start) => return (start, probes),
                Step::Probe(at) => {
                    probes += 1;
                    assert!(probes < 200, "does not end");
                    search.probed(at, remaining(at));
                }
            }
        }
    }

    #[test]
    fn an_even_log_takes_few_probes() {
        let seqs: Vec<Seq> = (0..10_000).map(|i| 7 + i * 100).collect();
        let (start, probes) = run(&seqs, 1_000_008, 50);
        let read = seqs.iter().filter(|&&seq| seq >= start).count();
        assert!((50..=200).contains(&read), "{read}");
        assert!(probes <= 2, "{probes}");
    }

    proptest! {
        #[test]
        fn enough_and_not_too_much(
            seqs in proptest::collection::btree_set(1u64..100_000, 1..400),
            before in 1u64..110_000,
            wanted in 1u64..60,
        ) {
            let seqs: Vec<_> = seqs.into_iter().collect();
            prop_assume!(before > seqs[0]);
            let older = seqs.iter().filter(|&&seq| seq < before).count() as u64;
            let (start, _) = run(&seqs, before, wanted);
            let read = seqs.iter().filter(|&&seq| seq >= start && seq < before).count() as u64;
            prop_assert!(read >= wanted.min(older), "{} of {}", read, older);
            prop_assert!(read <= 4 * wanted + 1, "{} for {}", read, wanted);
        }
    }
}
