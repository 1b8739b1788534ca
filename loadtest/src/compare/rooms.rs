//! What differs by the size of rooms: the cost of a delivery, and the most deliveries a second.

use std::time::Duration;

use super::{
    figures::{RoomFigures, held_to_promises},
    latency::at_rate,
    plan::{CONTENT, COST_DELIVERIES, P99_LIMIT, Plan},
    system::System,
};
use crate::{
    fleet::{Crowd, Fleet},
    run::{Outcome, Plan as Run, run},
};

/// How long the last deliveries of a try are waited for: what takes longer is too much anyway.
const DRAIN: Duration = Duration::from_secs(5);
/// The part of a try that comes before it is timed.
const WARM_UP_PART: u32 = 5;

/// Takes the cost at a fixed rate, then searches for the highest one.
///
/// # Errors
/// When a client cannot enter.
pub async fn measure(
    system: &System,
    plan: &Plan,
    room_size: usize,
) -> anyhow::Result<RoomFigures> {
    let crowd = Crowd { clients: plan.clients, room_size, content_bytes: CONTENT };
    #[allow(clippy::cast_precision_loss)]
    let members = room_size as f64;
    let cost = at_rate(system, plan, crowd, COST_DELIVERIES / members).await?;
    let cost = held_to_promises(system.contender, cost);
    let (saturation, tries) = highest(system, plan, crowd, members).await?;
    Ok(RoomFigures { room_size, saturation, tries, cost })
}

async fn highest(
    system: &System,
    plan: &Plan,
    crowd: Crowd,
    members: f64,
) -> anyhow::Result<(Option<Outcome>, Vec<(f64, bool)>)> {
    let target = system.target();
    let mut fleet = Fleet::gather(crowd, &target).await?;
    let mut search = plan.search.begin(members);
    let (mut best, mut tries) = (None, Vec::new());
    while let Some(rate) = search.next() {
        let run_plan =
            Run { rate, warm_up: plan.step / WARM_UP_PART, duration: plan.step, drain: DRAIN };
        let outcome = run(&fleet, &target.processes, run_plan).await;
        let outcome = held_to_promises(system.contender, outcome);
        let enough = is_sustained(&outcome);
        eprintln!(
            "    {:>9.0} deliveries/s: p99 {:.0} ms, {}",
            rate * members,
            outcome.delivery.p99,
            if enough { "sustained" } else { "too much" },
        );
        search.tried(enough);
        tries.push((rate * members, enough));
        if !outcome.is_whole() {
            // What is still under way, or lost its connection, must not spoil the next try.
            drop(fleet);
            fleet = Fleet::gather(crowd, &target).await?;
        }
        if enough {
            best = Some(outcome);
        }
    }
    Ok((best, tries))
}

/// Whether nothing was lost, and 99 of 100 deliveries came in time.
fn is_sustained(outcome: &Outcome) -> bool {
    outcome.is_whole() && outcome.delivery.p99 < P99_LIMIT.as_secs_f64() * 1_000.0
}
