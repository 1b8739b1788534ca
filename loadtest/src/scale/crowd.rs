//! Many connections that all hear messages: what they cost, and whether every member gets each message once.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::{
    spent::Spent,
    system::{Memory, System},
    talker::{Order, Talk},
    talkers::Talkers,
};
use crate::{
    compare::{footprint::Footprint, memory::silence},
    progress::Progress,
    run::Outcome,
};

/// Clients of one process: far below 20,000 open files, and below the ports of one address.
const EACH: usize = 7_000;
/// How often memory is looked at while everybody talks.
const LOOK: Duration = Duration::from_secs(1);
/// How long the system is left alone to know what idling costs.
const IDLE: Duration = Duration::from_secs(5);
/// How long messages are sent before any is timed.
const WARM_UP: Duration = Duration::from_secs(2);

/// Who talks, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CrowdPlan {
    pub clients: usize,
    pub room_size: usize,
    /// Messages a second in each room.
    pub rate: f64,
    pub duration: Duration,
    pub nodes: usize,
    pub workers: usize,
    /// The length of a message's content in bytes.
    pub content_bytes: usize,
    /// What all server processes together may hold, in bytes.
    pub memory_limit: u64,
}

/// What a crowd showed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CrowdResult {
    pub plan: CrowdPlan,
    /// Processes that held the clients, each with what it saw.
    pub outcomes: Vec<Outcome>,
    /// Of each server process: before anybody came, with everybody silent, and the most while all talked.
    pub empty: Vec<Memory>,
    pub silent: Vec<Memory>,
    pub most: Vec<Memory>,
    /// Processor time a second while everybody was silent, and over the whole talk.
    pub idle: Spent,
    pub talk: Spent,
    pub talk_seconds: f64,
}

impl CrowdPlan {
    /// # Errors
    /// When rooms would not be full.
    pub fn check(&self) -> anyhow::Result<()> {
        let Self { clients, room_size, .. } = *self;
        let full = room_size > 0 && clients > 0 && clients.is_multiple_of(room_size);
        ensure!(full, "{clients} clients do not fill rooms of {room_size}: choose a multiple");
        ensure!(room_size <= EACH, "a room is held by one process, of {EACH} clients at most");
        Ok(())
    }

    #[must_use]
    pub fn rooms(&self) -> usize {
        self.clients / self.room_size
    }

    /// How many rooms each process holds.
    fn shares(&self) -> Vec<usize> {
        let rooms = self.rooms();
        let processes = rooms.div_ceil(EACH / self.room_size).max(1);
        (0..processes)
            .map(|process| rooms / processes + usize::from(process < rooms % processes))
            .collect()
    }
}

impl CrowdResult {
    /// What all processes saw together.
    #[must_use]
    pub fn sum(&self, count: impl Fn(&Outcome) -> u64) -> u64 {
        self.outcomes.iter().map(count).sum()
    }

    /// Whether every message came to every member once and in order, within the memory.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.outcomes.iter().all(Outcome::is_whole) && self.is_within_memory()
    }

    /// Whether the server processes together stayed within their memory, by either measure.
    #[must_use]
    pub fn is_within_memory(&self) -> bool {
        let Footprint { rss, pss } = total(&self.most);
        rss.max(pss) <= self.plan.memory_limit
    }
}

/// All processes together.
#[must_use]
pub fn total(memory: &[Memory]) -> Footprint {
    memory.iter().fold(Footprint::default(), |sum, each| sum + each.footprint)
}

/// Starts a system, fills it, has everybody talk, and reckons.
///
/// # Errors
/// When the system or a client does not get so far.
pub async fn measure(plan: CrowdPlan, program: PathBuf) -> anyhow::Result<CrowdResult> {
    plan.check()?;
    let system = System::start(program.clone(), plan.nodes, plan.workers).await?;
    let processes = system.target(plan.nodes).processes;
    silence(&processes).await;
    let empty = system.memory()?;
    let mut talkers = gather(&plan, &system, &program).await?;
    eprintln!("{} clients are in their rooms", plan.clients);
    silence(&processes).await;
    let silent = system.memory()?;
    let before = system.spent();
    sleep(IDLE).await;
    let idle = system.spent().since(&before).micros_each(IDLE.as_secs_f64() * 1e6);
    let (began, before) = (Instant::now(), system.spent());
    let (outcomes, most) = talk(&plan, &system, &mut talkers).await?;
    let (talk, talk_seconds) = (system.spent().since(&before), began.elapsed().as_secs_f64());
    drop(talkers);
    system.stop().await?;
    Ok(CrowdResult { plan, outcomes, empty, silent, most, idle, talk, talk_seconds })
}

async fn gather(plan: &CrowdPlan, system: &System, program: &Path) -> anyhow::Result<Talkers> {
    let target = system.target(plan.nodes);
    let shares = plan.shares();
    let count = u8::try_from(shares.len()).ok().filter(|count| *count < u8::MAX);
    let count = count.context("too many clients for the addresses of one machine")?;
    let order = |(number, rooms): (u8, usize)| Order {
        nodes: target.nodes.iter().map(ToString::to_string).collect(),
        pass: target.pass.clone(),
        clients: rooms * plan.room_size,
        room_size: plan.room_size,
        content_bytes: plan.content_bytes,
        source: Some(Ipv4Addr::new(127, 0, 1, 1 + number)),
    };
    let orders: Vec<Order> = (0..count).zip(shares).map(order).collect();
    Talkers::gather(program, &orders).await
}

/// Everybody talks; returns what was heard, and the most memory that each process held meanwhile.
async fn talk(
    plan: &CrowdPlan,
    system: &System,
    talkers: &mut Talkers,
) -> anyhow::Result<(Vec<Outcome>, Vec<Memory>)> {
    let rates = plan.shares().into_iter().map(|rooms| count(rooms) * plan.rate);
    let (warm_up, duration) = (WARM_UP, plan.duration);
    let talks =
        rates.map(|messages_per_second| Talk::AtRate { messages_per_second, warm_up, duration });
    let talks: Vec<Talk> = talks.collect();
    let mut saying = Box::pin(talkers.say_each(&talks));
    let mut most = system.memory()?;
    let mut progress = Progress::new();
    let (mut looks, began) = (interval(LOOK), Instant::now());
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            outcomes = &mut saying => {
                progress.end();
                return Ok((outcomes?, most));
            }
            _ = looks.tick() => {
                for (most, now) in most.iter_mut().zip(system.memory()?) {
                    most.footprint.rss = most.footprint.rss.max(now.footprint.rss);
                    most.footprint.pss = most.footprint.pss.max(now.footprint.pss);
                }
                progress.show(|| {
                    let mib = total(&most).pss >> 20;
                    format!("talking for {} s, {mib} MiB", began.elapsed().as_secs())
                });
            }
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(clients: usize, room_size: usize) -> CrowdPlan {
        CrowdPlan {
            clients,
            room_size,
            rate: 1.0,
            duration: Duration::from_secs(1),
            nodes: 2,
            workers: 2,
            content_bytes: 64,
            memory_limit: 1 << 32,
        }
    }

    #[test]
    fn rooms_are_shared_out_whole() {
        assert_eq!(plan(28_000, 100).shares(), [70; 4]);
        assert_eq!(plan(400, 20).shares(), [20]);
        for (clients, room_size) in [(7_000, 7_000), (14_000, 7_000), (9_999, 33), (12, 1)] {
            let shares = plan(clients, room_size).shares();
            assert_eq!(shares.iter().sum::<usize>() * room_size, clients);
            assert!(shares.iter().all(|rooms| rooms * room_size <= EACH), "{shares:?}");
        }
    }

    #[test]
    fn rooms_must_be_full_and_fit_into_a_process() {
        for (clients, room_size, fits) in [
            (28_000, 100, true),
            (10, 3, false),
            (0, 1, false),
            (1, 0, false),
            (8_000, 8_000, false),
        ] {
            assert_eq!(plan(clients, room_size).check().is_ok(), fits, "{clients} in {room_size}");
        }
    }
}
