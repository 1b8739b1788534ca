//! The least that a node has to do: it publishes messages to the log, learns that they are stored, and writes
//! what a worker passes on to its members' sockets.
//!
//! One thread. Nothing is read from clients or acknowledged to them, nobody joins, nothing is looked at. It reads
//! an [`Order`] as a line of JSON, answers with its port, and once more when all connections are there. Told
//! to go on, it publishes at the order's rate, answers when all is stored, delivers, and ends with its
//! standard input.

use std::{
    io::Write as _,
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use async_nats::{Client, Subscriber, jetstream};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use wire::{NodeId, RoomName, subject};

use super::frame::frame;
use crate::{
    compare::holder::{answer, lines},
    pace::Pace,
    pass::ROOM_PREFIX,
};

/// The word on the command line that asks for it.
pub const SUBCOMMAND: &str = "carry";
/// A payload begins with its room's number in so many bytes.
const ROOM_BYTES: usize = 4;

/// What to publish, and whom to deliver to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub nats_url: String,
    /// Which of the nodes it is, from 0.
    pub index: usize,
    pub nodes: usize,
    /// Clients of all nodes: number `n` is at node `n % nodes`, and in room `n / room_size`.
    pub connections: usize,
    pub room_size: usize,
    /// Messages a second that this node publishes, to each room in turn.
    pub rate: f64,
    pub duration: Duration,
    /// What each message holds.
    pub text: String,
}

/// The members of each room that are here.
struct Members {
    rooms: Vec<Vec<TcpStream>>,
    frame: Vec<u8>,
}

/// Does what standard input asks for.
///
/// # Errors
/// When the order cannot be read, NATS does not store, or a connection does not take what is written.
#[tokio::main(flavor = "current_thread")]
pub async fn serve() -> anyhow::Result<()> {
    let mut lines = lines();
    let order = lines.recv().await.context("there is no order on standard input")?;
    let order: Order = serde_json::from_str(&order).context("the order cannot be read")?;
    let client = async_nats::connect(&order.nats_url).await?;
    let deliveries = client.subscribe(subject::delivery(&node_id(order.index)?)).await?;
    client.flush().await?;
    let members = Members::accept(&order)?;
    lines.recv().await.context("nobody says when to begin")?;
    carry(&order, &client, deliveries, members, lines).await
}

async fn carry(
    order: &Order,
    client: &Client,
    mut deliveries: Subscriber,
    mut members: Members,
    mut lines: mpsc::Receiver<String>,
) -> anyhow::Result<()> {
    let log = jetstream::new(client.clone());
    let pace = Pace::new(order.rate, order.duration);
    let (start, rooms) = (Instant::now(), members.rooms.len());
    let (mut published, mut stored) = (0, 0);
    let mut in_flight = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = sleep_until(start + pace.due(published)), if published < pace.count => {
                let turn = usize::try_from(published)? * order.nodes + order.index;
                let (subject, payload) = message(turn % rooms, &order.text)?;
                in_flight.push(log.publish(subject, payload).await?.into_future());
                published += 1;
            }
            Some(ack) = in_flight.next() => {
                ack?;
                stored += 1;
                if stored == pace.count {
                    answer(&stored)?;
                }
            }
            delivery = deliveries.next() => {
                let delivery = delivery.context("the connection to NATS is closed")?;
                members.deliver(room_of(&delivery.payload)?)?;
            }
            line = lines.recv() => if line.is_none() { return Ok(()) },
        }
    }
}

impl Members {
    /// Says where it listens, and when all are there.
    fn accept(order: &Order) -> anyhow::Result<Self> {
        let Order { index, nodes, connections, room_size, .. } = *order;
        ensure!(connections.is_multiple_of(room_size), "the rooms are not full");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        answer(&listener.local_addr()?.port())?;
        let mut rooms: Vec<Vec<TcpStream>> = Vec::new();
        rooms.resize_with(connections / room_size, Vec::new);
        let mine = (index..connections).step_by(nodes);
        for client in mine.clone() {
            let (socket, _) = listener.accept()?;
            socket.set_nodelay(true)?;
            rooms[client / room_size].push(socket);
        }
        answer(&mine.len())?;
        Ok(Self { rooms, frame: frame(&order.text)? })
    }

    fn deliver(&mut self, room: usize) -> anyhow::Result<()> {
        for socket in self.rooms.get_mut(room).context("there is no such room")? {
            let written = socket.write(&self.frame)?;
            ensure!(written == self.frame.len(), "a client does not read: its connection is full");
        }
        Ok(())
    }
}

/// The subject and the payload of a message for room number `room`.
fn message(room: usize, text: &str) -> anyhow::Result<(String, Bytes)> {
    let name = RoomName::parse(&format!("{ROOM_PREFIX}{room}"))?;
    let mut payload = u32::try_from(room)?.to_be_bytes().to_vec();
    payload.extend(text.as_bytes());
    Ok((subject::message(&name), payload.into()))
}

/// The number of the room that a payload is for.
pub fn room_of(payload: &[u8]) -> anyhow::Result<usize> {
    let room = payload.first_chunk::<ROOM_BYTES>().context("a message names no room")?;
    Ok(usize::try_from(u32::from_be_bytes(*room))?)
}

/// The name of node number `index`.
pub fn node_id(index: usize) -> anyhow::Result<NodeId> {
    NodeId::parse(&format!("bare-{index}")).context("a node cannot have this name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_its_room() {
        for room in [0, 1, 99_999] {
            let (subject, payload) = message(room, "words").unwrap();
            assert_eq!((room_of(&payload).unwrap(), &payload[ROOM_BYTES..]), (room, &b"words"[..]));
            assert!(subject.starts_with("rt."), "{subject}");
        }
        assert!(room_of(&[1, 2, 3]).is_err());
    }
}
