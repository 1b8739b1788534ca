//! What a person reads at the end, and the JSON beside it.

use std::{fmt, fs, path::Path};

use anyhow::Context as _;
use serde::Serialize;

use crate::{
    cpu::CpuSeconds,
    fleet::Crowd,
    run::{Outcome, Percentiles},
};

/// One run and what it was a run of.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub clients: usize,
    pub room_size: usize,
    pub content_bytes: usize,
    /// Cores in use while the clients were connected and silent, where that was measured.
    pub idle_cores: Option<CpuSeconds>,
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Report {
    #[must_use]
    pub fn new(crowd: Crowd, outcome: Outcome) -> Self {
        let Crowd { clients, room_size, content_bytes } = crowd;
        Self { clients, room_size, content_bytes, idle_cores: None, outcome }
    }

    /// The head of the rows that [`Report::row`] makes.
    pub const HEAD: &str = " messages/s  deliveries/s    p50 ms    p99 ms    max ms  server   nats  generator  (cores)";

    /// One line, for a list of rates.
    #[must_use]
    pub fn row(&self) -> String {
        let Outcome { messages_per_second, deliveries_per_second, delivery, cpu, .. } =
            &self.outcome;
        let cores = |seconds| cell(self.outcome.cores(seconds), 2);
        format!(
            "{messages_per_second:>11.1} {deliveries_per_second:>13.0} {:>9.2} {:>9.2} {:>9.1} {:>7} {:>6} {:>10}  {}",
            delivery.p50,
            delivery.p99,
            delivery.max,
            cores(cpu.server),
            cores(cpu.broker),
            cores(cpu.generator),
            Verdict(&self.outcome),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, room_size, content_bytes, idle_cores, outcome } = self;
        writeln!(
            f,
            "{clients} clients in {} rooms of {room_size}; {:.1} messages/s of {content_bytes} bytes, timed for {:.1} s",
            clients / room_size,
            outcome.messages_per_second,
            outcome.seconds,
        )?;
        writeln!(
            f,
            "sent {}, stored {}, refused {}",
            outcome.sent, outcome.stored, outcome.refused
        )?;
        writeln!(
            f,
            "delivered {} of {}, {:.0} a second: {}",
            outcome.deliveries,
            outcome.expected,
            outcome.deliveries_per_second,
            Verdict(outcome)
        )?;
        writeln!(f, "\nmilliseconds from due      p50       p90       p99     p99.9       max")?;
        for (name, times) in
            [("to receipt", outcome.delivery), ("to ack", outcome.ack), ("to sending", outcome.lag)]
        {
            let Percentiles { p50, p90, p99, p99_9, max } = times;
            writeln!(f, "  {name:<18} {p50:>9.2} {p90:>9.2} {p99:>9.2} {p99_9:>9.2} {max:>9.2}")?;
        }
        writeln!(
            f,
            "\nprocessor time         seconds     cores   microseconds a delivery   idle cores"
        )?;
        let (cpu, idle) = (outcome.cpu, idle_cores.unwrap_or_default());
        for (name, seconds, idle) in [
            ("server", cpu.server, idle.server),
            ("nats-server", cpu.broker, idle.broker),
            ("this generator", cpu.generator, idle.generator),
        ] {
            let (cores, each) = (outcome.cores(seconds), outcome.micros_per_delivery(seconds));
            let (seconds, cores) = (cell(seconds, 2), cell(cores, 2));
            let (each, idle) = (cell(each, 1), cell(idle, 2));
            writeln!(f, "  {name:<18} {seconds:>9} {cores:>9} {each:>12} {idle:>25}")?;
        }
        Ok(())
    }
}

fn cell(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

/// Whether everything came, in words.
struct Verdict<'a>(&'a Outcome);

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.0;
        if outcome.is_whole() {
            return f.write_str("nothing lost, nothing twice, all in order");
        }
        let faults = [
            (outcome.missing, "deliveries LOST or late beyond the wait"),
            (outcome.surplus, "deliveries too many"),
            (outcome.disordered, "out of order"),
            (outcome.refused, "messages refused"),
            (outcome.unanswered, "messages without an answer"),
            (outcome.unsendable, "messages that no socket took"),
            (outcome.disconnected, "connections lost"),
        ];
        let faults = faults.into_iter().filter(|(count, _)| *count > 0);
        let texts: Vec<_> = faults.map(|(count, what)| format!("{count} {what}")).collect();
        f.write_str(&texts.join(", "))
    }
}

/// Writes `results` to `file` as JSON.
///
/// # Errors
/// When the file cannot be written.
pub fn write_json(file: &Path, results: &impl Serialize) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(results)?;
    fs::write(file, json + "\n").with_context(|| format!("cannot write {}", file.display()))
}
