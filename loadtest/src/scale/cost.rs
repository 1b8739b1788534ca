//! The cost of a message in systems of more and more nodes and rooms.

use std::{path::PathBuf, time::Duration};

use anyhow::ensure;
use serde::Serialize;
use tokio::time::{Instant, sleep, sleep_until};

use super::{solitary_rooms::SolitaryRooms, spent::Spent, system::System, traffic::Traffic};
use crate::{
    compare::memory::silence,
    fleet::{Crowd, Fleet},
    run::{DRAIN, Plan as Run, one_by_one, run},
    target::Target,
};

/// Rooms of each series that are talked in.
pub const TALKING_ROOMS: usize = 2;
/// Members of each of them, over all nodes together.
pub const MEMBERS: usize = 8;
/// The content of a message in bytes.
const CONTENT: usize = 64;
/// How long one message may take that others wait for.
const PATIENCE: Duration = Duration::from_secs(20);
/// What goes by time in an idle system comes again within it: workers tell nodes every five seconds what the
/// log holds, and renew their sessions each second. Counts are taken over whole periods.
const PERIOD: Duration = Duration::from_secs(5);
/// How long after a message something may still follow from it.
const AFTERMATH: Duration = Duration::from_millis(1_500);
/// Messages that are sent before any is counted.
const WARM_UP: u64 = 20;

/// What to measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CostPlan {
    /// Systems of so many nodes, one after the other.
    pub nodes: Vec<usize>,
    /// Rooms in all in each of them, one number after the other, growing.
    pub rooms: Vec<usize>,
    pub workers: usize,
    /// Messages that are sent one by one, for the counts.
    pub messages: u64,
    /// How processor time is taken; not at all without.
    pub load: Option<Load>,
}

/// Messages at a rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    pub messages_per_second: f64,
    pub duration: Duration,
}

/// Where the members of the rooms are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Spread {
    /// All on the first node.
    OneNode,
    /// On every node, as evenly as it goes.
    EveryNode,
}

/// What was seen at one size of the system.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    pub nodes: usize,
    pub rooms: usize,
    pub spread: Spread,
    /// Nodes with members in the rooms that are talked in.
    pub member_nodes: usize,
    /// For each message, idling taken off.
    pub traffic: Traffic,
    /// Microseconds of processor time for each message, idling taken off.
    pub micros: Option<Spent>,
}

impl CostPlan {
    /// # Errors
    /// When rooms do not grow, or there are fewer than are talked in.
    pub fn check(&self) -> anyhow::Result<()> {
        let least = 2 * TALKING_ROOMS;
        for rooms in &self.rooms {
            ensure!(*rooms >= least, "{rooms} rooms are too few: {least} of them are talked in");
        }
        ensure!(self.rooms.is_sorted(), "the numbers of rooms must grow, for rooms are added");
        for nodes in &self.nodes {
            ensure!(
                (1..=MEMBERS).contains(nodes),
                "{nodes} nodes: a room of {MEMBERS} members is on 1 to {MEMBERS}"
            );
        }
        Ok(())
    }
}

/// Measures every size; `seen` is told of each point when it is there.
///
/// # Errors
/// When a system does not start, or a message does not come to every member once.
pub async fn measure(
    plan: &CostPlan,
    program: PathBuf,
    mut seen: impl FnMut(&Point),
) -> anyhow::Result<Vec<Point>> {
    plan.check()?;
    let mut points = Vec::new();
    for nodes in &plan.nodes {
        eprintln!("{nodes} nodes");
        let system = System::start(program.clone(), *nodes, plan.workers).await?;
        let mut alone = SolitaryRooms::none();
        let fleets = [
            (Spread::OneNode, gather(&system.target(1)).await?),
            (Spread::EveryNode, gather(&system.target(*nodes)).await?),
        ];
        for rooms in &plan.rooms {
            let target = system.target(*nodes);
            alone.grow_to(rooms - 2 * TALKING_ROOMS, &target).await?;
            silence(&target.processes).await;
            for (_, fleet) in &fleets {
                let warm = one_by_one(fleet, &target.processes, WARM_UP, PATIENCE).await;
                ensure!(warm.is_whole(), "something was lost while it warmed up: {warm:?}");
            }
            let idle = idle(&system).await?;
            for (spread, fleet) in &fleets {
                let traffic = counted(plan.messages, &idle, &system, fleet).await?;
                let micros = match plan.load {
                    Some(load) => Some(timed(load, &system, fleet).await?),
                    None => None,
                };
                let member_nodes = if *spread == Spread::OneNode { 1 } else { *nodes };
                let (nodes, rooms, spread) = (*nodes, *rooms, *spread);
                let point = Point { nodes, rooms, spread, member_nodes, traffic, micros };
                seen(&point);
                points.push(point);
            }
            ensure!(alone.is_whole(), "a socket that says nothing has lost its connection");
        }
        drop((fleets, alone));
        system.stop().await?;
    }
    Ok(points)
}

async fn gather(target: &Target) -> anyhow::Result<Fleet> {
    let clients = TALKING_ROOMS * MEMBERS;
    Fleet::gather(Crowd { clients, room_size: MEMBERS, content_bytes: CONTENT }, target).await
}

/// What passes within a period while nobody talks.
async fn idle(system: &System) -> anyhow::Result<Traffic> {
    // The digest that follows the last message is no idling.
    sleep(AFTERMATH).await;
    let before = system.traffic().await?;
    sleep(PERIOD).await;
    Ok(system.traffic().await?.since(&before))
}

/// The counts of one message. The messages go one by one: what goes together on a busy machine would be
/// counted as fewer frames.
async fn counted(
    messages: u64,
    idle: &Traffic,
    system: &System,
    fleet: &Fleet,
) -> anyhow::Result<Traffic> {
    let processes = system.target(system.nodes.len()).processes;
    let before = system.traffic().await?;
    let began = Instant::now();
    let outcome = one_by_one(fleet, &processes, messages, PATIENCE).await;
    ensure!(outcome.is_whole(), "something was lost: {outcome:?}");
    let periods = began.elapsed().as_secs_f64() / PERIOD.as_secs_f64();
    let periods = periods.ceil();
    sleep_until(began + PERIOD.mul_f64(periods)).await;
    let traffic = system.traffic().await?.since(&before).without(idle, 1.0, periods);
    #[allow(clippy::cast_precision_loss)]
    Ok(traffic.each(messages as f64))
}

/// Microseconds of processor time for one message.
async fn timed(load: Load, system: &System, fleet: &Fleet) -> anyhow::Result<Spent> {
    let (began, before) = (Instant::now(), system.spent());
    sleep(load.duration).await;
    let (sent_from, idle_end) = (Instant::now(), system.spent());
    let rate = load.messages_per_second;
    let plan = Run { rate, warm_up: Duration::ZERO, duration: load.duration, drain: DRAIN };
    let outcome = run(fleet, &system.target(1).processes, plan).await;
    let (ended, after) = (Instant::now(), system.spent());
    ensure!(outcome.is_whole(), "something was lost: {outcome:?}");
    let (idle_span, span) = ((sent_from - began).as_secs_f64(), (ended - sent_from).as_secs_f64());
    let spent = after.since(&idle_end).without(&idle_end.since(&before), idle_span, span);
    #[allow(clippy::cast_precision_loss)]
    Ok(spent.micros_each(outcome.stored as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_that_make_no_sense_are_refused() {
        let plan = |nodes: &[usize], rooms: &[usize]| CostPlan {
            nodes: nodes.to_vec(),
            rooms: rooms.to_vec(),
            workers: 2,
            messages: 1,
            load: None,
        };
        assert!(plan(&[1, 8], &[4, 10]).check().is_ok());
        for (nodes, rooms) in
            [(&[0][..], &[10][..]), (&[9], &[10]), (&[1], &[3]), (&[1], &[20, 10])]
        {
            assert!(plan(nodes, rooms).check().is_err(), "{nodes:?} {rooms:?}");
        }
    }
}
