//! How much is let through: so many a second, and so many at once.

use std::{fmt, num::NonZeroU32, str::FromStr};

use governor::Quota;

/// How many more may come at once than in a second, where nobody says.
const BURST: u32 = 4;

/// A rate, written `50:200`: 50 a second, and 200 at once after a pause. `0` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_second: u32,
    burst: u32,
}

/// A rate that cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no rate: write so many a second and so many at once, such as 50:200, or 0 for no limit"
)]
pub struct InvalidRate(String);

impl Rate {
    /// No limit.
    pub const OFF: Self = Self { per_second: 0, burst: 0 };

    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst }
    }

    /// So many times more, of both.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        let times = |count: u32| count.saturating_mul(factor);
        Self { per_second: times(self.per_second), burst: times(self.burst) }
    }

    pub fn per_second(self) -> u32 {
        self.per_second
    }

    /// The most that can come at once; `None` where there is no limit.
    pub(super) fn quota(self) -> Option<Quota> {
        let quota = Quota::per_second(NonZeroU32::new(self.per_second)?);
        Some(quota.allow_burst(NonZeroU32::new(self.burst)?))
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let number = |text: &str| text.trim().parse::<u32>().ok();
        let read = || {
            let (per_second, burst) = if let Some((per_second, burst)) = text.split_once(':') {
                (number(per_second)?, number(burst)?)
            } else {
                let per_second = number(text)?;
                (per_second, per_second.saturating_mul(BURST))
            };
            // Of a burst of none nothing would ever come through.
            (per_second == 0 || burst > 0).then_some(Self { per_second, burst })
        };
        read().ok_or_else(|| InvalidRate(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.per_second, self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        let table = [
            ("50:200", Some(Rate::new(50, 200))),
            (" 5 : 1 ", Some(Rate::new(5, 1))),
            ("50", Some(Rate::new(50, 200))),
            ("0", Some(Rate::OFF)),
            ("0:0", Some(Rate::OFF)),
            ("5:0", None),
            ("", None),
            (":", None),
            ("-1", None),
            ("50/200", None),
            ("50:200:1", None),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse().ok(), expected, "{text:?}");
        }
        assert_eq!(Rate::new(50, 200).to_string().parse(), Ok(Rate::new(50, 200)));
        assert!(Rate::OFF.quota().is_none() && Rate::new(1, 1).quota().is_some());
    }
}
