//! One Socket.IO connection, frame by frame, for what the clients of a fleet do not do.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Serialize;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, Utf8Bytes},
};
use wire::{client::RoomRequest, event};

use crate::packet::{self, Incoming};

/// How long one answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// A connection that has entered the namespace.
#[derive(Debug)]
pub struct Line<S> {
    socket: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    /// Enters through `stream`; returns the JSON of the server's CONNECT packet, too. What comes before it
    /// goes to `heard`: Socket.IO sends what a client has missed before it says that the client is connected.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn open(
        stream: S,
        authority: &str,
        auth: &impl Serialize,
        mut heard: impl FnMut(&str),
    ) -> anyhow::Result<(Self, String)> {
        let url = format!("ws://{authority}/socket.io/?EIO=4&transport=websocket");
        let opening = timeout(DEADLINE, tokio_tungstenite::client_async(url, stream)).await;
        let (socket, _) = opening.context("no answer to the upgrade")??;
        let mut line = Self { socket };
        loop {
            let frame = line.next_within().await?;
            match Incoming::read(&frame) {
                Incoming::Open(_) => line.send(packet::connect(auth)).await?,
                Incoming::Connected => return Ok((line, frame[2..].to_owned())),
                Incoming::Refused(why) => bail!("the connection was refused: {why}"),
                _ => heard(&frame),
            }
        }
    }

    /// Joins `room`. What else comes meanwhile goes to `heard`.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn join(&mut self, room: &str, mut heard: impl FnMut(&str)) -> anyhow::Result<()> {
        let request = RoomRequest::Name(room.to_owned());
        self.send(packet::event(packet::JOIN_ACK, event::JOIN_ROOM, &request)).await?;
        loop {
            let frame = self.next_within().await?;
            let Incoming::Ack { id: packet::JOIN_ACK, body } = Incoming::read(&frame) else {
                heard(&frame);
                continue;
            };
            ensure!(packet::is_success(body), "the join was refused: {body}");
            return Ok(());
        }
    }

    /// The next packet; pings are answered.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn next(&mut self) -> anyhow::Result<Utf8Bytes> {
        loop {
            let frame = self.socket.next().await.context("the connection was closed")??;
            let Message::Text(text) = frame else { continue };
            match Incoming::read(&text) {
                Incoming::Ping => self.send(packet::PONG.to_owned()).await?,
                Incoming::Closed | Incoming::Dismissed => bail!("the server closed the connection"),
                _ => return Ok(text),
            }
        }
    }

    /// The next packet, which must come soon.
    ///
    /// # Errors
    /// When the connection ends, or nothing comes within 30 s.
    pub async fn next_within(&mut self) -> anyhow::Result<Utf8Bytes> {
        timeout(DEADLINE, self.next())
            .await
            .with_context(|| format!("no answer within {DEADLINE:?}"))?
    }

    /// # Errors
    /// When the connection has ended.
    pub async fn send(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::text(text)).await?)
    }
}
