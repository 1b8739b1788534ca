//! What no contender can save on this machine, measured as they are: with the same number of clients, which
//! read as theirs do, at the same rate.
//!
//! Two floors: that of the kernel (a bare `write(2)` a delivery), and that of every system which does as
//! Starling promises: it stores a message in NATS before it acknowledges it, and has a worker pass it on to the
//! nodes. Owns both measurements, and the processes that are measured.

pub mod bare_node;
pub mod bare_worker;
pub mod bare_write;
mod frame;
mod path;
mod readers;
mod write;

use std::{path::Path, sync::Arc, time::Duration};

use serde::Serialize;
use wire::{RoomName, Timestamp, User, client::ChatMessage};

use super::plan::{CONTENT, Plan};
use crate::{fleet::user_of, packet, pass::ROOM_PREFIX};

/// The floors in rooms of one size, at one rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FloorFigures {
    pub room_size: usize,
    /// Deliveries a second.
    pub rate: f64,
    /// One process that does nothing but write.
    pub write: Cost,
    /// nats-server, bare nodes and a bare worker.
    pub path: Cost,
}

/// What deliveries cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    pub deliveries: u64,
    /// Microseconds of processor time a delivery.
    pub micros: f64,
}

/// Has bare servers write to as many clients as the plan has, `rate` frames a second. `program` is this
/// program.
///
/// # Errors
/// When one does not run, or not everything comes.
pub async fn measure(
    program: &Path,
    plan: &Plan,
    room_size: usize,
    rate: f64,
) -> anyhow::Result<FloorFigures> {
    let load = Load::new(plan, room_size, rate)?;
    let write = write::measure(program, &load).await?;
    let path = path::measure(program, plan.nodes, &load).await?;
    Ok(FloorFigures { room_size, rate, write, path })
}

/// Does what standard input asks for, where `word` is one of the processes that are measured.
///
/// # Errors
/// When its order cannot be read, or it cannot do what it asks for.
pub fn serve(word: &str) -> Option<anyhow::Result<()>> {
    match word {
        bare_write::SUBCOMMAND => Some(bare_write::serve()),
        bare_node::SUBCOMMAND => Some(bare_node::serve()),
        bare_worker::SUBCOMMAND => Some(bare_worker::serve()),
        _ => None,
    }
}

/// What is asked of all bare servers.
#[derive(Debug)]
struct Load {
    connections: usize,
    room_size: usize,
    /// Messages a second over all rooms.
    messages: f64,
    duration: Duration,
    /// What each frame holds.
    text: String,
}

impl Load {
    fn new(plan: &Plan, room_size: usize, rate: f64) -> anyhow::Result<Self> {
        #[allow(clippy::cast_precision_loss)]
        let messages = rate / room_size as f64;
        let (connections, duration) = (plan.clients, plan.step * 2);
        Ok(Self { connections, room_size, messages, duration, text: text()? })
    }
}

impl Cost {
    fn of(seconds: f64, deliveries: u64) -> Self {
        #[allow(clippy::cast_precision_loss)]
        let micros = seconds * 1e6 / deliveries.max(1) as f64;
        Self { deliveries, micros }
    }
}

/// A message as one comes from Starling, in all its length.
fn text() -> anyhow::Result<String> {
    let id = uuid::Uuid::new_v4();
    let user: Arc<str> = user_of(&id.simple().to_string(), 1).into();
    let message = ChatMessage {
        id: Arc::from(id.to_string()),
        room: RoomName::parse(&format!("{ROOM_PREFIX}{}-1", id.simple()))?,
        seq: 1_000,
        author: User { user_id: user.clone(), username: user },
        content: packet::content(1, CONTENT),
        html: None,
        timestamp: Timestamp::now(),
        client_message_id: None,
    };
    Ok(format!("42[\"{}\",{}]", wire::event::CHAT_MESSAGE, serde_json::to_string(&message)?))
}
