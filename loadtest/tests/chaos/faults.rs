//! Every fault in its short form. What is asserted is what clients were promised, never a time.

use std::path::PathBuf;

use clap::ValueEnum as _;
use loadtest::chaos::{
    outcome::Outcome,
    report,
    scenario::{Fault, soak, stage::Scale},
};
use tokio::task::LocalSet;

fn scale() -> Scale {
    Scale::short(PathBuf::from(env!("CARGO_BIN_EXE_chaos")))
}

async fn holds(run: impl Future<Output = anyhow::Result<Outcome>>) {
    let _alone = crate::ALONE.lock().await;
    let outcome = LocalSet::new().run_until(run).await.unwrap();
    let report = report::text(std::slice::from_ref(&outcome));
    println!("{report}");
    assert!(outcome.is_whole(), "a guarantee broke:\n{report}");
}

macro_rules! faults {
    ($($test:ident: $fault:ident,)+) => {
        const TESTED: &[Fault] = &[$(Fault::$fault),+];
        $(
            #[tokio::test]
            async fn $test() {
                holds(Fault::$fault.run(&scale())).await;
            }
        )+
    };
}

faults! {
    nothing: None,
    kill_worker: KillWorker,
    pause_worker: PauseWorker,
    kill_node: KillNode,
    stop_node: StopNode,
    restart_nats: RestartNats,
    kill_nats: KillNats,
    pause_nats: PauseNats,
    kill_nats_follower: KillNatsFollower,
    kill_nats_leader: KillNatsLeader,
    overload: Overload,
    cut_node: CutNode,
    blink_node: BlinkNode,
    slow_client: SlowClient,
    drop_all: DropAll,
    long_absence: LongAbsence,
    deploy: Deploy,
    clock_jump: ClockJump,
}

#[tokio::test]
async fn a_short_soak() {
    holds(Box::pin(soak::run(&scale(), std::time::Duration::from_secs(10)))).await;
}

#[test]
fn no_fault_is_without_a_test() {
    for fault in Fault::value_variants() {
        assert!(TESTED.contains(fault), "{} has no test", fault.name());
    }
}
