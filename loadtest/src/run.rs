//! One run at one rate, and what it showed.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::{
    cpu::{CpuSeconds, Processes},
    fleet::Fleet,
    ledger::Ledger,
    pace::Pace,
    progress::Progress,
};

/// How long the last deliveries of a run are waited for.
pub const DRAIN: Duration = Duration::from_mins(1);
/// How often the end of a run is looked for.
const POLL: Duration = Duration::from_millis(5);
/// How often it is looked whether a message has come that the next one waits for.
const LOOK: Duration = Duration::from_millis(1);
/// Gives the pacing thread time to start.
const RUN_UP: Duration = Duration::from_millis(50);

/// What a run does.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Messages a second over all rooms.
    pub rate: f64,
    /// How long messages are sent before any is timed.
    pub warm_up: Duration,
    /// How long messages are sent and timed.
    pub duration: Duration,
    /// How long the last deliveries are waited for.
    pub drain: Duration,
}

/// What a run showed. Counts are over the whole run, times and processor time without the warm-up.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub messages_per_second: f64,
    pub sent: u64,
    pub stored: u64,
    pub refused: u64,
    pub unanswered: u64,
    /// Messages that were due and that a client could not even take.
    pub unsendable: u64,
    /// Deliveries that the stored messages call for.
    pub expected: u64,
    pub deliveries: u64,
    pub missing: u64,
    pub surplus: u64,
    pub disordered: u64,
    pub disconnected: u64,
    /// Seconds from the first timed message to the last delivery.
    pub seconds: f64,
    pub deliveries_per_second: f64,
    /// Milliseconds from the time at which a message was due to each receipt.
    pub delivery: Percentiles,
    /// Milliseconds from the time at which a message was due to its ack.
    pub ack: Percentiles,
    /// Milliseconds by which the generator itself was late; part of the two above.
    pub lag: Percentiles,
    pub cpu: CpuSeconds,
    /// Deliveries to which `cpu` belongs.
    pub cpu_deliveries: u64,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    #[serde(rename = "p99.9")]
    pub p99_9: f64,
    pub max: f64,
}

impl Outcome {
    /// Whether every message was stored and came to every member once, in order.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let wrong = self.refused + self.unanswered + self.unsendable + self.missing + self.surplus;
        wrong + self.disordered + self.disconnected == 0 && self.deliveries == self.expected
    }

    /// How many cores so many seconds of processor time kept busy on average.
    #[must_use]
    pub fn cores(&self, seconds: Option<f64>) -> Option<f64> {
        Some(seconds? / self.seconds)
    }

    /// Microseconds of processor time a delivery.
    #[must_use]
    pub fn micros_per_delivery(&self, seconds: Option<f64>) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)]
        Some(seconds? * 1e6 / self.cpu_deliveries.max(1) as f64)
    }
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        #[allow(clippy::cast_precision_loss)]
        let millis = |micros: u64| micros as f64 / 1_000.0;
        let at = |quantile| millis(histogram.value_at_quantile(quantile));
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: millis(histogram.max()),
        }
    }
}

/// Where a span of time begins or ends.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    cpu: CpuSeconds,
    deliveries: u64,
}

impl Mark {
    fn now(fleet: &Fleet, processes: &Processes) -> Self {
        Self {
            at: Instant::now(),
            cpu: processes.used(),
            deliveries: fleet.shared.ledger.borrow().tally().deliveries,
        }
    }
}

/// Sends at the plan's rate, waits for what is under way, and reckons.
pub async fn run(fleet: &Fleet, processes: &Processes, plan: Plan) -> Outcome {
    let warm_up = Pace::new(plan.rate, plan.warm_up).count;
    let base = fleet.shared.ledger.borrow().next_index();
    *fleet.shared.ledger.borrow_mut() = fleet.crowd.ledger(base, warm_up);
    let mark = || Mark::now(fleet, processes);

    let mut progress = Progress::new();
    let start = Instant::now() + RUN_UP;
    let mut ticks = Pace::new(plan.rate, plan.warm_up + plan.duration).ticks(start);
    let (mut n, mut unsendable) = (0, 0);
    let mut begin = mark();
    while let Some(due) = ticks.recv().await {
        if n == warm_up {
            begin = mark();
        }
        unsendable += u64::from(!fleet.send(n, due));
        n += 1;
        progress.show(|| line(start, plan.rate, &fleet.shared.ledger.borrow()));
    }

    let drained_by = Instant::now() + plan.drain;
    let sent_all = || {
        let ledger = fleet.shared.ledger.borrow();
        ledger.tally().sent + unsendable == n && ledger.is_settled()
    };
    while !sent_all() && Instant::now() < drained_by {
        sleep(POLL).await;
        progress.show(|| line(start, plan.rate, &fleet.shared.ledger.borrow()));
    }
    progress.end();
    let end = mark();
    reckon(plan.rate, &fleet.shared.ledger.borrow(), unsendable, begin, end)
}

/// Sends `messages`, each once the one before it is acknowledged and has come to everybody, so that
/// nothing is gathered on its way; ends early where one takes longer than `patience`.
pub async fn one_by_one(
    fleet: &Fleet,
    processes: &Processes,
    messages: u64,
    patience: Duration,
) -> Outcome {
    let base = fleet.shared.ledger.borrow().next_index();
    *fleet.shared.ledger.borrow_mut() = fleet.crowd.ledger(base, 0);
    let mut progress = Progress::new();
    let begin = Mark::now(fleet, processes);
    let mut unsendable = 0;
    for n in 0..messages {
        unsendable += u64::from(!fleet.send(n, Instant::now()));
        let come = || {
            let ledger = fleet.shared.ledger.borrow();
            ledger.tally().sent + unsendable == n + 1 && ledger.is_settled()
        };
        let deadline = Instant::now() + patience;
        while !come() && Instant::now() < deadline {
            sleep(LOOK).await;
        }
        if !come() {
            break;
        }
        progress.show(|| format!("{n} of {messages} messages, one by one"));
    }
    progress.end();
    let end = Mark::now(fleet, processes);
    #[allow(clippy::cast_precision_loss)]
    let rate = messages as f64 / (end.at - begin.at).as_secs_f64();
    reckon(rate, &fleet.shared.ledger.borrow(), unsendable, begin, end)
}

fn reckon(rate: f64, ledger: &Ledger, unsendable: u64, begin: Mark, end: Mark) -> Outcome {
    let tally = ledger.tally();
    let times = ledger.times();
    let seconds = (end.at - begin.at).as_secs_f64();
    let cpu_deliveries = end.deliveries - begin.deliveries;
    #[allow(clippy::cast_precision_loss)]
    let deliveries_per_second = cpu_deliveries as f64 / seconds;
    Outcome {
        messages_per_second: rate,
        sent: tally.sent,
        stored: tally.stored,
        refused: tally.refused,
        unanswered: ledger.unanswered(),
        unsendable,
        expected: ledger.expected(),
        deliveries: tally.deliveries,
        missing: ledger.missing(),
        surplus: ledger.surplus(),
        disordered: tally.disordered,
        disconnected: tally.disconnected,
        seconds,
        deliveries_per_second,
        delivery: Percentiles::of(&times.delivery),
        ack: Percentiles::of(&times.ack),
        lag: Percentiles::of(&times.lag),
        cpu: end.cpu.since(&begin.cpu),
        cpu_deliveries,
    }
}

fn line(start: Instant, rate: f64, ledger: &Ledger) -> String {
    let tally = ledger.tally();
    let p99 = Percentiles::of(&ledger.times().delivery).p99;
    format!(
        "{:>3} s  {rate:.0} messages/s  {} sent  {} stored  {} delivered  p99 {p99:.1} ms",
        start.elapsed().as_secs(),
        tally.sent,
        tally.stored,
        tally.deliveries,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::ChatArrived;

    fn mark(at: Instant, cpu: f64, deliveries: u64) -> Mark {
        Mark {
            at,
            cpu: CpuSeconds { server: Some(cpu), broker: None, generator: None },
            deliveries,
        }
    }

    #[test]
    fn reckoning() {
        let mut ledger = Ledger::new(0, 2, 2, 0);
        ledger.sent(0, 0);
        ledger.answered(0, true, 2_000);
        for client in [0, 1] {
            ledger.arrived(client, ChatArrived { seq: 1, index: 0 }, 4_000);
        }
        let begin = Instant::now();
        let end = begin + Duration::from_secs(2);
        let outcome = reckon(1.0, &ledger, 0, mark(begin, 1.0, 0), mark(end, 1.5, 2));
        assert!(outcome.is_whole());
        assert!((outcome.deliveries_per_second - 1.0).abs() < 1e-9);
        assert!((outcome.delivery.p99 - 4.0).abs() < 0.01);
        assert!((outcome.ack.max - 2.0).abs() < 0.01);
        assert!((outcome.cores(outcome.cpu.server).unwrap() - 0.25).abs() < 1e-9);
        assert!(
            (outcome.micros_per_delivery(outcome.cpu.server).unwrap() - 250_000.0).abs() < 1e-6
        );
        assert_eq!(outcome.micros_per_delivery(outcome.cpu.broker), None);

        let lost = reckon(1.0, &ledger, 1, mark(begin, 1.0, 0), mark(end, 1.5, 2));
        assert!(!lost.is_whole());
    }
}
