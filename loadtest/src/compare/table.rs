//! The comparison for people: a row for each measure, a column for each contender.

use std::fmt::Write as _;

use super::{
    figures::{Figures, faults},
    floor::FloorFigures,
    machine::Machine,
    plan::Plan,
    rows::{Floor, Row, rows},
};

const NAME: usize = 26;
const COLUMN: usize = 18;

/// The whole table, with what must be known to read it.
#[must_use]
pub fn text(machine: Machine, plan: &Plan, floor: &[FloorFigures], all: &[Figures]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, machine, plan, floor, all);
    text
}

fn write(
    text: &mut String,
    machine: Machine,
    plan: &Plan,
    floor: &[FloorFigures],
    all: &[Figures],
) -> std::fmt::Result {
    writeln!(
        text,
        "{} clients; messages of 64 bytes; rates tried for {} s; {} cores, load {} before",
        plan.clients,
        plan.step.as_secs(),
        machine.cores,
        number(machine.load, 1),
    )?;
    for figures in all {
        let (title, processes) = (figures.contender.title(), figures.processes.join(", "));
        writeln!(text, "{title}: {processes}; one working thread each")?;
    }
    write!(text, "\n{:NAME$}", "")?;
    for figures in all {
        write!(text, "{:>COLUMN$} ", figures.contender.title())?;
    }
    writeln!(text, "    (* the best)")?;
    grid(text, &rows(all, floor))?;
    write!(text, "{:NAME$}", "  recovered by")?;
    for figures in all {
        write!(text, "{:>COLUMN$} ", figures.contender.recovery().words())?;
    }
    writeln!(text, "\n")?;
    for figures in all {
        let mut notes = faults(figures);
        let refused = figures.memory.iter().filter_map(|memory| {
            let why = memory.refusal.as_ref()?;
            Some(format!("{} of {} connections were held: {why}", memory.held, memory.asked))
        });
        notes.extend(refused);
        for note in notes {
            writeln!(text, "{}: {note}", figures.contender.title())?;
        }
    }
    Ok(())
}

fn grid(text: &mut String, rows: &[Row]) -> std::fmt::Result {
    let mut group = "";
    for row in rows {
        if row.group != group {
            group = &row.group;
            writeln!(text, "{group}")?;
        }
        write!(text, "  {:1$}", row.name, NAME - 2)?;
        let best = row.best();
        for (at, cell) in row.cells.iter().enumerate() {
            let mark = if best == Some(at) { '*' } else { ' ' };
            write!(text, "{:>COLUMN$}{mark}", number(*cell, row.decimals))?;
        }
        if let Some(Floor { write, path }) = row.floor {
            let figure = |value| number(Some(value), row.decimals);
            write!(text, "  bare write(2): {}, bare path: {}", figure(write), figure(path))?;
        }
        writeln!(text)?;
    }
    Ok(())
}

/// A figure with commas between thousands; a dash where there is none.
#[must_use]
pub fn number(value: Option<f64>, decimals: usize) -> String {
    let Some(value) = value else { return "-".to_owned() };
    let plain = format!("{value:.decimals$}");
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::rows::{Better, Floor};

    #[test]
    fn numbers_are_grouped() {
        for (value, decimals, expected) in [
            (Some(0.0), 0, "0"),
            (Some(999.4), 0, "999"),
            (Some(1_234_567.0), 0, "1,234,567"),
            (Some(1_234.56), 1, "1,234.6"),
            (Some(-1_000.0), 0, "-1,000"),
            (None, 2, "-"),
        ] {
            assert_eq!(number(value, decimals), expected);
        }
    }

    #[test]
    fn groups_are_named_once_and_the_best_is_marked() {
        let row = |name: &str, cells: [Option<f64>; 2]| Row {
            group: "deliveries".to_owned(),
            name: name.to_owned(),
            better: Better::More,
            decimals: 0,
            cells: cells.to_vec(),
            floor: None,
        };
        let mut text = String::new();
        let floor = Some(Floor { write: 1.0, path: 2.0 });
        let b = Row { floor, ..row("b", [None, Some(3.0)]) };
        grid(&mut text, &[row("a", [Some(1.0), Some(2.0)]), b]).unwrap();
        let lines: Vec<_> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        let b = vec!["b", "-", "3", "bare", "write(2):", "1,", "bare", "path:", "2"];
        assert_eq!(lines, [vec!["deliveries"], vec!["a", "1", "2*"], b]);
    }
}
