//! One rate for some time.

use std::time::Duration;

use crate::{
    cli::SteadyArgs,
    cpu::idle_cores,
    fleet::{Crowd, Fleet},
    report::{Report, write_json},
    run::{DRAIN, Plan, run},
    target::Target,
};

/// How long the connected clients are silent, to know what the system costs by itself.
const IDLE: Duration = Duration::from_secs(5);

/// Measures, prints and writes what was seen; `false` where anything was lost, doubled or refused.
///
/// # Errors
/// When the target cannot be reached or the file not written.
pub async fn measure(args: SteadyArgs) -> anyhow::Result<bool> {
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
    let idle_cores = Some(idle_cores(&target.processes, IDLE).await);
    let outcome = run(&fleet, &target.processes, plan).await;
    let report = Report { idle_cores, ..Report::new(crowd, outcome) };
    println!("{report}");
    if let Some(file) = json {
        write_json(&file, &report)?;
    }
    drop(fleet);
    target.leave().await?;
    Ok(report.outcome.is_whole())
}
