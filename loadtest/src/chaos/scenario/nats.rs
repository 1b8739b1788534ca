//! Faults of NATS.

use std::time::Duration;

use super::stage::{Scale, Stage};
use crate::chaos::{outcome::Outcome, topology::NatsLayout};

/// How long NATS may take to be whole.
const HEALTHY: Duration = Duration::from_mins(1);

/// The only server goes away and comes back.
pub async fn restart(name: &str, scale: &Scale, kill: bool) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(name, scale, scale.plan()).await?;
    if kill {
        // It dies with its hands full: what it was sent last is neither stored nor answered.
        stage.topology.nats().pause(0)?;
        stage.go_on(Duration::from_millis(300)).await;
        stage.topology.nats().kill(0)?;
    } else {
        stage.topology.nats().stop(0).await?;
    }
    stage.go_on(scale.seconds(1.0, 5.0)).await;
    stage.topology.nats().restart(0).await?;
    stage.go_on(scale.seconds(5.0, 15.0)).await;
    stage.rest().await;
    stage.close().await
}

/// The only server stands still, with what it was sent, and wakes.
pub async fn pause(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(name, scale, scale.plan()).await?;
    stage.topology.nats().pause(0)?;
    stage.go_on(scale.seconds(7.0, 15.0)).await;
    stage.topology.nats().resume(0)?;
    stage.go_on(scale.seconds(4.0, 15.0)).await;
    stage.rest().await;
    if stage.verdict().put_off == 0 {
        stage.broken("nobody was told `unavailable` while NATS stood still".to_owned());
    }
    stage.close().await
}

/// One of three servers dies: that which leads the log, or another.
pub async fn kill_of_three(name: &str, scale: &Scale, leader: bool) -> anyhow::Result<Outcome> {
    let mut plan = scale.plan();
    plan.topology.nats = NatsLayout::Cluster;
    let mut stage = Stage::open(name, scale, plan).await?;
    let leads = stage.topology.nats().wait_leader(wire::stream::ROOMS, None, HEALTHY).await?;
    let victim = if leader { leads } else { (leads + 1) % stage.topology.nats().servers() };
    stage.topology.nats().kill(victim)?;
    stage.go_on(scale.seconds(8.0, 20.0)).await;
    stage.topology.nats().restart(victim).await?;
    let healthy = stage.topology.nats().wait_healthy(HEALTHY).await;
    stage.must("NATS is not whole again", healthy);
    stage.go_on(scale.seconds(1.0, 15.0)).await;
    stage.rest().await;
    stage.close().await
}
