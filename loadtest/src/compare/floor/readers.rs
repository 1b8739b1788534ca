//! The clients of bare servers: they read as those of the load generator do, and count.

use std::{cell::Cell, rc::Rc, time::Duration};

use anyhow::ensure;
use futures_util::StreamExt as _;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{Role, WebSocketConfig},
    },
};

use crate::{
    client::READ_BUFFER,
    packet::{ChatArrived, Incoming},
};

/// How long the last frames are waited for.
const DRAIN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// All that read.
#[derive(Debug, Default)]
pub struct Readers {
    read: Rc<Cell<u64>>,
}

impl Readers {
    /// One more, at the server that listens on `port` of this machine.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect(&self, port: u16) -> anyhow::Result<()> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        tokio::task::spawn_local(count(stream, self.read.clone()));
        Ok(())
    }

    /// Waits until all frames have come.
    ///
    /// # Errors
    /// When they do not, or others do.
    pub async fn expect(&self, deliveries: u64) -> anyhow::Result<()> {
        let drained = async {
            while self.read.get() < deliveries {
                sleep(POLL).await;
            }
        };
        // The count tells what has not come.
        let _ = timeout(DRAIN, drained).await;
        let came = self.read.get();
        ensure!(came == deliveries, "of {deliveries} frames of a bare server {came} came");
        Ok(())
    }
}

async fn count(stream: TcpStream, read: Rc<Cell<u64>>) {
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(0);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
    while let Some(Ok(Message::Text(text))) = socket.next().await {
        let Incoming::Event(event) = Incoming::read(&text) else { continue };
        read.set(read.get() + u64::from(ChatArrived::read(event).is_some()));
    }
}
