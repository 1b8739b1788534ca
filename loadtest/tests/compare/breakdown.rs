//! A peer that is killed while a rate is tried.

use std::{fs, process::Command, time::Duration};

use loadtest::{
    compare::{
        contender::Contender,
        highest::Highest,
        peer_tools,
        plan::{Plan, SearchPlan},
        system::{Programs, System},
    },
    cpu::Processes,
    fleet::Crowd,
};
use tokio::{task::LocalSet, time::sleep};

const CLIENTS: usize = 20;
const POLL: Duration = Duration::from_millis(5);
/// Seconds of processor time that a process uses under the rate of a try, and not to let twenty clients in.
const BUSY: f64 = 0.3;

#[tokio::test]
async fn the_search_goes_on_after_a_process_has_ended() {
    LocalSet::new().run_until(Box::pin(survives())).await;
}

async fn survives() {
    peer_tools::prepare().await.unwrap();
    let plan = Plan {
        clients: CLIENTS,
        step: Duration::from_secs(1),
        search: SearchPlan { from: 20_000.0, growth: 2.0, halvings: 2 },
        ..Plan::short()
    };
    let programs = Programs { compare: env!("CARGO_BIN_EXE_compare").into(), redis_server: None };
    let mut system = System::start(Contender::SocketIo, &plan, &programs, false).await.unwrap();
    let pids = system.pids();
    let [pid] = pids[..] else { panic!("one process: {pids:?}") };
    let crowd = Crowd { clients: CLIENTS, room_size: CLIENTS, content_bytes: 64 };
    let kill = kill_when_busy(pid, files(pid));
    let (measured, ()) = tokio::join!(Highest::search(&mut system, &plan, crowd), kill);
    let found = measured.unwrap();

    let [breakdown] = &found.breakdowns[..] else { panic!("{:?}", found.breakdowns) };
    assert!(breakdown.what.starts_with("socketio-1 ended with signal: 9"), "{breakdown:?}");
    assert_eq!(found.tries[0], (breakdown.rate, false), "the rate was too much");
    assert!(found.tries.len() > 1 && found.tries[1].0 < breakdown.rate, "{:?}", found.tries);
    assert_ne!(system.pids(), pids, "it was started anew");
    assert_eq!(system.ended().unwrap(), None);
    system.stop().await.unwrap();
}

/// The files that a process has open, its connections among them.
fn files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Ends it once most clients are there, beside the files that it had open before, and it has much to do.
async fn kill_when_busy(pid: u32, empty: usize) {
    while files(pid) < empty + CLIENTS / 2 {
        sleep(POLL).await;
    }
    let processes = Processes { servers: vec![pid], broker: None };
    let used = || processes.used().server.unwrap();
    let before = used();
    while used() < before + BUSY {
        sleep(POLL).await;
    }
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    assert!(killed.success());
}
