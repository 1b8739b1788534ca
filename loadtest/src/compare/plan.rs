//! What a comparison does, decided once for all contenders.

use std::time::Duration;

use serde::Serialize;

use crate::search::Search;

/// The same for every contender.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Clients of every measurement but memory.
    pub clients: usize,
    /// Rooms of these sizes, one after the other.
    pub rooms: Vec<usize>,
    /// How long each rate is tried; fixed rates are held for twice as long.
    pub step: Duration,
    /// Idle connections to hold, one number after the other.
    pub connections: Vec<usize>,
    /// Server processes that clients connect to, of whoever can have more than one.
    pub nodes: usize,
    /// Starling's fan-out workers.
    pub workers: usize,
    /// Deliveries a second at which the processor time of one is taken.
    pub costs: Vec<f64>,
    pub search: SearchPlan,
    pub absence: AbsencePlan,
}

/// How the highest rate is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchPlan {
    /// Deliveries a second to begin with.
    pub from: f64,
    /// By how much the rate grows until it is too much.
    pub growth: f64,
    /// How often the interval is halved then.
    pub halvings: u32,
}

/// How connections are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AbsencePlan {
    pub clients: usize,
    pub room_size: usize,
    /// Messages a second over all rooms, before, while and after half of the clients are away.
    pub rate: f64,
    /// How long they are away, and how long messages are sent before and after.
    pub away: Duration,
}

/// Messages of the run at a fixed rate, a second.
pub const LATENCY_RATE: f64 = 100.0;
/// The room of the run at a fixed rate.
pub const LATENCY_ROOM: usize = 10;
/// The content of a message in bytes, where its size is not what is measured.
pub const CONTENT: usize = 64;
/// The 99th percentile above which a rate is too much.
pub const P99_LIMIT: Duration = Duration::from_secs(1);

impl Plan {
    /// The full form, some 20 minutes for three contenders.
    #[must_use]
    pub fn full() -> Self {
        Self {
            clients: 1_000,
            rooms: vec![10, 100, 1_000],
            step: Duration::from_secs(5),
            connections: vec![2_000, 10_000],
            nodes: 2,
            workers: 2,
            // Little for any of them, and enough for each to work without a pause.
            costs: vec![5_000.0, 20_000.0],
            search: SearchPlan { from: 20_000.0, growth: 2.0, halvings: 4 },
            absence: AbsencePlan {
                clients: 200,
                room_size: 10,
                rate: 100.0,
                away: Duration::from_secs(3),
            },
        }
    }

    /// The short form, some two minutes: it shows that all works, and its figures are rough.
    #[must_use]
    pub fn short() -> Self {
        let full = Self::full();
        Self {
            clients: 200,
            rooms: vec![10, 100],
            step: Duration::from_secs(1),
            connections: vec![500],
            costs: vec![5_000.0],
            search: SearchPlan { from: 5_000.0, growth: 3.0, halvings: 3 },
            absence: AbsencePlan { clients: 40, rate: 50.0, ..full.absence },
            ..full
        }
    }
}

impl SearchPlan {
    /// A search over messages a second in rooms of `members`.
    #[must_use]
    pub fn begin(&self, members: f64) -> Search {
        Search::with(self.from / members, self.growth, self.halvings)
    }
}
