//! A process that holds clients for another and has them talk: one process may open only so many files,
//! and what it allocates must not be taken for a server's.
//!
//! It reads an [`Order`] as a line of JSON, connects, and answers with [`Gathered`]. For each [`Talk`] that
//! follows it has the clients send, and answers with the [`Outcome`]. It ends with its standard input.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{
    compare::holder::{answer, lines},
    cpu::Processes,
    fleet::{Crowd, Fleet},
    pass::Pass,
    run::{DRAIN, Outcome, Plan, one_by_one, run},
    target::Target,
};

/// The word on the command line that asks for it.
pub const SUBCOMMAND: &str = "talk";
/// How long one message may take that others wait for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whom to hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub nodes: Vec<String>,
    pub pass: Pass,
    pub clients: usize,
    pub room_size: usize,
    pub content_bytes: usize,
    /// The loopback address that all come from, where it matters.
    pub source: Option<Ipv4Addr>,
}

/// All are in their rooms.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Gathered {
    pub clients: usize,
}

/// What to say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Talk {
    /// So many messages, each when the one before has come to everybody.
    OneByOne { messages: u64 },
    /// Messages at even intervals, whatever the answers.
    AtRate { messages_per_second: f64, warm_up: Duration, duration: Duration },
}

/// Does what the lines of standard input ask for.
///
/// # Errors
/// When a client cannot enter, or the lines cannot be read or answered.
pub async fn serve() -> anyhow::Result<bool> {
    let mut lines = lines();
    let order = lines.recv().await.context("there is no order on standard input")?;
    let order: Order = serde_json::from_str(&order).context("the order cannot be read")?;
    let nodes = order.nodes.iter().map(|url| url.parse()).collect::<Result<_, _>>()?;
    let mut target = Target::of(nodes, Processes::default(), order.pass);
    target.source = order.source;
    let Order { clients, room_size, content_bytes, .. } = order;
    let fleet = Fleet::gather(Crowd { clients, room_size, content_bytes }, &target).await?;
    answer(&Gathered { clients })?;
    while let Some(line) = lines.recv().await {
        let talk = serde_json::from_str(&line).context("what is to be said cannot be read")?;
        answer(&say(&fleet, talk).await)?;
    }
    Ok(true)
}

async fn say(fleet: &Fleet, talk: Talk) -> Outcome {
    let nobody = Processes::default();
    match talk {
        Talk::OneByOne { messages } => one_by_one(fleet, &nobody, messages, PATIENCE).await,
        Talk::AtRate { messages_per_second: rate, warm_up, duration } => {
            run(fleet, &nobody, Plan { rate, warm_up, duration, drain: DRAIN }).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_and_what_to_say_are_one_line_each() {
        let talk = Talk::AtRate {
            messages_per_second: 70.0,
            warm_up: Duration::ZERO,
            duration: Duration::from_secs(1),
        };
        for talk in [talk, Talk::OneByOne { messages: 3 }] {
            let line = serde_json::to_string(&talk).unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Talk>(&line).unwrap(), talk);
        }
    }
}
