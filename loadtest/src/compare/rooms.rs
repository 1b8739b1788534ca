//! What differs by the size of rooms: the cost of a delivery, and the most deliveries a second.

use tokio::time::sleep;

use super::{
    figures::{RoomFigures, held_to_promises},
    highest::{Highest, members},
    latency::at_rate,
    plan::{CONTENT, COST_DELIVERIES, Plan},
    system::System,
};
use crate::{
    cpu::{CpuSeconds, idle_cores},
    fleet::{Crowd, Fleet},
    run::{Outcome, run},
};

/// Takes the cost at a fixed rate, then searches for the highest one.
///
/// # Errors
/// When a client cannot enter a contender that was just started, or it does not start.
pub async fn measure(
    system: &mut System,
    plan: &Plan,
    room_size: usize,
) -> anyhow::Result<RoomFigures> {
    let crowd = Crowd { clients: plan.clients, room_size, content_bytes: CONTENT };
    let (idle, cost) = costs(system, plan, crowd).await?;
    let Highest { saturation, tries, breakdowns, .. } =
        Highest::search(system, plan, crowd).await?;
    Ok(RoomFigures { room_size, saturation, tries, idle, cost, breakdowns })
}

/// What the servers use while all are silent, and at a rate that is no effort for anybody.
async fn costs(
    system: &System,
    plan: &Plan,
    crowd: Crowd,
) -> anyhow::Result<(CpuSeconds, Outcome)> {
    let target = system.target();
    let fleet = Fleet::gather(crowd, &target).await?;
    // What entering has caused is over then.
    sleep(plan.step).await;
    let idle = idle_cores(&target.processes, plan.step * 2).await;
    let rate = COST_DELIVERIES / members(crowd);
    let cost = run(&fleet, &target.processes, at_rate(plan, rate)).await;
    Ok((idle, held_to_promises(system.contender, cost)))
}
