//! What a crowd showed, as text for people.

use std::fmt::{self, Display};

use super::{
    crowd::{CrowdResult, total},
    system::Memory,
};
use crate::{compare::footprint::Footprint, run::Outcome};

impl Display for CrowdResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.plan;
        writeln!(
            f,
            "{} clients in {} rooms of {}, {} messages/s in each room, over {} nodes and {} workers",
            plan.clients,
            plan.rooms(),
            plan.room_size,
            plan.rate,
            plan.nodes,
            plan.workers,
        )?;
        self.heard(f)?;
        self.memory(f)?;
        self.time(f)
    }
}

impl CrowdResult {
    fn heard(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "messages    {} sent, {} stored, {} refused, {} unanswered",
            self.sum(|seen| seen.sent),
            self.sum(|seen| seen.stored),
            self.sum(|seen| seen.refused),
            self.sum(|seen| seen.unanswered + seen.unsendable),
        )?;
        writeln!(
            f,
            "deliveries  {} of {}: {} lost, {} twice, {} out of order, {} connections lost",
            self.sum(|seen| seen.deliveries),
            self.sum(|seen| seen.expected),
            self.sum(|seen| seen.missing),
            self.sum(|seen| seen.surplus),
            self.sum(|seen| seen.disordered),
            self.sum(|seen| seen.disconnected),
        )?;
        let worst = |time: fn(&Outcome) -> f64| self.outcomes.iter().map(time).fold(0.0, f64::max);
        writeln!(
            f,
            "to receipt  p50 {:.1}, p99 {:.1}, most {:.1} ms; to ack p50 {:.1}, p99 {:.1} ms; lateness of the \
             clients p99 {:.1} ms (of the process of clients with the worst)",
            worst(|seen| seen.delivery.p50),
            worst(|seen| seen.delivery.p99),
            worst(|seen| seen.delivery.max),
            worst(|seen| seen.ack.p50),
            worst(|seen| seen.ack.p99),
            worst(|seen| seen.lag.p99),
        )
    }

    fn memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<12} {:>18} {:>18} {:>18}", "MiB PSS / RSS", "empty", "silent", "most")?;
        let row = |memory: &[Memory], at: usize| memory.get(at).map(|one| one.footprint);
        for (at, one) in self.most.iter().enumerate() {
            let empty = row(&self.empty, at).unwrap_or_default();
            let silent = row(&self.silent, at).unwrap_or_default();
            line(f, &one.name, [empty, silent, one.footprint])?;
        }
        line(f, "all", [total(&self.empty), total(&self.silent), total(&self.most)])?;
        let limit = self.plan.memory_limit >> 20;
        let within = if self.is_within_memory() { "within" } else { "ABOVE" };
        writeln!(f, "together {within} {limit} MiB\n")
    }

    fn time(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deliveries = self.sum(|seen| seen.deliveries).max(1);
        #[allow(clippy::cast_precision_loss)]
        let busy = self.talk.without(&self.idle, 1.0, self.talk_seconds);
        #[allow(clippy::cast_precision_loss)]
        let each = busy.micros_each(deliveries as f64);
        writeln!(
            f,
            "{:<12} {:>12} {:>12} {:>22}",
            "processors", "cores silent", "talking", "us a delivery"
        )?;
        let kinds = [
            ("nodes", self.idle.nodes, self.talk.nodes, each.nodes),
            ("workers", self.idle.workers, self.talk.workers, each.workers),
            ("nats-server", self.idle.nats, self.talk.nats, each.nats),
            ("all", self.idle.total(), self.talk.total(), each.total()),
        ];
        let figure = |number: Option<f64>| number.map_or("-".to_owned(), |n| format!("{n:.2}"));
        for (kind, idle, talk, each) in kinds {
            let talk = talk.map(|seconds| seconds / self.talk_seconds);
            writeln!(
                f,
                "{kind:<12} {:>12} {:>12} {:>22}",
                figure(idle),
                figure(talk),
                figure(each)
            )?;
        }
        write!(f, "over {:.0} s; a delivery's time is without idling", self.talk_seconds)
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, columns: [Footprint; 3]) -> fmt::Result {
    write!(f, "{name:<13}")?;
    for Footprint { rss, pss } in columns {
        write!(f, " {:>18}", format!("{} / {}", pss >> 20, rss >> 20))?;
    }
    writeln!(f)
}
