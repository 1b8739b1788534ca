//! The search for the highest rate that is sustained.
//!
//! Pure: told how a rate went, it says which to try next. First the rate grows by half
//! until it is too much, then the interval is halved a few times.

/// By how much the rate grows as long as nothing is too much.
const GROWTH: f64 = 1.5;
/// How often the interval between the best and the first that was too much is halved.
const HALVINGS: u32 = 4;

/// A search under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    next: Option<f64>,
    best: Option<f64>,
    too_much: Option<f64>,
    halvings: u32,
    growth: f64,
    halvings_allowed: u32,
}

impl Search {
    /// Begins at `rate`.
    #[must_use]
    pub fn from(rate: f64) -> Self {
        Self::with(rate, GROWTH, HALVINGS)
    }

    /// Begins at `rate`; grows by the factor `growth`, then halves the interval `halvings` times.
    #[must_use]
    pub fn with(rate: f64, growth: f64, halvings: u32) -> Self {
        Self {
            next: Some(rate),
            best: None,
            too_much: None,
            halvings: 0,
            growth,
            halvings_allowed: halvings,
        }
    }

    /// The rate to try next; `None` when the search is over.
    #[must_use]
    pub fn next(&self) -> Option<f64> {
        self.next
    }

    /// The highest rate that was sustained.
    #[must_use]
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// How the rate that was next has gone.
    pub fn tried(&mut self, sustained: bool) {
        let Some(rate) = self.next else { return };
        if sustained {
            self.best = Some(rate);
        } else {
            self.too_much = Some(rate);
        }
        self.next = match (self.best, self.too_much) {
            (_, None) => Some(rate * self.growth),
            (None, Some(too_much)) => self.halve(0.0, too_much),
            (Some(best), Some(too_much)) => self.halve(best, too_much),
        };
    }

    fn halve(&mut self, low: f64, high: f64) -> Option<f64> {
        self.halvings += 1;
        (self.halvings <= self.halvings_allowed).then_some(f64::midpoint(low, high))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn search(start: f64, capacity: f64) -> (Search, u32) {
        let mut search = Search::from(start);
        let mut steps = 0;
        while let Some(rate) = search.next() {
            search.tried(rate <= capacity);
            steps += 1;
            assert!(steps < 200);
        }
        (search, steps)
    }

    #[test]
    fn the_capacity_is_found() {
        let (found, steps) = search(100.0, 1_000.0);
        let best = found.best().unwrap();
        assert!(best <= 1_000.0 && best > 960.0, "{best} after {steps}");
        assert!(steps < 14);
    }

    #[test]
    fn where_the_start_is_too_much_it_goes_down() {
        let (found, _) = search(100.0, 30.0);
        assert_eq!(found.best(), Some(25.0));
        assert_eq!(search(100.0, 1.0).0.best(), None);
    }

    proptest! {
        #[test]
        fn it_ends_and_never_claims_too_much(start in 1.0_f64..1e5, capacity in 1.0_f64..1e6) {
            let (found, _) = search(start, capacity);
            prop_assert!(found.best().is_none_or(|best| best <= capacity));
            prop_assert!(start > capacity || found.best().is_some_and(|best| best > capacity / 1.05));
        }
    }
}
