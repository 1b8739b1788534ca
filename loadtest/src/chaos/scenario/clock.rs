//! Faults of clocks.

use super::stage::{Scale, Stage};
use crate::chaos::{outcome::Outcome, topology::Member};

const HOUR: i64 = 3_600;

/// The clocks of all services jump an hour ahead, then two hours back.
pub async fn jump(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut plan = scale.plan();
    let nodes = (0..plan.topology.nodes).map(Member::Node);
    plan.topology.faked_clocks =
        nodes.chain((0..plan.topology.workers).map(Member::Worker)).collect();
    let mut stage = Stage::open(name, scale, plan).await?;
    for offset in [HOUR, -HOUR] {
        stage.topology.jump_clock(offset)?;
        stage.go_on(scale.seconds(4.0, 20.0)).await;
    }
    stage.rest().await;
    stage.close().await
}
