//! What a run showed, and whether everything held.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, time::Duration};

use connection_node::edge::{CloseReason, REFUSAL_NAMES};

use super::{
    bystanders::Testimony,
    input::Kind,
    run::Plan,
    strike::{Reaction, Struck},
};
use crate::chaos::metrics::Metrics;

/// Breaches that are told one by one.
const TOLD: usize = 20;
const REACTIONS: [(Reaction, &str); 5] = [
    (Reaction::ShutOut, "shut out"),
    (Reaction::Refused, "refused"),
    (Reaction::Ended, "ended"),
    (Reaction::Answered, "answered"),
    (Reaction::Ignored, "ignored"),
];

/// What a run showed.
#[derive(Debug, Clone)]
pub struct Summary {
    plan: Plan,
    counts: BTreeMap<(usize, usize), u64>,
    struck: u64,
    breaches: Vec<String>,
    newcomers: u64,
    pub memory: Memory,
    pub gauges: Gauges,
    pub testimony: Testimony,
    /// Lines of the node's log that tell of a panic.
    pub panics: usize,
    pub logs: Option<PathBuf>,
    pub seconds: f64,
}

/// The node's resident memory in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    pub before: u64,
    pub most: u64,
    pub after: u64,
}

/// What the node says of itself when all hostile clients are gone.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    pub connections: u64,
    pub unauthenticated: u64,
    pub incoming: u64,
    /// What the node counted meanwhile, in words.
    counted: Vec<String>,
}

impl Memory {
    /// Between two looks.
    pub const LOOK: Duration = Duration::from_millis(50);
    /// By how much the hostile inputs may make it grow.
    pub const BOUND: u64 = 96 << 20;

    fn is_bounded(&self) -> bool {
        self.before > 0 && self.most.max(self.after) <= self.before + Self::BOUND
    }
}

impl Gauges {
    /// Picks what counts out of a node's metrics.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Counts of things.
    pub fn of(metrics: &Metrics) -> Self {
        let gauge = |name| metrics.sum(name).map_or(u64::MAX, |value| value as u64);
        let closes = CloseReason::ALL.map(CloseReason::as_str);
        let table = [
            ("starling_handshake_refusals_total", "reason", &REFUSAL_NAMES[..]),
            ("starling_transport_closes_total", "reason", &closes),
            ("starling_connects_total", "result", &CONNECTS),
            ("starling_rate_limited_total", "what", &LIMITED),
        ];
        let counted = table.into_iter().filter_map(|(name, label, values)| {
            let counts: Vec<_> = values
                .iter()
                .filter_map(|value| Some((value, metrics.with_label(name, label, value)?)))
                .map(|(value, count)| format!("{value} {count}"))
                .collect();
            let name = name.strip_prefix("starling_").unwrap_or(name);
            (!counts.is_empty()).then(|| format!("{name}: {}", counts.join(", ")))
        });
        Self {
            connections: gauge("starling_connections"),
            unauthenticated: gauge("starling_unauthenticated"),
            incoming: gauge("starling_receive_buffer_bytes"),
            counted: counted.collect(),
        }
    }

    /// Whether none but so many well-behaved clients are there.
    #[must_use]
    pub fn is_left_clean(&self, clients: u64) -> bool {
        (self.connections, self.unauthenticated, self.incoming) == (clients, 0, 0)
    }
}

const CONNECTS: [&str; 5] =
    ["accepted", "unauthenticated", "banned", "rate_limited", "unavailable"];
const LIMITED: [&str; 5] = ["handshake", "event", "file", "frame", "authentication"];

impl Summary {
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            counts: BTreeMap::new(),
            struck: 0,
            breaches: Vec::new(),
            newcomers: 0,
            memory: Memory::default(),
            gauges: Gauges::default(),
            testimony: Testimony::default(),
            panics: 0,
            logs: None,
            seconds: 0.0,
        }
    }

    /// Counts what came of the inputs.
    pub fn struck(&mut self, all: Vec<Struck>) {
        for Struck { kind, reaction, breach } in all {
            self.struck += 1;
            *self.counts.entry((kind as usize, reaction as usize)).or_default() += 1;
            self.breaches.extend(breach.map(|what| format!("{}: one {what}", kind.name())));
        }
    }

    /// New clients came, or could not.
    pub fn newcomers(&mut self, came: anyhow::Result<u64>, when: &str) {
        match came {
            Ok(count) => self.newcomers += count,
            Err(error) => self.breaches.push(format!("no new client is served {when}: {error:#}")),
        }
    }

    /// Well-behaved clients that must be connected by now.
    #[must_use]
    pub fn clients_now(&self) -> u64 {
        u64::from(self.plan.clients) + self.newcomers
    }

    /// How many inputs came of a kind to a reaction.
    #[must_use]
    pub fn count(&self, kind: Kind, reaction: Reaction) -> u64 {
        self.counts.get(&(kind as usize, reaction as usize)).copied().unwrap_or(0)
    }

    /// How many inputs were sent as far as they could be, past every limit of the sender.
    #[must_use]
    pub fn reached(&self) -> u64 {
        let out = |kind| self.count(kind, Reaction::ShutOut);
        self.struck - Kind::ALL.into_iter().map(out).sum::<u64>()
    }

    /// Whether everything held.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.complaints().is_empty()
    }

    /// What did not hold, in words.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints: Vec<_> = self.breaches.iter().take(TOLD).cloned().collect();
        if self.breaches.len() > TOLD {
            complaints.push(format!("and {} more", self.breaches.len() - TOLD));
        }
        complaints.extend(self.testimony.findings.iter().cloned());
        let Testimony { sent, acked, delivered, disconnects, .. } = self.testimony;
        let mut must = |held: bool, what: String| complaints.extend((!held).then_some(what));
        must(self.struck == self.plan.inputs, format!("only {} inputs were sent", self.struck));
        must(disconnects == 0, format!("{disconnects} well-behaved clients lost their connection"));
        must(acked == sent, format!("{acked} of {sent} messages were acknowledged"));
        must(delivered > 0, "nothing was delivered, so nothing is shown".to_owned());
        must(self.panics == 0, format!("the node panicked {} times", self.panics));
        let mib = Memory::BOUND >> 20;
        must(self.memory.is_bounded(), format!("the node's memory grew by more than {mib} MiB"));
        let clean = self.gauges.is_left_clean(self.clients_now());
        must(clean, format!("something is left behind, a minute later: {:?}", self.gauges));
        complaints
    }

    /// All of it, for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.table();
        let Testimony { clients, sent, acked, delivered, disconnects, .. } = &self.testimony;
        let Testimony { ack_p50, ack_p99, ack_max, .. } = &self.testimony;
        let [before, most, after] =
            [self.memory.before, self.memory.most, self.memory.after].map(|bytes| bytes >> 20);
        let gauges = &self.gauges;
        let _ = write!(
            text,
            "\nwell-behaved: {clients} clients, {} of them new; {sent} messages sent, {acked} acknowledged, \
             {delivered} deliveries; {disconnects} disconnects; ack p50 {ack_p50:.0} ms, p99 {ack_p99:.0} ms, \
             most {ack_max:.0} ms\n\
             the node's memory: {before} MiB before, {most} MiB at most, {after} MiB after\n\
             left behind: {} connections, {} without a token, {} bytes\n",
            self.newcomers,
            gauges.connections.saturating_sub(self.clients_now()),
            gauges.unauthenticated,
            gauges.incoming,
        );
        for counted in &gauges.counted {
            let _ = writeln!(text, "the node counted {counted}");
        }
        for complaint in self.complaints() {
            let _ = writeln!(text, "  ! {complaint}");
        }
        if let Some(logs) = &self.logs {
            let _ = writeln!(text, "the logs are in {}", logs.display());
        }
        let verdict = if self.is_whole() { "ok" } else { "BROKEN" };
        let _ = writeln!(text, "{verdict} after {:.0} s", self.seconds);
        text
    }

    fn table(&self) -> String {
        let Plan { seed, limits, addresses, .. } = &self.plan;
        let mut text = format!(
            "{} hostile inputs of seed {seed} from {addresses} addresses, limits by address {limits:?}\n{:<30}",
            self.struck, ""
        );
        for (_, name) in REACTIONS {
            let _ = write!(text, "{name:>10}");
        }
        for kind in Kind::ALL {
            let _ = write!(text, "\n{:<30}", kind.name());
            for (reaction, _) in REACTIONS {
                let _ = write!(text, "{:>10}", self.count(kind, reaction));
            }
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{super::run::LimitLevel, *};

    fn whole() -> Summary {
        let plan = Plan {
            program: PathBuf::new(),
            inputs: 2,
            seed: 1,
            clients: 100,
            rate: 1.0,
            at_once: 1,
            addresses: 1,
            limits: LimitLevel::High,
        };
        let mut summary = Summary::of(&plan);
        let struck = |reaction| Struck { kind: Kind::Frame, reaction, breach: None };
        summary.struck(vec![struck(Reaction::Ended), struck(Reaction::ShutOut)]);
        summary.newcomers(Ok(10), "then");
        summary.memory = Memory { before: 1 << 20, most: 2 << 20, after: 1 << 20 };
        summary.gauges.connections = 110;
        summary.testimony = Testimony { sent: 5, acked: 5, delivered: 50, ..Testimony::default() };
        summary
    }

    type Spoil = fn(&mut Summary);

    #[test]
    fn whatever_does_not_hold_is_told() {
        assert_eq!(whole().complaints(), Vec::<String>::new());
        assert_eq!(whole().reached(), 1);
        let table: [(Spoil, &str); 11] = [
            (|summary| summary.struck -= 1, "only 1 inputs"),
            (|summary| summary.breaches.push("was let in".to_owned()), "was let in"),
            (|summary| summary.newcomers(Err(anyhow::anyhow!("no")), "then"), "no new client"),
            (|summary| summary.testimony.findings.push("twice".to_owned()), "twice"),
            (|summary| summary.testimony.disconnects = 1, "1 well-behaved clients lost"),
            (|summary| summary.testimony.acked = 4, "4 of 5 messages"),
            (|summary| summary.testimony.delivered = 0, "nothing was delivered"),
            (|summary| summary.panics = 1, "panicked"),
            (|summary| summary.memory.most = 200 << 20, "memory grew"),
            (|summary| summary.gauges.connections = 111, "left behind"),
            (|summary| summary.gauges.incoming = 1, "left behind"),
        ];
        for (spoil, complaint) in table {
            let mut summary = whole();
            spoil(&mut summary);
            let complaints = summary.complaints();
            assert!(complaints.iter().any(|told| told.contains(complaint)), "{complaints:?}");
            assert!(summary.text().contains("BROKEN"));
        }
    }
}
