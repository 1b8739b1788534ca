//! The lines that tell the person at the terminal what is being waited for.

use std::fmt::Display;
use std::io::Write as _;

/// Writes one progress line to standard error, where it mixes with no output that a script reads.
pub fn say(line: impl Display) {
    eprintln!("{line}");
}

/// Writes `page` to standard output. A reader that has gone away is no reason to stop.
pub fn show(page: &str) {
    let mut output = std::io::stdout();
    if let Err(error) = output.write_all(page.as_bytes()).and_then(|()| output.flush()) {
        tracing::debug!("nobody reads standard output: {error}");
    }
}
