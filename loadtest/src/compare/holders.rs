//! The processes that hold idle connections, each from a loopback address of its own.

use std::{net::Ipv4Addr, path::Path};

use anyhow::Context as _;
use futures_util::future::try_join_all;

use super::{
    assistant::Assistant,
    holder::{Burst, Held, Order, SUBCOMMAND},
};
use crate::target::Target;

/// Connections of one process: far below 20,000 open files, and below the ports of one address.
const EACH: usize = 9_000;
const ROOM: usize = 10;
/// Messages a second of a burst, over all holders: no effort for anybody.
const BURST_RATE: f64 = 1_000.0;

/// Connections that are held; dropping this closes them.
#[derive(Debug)]
pub struct Holders {
    holders: Vec<Assistant>,
    pub held: Held,
}

impl Holders {
    /// Has `connections` made to `target`, in rooms of ten, as many as it takes.
    ///
    /// # Errors
    /// When a holder does not start or breaks.
    pub async fn start(
        program: &Path,
        target: &Target,
        connections: usize,
    ) -> anyhow::Result<Self> {
        let shares = shares(connections);
        let count = u8::try_from(shares.len()).context("too many connections")?;
        let mut holders = Vec::new();
        for (number, clients) in (0..count).zip(shares) {
            let order = Order {
                nodes: target.nodes.iter().map(ToString::to_string).collect(),
                pass: target.pass.clone(),
                clients,
                room_size: u32::try_from(ROOM)?,
                source: Ipv4Addr::new(127, 0, 1, 1 + number),
                burst_rate: BURST_RATE / f64::from(count),
            };
            holders.push(Assistant::start(program, SUBCOMMAND, &order).await?);
        }
        let answers: Vec<Held> = try_join_all(holders.iter_mut().map(Assistant::answer)).await?;
        let held = Held {
            held: answers.iter().map(|held| held.held).sum(),
            refusal: answers.into_iter().find_map(|held| held.refusal),
        };
        Ok(Self { holders, held })
    }

    /// Has every client say one message, and waits until all have come or it is no use to wait.
    ///
    /// # Errors
    /// When a holder breaks.
    pub async fn burst(&mut self) -> anyhow::Result<Burst> {
        for holder in &mut self.holders {
            holder.order(&"burst").await?;
        }
        let bursts: Vec<Burst> =
            try_join_all(self.holders.iter_mut().map(Assistant::answer)).await?;
        Ok(Burst {
            stored: bursts.iter().map(|burst| burst.stored).sum(),
            deliveries: bursts.iter().map(|burst| burst.deliveries).sum(),
            disconnected: bursts.iter().map(|burst| burst.disconnected).sum(),
        })
    }
}

/// How many connections each process holds: all the same, and rooms are whole.
fn shares(connections: usize) -> Vec<usize> {
    let rooms = connections.div_ceil(ROOM);
    let processes = connections.div_ceil(EACH).max(1);
    let of = |process: usize| {
        let rooms_of = rooms / processes + usize::from(process < rooms % processes);
        rooms_of * ROOM
    };
    let mut shares: Vec<_> = (0..processes).map(of).collect();
    // The last room is not full where the number is no multiple.
    if let Some(last) = shares.last_mut() {
        *last -= rooms * ROOM - connections;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_shared_out() {
        assert_eq!(shares(500), [500]);
        assert_eq!(shares(10_000), [5_000, 5_000]);
        for connections in [1, 9, 9_000, 9_001, 28_000, 28_003] {
            let shares = shares(connections);
            assert_eq!(shares.iter().sum::<usize>(), connections);
            assert!(shares.iter().all(|share| *share <= EACH + ROOM), "{shares:?}");
            let (_, full) = shares.split_last().unwrap();
            assert!(full.iter().all(|share| share.is_multiple_of(ROOM)));
        }
    }
}
