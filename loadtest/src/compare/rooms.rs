//! What differs by the size of rooms: the cost of a delivery, and the most deliveries a second.

use tokio::time::sleep;

use super::{
    figures::{CostFigures, RoomFigures, held_to_promises},
    highest::{Highest, members},
    latency::at_rate,
    plan::{CONTENT, Plan},
    system::System,
};
use crate::{
    cpu::{CpuSeconds, idle_cores},
    fleet::{Crowd, Fleet},
    run::run,
};

/// Takes the cost at fixed rates, then searches for the highest one.
///
/// # Errors
/// When a client cannot enter a contender that was just started, or it does not start.
pub async fn measure(
    system: &mut System,
    plan: &Plan,
    room_size: usize,
) -> anyhow::Result<RoomFigures> {
    let crowd = Crowd { clients: plan.clients, room_size, content_bytes: CONTENT };
    let (idle, costs) = costs(system, plan, crowd).await?;
    let Highest { saturation, tries, breakdowns, .. } =
        Highest::search(system, plan, crowd).await?;
    Ok(RoomFigures { room_size, saturation, tries, idle, costs, breakdowns })
}

/// What the servers use while all are silent, and at rates that nobody fails at.
async fn costs(
    system: &System,
    plan: &Plan,
    crowd: Crowd,
) -> anyhow::Result<(CpuSeconds, Vec<CostFigures>)> {
    let target = system.target();
    let fleet = Fleet::gather(crowd, &target).await?;
    // What entering has caused is over then.
    sleep(plan.step).await;
    let idle = idle_cores(&target.processes, plan.step * 2).await;
    let mut costs = Vec::new();
    for &rate in &plan.costs {
        let messages = at_rate(plan, rate / members(crowd));
        let outcome = run(&fleet, &target.processes, messages).await;
        costs.push(CostFigures { rate, outcome: held_to_promises(system.contender, outcome) });
    }
    Ok((idle, costs))
}
