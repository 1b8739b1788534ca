//! One WebSocket to a node, as thousands of clients in one thread can afford it.

use anyhow::{Context as _, bail};
use http::Uri;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::WebSocketConfig};

use crate::http_exchange;

/// A socket's read buffer; the library's 128 KiB times thousands of clients would be gigabytes.
const READ_BUFFER: usize = 4 * 1024;
/// What the kernel keeps for a client that is going to stop reading, in bytes.
const SMALL_WINDOW: u32 = 4 * 1024;

pub type Socket = WebSocketStream<TcpStream>;

/// Connects to a node. With `small_window` the kernel takes little for a client that does not read.
///
/// # Errors
/// When nobody listens there, or it is no node that lets one in.
pub async fn open(node: &Uri, small_window: bool) -> anyhow::Result<Socket> {
    let authority = http_exchange::authority(node)?;
    let address = lookup_host(&authority).await?.next();
    let address = address.with_context(|| format!("{authority} has no address"))?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if small_window {
        // It counts for the window that is offered only before the connection is made.
        socket.set_recv_buffer_size(SMALL_WINDOW)?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    if stream.local_addr()? == address {
        // Nobody listened on a port of the ephemeral range, and the kernel connected it to itself.
        bail!("{authority} is this very socket");
    }
    let url = format!("ws://{authority}/socket.io/?EIO=4&transport=websocket");
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(0);
    let opened = tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await;
    Ok(opened?.0)
}
