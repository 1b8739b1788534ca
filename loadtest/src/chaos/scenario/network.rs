//! Faults of the network between a node and NATS.

use std::time::Duration;

use anyhow::Context as _;

use super::stage::{SETTLE, Scale, Stage, happens};
use crate::chaos::{
    balancer::{self, Health},
    client::conversation::Conversation,
    outcome::Outcome,
};

/// The node that is cut off.
const VICTIM: usize = 0;
/// How long a node may take to be ready again.
const READY: Duration = Duration::from_secs(20);

/// A node's network to NATS swallows everything, then heals. Who is on the node is told so.
pub async fn cut(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut plan = scale.plan();
    plan.topology.linked_nodes = vec![VICTIM];
    let mut stage = Stage::open(name, scale, plan).await?;
    stage.populate(VICTIM).await;
    let url = stage.topology.node(VICTIM).url().clone();
    let residents = stage.fleet.residents().iter();
    let there = residents.filter(|client| client.node() == Some(VICTIM)).count();
    stage.figure("clients of the node", there.to_string());
    let link = stage.topology.link(VICTIM).context("the node has no link")?;
    link.cut();
    let lasting = scale.seconds(6.0, 10.0);
    let unready = happens(SETTLE, async || balancer::health(&url).await == Health::Unready);
    let (unready, ()) = tokio::join!(unready, tokio::time::sleep(lasting));
    match unready {
        Some(after) => stage.figure("unready", format!("{after:.1} s after the cut")),
        None => stage.broken(format!("the node did not say that it is unready in {SETTLE:?} without NATS")),
    }
    stage.topology.link(VICTIM).context("the node has no link")?.heal();
    let ready = stage.topology.node(VICTIM).wait_ready(READY).await;
    stage.must("the node does not turn ready again", ready);
    stage.go_on(scale.seconds(3.0, 15.0)).await;
    stage.rest().await;
    let verdict = stage.verdict();
    let fleet = stage.fleet.clone();
    let overdue =
        || fleet.residents().iter().map(|client| client.look(Conversation::overdue)).sum::<usize>();
    if happens(SETTLE, async || overdue() == 0).await.is_none() {
        let overdue = overdue();
        stage.broken(format!("{overdue} messages were never answered, and their connection stands"));
    }
    if verdict.put_off == 0 {
        stage.broken("nobody was told `unavailable` while the node was cut off".to_owned());
    }
    stage.close().await
}
