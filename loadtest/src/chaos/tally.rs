//! What happens in a run without being wrong, counted.

/// How many of what happened, none of it wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub acked: u64,
    pub deliveries: u64,
    /// Answers that ask for another try.
    pub put_off: u64,
    /// Tries that were not answered in time although the connection stood.
    pub silent: u64,
    /// Messages whose sender left for good before their ack.
    pub abandoned: u64,
    /// Messages that were due while their sender's queue was full.
    pub unsendable: u64,
    pub disconnects: u64,
    pub recoveries: u64,
}
