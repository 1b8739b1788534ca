//! A network between one node and its NATS server that can be cut.
//!
//! Cut, it is a network that drops every packet: what is sent is neither delivered nor refused, no
//! connection closes, and new ones hang. Healed, what was held flows on, as after TCP's next resending.

use std::net::SocketAddr;

use anyhow::Context as _;
use local_stack::port;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

/// Bytes that one direction reads at a time; more waits with the sender, as behind a narrow network.
const CHUNK: usize = 64 * 1024;

/// A TCP proxy; dropping it closes its connections.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    /// The task that accepts, which owns those of the connections.
    _accepting: JoinSet<()>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Weather {
    cut: bool,
    /// How often every connection was closed.
    resets: u64,
}

impl Link {
    /// Listens on a free loopback port and forwards every connection to `target`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(target: SocketAddr) -> anyhow::Result<Self> {
        let listener = port::listen_anywhere().await?;
        let address = listener.local_addr().context("the proxy has no address")?;
        let (weather, seen) = watch::channel(Weather::default());
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, target, seen));
        Ok(Self { address, weather, _accepting: accepting })
    }

    /// Where to connect instead of the target.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on nothing is forwarded and nothing is closed; new connections hang.
    pub fn cut(&self) {
        self.weather.send_modify(|weather| weather.cut = true);
    }

    /// What was held flows on, and new connections work.
    pub fn heal(&self) {
        self.weather.send_modify(|weather| weather.cut = false);
    }

    /// Closes every connection, as a router that has lost its memory does: with a reset at both ends.
    pub fn reset(&self) {
        self.weather.send_modify(|weather| weather.resets += 1);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, mut weather: watch::Receiver<Weather>) {
    let mut connections = JoinSet::new();
    loop {
        // Until then the kernel holds new connections, and nobody speaks on them.
        if weather.wait_for(|weather| !weather.cut).await.is_err() {
            return;
        }
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                connections.spawn(forward(client, target, weather.clone()));
            }
            Some(_) = connections.join_next() => {}
            _ = weather.changed() => {}
        }
    }
}

/// Carries one connection until both of its directions have ended, it fails, or it is reset.
async fn forward(mut client: TcpStream, target: SocketAddr, weather: watch::Receiver<Weather>) {
    let resets = weather.borrow().resets;
    let Ok(mut server) = TcpStream::connect(target).await else {
        return; // A target that is away is seen by the client as a connection that closes.
    };
    let mut own = weather.clone();
    tokio::select! {
        // A failure closes both ends, which is all that either needs to know.
        _ = carry_both(&mut client, &mut server, &weather) => {}
        _ = own.wait_for(|weather| weather.resets != resets) => {
            // Where this fails the connection is gone already.
            let _ = client.set_zero_linger();
            let _ = server.set_zero_linger();
        }
    }
}

async fn carry_both(
    client: &mut TcpStream,
    server: &mut TcpStream,
    weather: &watch::Receiver<Weather>,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::try_join!(
        carry(from_client, to_server, weather.clone()),
        carry(from_server, to_client, weather.clone()),
    )?;
    Ok(())
}

/// Carries one direction to its end.
async fn carry(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut weather: watch::Receiver<Weather>,
) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await;
        // What came while the network was cut, an end or a failure too, waits until it heals.
        if weather.wait_for(|weather| !weather.cut).await.is_err() {
            return Ok(());
        }
        match read? {
            0 => return to.shutdown().await,
            read => to.write_all(&chunk[..read]).await?,
        }
    }
}
