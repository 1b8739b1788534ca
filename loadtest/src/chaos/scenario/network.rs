//! Faults of the network between a node and NATS.

use std::time::Duration;

use anyhow::Context as _;

use super::stage::{SETTLE, Scale, Stage, happens};
use crate::chaos::{
    balancer::{self, Health},
    client::{Client, conversation::Conversation},
    outcome::Outcome,
};

/// The node that is cut off.
const VICTIM: usize = 0;
/// Shorter than what makes anybody take the node for away.
const BLINK: Duration = Duration::from_millis(1_500);
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
        None => stage
            .broken(format!("the node did not say that it is unready in {SETTLE:?} without NATS")),
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
        stage
            .broken(format!("{overdue} messages were never answered, and their connection stands"));
    }
    if verdict.put_off == 0 {
        stage.broken("nobody was told `unavailable` while the node was cut off".to_owned());
    }
    stage.close().await
}

/// A node is cut off for less time than anybody notices, while clients of other nodes leave for good and
/// others come. In a second round its connection does not outlive the cut. Its clients' rosters must be
/// right all the same.
pub async fn blink(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut plan = scale.plan();
    plan.topology.linked_nodes = vec![VICTIM];
    // One for each room and round.
    plan.crowd.guests = 2 * plan.crowd.rooms();
    let mut stage = Stage::open(name, scale, plan).await?;
    stage.populate(VICTIM).await;
    let mut left = 0;
    for round in 0..2 {
        let link = stage.topology.link(VICTIM).context("the node has no link")?;
        link.cut();
        if round == 1 {
            link.reset();
        }
        left += come_and_go(&stage, round)?;
        stage.go_on(BLINK).await;
        stage.topology.link(VICTIM).context("the node has no link")?.heal();
        stage.go_on(scale.seconds(3.0, 15.0)).await;
        stage.rosters(["after a cut", "after a cut and a reset"][round]).await;
    }
    let came = 2 * stage.fleet.room_names().len();
    stage.figure("while the node was cut off", format!("{left} clients left, {came} came"));
    if left == 0 {
        stage.broken("nobody was on another node to leave it".to_owned());
    }
    let ready = stage.topology.node(VICTIM).wait_ready(READY).await;
    stage.must("the node does not turn ready again", ready);
    stage.rest().await;
    stage.close().await
}

/// In each room a client of another node leaves for good, and a guest comes; how many have left.
fn come_and_go(stage: &Stage, round: usize) -> anyhow::Result<usize> {
    let fleet = &stage.fleet;
    let rooms = fleet.room_names().len();
    let mut left = 0;
    for room in 0..rooms {
        let elsewhere =
            |client: &&Client| client.stays() && client.node().is_some_and(|node| node != VICTIM);
        if let Some(leaver) = fleet.members(room).find(elsewhere) {
            leaver.leave();
            left += 1;
        }
        fleet.invite(round * rooms + room, room)?;
    }
    Ok(left)
}
