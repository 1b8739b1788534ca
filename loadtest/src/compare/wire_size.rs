//! How many bytes a message is on the wire, counted at the client's socket.

use std::rc::Rc;

use anyhow::ensure;
use tokio::net::TcpStream;
use wire::{
    client::{Auth, SendChat},
    event,
};

use super::{
    counted::{Counted, Meter},
    figures::WireFigures,
    line::Line,
    system::System,
};
use crate::{
    client::dial,
    http_exchange,
    packet::{self, ChatArrived, Incoming},
    pass::ROOM_PREFIX,
    target::Target,
};

/// The content of a message: the most that Starling takes.
pub const CONTENT: usize = 1_000;
/// How many messages the mean is taken over.
const MESSAGES: u64 = 100;

/// A client whose bytes are counted, and those of them that are no part of a message.
struct Measured {
    line: Line<Counted<TcpStream>>,
    meter: Rc<Meter>,
    /// Bytes read in frames that are neither the message nor its ack.
    other: u64,
}

/// Sends messages one by one from one client to another, and counts what passes their sockets.
///
/// # Errors
/// When a client cannot enter, or a message is refused.
pub async fn measure(system: &System) -> anyhow::Result<WireFigures> {
    let target = system.target();
    let room = format!("{ROOM_PREFIX}wire-{}", uuid::Uuid::new_v4().simple());
    let mut receiver = Measured::enter(&target, "wire-receiver-000000", &room).await?;
    let mut sender = Measured::enter(&target, "wire-sender-00000000", &room).await?;
    // What entering has caused is over with the first message.
    exchange(&mut sender, &mut receiver, &room, 1).await?;
    let (sent, to_sender, to_receiver) = (sender.written(), sender.read(), receiver.read());
    for index in 2..2 + MESSAGES {
        exchange(&mut sender, &mut receiver, &room, index).await?;
    }
    let delivery = mean(receiver.read() - to_receiver);
    Ok(WireFigures {
        sent: mean(sender.written() - sent),
        received: delivery,
        ack: mean(sender.read() - to_sender) - delivery,
    })
}

#[allow(clippy::cast_precision_loss)]
fn mean(bytes: u64) -> f64 {
    bytes as f64 / MESSAGES as f64
}

async fn exchange(
    sender: &mut Measured,
    receiver: &mut Measured,
    room: &str,
    index: u64,
) -> anyhow::Result<()> {
    let content = packet::content(index, CONTENT);
    let chat = SendChat { room: Some(room.to_owned()), content, client_message_id: None };
    sender.line.send(packet::event(index, event::CHAT_MESSAGE, &chat)).await?;
    receiver.hear(index, false).await?;
    sender.hear(index, true).await
}

impl Measured {
    async fn enter(target: &Target, user: &str, room: &str) -> anyhow::Result<Self> {
        let node = &target.nodes[0];
        let authority = http_exchange::authority(node)?;
        let stream = dial(&authority, None).await?;
        stream.set_nodelay(true)?;
        let meter = Rc::new(Meter::default());
        let token = target.pass.token(node, user.to_owned()).await?;
        let auth = Auth { token, ..Auth::default() };
        let (mut line, _) =
            Line::open(Counted::new(stream, meter.clone()), &authority, &auth, |_| ()).await?;
        line.join(room, |_| ()).await?;
        Ok(Self { line, meter, other: 0 })
    }

    /// Waits for message `index`, and for its ack too where this is the sender.
    async fn hear(&mut self, index: u64, mut ack_wanted: bool) -> anyhow::Result<()> {
        let mut message_wanted = true;
        while message_wanted || ack_wanted {
            let frame = self.line.next_within().await?;
            match Incoming::read(&frame) {
                Incoming::Ack { id, body } if id == index => {
                    ensure!(packet::is_success(body), "the message was refused: {body}");
                    ack_wanted = false;
                }
                Incoming::Event(event)
                    if ChatArrived::read(event).is_some_and(|chat| chat.index == index) =>
                {
                    message_wanted = false;
                }
                _ => self.other += frame_size(frame.len()),
            }
        }
        Ok(())
    }

    fn read(&self) -> u64 {
        self.meter.read.get() - self.other
    }

    fn written(&self) -> u64 {
        self.meter.written.get()
    }
}

/// The bytes of an unmasked WebSocket frame (RFC 6455, 5.2).
fn frame_size(payload: usize) -> u64 {
    let head = match payload {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    (payload + head) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_heads() {
        for (payload, size) in [(0, 2), (125, 127), (126, 130), (65_535, 65_539), (65_536, 65_546)]
        {
            assert_eq!(frame_size(payload), size);
        }
    }
}
