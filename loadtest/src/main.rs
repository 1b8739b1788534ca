//! `bench`: puts load on a Starling and says what it saw.

use std::{process::ExitCode, time::Duration};

use anyhow::ensure;
use clap::Parser as _;
use loadtest::{
    cli::{Cli, Command, SaturateArgs, SteadyArgs},
    fleet::{Crowd, Fleet},
    report::{Report, write_json},
    run::{Plan, run},
    saturation::{Search, sustained},
    target::Target,
};
use tokio::task::LocalSet;

/// How long the last deliveries of a run are waited for.
const DRAIN: Duration = Duration::from_mins(1);

// One thread: no lock and no hand-over between cores, on a machine that the measured system shares.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Cli::parse().command;
    let measuring = async {
        match command {
            Command::Steady(args) => steady(args).await,
            Command::Saturate(args) => saturate(args).await,
        }
    };
    match LocalSet::new().run_until(measuring).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn steady(args: SteadyArgs) -> anyhow::Result<bool> {
    let crowd = Crowd {
        clients: args.crowd.clients,
        room_size: args.room_size,
        content_bytes: args.crowd.content,
    };
    crowd.check()?;
    let json = args.target.json.clone();
    let target = Target::reach(args.target).await?;
    let fleet = Fleet::gather(crowd, &target).await?;
    let plan =
        Plan { rate: args.rate, warm_up: args.warm_up, duration: args.duration, drain: DRAIN };
    let report = Report::new(crowd, run(&fleet, &target.processes, plan).await);
    println!("{report}");
    if let Some(file) = json {
        write_json(&file, &report)?;
    }
    drop(fleet);
    target.leave().await?;
    Ok(report.outcome.is_whole())
}

async fn saturate(args: SaturateArgs) -> anyhow::Result<bool> {
    let crowds = args.room_size.iter().map(|room_size| Crowd {
        clients: args.crowd.clients,
        room_size: *room_size,
        content_bytes: args.crowd.content,
    });
    let crowds: Vec<Crowd> = crowds.collect();
    crowds.iter().try_for_each(Crowd::check)?;
    ensure!(!args.step.is_zero(), "--step is zero");
    let json = args.target.json.clone();
    let target = Target::reach(args.target).await?;
    let mut reports = Vec::new();
    let mut found_all = true;
    for crowd in crowds {
        println!("rooms of {}, {} clients\n{}", crowd.room_size, crowd.clients, Report::HEAD);
        let mut fleet = Fleet::gather(crowd, &target).await?;
        #[allow(clippy::cast_precision_loss)]
        let members = crowd.room_size as f64;
        let mut search = Search::from(args.from / members);
        let mut best = None;
        while let Some(rate) = search.next() {
            let warm_up = args.step / 10;
            let plan = Plan { rate, warm_up, duration: args.step, drain: DRAIN };
            let report = Report::new(crowd, run(&fleet, &target.processes, plan).await);
            println!("{}", report.row());
            let enough = sustained(&report.outcome, args.p99_limit);
            search.tried(enough);
            if !report.outcome.is_whole() {
                // What is still under way, or lost its connection, must not spoil the next step.
                drop(fleet);
                fleet = Fleet::gather(crowd, &target).await?;
            }
            if enough {
                best = Some(report.clone());
            }
            reports.push(report);
        }
        match best {
            Some(best) => println!(
                "highest with p99 below {}: {:.0} deliveries/s\n\n{best}",
                humantime::format_duration(args.p99_limit),
                best.outcome.deliveries_per_second
            ),
            None => println!("no rate was sustained\n"),
        }
        found_all &= search.best().is_some();
    }
    if let Some(file) = json {
        write_json(&file, &reports)?;
    }
    target.leave().await?;
    Ok(found_all)
}
