//! The sum of a [`History`]: how much, how fast, and what broke.
//!
//! Pure, and drawn once, at the end of a run.

use std::collections::HashMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    finding::{Broken, Finding, Findings},
    history::History,
    room_log::Index,
};
use crate::ledger::Micros;

/// So many messages come to every resident, and one at least should have come to a guest.
const SEVERAL: usize = 5;

/// What a run showed. Times in milliseconds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    pub sent: u64,
    pub acked: u64,
    pub abandoned: u64,
    pub unsendable: u64,
    pub put_off: u64,
    pub silent: u64,
    /// Deliveries that came, and those that the logs call for.
    pub delivered: u64,
    pub expected: u64,

    pub lost: u64,
    pub duplicated: u64,
    pub reordered: u64,
    pub contradictory: u64,
    pub incomplete: u64,
    pub dismissed: u64,
    pub denied: u64,
    pub unanswered: u64,

    pub disconnects: u64,
    pub recoveries: u64,
    /// From the loss of a connection until the last room is recovered on a new one.
    pub recovery: Spread,
    /// From when a message was due to each receipt.
    pub delivery: Spread,
    /// The longest times without a delivery while load was on: in the worst room, in the median room,
    /// anywhere.
    pub silence_worst_room: f64,
    pub silence_median_room: f64,
    pub silence_anywhere: f64,
    /// The longest time without any ack while load was on.
    pub silence_acks: f64,
    /// What broke, in words.
    pub findings: Vec<String>,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Verdict {
    #[must_use]
    pub fn of(history: &History) -> Self {
        let findings = closing_findings(history);
        let tally = history.tally();
        let mut silences: Vec<_> =
            history.rooms().iter().map(|room| millis(room.deliveries.longest())).collect();
        silences.sort_unstable_by(f64::total_cmp);
        let (deliveries, acks) = history.rhythms();
        let mut latency = history.latency().iter().map(|(_, times)| times);
        let mut delivery = latency.next().cloned();
        for times in latency {
            // All have the same bounds, which is all that adding asks for.
            let _ = delivery.as_mut().map(|sum| sum.add(times));
        }
        Self {
            sent: history.sent_count(),
            acked: tally.acked,
            abandoned: tally.abandoned,
            unsendable: tally.unsendable,
            put_off: tally.put_off,
            silent: tally.silent,
            delivered: tally.deliveries,
            expected: history.rooms().iter().map(|room| room.log.expected()).sum(),
            lost: findings.count(Broken::Lost),
            duplicated: findings.count(Broken::Duplicated),
            reordered: findings.count(Broken::Reordered),
            contradictory: findings.count(Broken::Contradictory),
            incomplete: findings.count(Broken::Incomplete),
            dismissed: findings.count(Broken::Dismissed),
            denied: findings.count(Broken::Denied),
            unanswered: findings.count(Broken::Unanswered),
            disconnects: tally.disconnects,
            recoveries: tally.recoveries,
            recovery: Spread::of(history.recovery()),
            delivery: delivery.as_ref().map(Spread::of).unwrap_or_default(),
            silence_worst_room: silences.last().copied().unwrap_or_default(),
            silence_median_room: silences.get(silences.len() / 2).copied().unwrap_or_default(),
            silence_anywhere: millis(deliveries.longest()),
            silence_acks: millis(acks.longest()),
            findings: findings.sentences(),
        }
    }

    /// Whether nothing broke.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let wrong = self.lost + self.duplicated + self.reordered + self.contradictory;
        let told = self.incomplete + self.dismissed + self.denied + self.unanswered;
        // Without any delivery nothing is shown.
        wrong + told == 0 && self.findings.is_empty() && self.delivered > 0
    }
}

/// What was found on the way, and what only the end can tell.
fn closing_findings(history: &History) -> Findings {
    let mut findings = history.findings().clone();
    let messages = history.messages();
    let message = |index: Index| usize::try_from(index).ok().and_then(|at| messages.get(at));
    for room in history.rooms() {
        for missing in room.log.missing() {
            let acked = message(missing.index).is_some_and(super::history::Message::is_acked);
            let what = if acked { "acknowledged, and never came" } else { "others got it" };
            findings.add(&Finding {
                broken: Broken::Lost,
                room: room.name.clone(),
                client: Some(missing.client),
                index: Some(missing.index),
                seq: Some(missing.seq),
                what: what.to_owned(),
            });
        }
        for visit in room.log.deaf_visits(SEVERAL) {
            findings.add(&Finding {
                broken: Broken::Lost,
                room: room.name.clone(),
                client: Some(visit.client),
                index: None,
                seq: Some(visit.from),
                what: format!(
                    "came in here, and got none of {} messages that all got",
                    visit.passed
                ),
            });
        }
        // A sender waits for each ack, so its messages stand in the order in which it sent them.
        let mut last_of_sender = HashMap::new();
        for (seq, index) in room.log.messages() {
            let Some(sender) = message(index).map(|message| message.sender) else { continue };
            let last = last_of_sender.entry(sender).or_insert(index);
            if *last > index {
                findings.add(&Finding {
                    broken: Broken::Reordered,
                    room: room.name.clone(),
                    client: Some(sender),
                    index: Some(index),
                    seq: Some(seq),
                    what: format!("stands behind message #{last}, that its sender sent later"),
                });
            }
            *last = index.max(*last);
        }
    }
    let unanswered = history.unacked();
    if unanswered > 0 {
        findings.add(&Finding {
            broken: Broken::Unanswered,
            room: String::new(),
            client: None,
            index: None,
            seq: None,
            what: format!("{unanswered} messages were never acknowledged"),
        });
    }
    findings
}

impl Spread {
    #[must_use]
    pub fn of(times: &Histogram<u64>) -> Self {
        let at = |quantile| millis(times.value_at_quantile(quantile));
        Self { p50: at(0.5), p99: at(0.99), max: millis(times.max()) }
    }
}

#[allow(clippy::cast_precision_loss)]
fn millis(micros: Micros) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests;
