//! The outcomes as a table, with what broke below it.

use std::fmt::Write as _;

use super::outcome::Outcome;

const HEAD: [&str; 11] = [
    "fault",
    "sent",
    "acked",
    "delivered",
    "lost",
    "dup",
    "reordered",
    "recovery p50/p99/max",
    "silence",
    "bound",
    "verdict",
];

/// The table, the figures of each fault, and what broke.
#[must_use]
pub fn text(outcomes: &[Outcome]) -> String {
    let rows: Vec<_> =
        std::iter::once(HEAD.map(str::to_owned)).chain(outcomes.iter().map(row)).collect();
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 11] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            // Words to the left, numbers to the right.
            let _ = match column {
                0 | 9 | 10 => write!(text, "{gap}{cell:<width$}"),
                _ => write!(text, "{gap}{cell:>width$}"),
            };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    for outcome in outcomes {
        text.push_str(&details(outcome));
    }
    text
}

fn row(outcome: &Outcome) -> [String; 11] {
    let verdict = &outcome.verdict;
    let times = verdict.recovery;
    let recovery = if verdict.recoveries == 0 {
        "-".to_owned()
    } else {
        format!("{} / {} / {}", time(times.p50), time(times.p99), time(times.max))
    };
    let bound = outcome.bound.as_ref().map_or("-".to_owned(), |bound| {
        let mark = match (bound.holds(), bound.at_least) {
            (true, _) => "",
            (false, false) => " over",
            (false, true) => " short",
        };
        format!("{} of {}{mark}", time(bound.measured), time(bound.limit))
    });
    [
        outcome.fault.clone(),
        verdict.sent.to_string(),
        verdict.acked.to_string(),
        verdict.delivered.to_string(),
        verdict.lost.to_string(),
        verdict.duplicated.to_string(),
        verdict.reordered.to_string(),
        recovery,
        time(verdict.silence_worst_room),
        bound,
        outcome.word().to_owned(),
    ]
}

fn details(outcome: &Outcome) -> String {
    let verdict = &outcome.verdict;
    let mut text = format!("\n{} ({:.0} s)\n", outcome.fault, outcome.seconds);
    if let Some(bound) = &outcome.bound {
        let how = if bound.at_least { "over at least" } else { "within" };
        let _ = writeln!(text, "  bound: {} {how} {}", bound.what, time(bound.limit));
    }
    for figure in &outcome.figures {
        let _ = writeln!(text, "  {}: {}", figure.name, figure.value);
    }
    let _ = writeln!(
        text,
        "  longest silence: {} in the worst room, {} in the median room, {} anywhere; {} without an ack",
        time(verdict.silence_worst_room),
        time(verdict.silence_median_room),
        time(verdict.silence_anywhere),
        time(verdict.silence_acks),
    );
    let delivery = verdict.delivery;
    let _ = writeln!(
        text,
        "  delivery p50/p99/max: {} / {} / {}; {} connections ended, {} recovered",
        time(delivery.p50),
        time(delivery.p99),
        time(delivery.max),
        verdict.disconnects,
        verdict.recoveries,
    );
    if verdict.unsendable > 0 {
        let _ = writeln!(
            text,
            "  not sent, because their sender's queue was full: {}",
            verdict.unsendable
        );
    }
    if !outcome.is_whole() {
        for complaint in outcome.complaints() {
            let _ = writeln!(text, "  ! {complaint}");
        }
    }
    text
}

/// Milliseconds for people.
fn time(millis: f64) -> String {
    if millis < 1_000.0 { format!("{millis:.0} ms") } else { format!("{:.2} s", millis / 1_000.0) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::chaos::{history::History, outcome::Bound, verdict::Verdict};

    fn outcome(broken: Vec<String>, measured: f64) -> Outcome {
        let mut history = History::new(1, vec!["room".to_owned()]);
        history.entered(0, 0, 0, false);
        let index = history.sent(0, 0, 0);
        history.acked(index, 7, 5);
        history.received(0, 0, index, 7, 5_000);
        Outcome {
            fault: "kill-worker".to_owned(),
            verdict: Verdict::of(&history),
            figures: Vec::new(),
            bound: Some(Bound::new("back", Duration::from_secs(4), measured)),
            broken,
            logs: Some("/logs".into()),
            seconds: 3.0,
        }
    }

    #[test]
    fn a_row_says_how_it_went() {
        let (good, over) = (outcome(Vec::new(), 3_999.0), outcome(Vec::new(), 4_001.0));
        let bad = outcome(vec!["the roster is wrong".to_owned()], 0.0);
        assert_eq!([good.word(), over.word(), bad.word()], ["ok", "over", "BROKEN"]);
        let text = text(&[good, over, bad]);
        assert!(text.contains("4.00 s of 4.00 s over"), "{text}");
        assert_eq!(text.matches("! the roster is wrong").count(), 1);
        assert_eq!(text.matches("/logs").count(), 1);
    }
}
