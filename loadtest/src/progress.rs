//! The line on standard error that says what is going on.

use std::{
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// How often the line changes on a terminal, and how often one is written elsewhere.
const ON_TERMINAL: Duration = Duration::from_millis(250);
const ELSEWHERE: Duration = Duration::from_secs(5);

/// A line that is written over on a terminal, and now and then anew where a log is kept.
#[derive(Debug)]
pub struct Progress {
    terminal: bool,
    next: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    #[must_use]
    pub fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let first = if terminal { Duration::ZERO } else { ELSEWHERE };
        Self { terminal, next: Instant::now() + first }
    }

    /// Shows a line, if it is time for one. Nobody is told of a standard error that cannot be written.
    pub fn show(&mut self, line: impl FnOnce() -> String) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        let mut stderr = std::io::stderr().lock();
        if self.terminal {
            self.next = now + ON_TERMINAL;
            let _ = write!(stderr, "\r\x1b[K{}", line());
            let _ = stderr.flush();
        } else {
            self.next = now + ELSEWHERE;
            let _ = writeln!(stderr, "{}", line());
        }
    }

    /// Leaves the place to what is printed next.
    pub fn end(&self) {
        if self.terminal {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}
