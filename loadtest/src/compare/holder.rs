//! A process that holds connections for another: one process may open only so many.
//!
//! It reads an [`Order`] as a line of JSON, connects, and answers with [`Held`]. For each further line it
//! has every client say one message, and answers with [`Burst`]. It ends with its standard input.

use std::{
    io::{BufRead as _, Write as _},
    net::Ipv4Addr,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, time::sleep};
use uuid::Uuid;

use crate::{
    client::{Client, Place, Shared},
    fleet::user_of,
    ledger::Ledger,
    pace::Pace,
    packet,
    pass::{Pass, ROOM_PREFIX},
};

/// The word on the command line that asks for it.
pub const SUBCOMMAND: &str = "hold";
/// Connections that are being made at a time.
const AT_ONCE: usize = 32;
/// So many refusals end the attempt: a server that is full refuses all others too.
const REFUSALS: usize = 100;
/// How long the deliveries of a burst are waited for after its last message.
const SETTLING: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// What to hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub nodes: Vec<String>,
    pub pass: Pass,
    pub clients: usize,
    pub room_size: u32,
    /// The loopback address that all come from.
    pub source: Ipv4Addr,
    /// Messages a second of a burst.
    pub burst_rate: f64,
}

/// How many are in their rooms.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Held {
    pub held: usize,
    pub refusal: Option<String>,
}

/// What a burst showed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Burst {
    pub stored: u64,
    pub deliveries: u64,
    pub disconnected: u64,
}

/// Does what the lines of standard input ask for.
///
/// # Errors
/// When they cannot be read or answered.
pub async fn serve() -> anyhow::Result<bool> {
    let mut lines = lines();
    let order = lines.recv().await.context("there is no order on standard input")?;
    let order: Order = serde_json::from_str(&order).context("the order cannot be read")?;
    let shared = Rc::new(Shared {
        ledger: Ledger::new(packet::JOIN_ACK + 1, order.clients, order.room_size, 0).into(),
        origin: Instant::now(),
        content_bytes: super::plan::CONTENT,
    });
    let (clients, refusal) = connect(&order, &shared).await?;
    answer(&Held { held: clients.len(), refusal })?;
    while lines.recv().await.is_some() {
        burst(&order, &shared, &clients).await;
        let tally = shared.ledger.borrow().tally();
        answer(&Burst {
            stored: tally.stored,
            deliveries: tally.deliveries,
            disconnected: tally.disconnected,
        })?;
    }
    Ok(true)
}

/// The lines of standard input, until it ends; a thread of its own waits for them.
#[must_use]
pub fn lines() -> mpsc::Receiver<String> {
    let (lines, received) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    received
}

/// Says it in a line on standard output.
///
/// # Errors
/// When nobody reads it.
pub fn answer(words: &impl Serialize) -> anyhow::Result<()> {
    let line = serde_json::to_string(words)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

async fn connect(
    order: &Order,
    shared: &Rc<Shared>,
) -> anyhow::Result<(Vec<Client>, Option<String>)> {
    let nodes = order.nodes.iter().map(|url| url.parse()).collect::<Result<Vec<http::Uri>, _>>()?;
    let run = Uuid::new_v4().simple().to_string();
    let room_size = usize::try_from(order.room_size)?;
    let entering = (0..order.clients).map(|number| {
        let node = nodes[number % nodes.len()].clone();
        let room = format!("{ROOM_PREFIX}{run}-{}", number / room_size);
        let (user, shared) = (user_of(&run, number), shared.clone());
        async move {
            let token = order.pass.token(&node, user).await?;
            let place = Place { number, node, token, room, source: Some(order.source) };
            Client::enter(place, shared).await
        }
    });
    let mut entered = stream::iter(entering).buffer_unordered(AT_ONCE);
    let (mut clients, mut refusal, mut refusals) = (Vec::new(), None, 0);
    while let Some(entered) = entered.next().await {
        match entered {
            Ok(client) => clients.push(client),
            Err(error) => {
                refusals += 1;
                refusal.get_or_insert_with(|| format!("{error:#}"));
            }
        }
        if refusals >= REFUSALS {
            break;
        }
    }
    Ok((clients, refusal))
}

/// Each client says one message.
async fn burst(order: &Order, shared: &Rc<Shared>, clients: &[Client]) {
    let pace = Pace { rate: order.burst_rate, count: clients.len() as u64 };
    let mut ticks = pace.ticks(Instant::now());
    let mut asked = shared.ledger.borrow().tally().sent;
    for client in clients {
        let Some(due) = ticks.recv().await else { break };
        // One that is gone says nothing, which the counts show.
        asked += u64::from(client.send(due));
    }
    let deadline = Instant::now() + SETTLING;
    // The last of them may have yet to be sent, when all before it have settled.
    let settled = || {
        let ledger = shared.ledger.borrow();
        ledger.tally().sent >= asked && ledger.is_settled()
    };
    while !settled() && Instant::now() < deadline {
        sleep(POLL).await;
    }
}
