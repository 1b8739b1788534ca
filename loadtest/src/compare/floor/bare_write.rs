//! The least that a delivery costs a server: a process that writes a ready frame to sockets.
//!
//! One thread, one `write(2)` a delivery; no protocol, no queue, no second process, nothing read. It reads an
//! [`Order`] as a line of JSON, answers with its port, and once more when all connections are there. Told
//! to go on, it writes at the order's rate, and answers when it is done.

use std::{
    io::{BufRead as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use super::frame::frame;
use crate::{compare::holder::answer, pace::Pace};

/// The word on the command line that asks for it.
pub const SUBCOMMAND: &str = "write";

/// What to write.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub connections: usize,
    pub room_size: usize,
    /// Messages a second over all rooms.
    pub rate: f64,
    pub duration: Duration,
    /// What each frame holds.
    pub text: String,
}

/// Does what standard input asks for.
///
/// # Errors
/// When the order cannot be read, or a connection does not take what is written.
pub fn serve() -> anyhow::Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let order = lines.next().context("there is no order on standard input")??;
    let order: Order = serde_json::from_str(&order).context("the order cannot be read")?;
    let frame = frame(&order.text)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    answer(&listener.local_addr()?.port())?;
    let mut sockets = Vec::new();
    while sockets.len() < order.connections {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    answer(&sockets.len())?;
    lines.next().context("nobody says when to begin")??;
    answer(&write(&mut sockets, &order, &frame)?)
}

/// Writes at the order's rate, to each room in turn; returns how many deliveries those were.
fn write(sockets: &mut [TcpStream], order: &Order, frame: &[u8]) -> anyhow::Result<u64> {
    let pace = Pace::new(order.rate, order.duration);
    let start = Instant::now();
    let mut rooms = 0..0;
    for n in 0..pace.count {
        thread::sleep((start + pace.due(n)).saturating_duration_since(Instant::now()));
        let from = if rooms.end < sockets.len() { rooms.end } else { 0 };
        rooms = from..from + order.room_size;
        let room = sockets.get_mut(rooms.clone()).context("the rooms are not full")?;
        for socket in room {
            let written = socket.write(frame)?;
            ensure!(written == frame.len(), "a client does not read: its connection is full");
        }
    }
    Ok(pace.count * order.room_size as u64)
}
