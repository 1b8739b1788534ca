//! More than a node can take: it says so, and what it has taken stays.

use std::time::Duration;

use http::Uri;

use super::stage::{Scale, Stage, settings};
use crate::chaos::{metrics::Metrics, outcome::Outcome};

/// The node's count of messages that were to be stored, by result.
const PUBLISHES: &str = "starling_publishes_total";
/// How often the log stands still, and how long: below what makes a node give its connection up.
const ROUNDS: usize = 3;
const STILL: Duration = Duration::from_millis(1_500);

/// Nodes that may have next to nothing in flight, and a log that stands still again and again.
pub async fn little_in_flight(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut plan = scale.plan();
    plan.topology.node_settings.extend(settings(&[("MAX_IN_FLIGHT", "2")]));
    let mut stage = Stage::open(name, scale, plan).await?;
    for _ in 0..ROUNDS {
        stage.topology.nats().pause(0)?;
        stage.go_on(STILL).await;
        stage.topology.nats().resume(0)?;
        stage.go_on(scale.seconds(1.0, 10.0)).await;
    }
    stage.rest().await;
    let overloaded = overloaded(&stage.topology.node_urls()).await?;
    stage.figure("messages answered `overloaded`", overloaded.to_string());
    if overloaded == 0 {
        stage.broken("nobody was told `overloaded` although little may be in flight".to_owned());
    }
    stage.close().await
}

/// How many messages the nodes have refused for want of room.
async fn overloaded(nodes: &[Uri]) -> anyhow::Result<u64> {
    let mut sum = 0.0;
    for node in nodes {
        let metrics = Metrics::scrape(node).await?;
        sum += metrics.with_label(PUBLISHES, "result", "overloaded").unwrap_or_default();
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(sum as u64)
}
