//! A process of a contender that has ended by itself, told in a sentence.

use std::{fs, path::Path, process::ExitStatus};

/// How many of its last lines are told, and how much of them.
const LINES: usize = 4;
const CHARACTERS: usize = 400;

/// Which process ended, how, and what it said last: `socketio-2 ended with exit status: 1: ...`.
#[must_use]
pub fn sentence(name: &str, status: ExitStatus, log: &Path) -> String {
    let said = fs::read(log).unwrap_or_default();
    let words = last_words(&String::from_utf8_lossy(&said));
    if words.is_empty() {
        return format!("{name} ended with {status}, and said nothing");
    }
    format!("{name} ended with {status}: {words}")
}

/// The last lines that are not empty, in one.
fn last_words(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join(" / ");
    last.chars().take(CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_told_in_one() {
        let table = [
            ("", String::new()),
            ("\n \n", String::new()),
            ("one\n", "one".to_owned()),
            ("1\n2\n\n3\n4\n  5\n", "2 / 3 / 4 / 5".to_owned()),
            (&"x".repeat(1_000), "x".repeat(CHARACTERS)),
        ];
        for (text, expected) in table {
            assert_eq!(last_words(text), expected);
        }
    }
}
