//! The search for the highest rate that a contender sustains, and survives.

use std::time::Duration;

use anyhow::Context as _;

use super::{
    figures::{Breakdown, held_to_promises},
    plan::{P99_LIMIT, Plan},
    system::System,
};
use crate::{
    fleet::{Crowd, Fleet},
    run::{Outcome, Plan as Run, run},
};

/// How long the last deliveries of a try are waited for: what takes longer is too much anyway.
const DRAIN: Duration = Duration::from_secs(5);
/// The part of a try that comes before it is timed.
const WARM_UP_PART: u32 = 5;

/// What a search has found.
#[derive(Debug)]
pub struct Highest {
    crowd: Crowd,
    /// The highest rate that was sustained; `None` where none was.
    pub saturation: Option<Outcome>,
    /// Deliveries a second, and whether they were sustained.
    pub tries: Vec<(f64, bool)>,
    pub breakdowns: Vec<Breakdown>,
}

impl Highest {
    /// Tries rates until the highest is found. A contender that does not survive a rate is started anew: the rate
    /// was too much, and the search goes on.
    ///
    /// # Errors
    /// When a client cannot enter a contender that was just started, or it does not start.
    pub async fn search(system: &mut System, plan: &Plan, crowd: Crowd) -> anyhow::Result<Self> {
        let members = members(crowd);
        let mut found = Self { crowd, saturation: None, tries: Vec::new(), breakdowns: Vec::new() };
        let mut fleet = Fleet::gather(crowd, &system.target()).await?;
        let mut search = plan.search.begin(members);
        while let Some(rate) = search.next() {
            let run_plan =
                Run { rate, warm_up: plan.step / WARM_UP_PART, duration: plan.step, drain: DRAIN };
            let outcome = run(&fleet, &system.target().processes, run_plan).await;
            let outcome = held_to_promises(system.contender, outcome);
            let ended = system.ended()?;
            let enough = ended.is_none() && is_sustained(&outcome);
            eprintln!(
                "    {:>9.0} deliveries/s: p99 {:.0} ms, {}",
                rate * members,
                outcome.delivery.p99,
                if enough { "sustained" } else { "too much" },
            );
            search.tried(enough);
            found.tries.push((rate * members, enough));
            if ended.is_some() || !outcome.is_whole() {
                // What is still under way, or lost its connection, must not spoil the next try.
                drop(fleet);
                fleet = found.gather_again(system, ended).await?;
            }
            if enough {
                found.saturation = Some(outcome);
            }
        }
        Ok(found)
    }

    /// Brings all clients in after a try, in which a process may have `ended`. It may also end now, with
    /// what the try has left, or let nobody in: the contender is started anew then, once.
    async fn gather_again(
        &mut self,
        system: &mut System,
        ended: Option<String>,
    ) -> anyhow::Result<Fleet> {
        let what = match ended {
            Some(what) => what,
            None => match Fleet::gather(self.crowd, &system.target()).await {
                Ok(fleet) => return Ok(fleet),
                Err(error) => match system.ended()? {
                    Some(what) => what,
                    None => format!("nobody could enter after it: {error:#}"),
                },
            },
        };
        eprintln!("    {what}; starting anew");
        let rate = self.tries.last().map_or(0.0, |(rate, _)| *rate);
        self.breakdowns.push(Breakdown { rate, what });
        system.start_anew().await.context("it cannot be started anew")?;
        Fleet::gather(self.crowd, &system.target()).await
    }
}

/// The members of a room.
#[allow(clippy::cast_precision_loss)]
#[must_use]
pub fn members(crowd: Crowd) -> f64 {
    crowd.room_size as f64
}

/// Whether nothing was lost, and 99 of 100 deliveries came in time.
fn is_sustained(outcome: &Outcome) -> bool {
    outcome.is_whole() && outcome.delivery.p99 < P99_LIMIT.as_secs_f64() * 1_000.0
}
