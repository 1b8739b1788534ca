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
    let outcome = at_rate(system, plan, crowd, LATENCY_RATE).await?;
    Ok(held_to_promises(system.contender, outcome))
}

/// A run at `rate` messages a second, as long as the plan holds fixed rates.
///
/// # Errors
/// When a client cannot enter.
pub async fn at_rate(
    system: &System,
    plan: &Plan,
    crowd: Crowd,
    rate: f64,
) -> anyhow::Result<Outcome> {
    let target = system.target();
    let fleet = Fleet::gather(crowd, &target).await?;
    let run_plan = Run { rate, warm_up: plan.step / 2, duration: plan.step * 2, drain: DRAIN };
    Ok(run(&fleet, &target.processes, run_plan).await)
}
