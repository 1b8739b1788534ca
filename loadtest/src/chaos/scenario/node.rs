//! Faults of connection nodes.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use http::Uri;
use tokio::time::sleep;

use super::stage::{Scale, Stage, settings};
use crate::chaos::{
    balancer::{self, Health},
    client::{Client, conversation::Conversation},
    outcome::Outcome,
};

/// How soon a dead node's members are gone from presence.
const GONE: Duration = Duration::from_secs(5);
/// When they are taken for never gone.
const NEVER: Duration = Duration::from_secs(30);
/// How long a node may take to be ready, and to end.
const READY: Duration = Duration::from_secs(20);
/// Between two looks at what happens.
const LOOK: Duration = Duration::from_millis(10);
/// The node that is broken.
const VICTIM: usize = 0;

/// A node dies; most of its clients come back elsewhere, and some stay away.
pub async fn kill(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(name, scale, scale.plan()).await?;
    stage.populate(VICTIM).await;
    let fleet = stage.fleet.clone();
    let on_victim = |client: &&Client| client.node() == Some(VICTIM);
    let there = fleet.residents().iter().filter(on_victim).count();
    let mut watched = Vec::new();
    for room in 0..fleet.room_names().len() {
        // Who has this room alone: the others' leaving would be looked for in more.
        let alone = |client: &&Client| !fleet.crowd.is_sociable(client.number());
        let Some(leaver) = fleet.members(room).filter(on_victim).find(alone) else { continue };
        leaver.leave_with_its_connection();
        let stays = |client: &&Client| client.stays() && !on_victim(client);
        let observers: Vec<_> = fleet.members(room).filter(stays).collect();
        watched.push((room, fleet.user(leaver.number()), observers));
    }
    stage.figure("clients of the node", format!("{there}, of which {} stay away", watched.len()));
    stage.topology.node(VICTIM).kill()?;
    let all = watched.len();
    let mut waiting = watched;
    let (began, mut last) = (Instant::now(), None);
    let see = |room: usize, user: &str, observer: &Client| {
        observer.look(|view: &Conversation| view.roster(room).is_some_and(|it| it.names(user)))
    };
    while !waiting.is_empty() && began.elapsed() < NEVER {
        let before = waiting.len();
        waiting.retain(|(room, user, observers)| {
            observers.iter().any(|observer| see(*room, user, observer))
        });
        if waiting.len() < before {
            last = Some(began.elapsed());
        }
        sleep(LOOK).await;
    }
    for (room, user, _) in &waiting {
        let room = &fleet.room_names()[*room];
        stage.broken(format!("{user} is in the roster of {room} {NEVER:?} after its node died"));
    }
    match last {
        Some(last) if waiting.is_empty() => {
            stage
                .figure("gone from presence", format!("{all} of {all}, the last after {last:.1?}"));
            let what = "a dead node's members are gone from presence";
            stage.bound(what, GONE, last.as_secs_f64() * 1_000.0);
        }
        _ if all == 0 => stage.broken("nobody was there to be missed".to_owned()),
        _ => {}
    }
    come_back(stage, scale).await
}

/// A node is told to stop: it turns unready, then closes its connections over some time.
pub async fn stop(name: &str, scale: &Scale) -> anyhow::Result<Outcome> {
    let mut plan = scale.plan();
    plan.topology.node_settings = settings(&[("DRAIN_DELAY", "1"), ("DRAIN_OVER", "2")]);
    let mut stage = Stage::open(name, scale, plan).await?;
    stage.populate(VICTIM).await;
    let fleet = stage.fleet.clone();
    let url = stage.topology.node(VICTIM).url().clone();
    let there: Vec<_> =
        fleet.residents().iter().filter(|client| client.node() == Some(VICTIM)).collect();
    let began = Instant::now();
    stage.topology.node(VICTIM).terminate()?;
    let closed = Cell::new(false);
    let closings = async {
        let mut closings = Vec::new();
        let mut left: Vec<_> = there.iter().collect();
        while !left.is_empty() && began.elapsed() < READY {
            left.retain(|client| {
                let stays = client.node() == Some(VICTIM);
                if !stays {
                    closings.push(began.elapsed().as_secs_f64());
                }
                stays
            });
            sleep(LOOK).await;
        }
        closed.set(true);
        closings
    };
    let (told, closings) = tokio::join!(ask_until(&closed, &url, began), closings);
    let ended = stage.topology.node(VICTIM).wait_ended(READY).await;
    if let Some(status) = stage.must("the node does not end", ended)
        && !status.success()
    {
        stage.broken(format!("the node ended with {status}, not with 0"));
    }
    judge_closings(&mut stage, there.len(), told, &closings);
    come_back(stage, scale).await
}

/// The node comes back, and all is told.
async fn come_back(mut stage: Stage, scale: &Scale) -> anyhow::Result<Outcome> {
    stage.go_on(scale.seconds(1.0, 10.0)).await;
    stage.topology.node(VICTIM).start_again()?;
    let ready = stage.topology.node(VICTIM).wait_ready(READY).await;
    stage.must("the node does not come back", ready);
    stage.go_on(scale.seconds(1.0, 10.0)).await;
    stage.rest().await;
    stage.close().await
}

/// What a node that stops says of its readiness, in seconds after SIGTERM.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// When the last question was asked that it answered with 200.
    ready: Option<f64>,
    /// When it first answered with 503.
    unready: Option<f64>,
}

/// Asks a node whether it is ready, again and again, until its clients are gone.
async fn ask_until(closed: &Cell<bool>, url: &Uri, began: Instant) -> Told {
    let mut told = Told::default();
    while !closed.get() {
        let asked = began.elapsed().as_secs_f64();
        match balancer::health(url).await {
            Health::Ready => told.ready = Some(asked),
            Health::Unready => {
                told.unready.get_or_insert(began.elapsed().as_secs_f64());
            }
            Health::Refused | Health::Silent => {}
        }
        sleep(LOOK).await;
    }
    told
}

/// Unready before the first closing; closings spread over time; all closed.
fn judge_closings(stage: &mut Stage, clients: usize, told: Told, closings: &[f64]) {
    let (first, last) = (closings.first().copied(), closings.last().copied());
    if let (Some(first), Some(last)) = (first, last) {
        let spread = format!("from {first:.2} s to {last:.2} s after SIGTERM");
        stage.figure("connections were closed", spread);
        // Two seconds are set; half of that is no accident of few clients.
        if clients >= 8 {
            let what = "the connections are closed";
            stage.at_least(what, Duration::from_secs(1), (last - first) * 1_000.0);
        }
    }
    if closings.len() < clients {
        stage.broken(format!("{} of {clients} connections stayed", clients - closings.len()));
    }
    if let Some(unready) = told.unready {
        stage.figure("unready", format!("{unready:.2} s after SIGTERM"));
    }
    if let Some(wrong) = wrong_word(told, first) {
        stage.broken(wrong);
    }
}

/// What is wrong with what a node said, by when its first connection was closed.
fn wrong_word(told: Told, first_closing: Option<f64>) -> Option<String> {
    if told.unready.is_none() {
        return Some("the node never answered /readyz with 503 while it stopped".to_owned());
    }
    // What was asked before may be answered late.
    let (asked, first) = (told.ready?, first_closing?);
    (asked > first).then(|| {
        format!("asked {asked:.2} s after SIGTERM it was ready, and it closed from {first:.2} s on")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_stops_is_unready_to_who_asks_after_its_first_closing() {
        let told = |ready, unready| Told { ready, unready };
        assert_eq!(wrong_word(told(None, Some(0.1)), Some(1.0)), None);
        assert_eq!(wrong_word(told(Some(0.9), Some(1.2)), Some(1.0)), None);
        assert!(wrong_word(told(Some(1.1), Some(1.2)), Some(1.0)).is_some());
        assert!(wrong_word(told(Some(0.9), None), Some(1.0)).is_some());
        assert_eq!(wrong_word(told(Some(0.9), Some(1.2)), None), None);
    }
}
