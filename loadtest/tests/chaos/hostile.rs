//! The whole ten thousand: real clients on a node do not notice the hostile ones.

use std::path::PathBuf;

use loadtest::hostile::{
    input::Kind,
    run::{LimitLevel, Plan, run},
    strike::Reaction,
    summary::Summary,
};

const INPUTS: u64 = 10_000;

async fn holds(limits: LimitLevel, addresses: u8) -> Summary {
    let _alone = crate::ALONE.lock().await;
    let plan = Plan {
        program: PathBuf::from(env!("CARGO_BIN_EXE_chaos")),
        inputs: INPUTS,
        seed: 20_261_123,
        clients: 100,
        rate: 50.0,
        at_once: 48,
        addresses,
        limits,
    };
    let summary = run(&plan).await.unwrap();
    let text = summary.text();
    println!("{text}");
    assert!(summary.is_whole(), "something was noticed:\n{text}");
    summary
}

#[tokio::test]
async fn hostile_inputs_that_reach_every_parser_are_not_noticed() {
    let summary = holds(LimitLevel::High, 8).await;
    assert_eq!(summary.reached(), INPUTS);
    for kind in Kind::ALL {
        let refused = [Reaction::Refused, Reaction::Ended, Reaction::Answered];
        let felt: u64 = refused.map(|reaction| summary.count(kind, reaction)).iter().sum();
        assert!(felt > 0, "{} did nothing", kind.name());
    }
}

#[tokio::test]
async fn one_address_without_end_is_shut_out_and_not_noticed() {
    let summary = holds(LimitLevel::Usual, 1).await;
    assert!(summary.reached() < INPUTS, "nobody was shut out");
}
