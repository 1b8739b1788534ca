//! A system of real processes: it starts, and its parts are killed, paused, stopped and started again.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use http::{Request, Uri, header::CONTENT_TYPE};
use loadtest::{
    chaos::{
        balancer::{self, Health},
        memory,
        topology::{Member, NatsLayout, Topology, TopologyOptions},
    },
    http_exchange,
};
use tokio::time::{Instant, sleep};
use wire::client::{DevToken, DevTokenRequest};

/// Until something must have happened that is waited for.
const DEADLINE: Duration = Duration::from_secs(30);

fn options() -> TopologyOptions {
    TopologyOptions::new(PathBuf::from(env!("CARGO_BIN_EXE_chaos")))
}

/// Looks until it is so.
async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !so().await {
        assert!(Instant::now() < deadline, "after {DEADLINE:?} still not so: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Whether somebody runs with this id; an orphan that nobody has collected has no memory.
fn runs(pid: u32) -> bool {
    memory::resident(pid).is_some()
}

async fn owners(topology: &Topology) -> BTreeSet<Option<usize>> {
    topology.partition_owners().await.unwrap().into_iter().collect()
}

#[tokio::test]
async fn a_node_is_killed_paused_stopped_and_started_again() {
    let _alone = crate::ALONE.lock().await;
    let mut topology = Topology::start(options()).await.unwrap();
    let names: Vec<String> = topology.processes().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["nats-1", "worker-1", "worker-2", "node-1", "node-2"]);
    let (logs, urls) = (topology.logs().to_owned(), topology.node_urls());

    let node = topology.node(0);
    let first = node.pid().unwrap();
    node.wait_ready(DEADLINE).await.unwrap();
    assert!(runs(first));
    node.pause().unwrap();
    assert!(!node.is_ready().await, "nobody answers for a paused node");
    assert_eq!(node.pid(), Some(first));
    node.resume().unwrap();
    node.wait_ready(DEADLINE).await.unwrap();

    node.terminate().unwrap();
    assert!(node.wait_ended(DEADLINE).await.unwrap().success());
    assert!(node.pid().is_none() && node.terminate().is_err() && node.kill().is_err());
    node.start_again().unwrap();
    node.wait_ready(DEADLINE).await.unwrap();
    assert!(node.start_again().is_err(), "it runs");

    let second = node.pid().unwrap();
    assert_ne!(second, first);
    node.kill().unwrap();
    assert!(!runs(second) && !node.is_ready().await);
    node.start_again().unwrap();
    node.wait_ready(DEADLINE).await.unwrap();
    assert_eq!(node.log(), logs.join("node-1.3.log"));
    assert_eq!(topology.node_urls(), urls);

    let pids: Vec<u32> = topology.processes().into_iter().map(|(_, pid)| pid).collect();
    assert_eq!(pids.len(), 5);
    topology.stop().await.unwrap();
    assert!(!pids.into_iter().any(runs) && !logs.exists());
}

#[tokio::test]
async fn partitions_of_a_killed_worker_go_to_the_other() {
    let _alone = crate::ALONE.lock().await;
    let mut topology = Topology::start(options()).await.unwrap();
    let both = BTreeSet::from([Some(0), Some(1)]);
    until("both workers own partitions", async || owners(&topology).await == both).await;
    topology.worker(0).kill().unwrap();
    until("the other owns all", async || owners(&topology).await == [Some(1)].into()).await;
    topology.worker(0).start_again().unwrap();
    until("both own some again", async || owners(&topology).await == both).await;
    topology.stop().await.unwrap();
}

#[tokio::test]
async fn one_that_ends_by_itself_is_told_and_its_log_kept() {
    let _alone = crate::ALONE.lock().await;
    let mut settings = options();
    settings.node_settings = vec![("ALLOWED_ORIGINS".to_owned(), "nonsense".to_owned())];
    let refusal = format!("{:#}", Topology::start(settings).await.unwrap_err());
    assert!(refusal.starts_with("node-1 ended with exit status: 64"), "{refusal}");
    assert!(refusal.contains("ALLOWED_ORIGINS is wrong"), "{refusal}");
    let (_, log) = refusal.trim_end_matches(')').rsplit_once("(see ").unwrap();
    std::fs::remove_dir_all(Path::new(log).parent().unwrap()).unwrap();
}

#[tokio::test]
async fn nothing_outlives_a_dropped_system() {
    let _alone = crate::ALONE.lock().await;
    let mut topology = Topology::start(options()).await.unwrap();
    let pids: Vec<u32> = topology.processes().into_iter().map(|(_, pid)| pid).collect();
    let logs = topology.logs().to_owned();
    topology.node(1).pause().unwrap();
    topology.nats().pause(0).unwrap();
    drop(topology);
    assert!(!pids.into_iter().any(runs));
    assert!(logs.join("node-2.log").is_file(), "the logs of what did not end in peace stay");
    std::fs::remove_dir_all(logs).unwrap();
}

#[tokio::test]
async fn a_link_is_between_its_node_and_nats() {
    let _alone = crate::ALONE.lock().await;
    let mut settings = options();
    settings.linked_nodes = vec![1];
    let mut topology = Topology::start(settings).await.unwrap();
    assert!(topology.link(0).is_none());
    topology.link(1).unwrap().cut();
    let linked = topology.node(1).url().clone();
    let unready = async || balancer::health(&linked).await == Health::Unready;
    until("a node without NATS says that it is not ready", unready).await;
    topology.node(0).wait_ready(DEADLINE).await.unwrap();
    topology.link(1).unwrap().heal();
    topology.node(1).wait_ready(DEADLINE).await.unwrap();
    topology.stop().await.unwrap();
}

/// The time of day by the clock of a node, in seconds, from when its tokens expire.
async fn time_at(node: &Uri) -> i64 {
    let body = DevTokenRequest { user_id: "u".into(), username: None, role: None, rooms: None };
    let request = Request::post(format!("{node}dev/token"))
        .header(CONTENT_TYPE, "application/json")
        .body(serde_json::to_vec(&body).unwrap().into());
    let (_, answer) = http_exchange::send(request.unwrap()).await.unwrap();
    let token: DevToken = serde_json::from_slice(&answer).unwrap();
    i64::try_from(token.expires_at.as_millis() / 1_000).unwrap()
}

#[tokio::test]
async fn the_clock_of_one_node_jumps() {
    let _alone = crate::ALONE.lock().await;
    let mut settings = options();
    settings.faked_clocks = vec![Member::Node(1), Member::Worker(0)];
    let mut topology = Topology::start(settings).await.unwrap();
    let urls = topology.node_urls();
    for offset in [0, 7_200, -7_200, 0] {
        topology.jump_clock(offset).unwrap();
        let ahead = time_at(&urls[1]).await - time_at(&urls[0]).await;
        assert!((ahead - offset).abs() < 60, "{ahead} seconds ahead, expected {offset}");
    }
    for index in 0..2 {
        topology.node(index).wait_ready(DEADLINE).await.unwrap();
        topology.worker(index).wait_ready(DEADLINE).await.unwrap();
    }
    topology.node(1).kill().unwrap();
    topology.node(1).start_again().unwrap();
    topology.node(1).wait_ready(DEADLINE).await.unwrap();
    topology.stop().await.unwrap();
}

#[tokio::test]
async fn a_cluster_goes_on_without_its_leader() {
    let _alone = crate::ALONE.lock().await;
    let mut settings = options();
    settings.nats = NatsLayout::Cluster;
    let mut topology = Topology::start(settings).await.unwrap();
    let rooms = wire::stream::ROOMS;
    let leader = topology.nats().wait_leader(rooms, None, DEADLINE).await.unwrap();
    topology.nats().kill(leader).unwrap();
    let next = topology.nats().wait_leader(rooms, Some(leader), DEADLINE).await.unwrap();
    assert_ne!(next, leader);
    topology.nats().restart(leader).await.unwrap();
    topology.nats().wait_healthy(DEADLINE * 2).await.unwrap();
    for index in 0..2 {
        topology.node(index).wait_ready(DEADLINE).await.unwrap();
    }
    topology.stop().await.unwrap();
}

#[tokio::test]
async fn a_link_to_a_cluster_is_refused() {
    let _alone = crate::ALONE.lock().await;
    let mut settings = options();
    (settings.nats, settings.linked_nodes) = (NatsLayout::Cluster, vec![0]);
    let refusal = Topology::start(settings).await.unwrap_err().to_string();
    assert!(refusal.contains("needs one server"), "{refusal}");
}
