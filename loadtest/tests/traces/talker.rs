//! A client that talks in the default room: Socket.IO by hand, over WebSocket.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use http::Uri;
use loadtest::{
    dev_token, http_exchange,
    packet::{self, Incoming},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use wire::{
    client::{Auth, RoomRequest, SendChat},
    event,
};

/// How long any answer may take.
const DEADLINE: Duration = Duration::from_mins(1);

pub struct Talker(WebSocketStream<TcpStream>);

impl Talker {
    /// Connects and enters the default room.
    pub async fn enter(node: &str, user_id: &str) -> anyhow::Result<Self> {
        let node: Uri = node.parse()?;
        let token = dev_token::fetch(&node, user_id.to_owned()).await?;
        let authority = http_exchange::authority(&node)?;
        let stream = TcpStream::connect(&authority).await?;
        let url = format!("ws://{authority}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await?;
        let mut talker = Self(socket);
        let auth = Auth { token: Some(token), ..Auth::default() };
        let join = RoomRequest::Name(event::DEFAULT_ROOM.to_owned());
        talker
            .until(|incoming| match incoming {
                Incoming::Open(_) => Step::Answer(packet::connect(&auth)),
                Incoming::Connected => {
                    Step::Answer(packet::event(packet::JOIN_ACK, event::JOIN_ROOM, &join))
                }
                Incoming::Ack { id: packet::JOIN_ACK, .. } => Step::Done,
                _ => Step::On,
            })
            .await?;
        Ok(talker)
    }

    pub async fn say(&mut self, content: &str) -> anyhow::Result<()> {
        let chat = SendChat { room: None, content: content.to_owned(), client_message_id: None };
        let event = packet::event(packet::JOIN_ACK + 1, event::CHAT_MESSAGE, &chat);
        Ok(self.0.send(Message::text(event)).await?)
    }

    /// A binary event without an ack: its text, then its bytes.
    pub async fn send_file(&mut self, bytes: &'static [u8]) -> anyhow::Result<()> {
        let text = format!(r#"451-["{}",{{"_placeholder":true,"num":0}},{{}}]"#, event::SEND_FILE);
        self.0.send(Message::text(text)).await?;
        Ok(self.0.send(Message::binary(bytes)).await?)
    }

    /// Waits for an event of this name.
    pub async fn hears(&mut self, name: &str) -> anyhow::Result<()> {
        let begins = format!("[\"{name}\"");
        self.until(|incoming| match incoming {
            Incoming::Event(json) if json.starts_with(&begins) => Step::Done,
            _ => Step::On,
        })
        .await
        .with_context(|| format!("no {name}"))
    }

    async fn until(&mut self, step: impl FnMut(Incoming<'_>) -> Step) -> anyhow::Result<()> {
        timeout(DEADLINE, self.read(step)).await.context("no answer in time")?
    }

    async fn read(&mut self, mut step: impl FnMut(Incoming<'_>) -> Step) -> anyhow::Result<()> {
        while let Some(frame) = self.0.next().await {
            let Message::Text(text) = frame? else { continue };
            let answer = match Incoming::read(&text) {
                Incoming::Ping => packet::PONG.to_owned(),
                Incoming::Refused(why) => bail!("the connection was refused: {why}"),
                Incoming::Closed | Incoming::Dismissed => break,
                incoming => match step(incoming) {
                    Step::Answer(answer) => answer,
                    Step::Done => return Ok(()),
                    Step::On => continue,
                },
            };
            self.0.send(Message::text(answer)).await?;
        }
        bail!("the server closed the connection")
    }
}

enum Step {
    Answer(String),
    Done,
    On,
}
