//! What the kernel alone asks for a delivery, measured as everything else: with the same number of clients, which
//! read as the others' do, at the same rate.

use std::{cell::Cell, path::Path, rc::Rc, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use futures_util::StreamExt as _;
use serde::Serialize;
use tokio::{net::TcpStream, time::sleep};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{Role, WebSocketConfig},
    },
};
use wire::{RoomName, Timestamp, User, client::ChatMessage};

use super::{
    assistant::Assistant,
    bare_write::{Order, SUBCOMMAND},
    plan::{CONTENT, Plan},
};
use crate::{
    client::READ_BUFFER,
    cpu::Processes,
    fleet::user_of,
    packet::{self, ChatArrived, Incoming},
    pass::ROOM_PREFIX,
};

/// How long the last frames are waited for.
const DRAIN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// The floor in rooms of one size, at one rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FloorFigures {
    pub room_size: usize,
    /// Deliveries a second.
    pub rate: f64,
    pub deliveries: u64,
    /// Microseconds of processor time a delivery.
    pub micros: f64,
}

/// Has a bare server write to as many clients as the plan has, `rate` frames a second.
///
/// # Errors
/// When it does not run, or not everything comes.
pub async fn measure(
    program: &Path,
    plan: &Plan,
    room_size: usize,
    rate: f64,
) -> anyhow::Result<FloorFigures> {
    #[allow(clippy::cast_precision_loss)]
    let messages = rate / room_size as f64;
    let (connections, duration) = (plan.clients, plan.step * 2);
    let order = Order { connections, room_size, rate: messages, duration, text: text()? };
    let mut writer = Assistant::start(program, SUBCOMMAND, &order).await?;
    let port: u16 = writer.answer().await?;
    let read = Rc::new(Cell::new(0));
    for _ in 0..connections {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        tokio::task::spawn_local(count(stream, read.clone()));
    }
    let _: usize = writer.answer().await?;
    let pid = writer.pid().context("the bare server has ended")?;
    let processes = Processes { servers: vec![pid], broker: None };
    let before = processes.used();
    writer.order(&"go").await?;
    let deliveries: u64 = writer.answer().await?;
    let used = processes.used().since(&before).server;
    let seconds = used.context("the processor time of the bare server cannot be read")?;
    let drained = async {
        while read.get() < deliveries {
            sleep(POLL).await;
        }
    };
    // The count tells what has not come.
    let _ = tokio::time::timeout(DRAIN, drained).await;
    let came = read.get();
    ensure!(came == deliveries, "of {deliveries} frames of a bare server {came} came");
    #[allow(clippy::cast_precision_loss)]
    let micros = seconds * 1e6 / deliveries.max(1) as f64;
    Ok(FloorFigures { room_size, rate, deliveries, micros })
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

/// Reads as a client of the load generator does.
async fn count(stream: TcpStream, read: Rc<Cell<u64>>) {
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(0);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
    while let Some(Ok(Message::Text(text))) = socket.next().await {
        let Incoming::Event(event) = Incoming::read(&text) else { continue };
        read.set(read.get() + u64::from(ChatArrived::read(event).is_some()));
    }
}
