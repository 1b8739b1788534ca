//! A run at a fixed rate of messages.

use super::{
    figures::held_to_promises,
    plan::{CONTENT, LATENCY_RATE, LATENCY_ROOM, Plan},
    system::System,
};
use crate::{
    fleet::{Crowd, Fleet},
    run::{DRAIN, Outcome, Plan as Run, run},
};

/// Times messages in rooms of ten at a rate that is no effort for anybody.
///
/// # Errors
/// When a client cannot enter.
pub async fn measure(system: &System, plan: &Plan) -> anyhow::Result<Outcome> {
    let crowd = Crowd { clients: plan.clients, room_size: LATENCY_ROOM, content_bytes: CONTENT };
    let target = system.target();
    let fleet = Fleet::gather(crowd, &target).await?;
    let outcome = run(&fleet, &target.processes, at_rate(plan, LATENCY_RATE)).await;
    Ok(held_to_promises(system.contender, outcome))
}

/// A run at `rate` messages a second, as long as the plan holds fixed rates.
#[must_use]
pub fn at_rate(plan: &Plan, rate: f64) -> Run {
    Run { rate, warm_up: plan.step / 2, duration: plan.step * 2, drain: DRAIN }
}
