//! A deploy: everything is replaced while it serves.

use std::time::{Duration, Instant};

use super::stage::{Scale, Stage};
use crate::chaos::{outcome::Outcome, service_process::ServiceProcess};

/// How long a service may take to end, and to be ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every worker, then every node, is stopped as an operator does, and started.
pub async fn deploy(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(name, scale, scale.plan()).await?;
    let began = Instant::now();
    for worker in 0..stage.topology.workers() {
        let rolled = roll(stage.topology.worker(worker)).await;
        stage.must("a worker is not replaced", rolled);
        stage.go_on(scale.seconds(0.5, 5.0)).await;
    }
    for node in 0..stage.topology.nodes() {
        let rolled = roll(stage.topology.node(node)).await;
        stage.must("a node is not replaced", rolled);
        stage.go_on(scale.seconds(0.5, 5.0)).await;
    }
    stage.figure("the deploy took", format!("{:.1} s", began.elapsed().as_secs_f64()));
    stage.rest().await;
    stage.close().await
}

async fn roll(service: &mut ServiceProcess) -> anyhow::Result<()> {
    service.terminate()?;
    let status = service.wait_ended(PATIENCE).await?;
    anyhow::ensure!(status.success(), "{} ended with {status}, not with 0", service.name());
    service.start_again()?;
    service.wait_ready(PATIENCE).await
}
