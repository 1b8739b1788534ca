//! Mixed traffic for a long time: memory must not grow, and at the end nothing must be left.

use std::time::{Duration, Instant};

use http::Uri;
use tokio::time::sleep;

use super::stage::{Scale, Stage, settings};
use crate::chaos::{memory, metrics::Metrics, outcome::Outcome, slope::Samples};

/// What a node holds, and must not hold once everybody has left.
const NODE_GAUGES: [&str; 9] = [
    "starling_connections",
    "starling_sockets",
    "starling_rooms",
    "starling_room_members",
    "starling_room_waiters",
    "starling_publishes_in_flight",
    "starling_log_reads_in_flight",
    "starling_queued_inputs",
    "starling_send_queue_bytes",
];
/// The same of a worker.
const WORKER_GAUGES: [&str; 5] = [
    "starling_worker_rooms",
    "starling_worker_room_nodes",
    "starling_worker_roster_users",
    "starling_worker_outbox_batches",
    "starling_worker_log_pending",
];
/// How long an empty room stays open here.
const LINGER: &str = "5";
/// How long after that the gauges may take to fall.
const FALL: Duration = Duration::from_secs(30);
/// Runs as long as this are judged by the memory of nodes and workers, that may grow by so many MiB a
/// minute in the later half.
const JUDGED: Duration = Duration::from_mins(10);
const GROWTH: f64 = 0.5;
/// Numbers for clients that come and go.
const GUESTS: usize = 20;

/// Mixed traffic for `duration`.
///
/// # Errors
/// When the run cannot be made; that a guarantee broke is in the outcome.
pub async fn run(scale: &Scale, duration: Duration) -> anyhow::Result<Outcome> {
    let mut plan = scale.plan();
    plan.topology.node_settings.extend(settings(&[("ROOM_LINGER", LINGER)]));
    plan.crowd.guests = GUESTS;
    let mut stage = Stage::open("soak", scale, plan).await?;
    let (nodes, workers) = urls(&mut stage);
    let mut samples: Vec<(String, Samples)> = Vec::new();
    let began = Instant::now();
    let mut beat = 0;
    while began.elapsed() < duration {
        churn(&stage, beat)?;
        stage.go_on(Duration::from_millis(500)).await;
        if beat.is_multiple_of(4) {
            sample(&mut stage, began.elapsed(), &mut samples);
        }
        beat += 1;
    }
    if !stage.fleet.farewell(FALL).await {
        stage.broken(format!("some guests have not left within {FALL:?}"));
    }
    stage.rest().await;
    for (name, samples) in &samples {
        stage.figure(&format!("memory of {name}"), samples.describe());
        if let Some(growth) = growth(name, samples, duration) {
            stage.broken(growth);
        }
    }
    stage.fleet.disperse(Duration::from_secs(30)).await;
    all_is_gone(&mut stage, &nodes, &NODE_GAUGES).await;
    all_is_gone(&mut stage, &workers, &WORKER_GAUGES).await;
    stage.close().await
}

/// What grows without end, in words: a node or a worker, after a run that is long enough to tell.
fn growth(name: &str, samples: &Samples, run: Duration) -> Option<String> {
    let slope = samples.mib_per_minute();
    let judged = run >= JUDGED && (name.starts_with("node-") || name.starts_with("worker-"));
    (judged && slope > GROWTH)
        .then(|| format!("{name} grew by {slope:.2} MiB a minute in the later half, over {GROWTH}"))
}

/// Some come, some go, some drop their connections, some fidget. Every number has its own rhythm.
fn churn(stage: &Stage, beat: usize) -> anyhow::Result<()> {
    let fleet = &stage.fleet;
    let (clients, rooms) = (fleet.residents().len(), fleet.room_names().len());
    let guest = beat % GUESTS;
    if fleet.show_out(guest) && !beat.is_multiple_of(3) {
        fleet.invite(guest, beat % rooms)?;
    }
    let pick = |salt: usize| (beat * 7 + salt * 13) % clients;
    fleet.visit(pick(1), (beat * 5) % rooms);
    // Who was picked some beats ago leaves again.
    let visitor = (beat.saturating_sub(20) * 7 + 13) % clients;
    fleet.residents()[visitor].tell(crate::chaos::client::conversation::Conversation::leave_last);
    if beat.is_multiple_of(4) {
        fleet.residents()[pick(2)].drop_connection();
    }
    fleet.residents()[pick(3)].tell(|conversation| conversation.fidget(true));
    fleet.residents()[pick(4)].tell(|conversation| conversation.fidget(false));
    Ok(())
}

fn urls(stage: &mut Stage) -> (Vec<Uri>, Vec<Uri>) {
    let workers = 0..stage.topology.workers();
    let workers = workers.map(|worker| stage.topology.worker(worker).url().clone()).collect();
    (stage.topology.node_urls(), workers)
}

fn sample(stage: &mut Stage, at: Duration, samples: &mut Vec<(String, Samples)>) {
    let mut processes = stage.topology.processes();
    processes.push(("this generator".to_owned(), std::process::id()));
    for (name, pid) in processes {
        let Some(bytes) = memory::resident(pid) else { continue };
        if !samples.iter().any(|(known, _)| *known == name) {
            samples.push((name.clone(), Samples::default()));
        }
        let mut known = samples.iter_mut().filter(|(known, _)| *known == name);
        if let Some((_, samples)) = known.next() {
            samples.add(at, bytes);
        }
    }
}

/// Waits until every gauge of every service is zero; what is not, or is not there, is broken.
async fn all_is_gone(stage: &mut Stage, services: &[Uri], gauges: &[&str]) {
    let end = Instant::now() + FALL;
    for service in services {
        let left = loop {
            let left = match Metrics::scrape(service).await {
                Ok(metrics) => left_over(gauges, |name| metrics.sum(name)),
                Err(error) => vec![format!("{error:#}")],
            };
            if left.is_empty() || Instant::now() >= end {
                break left;
            }
            sleep(Duration::from_millis(500)).await;
        };
        for what in left {
            stage.broken(format!("after everybody has left, at {service}: {what}"));
        }
    }
}

/// The gauges that are not zero, or missing, each in a sentence.
fn left_over(gauges: &[&str], value: impl Fn(&str) -> Option<f64>) -> Vec<String> {
    let sentence = |name: &&str| match value(name) {
        Some(0.0) => None,
        Some(value) => Some(format!("{name} is {value}, not 0")),
        None => Some(format!("there is no metric {name}")),
    };
    gauges.iter().filter_map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_or_worker_that_grows_in_a_long_run_is_named() {
        let mut samples = Samples::default();
        for minute in 0..10 {
            samples.add(Duration::from_mins(minute), minute << 20);
        }
        let growing =
            |name, minutes| growth(name, &samples, Duration::from_mins(minutes)).is_some();
        assert!(growing("node-1", 10) && growing("worker-2", 10));
        assert!(!growing("nats-1", 10) && !growing("node-1", 9));
        assert!(growth("node-1", &Samples::default(), JUDGED).is_none());
    }

    #[test]
    fn what_is_left_or_missing_is_said() {
        let value = |name: &str| match name {
            "a" => Some(0.0),
            "b" => Some(3.0),
            _ => None,
        };
        let left = left_over(&["a", "b", "c"], value);
        assert_eq!(left, ["b is 3, not 0", "there is no metric c"]);
    }
}
