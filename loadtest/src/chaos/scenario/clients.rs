//! Faults of clients: all go at once, or some do not read.

use std::time::{Duration, Instant};

use http::Uri;

use super::stage::{SETTLE, Scale, Stage, happens, settings};
use crate::chaos::{client::Client, memory, metrics::Metrics, outcome::Outcome, verdict::Spread};

/// How soon everybody is back whom nothing but the client's own network hindered.
const BACK: Duration = Duration::from_secs(5);
/// For so many messages that are sent again, those who missed them have another [`BACK`].
const AGAIN: usize = 200_000;
/// How long a client that does not read may stay.
const CLOSED: Duration = Duration::from_secs(45);
/// Of so many clients one stops reading.
const ONE_OF: usize = 10;
/// By how much a node may grow for those who do not read, in bytes.
const GROWTH: u64 = 100 << 20;
/// The node's count of transports that it closed, by reason.
const CLOSES: &str = "starling_transport_closes_total";

/// Nothing happens.
pub async fn undisturbed(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(name, scale, scale.plan()).await?;
    let (from, began) = (stage.verdict().delivered, Instant::now());
    stage.go_on(scale.seconds(5.0, 30.0)).await;
    let delivered = stage.verdict().delivered - from;
    #[allow(clippy::cast_precision_loss)]
    let rate = delivered as f64 / began.elapsed().as_secs_f64();
    stage.figure("deliveries a second", format!("{rate:.0}"));
    stage.rest().await;
    let verdict = stage.verdict();
    if verdict.disconnects > 0 {
        stage.broken(format!("{} connections were lost without any fault", verdict.disconnects));
    }
    stage.bound("99 of 100 deliveries", Duration::from_secs(1), verdict.delivery.p99);
    stage.close().await
}

/// Everybody drops the connection and comes back in the same moment.
pub async fn drop_all(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut plan = scale.plan();
    // The crowd is what makes this a fault.
    plan.crowd.residents = scale.clients.max(if scale.long { 2_000 } else { 300 });
    plan.crowd.residents -= plan.crowd.residents % plan.crowd.room_size;
    let mut stage = Stage::open(name, scale, plan).await?;
    let fleet = stage.fleet.clone();
    stage.figure("clients", fleet.residents().len().to_string());
    let rounds = if scale.long { 3 } else { 1 };
    for _ in 0..rounds {
        for client in fleet.residents() {
            client.drop_connection();
        }
        stage.go_on(scale.seconds(3.0, 15.0)).await;
    }
    stage.rest().await;
    let verdict = stage.verdict();
    stage.bound("everybody has recovered", BACK, verdict.recovery.max);
    stage.close().await
}

/// Clients in many rooms are away for so long that no memory of a node holds what they missed.
pub async fn absence(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut plan = scale.plan();
    plan.crowd.further_rooms = 9;
    plan.topology.node_settings.extend(settings(&[("ROOM_WINDOW", "16")]));
    plan.rate = scale.rate.max(200.0);
    let mut stage = Stage::open(name, scale, plan).await?;
    let fleet = stage.fleet.clone();
    let sociable = |client: &&Client| fleet.crowd.is_sociable(client.number());
    let away: Vec<_> = fleet.residents().iter().filter(sociable).collect();
    for client in &away {
        client.absent(true);
    }
    let before = stage.verdict().acked;
    stage.go_on(scale.seconds(8.0, 60.0)).await;
    let missed = usize::try_from(stage.verdict().acked - before)?;
    let rooms = fleet.room_names().len();
    let places: usize = away.iter().map(|client| fleet.crowd.rooms_of(client.number()).len()).sum();
    stage
        .figure("missed", format!("{missed} messages in {rooms} rooms, by {} clients", away.len()));
    let back_at = Instant::now();
    for client in &away {
        client.absent(false);
    }
    if let Err(late) = fleet.gathered(SETTLE).await {
        stage.broken(late);
    }
    let took = back_at.elapsed().as_secs_f64() * 1_000.0;
    // Rooms take turns, so each has its even part of what was said.
    let limit = recovery_limit(missed * places / rooms);
    stage.bound("who was away has all that it missed", limit, took);
    stage.rest().await;
    stage.close().await
}

/// How soon everybody should have what it missed, by how many messages that is over all clients.
fn recovery_limit(again: usize) -> Duration {
    #[allow(clippy::cast_precision_loss)]
    BACK.mul_f64((again as f64 / AGAIN as f64).max(1.0))
}

/// Some clients stop reading while their rooms are busy. They are closed, and nobody else notices.
pub async fn slow(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut plan = scale.plan();
    // Far less than what a client misses while it does not read.
    let limits = [("SOCKET_BUFFER", "65536"), ("WRITE_STALL", "3")];
    plan.topology.node_settings.extend(settings(&limits));
    // A busy room fills what the kernel keeps for a connection in seconds.
    plan.crowd.content_bytes = 900;
    plan.crowd.residents = plan.crowd.residents.min(3 * plan.crowd.room_size);
    plan.rate = scale.rate.max(150.0);
    let mut stage = Stage::open(name, scale, plan).await?;
    let fleet = stage.fleet.clone();
    let slow: Vec<_> = fleet.residents().iter().skip(1).step_by(ONE_OF).collect();
    for client in &slow {
        client.narrow(true);
        client.drop_connection();
        fleet.shared.history.borrow_mut().untime(client.number(), true);
    }
    stage.go_on(Duration::from_secs(1)).await;
    if let Err(late) = fleet.gathered(SETTLE).await {
        stage.broken(late);
    }
    let nodes = stage.topology.node_urls();
    // The metric may appear with the first closing.
    let closed_before = closes(&nodes).await.unwrap_or_default();
    fleet.shared.history.borrow_mut().phase("before");
    stage.go_on(scale.seconds(3.0, 20.0)).await;
    let memory_before = memory_of_nodes(&mut stage);
    fleet.shared.history.borrow_mut().phase("while some do not read");
    for client in &slow {
        client.deafen(true);
    }
    let all = closed_before + slow.len() as u64;
    let all_closed =
        happens(CLOSED, async || closes(&nodes).await.is_ok_and(|by_now| by_now >= all));
    let all_closed = all_closed.await;
    let memory_after = memory_of_nodes(&mut stage);
    fleet.shared.history.borrow_mut().phase("after");
    if let Some(after) = all_closed {
        stage.figure("all slow clients were closed", format!("after {after:.1} s"));
    } else {
        let by_now = closes(&nodes).await.map_or_else(
            |error| format!("{error:#}"),
            |by_now| format!("{CLOSES} tells of {}", by_now - closed_before),
        );
        let count = slow.len();
        stage.broken(format!("{count} clients have not read for {CLOSED:?}; {by_now}"));
    }
    for client in &slow {
        client.deafen(false);
    }
    stage.go_on(scale.seconds(1.0, 10.0)).await;
    stage.rest().await;
    judge_growth(&mut stage, memory_before, memory_after);
    compare_latency(&mut stage);
    stage.close().await
}

/// How many transports the nodes have closed because their clients did not read.
async fn closes(nodes: &[Uri]) -> anyhow::Result<u64> {
    let mut sum = 0.0;
    let mut known = false;
    for node in nodes {
        let metrics = Metrics::scrape(node).await?;
        for reason in ["slow_consumer", "stalled"] {
            let count = metrics.with_label(CLOSES, "reason", reason);
            known |= count.is_some();
            sum += count.unwrap_or_default();
        }
    }
    anyhow::ensure!(known, "no node has the metric {CLOSES} with reason slow_consumer or stalled");
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(sum as u64)
}

/// The memory of the largest node, in bytes.
fn memory_of_nodes(stage: &mut Stage) -> u64 {
    let nodes: Vec<_> = (0..stage.topology.nodes())
        .filter_map(|node| memory::resident(stage.topology.node(node).pid()?))
        .collect();
    nodes.into_iter().max().unwrap_or_default()
}

fn judge_growth(stage: &mut Stage, before: u64, after: u64) {
    let mib = |bytes: u64| bytes >> 20;
    let text = format!("{} MiB before, {} MiB at the end of it", mib(before), mib(after));
    stage.figure("memory of the largest node", text.clone());
    if after > before + GROWTH {
        stage.broken(format!("a node grew too much for clients that do not read: {text}"));
    }
}

/// The others' latency, without and with those who do not read.
fn compare_latency(stage: &mut Stage) {
    let p99s: Vec<_> = {
        let history = stage.fleet.shared.history.borrow();
        history.latency().iter().map(|(name, times)| (*name, Spread::of(times).p99)).collect()
    };
    let p99 =
        |phase: &str| p99s.iter().find(|(name, _)| *name == phase).map_or(0.0, |(_, p99)| *p99);
    let (before, during) = (p99("before"), p99("while some do not read"));
    stage.figure(
        "p99 of the others",
        format!("{before:.1} ms before, {during:.1} ms with slow clients"),
    );
    // Small times double by chance on a machine that everything shares.
    let limit = Duration::from_secs_f64((2.0 * before).max(100.0) / 1_000.0);
    stage.bound("99 of 100 deliveries to the others", limit, during);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_that_was_missed_takes_longer() {
        let limits = [0, 200_000, 300_000, 400_000].map(|again| recovery_limit(again).as_millis());
        assert_eq!(limits, [5_000, 5_000, 7_500, 10_000]);
    }
}
