//! What was measured of one contender; the JSON of a comparison.

use serde::Serialize;

use super::{contender::Contender, footprint::Footprint, table::number};
use crate::{cpu::CpuSeconds, run::Outcome};

/// Everything of one contender.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    pub contender: Contender,
    /// The processes that are its server side.
    pub processes: Vec<String>,
    /// The run at a fixed rate.
    pub latency: Outcome,
    /// What differs by the size of rooms.
    pub rooms: Vec<RoomFigures>,
    pub memory: Vec<MemoryFigures>,
    pub wire: WireFigures,
    pub absence: AbsenceFigures,
}

/// In rooms of one size.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomFigures {
    pub room_size: usize,
    /// The highest rate that was sustained; `None` where none was.
    pub saturation: Option<Outcome>,
    /// Every rate that was tried, as deliveries a second, and whether it was sustained.
    pub tries: Vec<(f64, bool)>,
    /// Cores in use while all clients were connected and silent.
    pub idle: CpuSeconds,
    /// The runs at fixed rates of deliveries, whose processor time is taken.
    pub costs: Vec<CostFigures>,
    /// Each time that the contender had to be started anew.
    pub breakdowns: Vec<Breakdown>,
}

/// What a rate cost.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CostFigures {
    /// Deliveries a second.
    pub rate: f64,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// A rate that a contender did not survive.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Breakdown {
    /// Deliveries a second that were tried last.
    pub rate: f64,
    /// Which process ended, how, and what it said last; or why nobody could enter any more.
    pub what: String,
}

/// With so many connections.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryFigures {
    /// How many were asked for.
    pub asked: usize,
    /// How many were in their rooms.
    pub held: usize,
    /// Why not all were held, in the first one's words.
    pub refusal: Option<String>,
    /// Of all processes of the server side.
    #[serde(flatten)]
    pub all: Stages,
    /// Of those alone that clients are connected to.
    pub nodes: Stages,
    /// Deliveries of the burst.
    pub burst_deliveries: u64,
}

/// The memory of some processes, as connections come and talk.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stages {
    /// Without a connection.
    pub empty: Footprint,
    /// With all connections, silent.
    pub idle: Footprint,
    /// Silent again, after each has sent a message and got those of its room.
    pub after_burst: Footprint,
}

/// Bytes over the client's socket, for one message of 1,000 bytes of content.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WireFigures {
    /// From the sender.
    pub sent: f64,
    /// To each receiver.
    pub received: f64,
    /// The ack, to the sender.
    pub ack: f64,
}

/// What connections that were dropped and made again have cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AbsenceFigures {
    pub clients: usize,
    pub dropped: usize,
    /// Messages that were acknowledged.
    pub acknowledged: u64,
    /// Messages whose sender got no ack, or a refusal.
    pub unacknowledged: u64,
    /// Deliveries that those acknowledged call for: each to every member of its room.
    pub expected: u64,
    /// Of these, those that never came.
    pub lost: u64,
    /// Deliveries beyond one a member.
    pub twice: u64,
}

impl Outcome {
    /// Microseconds of processor time a delivery, of servers and broker together.
    #[must_use]
    pub fn micros_of_all_servers(&self) -> Option<f64> {
        let servers = self.micros_per_delivery(self.cpu.server)?;
        Some(servers + self.micros_per_delivery(self.cpu.broker).unwrap_or(0.0))
    }
}

impl RoomFigures {
    /// Milliseconds of processor time a second, of servers and broker together, while all are silent.
    #[must_use]
    pub fn idle_millis(&self) -> Option<f64> {
        Some((self.idle.server? + self.idle.broker.unwrap_or(0.0)) * 1_000.0)
    }
}

impl MemoryFigures {
    /// KiB a connection by which `now` is above the empty system, in bytes both.
    #[must_use]
    pub fn each(&self, now: u64, empty: u64) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let bytes = now.saturating_sub(empty) as f64;
        #[allow(clippy::cast_precision_loss)]
        let held = self.held.max(1) as f64;
        bytes / held / 1024.0
    }
}

/// Everything that is in the way of calling a contender's run clean, in words.
#[must_use]
pub fn faults(figures: &Figures) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |what: String, outcome: &Outcome| {
        let outcome = held_to_promises(figures.contender, outcome.clone());
        if !outcome.is_whole() {
            let Outcome { missing, surplus, disordered, refused, unanswered, .. } = outcome;
            faults.push(format!(
                "{what}: {missing} lost, {surplus} twice, {disordered} out of order, {refused} refused, {unanswered} unanswered"
            ));
        }
    };
    check("at the fixed rate".to_owned(), &figures.latency);
    for room in &figures.rooms {
        for cost in &room.costs {
            let rate = number(Some(cost.rate), 0);
            check(format!("in rooms of {} at {rate}/s", room.room_size), &cost.outcome);
        }
    }
    for room in &figures.rooms {
        faults.extend(room.breakdowns.iter().map(|Breakdown { rate, what }| {
            let (size, rate) = (room.room_size, number(Some(*rate), 0));
            format!("in rooms of {size}, tried with {rate} deliveries/s: {what}; started anew")
        }));
    }
    let AbsenceFigures { lost, twice, .. } = figures.absence;
    if lost + twice > 0 {
        faults.push(format!("across dropped connections: {lost} lost, {twice} twice"));
    }
    faults
}

/// An outcome without what the contender does not promise.
#[must_use]
pub fn held_to_promises(contender: Contender, outcome: Outcome) -> Outcome {
    if contender.keeps_order() { outcome } else { Outcome { disordered: 0, ..outcome } }
}
