//! A whole run: a system, well-behaved clients on it, and thousands of hostile inputs.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::ValueEnum;
use connection_node::limits::{LimitSettings, Rate};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use super::{
    bystanders::Bystanders,
    input::{Input, Kind},
    strike::{Attacker, Struck},
    summary::{Gauges, Memory, Summary},
};
use crate::{
    chaos::{
        memory,
        metrics::Metrics,
        token::Tokens,
        topology::{Topology, TopologyOptions},
    },
    progress::Progress,
};

/// How long the well-behaved talk before and after.
const PEACE: Duration = Duration::from_secs(2);
/// How long what hostile clients leave behind may stay: a session that is just left ends with its pings.
const CLEANING: Duration = Duration::from_mins(1);
/// Connections that are held by slow inputs at a time.
const SLOW_AT_ONCE: usize = 256;
/// Hostile users, each of whom has limits of its own.
const USERS: u64 = 500;
/// A limit that nobody meets.
const HIGH: Rate = Rate::new(1_000_000, 1_000_000);

/// How the node's limits by address are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LimitLevel {
    /// So high that every input comes as far as it can.
    High,
    /// As they are by default, which keeps most of it out.
    Usual,
}

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The program `chaos`, which is every service.
    pub program: PathBuf,
    pub inputs: u64,
    pub seed: u64,
    /// Well-behaved clients, and the messages a second that they send.
    pub clients: u32,
    pub rate: f64,
    /// Hostile connections at a time, without those that are slow.
    pub at_once: usize,
    /// Addresses that they come from: 127.0.0.2 and those behind it.
    pub addresses: u8,
    pub limits: LimitLevel,
}

/// Does all of it.
///
/// # Errors
/// When the system does not start or stop, or the well-behaved clients cannot be run.
pub async fn run(plan: &Plan) -> anyhow::Result<Summary> {
    let began = Instant::now();
    eprintln!("starting the system, and {} well-behaved clients", plan.clients);
    let mut options = TopologyOptions::new(plan.program.clone());
    (options.nodes, options.workers) = (1, 1);
    options.node_settings = settings(plan.limits);
    let mut topology = Topology::start(options).await.context("the system does not start")?;
    let url = topology.node_urls().swap_remove(0);
    let pid = topology.node(0).pid().context("the node does not run")?;
    let mut bystanders = Bystanders::start(&url, plan.clients, plan.rate).await?;
    sleep(PEACE).await;

    let mut summary = Summary::of(plan);
    let watch = MemoryWatch::start(pid);
    summary.memory.before = resident(pid);
    let mut siege = Siege::new(plan, &topology)?;
    siege.lay(&mut bystanders, &mut summary).await;
    summary.memory.most = watch.stop();
    summary.struck(siege.took);

    sleep(PEACE).await;
    summary.newcomers(bystanders.newcomers().await, "after it");
    let clients = summary.clients_now();
    summary.gauges = emptied(&url, clients).await?;
    summary.memory.after = resident(pid);
    summary.testimony = bystanders.stop().await?;
    let log = std::fs::read_to_string(topology.node(0).log()).unwrap_or_default();
    summary.panics = log.lines().filter(|line| line.contains("panicked at")).count();
    summary.seconds = began.elapsed().as_secs_f64();
    if !summary.is_whole() {
        topology.keep_logs();
        summary.logs = Some(topology.logs().to_owned());
    }
    topology.stop().await.context("the system does not stop")?;
    Ok(summary)
}

fn settings(level: LimitLevel) -> Vec<(String, String)> {
    let usual = LimitSettings::default();
    let limits = match level {
        LimitLevel::Usual => usual,
        LimitLevel::High => LimitSettings {
            limit_handshakes: HIGH,
            limit_failures: HIGH,
            limit_address_events: HIGH,
            max_unauthenticated: 0,
            max_unauthenticated_per_address: 0,
            ..usual
        },
    };
    let table = [
        ("LIMIT_HANDSHAKES", limits.limit_handshakes.to_string()),
        ("LIMIT_FAILURES", limits.limit_failures.to_string()),
        ("LIMIT_SOCKET_EVENTS", limits.limit_socket_events.to_string()),
        ("LIMIT_USER_EVENTS", limits.limit_user_events.to_string()),
        ("LIMIT_ADDRESS_EVENTS", limits.limit_address_events.to_string()),
        ("MAX_UNAUTHENTICATED", limits.max_unauthenticated.to_string()),
        ("MAX_UNAUTHENTICATED_PER_ADDRESS", limits.max_unauthenticated_per_address.to_string()),
        // Sessions that are just left end sooner.
        ("PING_INTERVAL", "5".to_owned()),
        ("PING_TIMEOUT", "10".to_owned()),
    ];
    table.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// The hostile clients.
struct Siege<'p> {
    plan: &'p Plan,
    attackers: Vec<Attacker>,
    took: Vec<Struck>,
    progress: Progress,
}

impl<'p> Siege<'p> {
    fn new(plan: &'p Plan, topology: &Topology) -> anyhow::Result<Self> {
        let url = topology.node_urls().swap_remove(0);
        let target: SocketAddr = url.authority().context("no address")?.as_str().parse()?;
        let tokens = Tokens { run: "hostile".into(), secret: topology.jwt_secret().to_owned() };
        let attackers = (0..USERS).map(|user| {
            let last = 2 + u8::try_from(user % u64::from(plan.addresses)).unwrap_or(0);
            let from = IpAddr::from(Ipv4Addr::new(127, 0, 0, last));
            let token = tokens.sign_for(&format!("hostile-{user}"), "*")?;
            anyhow::Ok(Attacker { target, from, token })
        });
        let attackers = attackers.collect::<anyhow::Result<_>>()?;
        Ok(Self { plan, attackers, took: Vec::new(), progress: Progress::new() })
    }

    /// Sends everything; half-way, new clients come.
    async fn lay(&mut self, bystanders: &mut Bystanders, summary: &mut Summary) {
        let (mut quick, mut slow) = (JoinSet::new(), JoinSet::new());
        for index in 0..self.plan.inputs {
            let input = Input::generate(self.plan.seed, index);
            let which = usize::try_from(index).unwrap_or(0) % self.attackers.len();
            let attacker = self.attackers[which].clone();
            let strike = async move { attacker.strike(&input).await };
            let is_slow = Input::generate(self.plan.seed, index).kind == Kind::Slow;
            let (at_work, most) =
                if is_slow { (&mut slow, SLOW_AT_ONCE) } else { (&mut quick, self.plan.at_once) };
            at_work.spawn(strike);
            if at_work.len() >= most {
                self.took.extend(at_work.join_next().await.and_then(Result::ok));
            }
            self.show(bystanders);
            if index == self.plan.inputs / 2 {
                summary.newcomers(bystanders.newcomers().await, "during the attack");
            }
        }
        while let Some(struck) =
            { if quick.is_empty() { slow.join_next().await } else { quick.join_next().await } }
        {
            self.took.extend(struck.ok());
            self.show(bystanders);
        }
        self.progress.end();
    }

    fn show(&mut self, bystanders: &Bystanders) {
        let (struck, all) = (self.took.len(), self.plan.inputs);
        self.progress.show(|| {
            let tally = bystanders.tally();
            format!(
                "{struck} of {all} hostile inputs  |  the well-behaved: {} sent  {} acked  {} delivered  {} \
                 disconnects",
                tally.sent, tally.acked, tally.delivered, tally.disconnects
            )
        });
    }
}

/// Waits until nothing of the hostile clients is left, or it is clear that something stays.
async fn emptied(url: &http::Uri, clients: u64) -> anyhow::Result<Gauges> {
    let deadline = Instant::now() + CLEANING;
    loop {
        let gauges = Gauges::of(&Metrics::scrape(url).await?);
        if gauges.is_left_clean(clients) || Instant::now() >= deadline {
            return Ok(gauges);
        }
        sleep(Duration::from_millis(250)).await;
    }
}

fn resident(pid: u32) -> u64 {
    memory::resident(pid).unwrap_or(0)
}

/// Looks at a process's memory again and again.
struct MemoryWatch {
    most: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl MemoryWatch {
    fn start(pid: u32) -> Self {
        let most = Arc::new(AtomicU64::new(0));
        let seen = most.clone();
        let task = tokio::spawn(async move {
            loop {
                seen.fetch_max(resident(pid), Ordering::Relaxed);
                sleep(Memory::LOOK).await;
            }
        });
        Self { most, task }
    }

    fn stop(self) -> u64 {
        self.task.abort();
        self.most.load(Ordering::Relaxed)
    }
}
