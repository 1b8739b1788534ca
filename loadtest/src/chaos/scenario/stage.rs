//! Where a fault plays: a system, a fleet that talks, and the reckoning at the end.

use std::{
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::time::sleep;

use crate::{
    chaos::{
        client::{Client, conversation::Conversation},
        crowd::Crowd,
        fleet::Fleet,
        outcome::{Bound, Figure, Outcome},
        talk::Talk,
        topology::{NatsLayout, Topology, TopologyOptions},
        verdict::Verdict,
    },
    progress::Progress,
};

/// How long a system that has lost something may take until all is told, after the fault.
pub const SETTLE: Duration = Duration::from_secs(45);
/// How long leaving may take; a system that is stopped then has nobody to wait for.
const DISPERSE: Duration = Duration::from_secs(5);
/// How long rosters may take to be right.
const ROSTERS: Duration = Duration::from_secs(20);

/// How large, and how long.
#[derive(Debug, Clone)]
pub struct Scale {
    /// The program that is every service.
    pub program: PathBuf,
    pub clients: usize,
    pub room_size: usize,
    /// Messages a second over all rooms.
    pub rate: f64,
    pub nodes: usize,
    pub workers: usize,
    /// Whether faults last as long as on a bad day, or as short as a test can bear.
    pub long: bool,
}

impl Scale {
    /// As small as a test of each fault needs.
    #[must_use]
    pub fn short(program: PathBuf) -> Self {
        Self { program, clients: 60, room_size: 10, rate: 80.0, nodes: 3, workers: 2, long: false }
    }

    /// One time in the short form, another in the long one, in seconds.
    #[must_use]
    pub fn seconds(&self, short: f64, long: f64) -> Duration {
        Duration::from_secs_f64(if self.long { long } else { short })
    }

    /// The system and the crowd, for a scenario to change.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let mut topology = TopologyOptions::new(self.program.clone());
        topology.nodes = self.nodes;
        topology.workers = self.workers;
        topology.nats = NatsLayout::Single;
        // What a drain takes is a scenario's business; elsewhere it only costs time.
        topology.node_settings = settings(&[("DRAIN_DELAY", "0.2"), ("DRAIN_OVER", "1")]);
        let crowd = Crowd {
            residents: self.clients,
            room_size: self.room_size,
            further_rooms: 1,
            guests: 0,
            content_bytes: 64,
        };
        Plan { topology, crowd, rate: self.rate }
    }
}

/// What is set up for a fault.
#[derive(Debug)]
pub struct Plan {
    pub topology: TopologyOptions,
    pub crowd: Crowd,
    pub rate: f64,
}

/// Variables of an environment.
#[must_use]
pub fn settings(table: &[(&str, &str)]) -> Vec<(String, String)> {
    table.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A running system with a fleet that talks.
#[derive(Debug)]
pub struct Stage {
    pub topology: Topology,
    pub fleet: Rc<Fleet>,
    fault: String,
    talk: Option<Talk>,
    figures: Vec<Figure>,
    bound: Option<Bound>,
    broken: Vec<String>,
    began: Instant,
    progress: Progress,
}

impl Stage {
    /// Starts the system and lets the fleet talk for a moment.
    ///
    /// # Errors
    /// When the system does not start, or a client does not get into its rooms.
    pub async fn open(fault: &str, scale: &Scale, plan: Plan) -> anyhow::Result<Self> {
        let began = Instant::now();
        eprintln!("{fault}: starting the system");
        let topology = Topology::start(plan.topology).await.context("the system does not start")?;
        let (urls, secret) = (topology.node_urls(), topology.jwt_secret().to_owned());
        let fleet = Fleet::gather(plan.crowd, urls, &secret).await?;
        let mut stage = Self {
            topology,
            fleet,
            fault: fault.to_owned(),
            talk: None,
            figures: Vec::new(),
            bound: None,
            broken: Vec::new(),
            began,
            progress: Progress::new(),
        };
        stage.rosters("before the fault").await;
        stage.talk = Some(stage.fleet.talk(plan.rate));
        stage.go_on(scale.seconds(1.5, 10.0)).await;
        Ok(stage)
    }

    /// Lets them talk for some time.
    pub async fn go_on(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let (fault, fleet) = (&self.fault, &self.fleet);
            self.progress.show(|| format!("{fault}: {}", fleet.line()));
            sleep(Duration::from_millis(50).min(end - Instant::now().min(end))).await;
        }
    }

    /// Waits until a node has a client that is in one room alone. As long as it has none, clients drop
    /// their connections, and the balancer spreads them anew.
    pub async fn populate(&mut self, node: usize) {
        let fleet = self.fleet.clone();
        let alone = |client: &&Client| !fleet.crowd.is_sociable(client.number());
        let there = || {
            let mut clients = fleet.residents().iter().filter(alone);
            clients
                .any(|client| client.node() == Some(node) && client.look(Conversation::is_settled))
        };
        let deadline = Instant::now() + SETTLE;
        while !there() {
            if Instant::now() >= deadline {
                return self.broken(format!("no client comes to node {} in {SETTLE:?}", node + 1));
            }
            for client in fleet.residents().iter().step_by(self.topology.nodes() + 1) {
                client.drop_connection();
            }
            self.go_on(Duration::from_secs(1)).await;
        }
    }

    /// What must not fail; where it did, that is broken.
    pub fn must<T>(&mut self, what: &str, done: anyhow::Result<T>) -> Option<T> {
        done.map_err(|error| self.broken(format!("{what}: {error:#}"))).ok()
    }

    /// A guarantee did not hold.
    pub fn broken(&mut self, what: String) {
        self.broken.push(what);
    }

    pub fn figure(&mut self, name: &str, value: impl Into<String>) {
        self.figures.push(Figure { name: name.to_owned(), value: value.into() });
    }

    /// The time that this fault must take, where it counts by how long it takes.
    pub fn at_least(&mut self, what: &'static str, limit: Duration, measured: f64) {
        self.bound = Some(Bound::at_least(what, limit, measured));
    }

    /// The time that this fault is measured by.
    pub fn bound(&mut self, what: &'static str, limit: Duration, measured: f64) {
        self.bound = Some(Bound::new(what, limit, measured));
    }

    /// What is known by now.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.fleet.shared.history.borrow())
    }

    /// Ends the talk, and lets everybody come back and everything be told.
    pub async fn rest(&mut self) {
        if let Some(talk) = self.talk.take() {
            talk.stop();
        }
        let fleet = self.fleet.clone();
        if let Err(late) = fleet.gathered(SETTLE).await {
            self.broken(late);
        }
        let mut told = fleet.settle(SETTLE).await;
        if told {
            // A double that comes late comes before what is said after it.
            fleet.say_everywhere();
            told = fleet.settle(SETTLE).await;
        }
        if !told {
            let mut clients = fleet.residents().iter();
            let late = clients.find(|client| !client.look(Conversation::is_silent));
            let who = late.map_or("somebody".to_owned(), |late| {
                format!("client {}, {}", late.number(), late.look(Conversation::describe))
            });
            self.broken(format!("not everything is told {SETTLE:?} after the talk: {who}"));
        }
        self.rosters("at the end").await;
    }

    /// Waits until all rosters are right; `when` goes before what is wrong.
    pub async fn rosters(&mut self, when: &str) {
        for wrong in self.fleet.clone().rosters(ROSTERS).await {
            self.broken(format!("{when}: {wrong}"));
        }
    }

    /// Stops the system, after a [`rest`](Self::rest), and says what it showed.
    ///
    /// # Errors
    /// When the system does not stop.
    pub async fn close(mut self) -> anyhow::Result<Outcome> {
        let verdict = self.verdict();
        let (failures, why) = self.fleet.shared.failures();
        if failures > 0 {
            self.figure("connections that came to nothing", format!("{failures}, the last: {why}"));
        }
        if verdict.put_off + verdict.silent > 0 {
            let text = format!("{}; not answered in time: {}", verdict.put_off, verdict.silent);
            self.figure("answers to try again", text);
        }
        let mut outcome = Outcome {
            fault: self.fault,
            verdict,
            figures: self.figures,
            bound: self.bound,
            broken: self.broken,
            logs: None,
            seconds: self.began.elapsed().as_secs_f64(),
        };
        self.progress.end();
        self.fleet.disperse(DISPERSE).await;
        if !outcome.is_whole() {
            self.topology.keep_logs();
            outcome.logs = Some(self.topology.logs().to_owned());
        }
        self.topology.stop().await.context("the system does not stop")?;
        Ok(outcome)
    }
}

/// Looks until something has happened; the seconds it took, or `None` where it did not in time.
pub async fn happens(within: Duration, happened: impl AsyncFn() -> bool) -> Option<f64> {
    let began = Instant::now();
    while !happened().await {
        if began.elapsed() >= within {
            return None;
        }
        sleep(Duration::from_millis(20)).await;
    }
    Some(began.elapsed().as_secs_f64())
}
