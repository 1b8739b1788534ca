//! Growing rates, to find the highest that is sustained.

use std::time::Duration;

use anyhow::ensure;

use crate::{
    cli::SaturateArgs,
    fleet::{Crowd, Fleet},
    report::{Report, write_json},
    run::{DRAIN, Outcome, Plan, run},
    search::Search,
    target::Target,
};

/// Searches once for each size of room, prints and writes what was seen; `false` where for one of
/// them no rate at all was sustained.
///
/// # Errors
/// When the target cannot be reached or the file not written.
pub async fn measure(args: SaturateArgs) -> anyhow::Result<bool> {
    let crowds = args.room_size.iter().map(|room_size| Crowd {
        clients: args.crowd.clients,
        room_size: *room_size,
        content_bytes: args.crowd.content,
    });
    let crowds: Vec<Crowd> = crowds.collect();
    crowds.iter().try_for_each(Crowd::check)?;
    ensure!(!args.step.is_zero(), "--step is zero");
    let json = args.target.json.clone();
    let step = Step { from: args.from, duration: args.step, p99_limit: args.p99_limit };
    let target = Target::reach(args.target).await?;
    let mut reports = Vec::new();
    let mut found_all = true;
    for crowd in crowds {
        println!("rooms of {}, {} clients\n{}", crowd.room_size, crowd.clients, Report::HEAD);
        let limit = humantime::format_duration(step.p99_limit);
        if let Some(best) = highest(crowd, &target, step, &mut reports).await? {
            let rate = best.outcome.deliveries_per_second;
            println!("highest with p99 below {limit}: {rate:.0} deliveries/s\n\n{best}");
        } else {
            found_all = false;
            println!("no rate was sustained\n");
        }
    }
    if let Some(file) = json {
        write_json(&file, &reports)?;
    }
    target.leave().await?;
    Ok(found_all)
}

/// How rates are tried.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Deliveries a second to begin with.
    from: f64,
    duration: Duration,
    p99_limit: Duration,
}

/// Tries rates until the highest is found; every try is added to `reports`.
async fn highest(
    crowd: Crowd,
    target: &Target,
    step: Step,
    reports: &mut Vec<Report>,
) -> anyhow::Result<Option<Report>> {
    #[allow(clippy::cast_precision_loss)]
    let members = crowd.room_size as f64;
    let mut fleet = Fleet::gather(crowd, target).await?;
    let mut search = Search::from(step.from / members);
    let mut best = None;
    while let Some(rate) = search.next() {
        let plan =
            Plan { rate, warm_up: step.duration / 10, duration: step.duration, drain: DRAIN };
        let report = Report::new(crowd, run(&fleet, &target.processes, plan).await);
        println!("{}", report.row());
        let enough = is_sustained(&report.outcome, step.p99_limit);
        search.tried(enough);
        if !report.outcome.is_whole() {
            // What is still under way, or lost its connection, must not spoil the next step.
            drop(fleet);
            fleet = Fleet::gather(crowd, target).await?;
        }
        if enough {
            best = Some(report.clone());
        }
        reports.push(report);
    }
    Ok(best)
}

/// Whether a run went as it should: nothing lost, and delivery within `limit` for 99 of 100.
fn is_sustained(outcome: &Outcome, limit: Duration) -> bool {
    outcome.is_whole() && outcome.delivery.p99 <= limit.as_secs_f64() * 1_000.0
}
