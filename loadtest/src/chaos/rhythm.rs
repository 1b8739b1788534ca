//! The longest time in which nothing came although something should have.

use crate::ledger::Micros;

/// Beats, and the longest pause between two while they are called for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rhythm {
    /// The last beat, or when they began to be called for.
    since: Option<Micros>,
    longest: Micros,
}

impl Rhythm {
    /// Beats are called for from now on.
    pub fn start(&mut self, now: Micros) {
        self.since = Some(now);
    }

    /// No more beats are called for.
    pub fn stop(&mut self, now: Micros) {
        self.beat(now);
        self.since = None;
    }

    pub fn beat(&mut self, now: Micros) {
        if let Some(since) = &mut self.since {
            self.longest = self.longest.max(now.saturating_sub(*since));
            *since = now;
        }
    }

    #[must_use]
    pub fn longest(&self) -> Micros {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_count_while_beats_are_called_for() {
        let mut rhythm = Rhythm::default();
        rhythm.beat(1_000);
        assert_eq!(rhythm.longest(), 0);
        rhythm.start(2_000);
        rhythm.beat(2_100);
        rhythm.beat(2_150);
        assert_eq!(rhythm.longest(), 100);
        rhythm.stop(2_500);
        assert_eq!(rhythm.longest(), 350);
        rhythm.start(9_000);
        rhythm.stop(9_001);
        assert_eq!(rhythm.longest(), 350);
    }
}
